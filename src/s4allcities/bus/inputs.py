"""From what a stage says it reads to filters on a stream."""

from collections.abc import Sequence

from .streams import EVENTS, OBS

__all__ = ("input_filters",)


def input_filters(inputs: Sequence[str], partition: int) -> tuple[str, list[str]]:
    """Give the stream a stage reads and the filters on it, its clock among them.

    >>> input_filters(("det.>", "health.sensors"), 0)
    ('EVENTS', ['det.>', 'health.sensors', 'health.clock'])
    >>> input_filters(("obs.>",), 1)
    ('OBS', ['obs.*.1', 'obs.clock.0'])

    :raises ValueError: inputs of both streams, or none.
    """
    from_obs = {suffix.split(".")[0] == "obs" for suffix in inputs}
    if len(from_obs) != 1:
        raise ValueError(
            f"inputs are {tuple(inputs)}; allowed are subjects of one stream: obs.*, or kinds of event"
        )
    if from_obs == {True}:
        wanted = [_of_partition(suffix, partition) for suffix in inputs]
        return OBS, _without_covered([*wanted, "obs.clock.0"])
    return EVENTS, _without_covered([*inputs, "health.clock"])


def _of_partition(suffix: str, partition: int) -> str:
    """``obs.>`` and ``obs.env.>`` mean this partition of all families or of one."""
    if not suffix.endswith(".>"):
        return suffix
    levels = suffix.split(".")
    return ".".join([*(levels[:-1] if len(levels) > 2 else ["obs", "*"]), str(partition)])


def _without_covered(filters: Sequence[str]) -> list[str]:
    """The server refuses filters of which one covers another."""
    unique = list(dict.fromkeys(filters))
    return [one for one in unique if not any(_covers(other, one) for other in unique if other != one)]


def _covers(wide: str, narrow: str) -> bool:
    levels, others = wide.split("."), narrow.split(".")
    if levels[-1] == ">":
        levels, others = levels[:-1], others[: len(levels) - 1]
        if len(others) < len(levels):
            return False
    return len(levels) == len(others) and all(a in ("*", b) for a, b in zip(levels, others, strict=True))
