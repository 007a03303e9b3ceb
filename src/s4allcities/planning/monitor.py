"""Is the plan kept? Planned against counted people by exit, capacities as they turn out, and when to plan again.

A new plan disturbs people, so it is issued only if it is worth it: it saves more than 10 % of the time left, or the old
one has become unsafe; and no zone is told something else within a minute unless what it was told is unsafe.
"""

from collections.abc import Collection, Mapping, Sequence
from math import isfinite

from msgspec import Struct

__all__ = (
    "CHANGE_EVERY_S", "WORTH", "ExitWatch", "Fallbacks", "keep_advice", "live_capacity_ps", "off_plan", "watch_exits",
    "worth_changing",
)  # fmt: skip

WORTH = 0.10
"""A plan that saves less than this share is not worth telling people; a curve off by more calls for a new one."""
CHANGE_EVERY_S = 60.0
LEAST_PEOPLE = 20
"""Fewer people, planned or counted, say nothing about an exit yet."""
BUSY_SHARE = 0.8
"""Only spans in which the plan uses at least this share of an exit's capacity tell what it can let through."""

Curve = Sequence[tuple[float, float]]


class ExitWatch(Struct, frozen=True, kw_only=True):
    """One exit now: people through by plan and by count, and how far off that is (share of the plan, signed)."""

    exit: str
    planned: float
    counted: float
    off: float


def _at(curve: Curve, seconds: float) -> float:
    """People through by a moment: the curve is a staircase of (second, people through by then)."""
    return max((people for moment, people in curve if moment <= seconds), default=0.0)


def watch_exits(
    planned: Mapping[str, Curve], counted: Mapping[str, Curve], now_s: float
) -> tuple[ExitWatch, ...]:
    """Compare each exit's curves at a moment; an exit that nobody counts is left out.

    >>> watch_exits({"a": [(60.0, 100.0)]}, {"a": [(55.0, 70.0)]}, 60.0)[0].off
    -0.3
    """
    found = []
    for name in sorted(planned):
        if name in counted:
            plan, real = _at(planned[name], now_s), _at(counted[name], now_s)
            off = (real - plan) / max(plan, LEAST_PEOPLE) if max(plan, real) >= LEAST_PEOPLE else 0.0
            found.append(ExitWatch(exit=name, planned=plan, counted=real, off=round(off, 6)))
    return tuple(found)


def off_plan(watched: Sequence[ExitWatch]) -> tuple[str, ...]:
    """Give the exits whose curve is off by more than 10 %."""
    return tuple(each.exit for each in watched if abs(each.off) > WORTH)


def live_capacity_ps(counted: Curve, span_s: tuple[float, float], *, queue: bool) -> float | None:
    """People a second that an exit let through in a span in which people queued there; None if that says nothing.

    Without a queue an exit passes whoever comes, which is no capacity. NaN and curves that fall are no counts.
    """
    begin, end = span_s
    values = [people for _, people in counted]
    fit = all(map(isfinite, values)) and values == sorted(values)
    through = _at(counted, end) - _at(counted, begin) if fit else 0.0
    if not queue or not fit or end <= begin or through < LEAST_PEOPLE:
        return None
    return through / (end - begin)


def worth_changing(old_left_s: float, new_left_s: float, *, old_is_unsafe: bool) -> bool:
    """Tell whether people should be told a new plan; both times are what is left until all are safe.

    >>> worth_changing(300.0, 280.0, old_is_unsafe=False), worth_changing(300.0, 260.0, old_is_unsafe=False)
    (False, True)
    """
    return old_is_unsafe or new_left_s < (1.0 - WORTH) * old_left_s


def keep_advice(
    old: Mapping[str, tuple[str, ...]],
    new: Mapping[str, tuple[str, ...]],
    told_s: Mapping[str, float],
    now_s: float,
    *,
    unsafe: Collection[str] = (),
) -> dict[str, tuple[str, ...]]:
    """Give what each zone is told now: the new exits, but the old ones where it was told something less than a minute
    ago (``told_s`` by zone), unless one of these exits is ``unsafe``.
    """
    advice: dict[str, tuple[str, ...]] = {}
    for zone, exits in new.items():
        before = old.get(zone)
        fresh = now_s - told_s.get(zone, float("-inf")) < CHANGE_EVERY_S
        advice[zone] = before if before and fresh and not set(before) & set(unsafe) else exits
    return advice


class Fallbacks(Struct, frozen=True, kw_only=True):
    """Advice that was worked out before it was needed: for all exits open, and for the loss of each single one."""

    usual: dict[str, tuple[str, ...]]
    without: dict[str, dict[str, tuple[str, ...]]]

    def advice(
        self, lost: Collection[str], last: Mapping[str, tuple[str, ...]] | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Give the best there is without planning: the last plan if none of its exits is lost, else the one made for
        the loss; of several losses the first that leaves every zone an exit. Lost exits are never named.
        """
        gone = set(lost)
        for known in (
            last,
            self.usual if not gone else None,
            *(self.without.get(each) for each in sorted(gone)),
        ):
            if known and all(set(exits) - gone for exits in known.values()):
                return {
                    zone: tuple(each for each in exits if each not in gone) for zone, exits in known.items()
                }
        rest = self.usual if last is None else last
        return {zone: tuple(each for each in exits if each not in gone) for zone, exits in rest.items()}
