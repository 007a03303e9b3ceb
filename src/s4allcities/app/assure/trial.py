"""Re-running the detectors: over the history as it is, and from a moment on over one that an attack has altered."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.domain import US_PER_S, Detection, Stage

from .attacks import REPLAYED_FROM_S, Kind, alter
from .recording import SLICE_US, Named, Recorded, Source, batches

__all__ = ("Alarm", "Attack", "Baseline", "Outcome", "baseline", "neighbours", "try_attack")

TEACH_SLICE_US = 6 * 3600 * US_PER_S
DAY_US = 86_400 * US_PER_S
GRACE_US = 3600 * US_PER_S
SAME_US = 1800 * US_PER_S
"""An alarm that near to one of the unaltered history is that one."""

Alarm = tuple[str, str, str, int]
"""Sensor, kind, detector, time in microseconds."""


class Baseline(Struct, frozen=True, kw_only=True):
    """The detectors over the history as it is: what they said from ``t_judged_us`` on, and their state at ``marks``."""

    t_judged_us: int
    alarms: tuple[Alarm, ...]
    marks: tuple[int, ...]
    snapshots: tuple[tuple[bytes, ...], ...]

    def near(self, alarm: Alarm) -> bool:
        """Whether the unaltered history has this alarm too."""
        return any(each[:3] == alarm[:3] and abs(each[3] - alarm[3]) <= SAME_US for each in self.alarms)


class Attack(Struct, frozen=True, kw_only=True):
    """What is done: to series ``target`` (its number), from the ``mark``-th moment on; ``noise`` is its unit."""

    target: int
    kind: Kind
    size: float
    noise: float
    mark: int


class Outcome(Struct, frozen=True, kw_only=True):
    """Whether an attack was found, how long after its beginning, and by which detector's which kind."""

    found: bool
    delay_s: float | None = None
    detector: str = ""
    said: str = ""


def baseline(
    source: Source,
    stages: Sequence[Stage[Any]],
    marks: Sequence[int],
    t_judged_us: int,
    chunk_us: int = DAY_US,
) -> Iterator[Baseline | float]:
    """Run the stages over the whole history, keeping their state at ``marks`` (ordered times).

    Gives how far it is, 0..1, again and again, and what was found at last.
    """
    states = [stage.start() for stage in stages]
    begin, end = source.span_us
    alarms: list[Alarm] = []
    snapshots: list[tuple[bytes, ...]] = []
    bounds = sorted({begin, end, t_judged_us, *marks, *range(begin, end, chunk_us)})
    for t_from, t_to in pairwise(bounds):
        if t_from in marks:
            snapshots.append(
                tuple(stage.snapshot(state) for stage, state in zip(stages, states, strict=True))
            )
        judged = t_from >= t_judged_us
        rows = source.rows(t_from, t_to)
        said = list(_run(stages, states, rows, t_from, t_to, SLICE_US if judged else TEACH_SLICE_US))
        alarms += said if judged else []
        yield (t_to - begin) / (end - begin)
    yield Baseline(
        t_judged_us=t_judged_us, alarms=tuple(alarms), marks=tuple(marks), snapshots=tuple(snapshots)
    )


def _run(
    stages: Sequence[Stage[Any]],
    states: list[Any],
    rows: Recorded,
    t_from_us: int,
    t_to_us: int,
    slice_us: int,
) -> Iterator[Alarm]:
    for now_us, parts in batches(rows, t_from_us, t_to_us, slice_us):
        for batch in parts:
            for stage, state in zip(stages, states, strict=True):
                if not _reads(stage, batch.family):
                    continue
                for event in stage.step(state, batch, now_us):
                    if isinstance(event, Detection) and event.sensor:
                        yield event.sensor, event.kind, event.detector, event.t_us


def _reads(stage: Stage[Any], family: str) -> bool:
    return not {"obs.>", f"obs.{family}.>"}.isdisjoint(stage.inputs)


def neighbours(
    named: Sequence[Named], target: int, groups: Iterable[Sequence[str]] = ()
) -> NDArray[np.int64]:
    """Give the series that a detector may compare with ``target``: of its sensor, its quantity, its own groups.

    ``groups`` hold series as ``sensor/quantity``.
    """
    mine = named[target].series
    key = f"{mine.sensor}/{mine.quantity}"
    beside = {member for group in groups if key in group for member in group}
    return np.array(
        [
            i
            for i, each in enumerate(named)
            if each.series.sensor == mine.sensor
            or each.series.quantity == mine.quantity
            or f"{each.series.sensor}/{each.series.quantity}" in beside
        ],
        np.int64,
    )


def try_attack(
    rows: Recorded, stages: Sequence[Stage[Any]], base: Baseline, attack: Attack, near: NDArray[np.int64]
) -> Outcome | None:
    """Attack one series and see what the stages say; None where it has no readings after the mark.

    ``rows`` hold the day before the mark and what follows it; ``near`` are the series that run beside it.
    """
    mark_us = base.marks[attack.mark]
    beside = rows.only(near)
    mine = np.flatnonzero(beside.ix == attack.target)
    t_us = beside.t_us[mine]
    begin = int(np.searchsorted(t_us, mark_us))
    if begin >= len(mine) - 1:
        return None
    value = beside.value.copy()
    altered = alter(
        attack.kind, attack.size, attack.noise, t_us, value[mine], begin, _day_before(t_us, value[mine])
    )
    changed = np.flatnonzero(altered != value[mine])
    if not len(changed):
        return None
    value[mine] = altered
    last_us = int(t_us[changed[-1]]) + GRACE_US
    states = [stage.restore(data) for stage, data in zip(stages, base.snapshots[attack.mark], strict=True)]
    sensor, started_us = rows.named[attack.target].series.sensor, int(t_us[changed[0]])
    made = beside.with_values(value)
    for alarm in _run(stages, states, made.between(mark_us, last_us), mark_us, last_us, SLICE_US):
        if alarm[0] == sensor and alarm[3] >= started_us and not base.near(alarm):
            delay_s = (alarm[3] - started_us) / US_PER_S
            return Outcome(found=True, delay_s=delay_s, detector=alarm[2], said=alarm[1])
    return Outcome(found=False)


def _day_before(t_us: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    wanted = t_us - round(REPLAYED_FROM_S * US_PER_S)
    row = np.searchsorted(t_us, wanted, side="right") - 1
    # The newest reading then, if there was one within a couple of intervals.
    near = (row >= 0) & (wanted - t_us[np.maximum(row, 0)] <= 2 * max(1, int(np.median(np.diff(t_us)))))
    return np.where(near, value[np.maximum(row, 0)], np.nan)
