"""Two alarm systems side by side: who saw what first, what each missed of the other, and alarms per shift of both.

Alarms are taken as about the same thing when they name the same zone (or one names none) and lie within some minutes of
each other; each is matched once, the nearest in time first. Nobody knows from two logs alone which of the rest were
true.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from msgspec import Struct

from s4allcities.domain import US_PER_S

__all__ = ("SHIFTS", "LoggedAlarm", "Pair", "ShadowReport", "ShiftCount", "compare")

SHIFTS = ((6, "early"), (14, "late"), (22, "night"))
"""When each shift begins, and its name; the night belongs to the day on which it began."""


class LoggedAlarm(Struct, frozen=True, kw_only=True):
    """One alarm of a log: when, what it said, and where if it said so."""

    t_us: int
    text: str
    zone: str = ""
    level: str = ""


class Pair(Struct, frozen=True, kw_only=True):
    """Both raised an alarm about the same; ``lead_s`` > 0 means that ours came first."""

    ours: LoggedAlarm
    theirs: LoggedAlarm
    lead_s: float


class ShiftCount(Struct, frozen=True, kw_only=True):
    """How many alarms each had in one shift."""

    day: str
    shift: str
    ours: int
    theirs: int


class ShadowReport(Struct, frozen=True, kw_only=True):
    """What the two logs say of each other."""

    within_s: float
    pairs: tuple[Pair, ...]
    ours_first: int
    theirs_first: int
    median_lead_s: float | None
    ours_only: tuple[LoggedAlarm, ...]
    theirs_only: tuple[LoggedAlarm, ...]
    shifts: tuple[ShiftCount, ...]


def compare(
    ours: Sequence[LoggedAlarm],
    theirs: Sequence[LoggedAlarm],
    *,
    within_s: float = 600.0,
    zone: tzinfo | None = None,
) -> ShadowReport:
    """Match the alarms of two logs. ``zone`` is the time zone of shifts, UTC if not given.

    >>> one, other = LoggedAlarm(t_us=0, text="fire"), LoggedAlarm(t_us=30_000_000, text="FIRE 1")
    >>> compare([one], [other]).pairs[0].lead_s
    30.0
    """
    pairs = _matched(ours, theirs, within_s)
    leads = sorted(pair.lead_s for pair in pairs)
    taken_ours = {id(pair.ours) for pair in pairs}
    taken_theirs = {id(pair.theirs) for pair in pairs}
    return ShadowReport(
        within_s=within_s,
        pairs=tuple(sorted(pairs, key=lambda pair: pair.ours.t_us)),
        ours_first=sum(lead > 0 for lead in leads),
        theirs_first=sum(lead < 0 for lead in leads),
        median_lead_s=leads[len(leads) // 2] if leads else None,
        ours_only=tuple(each for each in ours if id(each) not in taken_ours),
        theirs_only=tuple(each for each in theirs if id(each) not in taken_theirs),
        shifts=_shifts(ours, theirs, zone),
    )


def _matched(ours: Sequence[LoggedAlarm], theirs: Sequence[LoggedAlarm], within_s: float) -> list[Pair]:
    """The nearest in time first; ties in the order of the logs."""
    near = [
        (abs(other.t_us - one.t_us), number, index)
        for number, one in enumerate(ours)
        for index, other in enumerate(theirs)
        if abs(other.t_us - one.t_us) <= within_s * US_PER_S
        and (not one.zone or not other.zone or one.zone == other.zone)
    ]
    used_ours: set[int] = set()
    used_theirs: set[int] = set()
    pairs = []
    for _, number, index in sorted(near):
        if number in used_ours or index in used_theirs:
            continue
        used_ours.add(number)
        used_theirs.add(index)
        one, other = ours[number], theirs[index]
        pairs.append(Pair(ours=one, theirs=other, lead_s=(other.t_us - one.t_us) / US_PER_S))
    return pairs


def _shifts(
    ours: Sequence[LoggedAlarm], theirs: Sequence[LoggedAlarm], zone: tzinfo | None
) -> tuple[ShiftCount, ...]:
    counts = (Counter(_shift(each.t_us, zone) for each in log) for log in (ours, theirs))
    one, other = counts
    order = [name for _, name in SHIFTS]
    keys = sorted(one.keys() | other.keys(), key=lambda key: (key[0], order.index(key[1])))
    return tuple(
        ShiftCount(day=day, shift=shift, ours=one[day, shift], theirs=other[day, shift])
        for day, shift in keys
    )


def _shift(t_us: int, zone: tzinfo | None) -> tuple[str, str]:
    moment = datetime.fromtimestamp(t_us / US_PER_S, zone or UTC)
    found = [name for hour, name in SHIFTS if moment.hour >= hour]
    if found:
        return moment.date().isoformat(), found[-1]
    before = datetime.fromtimestamp(t_us / US_PER_S - 24 * 3600, zone or UTC)
    return before.date().isoformat(), SHIFTS[-1][1]
