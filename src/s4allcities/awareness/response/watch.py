"""Whether people leave as planned: what each exit let through since they were told, beside what it should have.

Counts come as rates; they are added up over time. Where an exit should be busy and people are still waiting for it,
what it really lets through is its capacity, and replaces the handbook's figure in the next plan.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from s4allcities.domain import US_PER_S, Context, CourseOfAction
from s4allcities.planning.monitor import (
    BUSY_SHARE,
    CHANGE_EVERY_S,
    LEAST_PEOPLE,
    ExitWatch,
    live_capacity_ps,
    off_plan,
    watch_exits,
)

from .options import Curve
from .situation import Situation

__all__ = (
    "Watch",
    "begin_watch",
    "calibrate",
    "count",
    "fresh_zones",
    "off_exits",
    "told_exits",
    "watch_fact",
)

SAY_EVERY_US = 5 * US_PER_S
SPAN_S = 30.0
"""Capacity is judged over so many seconds."""
LONGEST_GAP_S = 60.0
"""A rate counts for at most so long without a new one: a silent counter counts nobody."""
MOST_POINTS = 400


class Watch(Struct):
    """What was ordered, when, and what has been counted since.

    ``told`` are exits by zone and ``told_us`` since when; ``planned`` and ``counted`` are staircases of (seconds since
    the order, people through by then) by exit; ``capacity_ps`` what the plan took each exit to let through; ``rate_ps``
    and ``t_rate_us`` the last counted rate.
    """

    course_id: str
    t_start_us: int
    told: dict[str, tuple[str, ...]]
    told_us: dict[str, int]
    planned: dict[str, Curve]
    capacity_ps: dict[str, float]
    counted: dict[str, list[tuple[float, float]]] = {}
    rate_ps: dict[str, float] = {}
    t_rate_us: dict[str, int] = {}
    t_said_us: int = 0


def told_exits(course: CourseOfAction) -> dict[str, tuple[str, ...]]:
    """Give the exits that a course tells each zone."""
    exits: dict[str, set[str]] = {}
    for route in course.routes:
        exits.setdefault(route.from_zone, set()).add(route.exit or route.assembly)
    return {zone: tuple(sorted(names)) for zone, names in sorted(exits.items())}


def begin_watch(
    course: CourseOfAction,
    planned: Mapping[str, Curve],
    capacity_ps: Mapping[str, float],
    now_us: int,
    before: Watch | None,
) -> Watch:
    """Begin when a course is ordered; zones that are told nothing new keep the time since which they know."""
    told = told_exits(course)
    since = dict.fromkeys(told, now_us)
    if before is not None:
        since |= {
            zone: before.told_us[zone] for zone, exits in told.items() if before.told.get(zone) == exits
        }
    return Watch(course.id, now_us, told, since, dict(planned), dict(capacity_ps))


def count(watch: Watch, fact: Context) -> None:
    """Take the rate of an exit in (people a minute)."""
    exit_, t_us = fact.subject, max(fact.t_us, watch.t_start_us)
    if exit_ in watch.t_rate_us and t_us <= watch.t_rate_us[exit_]:
        return
    curve = watch.counted.setdefault(exit_, [(0.0, 0.0)])
    known_us = watch.t_rate_us.get(exit_, t_us)
    seconds = min((t_us - known_us) / US_PER_S, LONGEST_GAP_S)
    people = curve[-1][1] + watch.rate_ps.get(exit_, 0.0) * seconds
    curve.append(((t_us - watch.t_start_us) / US_PER_S, people))
    if len(curve) > MOST_POINTS:
        del curve[1 : len(curve) // 2 : 2]
    watch.rate_ps[exit_], watch.t_rate_us[exit_] = max(0.0, float(fact.value)) / 60.0, t_us


def _seconds(watch: Watch, now_us: int) -> float:
    """Until when the counts reach: the oldest of the newest, so that a late counter is not taken for an empty exit."""
    heard = [watch.counted[exit_][-1][0] for exit_ in watch.planned if exit_ in watch.counted]
    return min([*heard, (now_us - watch.t_start_us) / US_PER_S])


def _compared(watch: Watch, now_us: int) -> tuple[ExitWatch, ...]:
    return watch_exits(watch.planned, watch.counted, _seconds(watch, now_us))


def off_exits(watch: Watch, now_us: int) -> tuple[str, ...]:
    """Give the exits that are off the plan by more than 10 %, once it has been followed for a minute."""
    if _seconds(watch, now_us) < CHANGE_EVERY_S:
        return ()
    return off_plan(_compared(watch, now_us))


def calibrate(watch: Watch, situation: Situation, now_us: int) -> None:
    """Take what busy exits let through as their capacity."""
    end = _seconds(watch, now_us)
    span = end - SPAN_S, end
    if span[0] < 0:
        return
    for exit_, curve in watch.counted.items():
        capacity = watch.capacity_ps.get(exit_, 0.0)
        planned = watch.planned.get(exit_, ())
        due = _at(planned, end) - _at(planned, span[0])
        waiting = sum(situation.people.get(zone, 0.0) for zone, exits in watch.told.items() if exit_ in exits)
        queue = due >= BUSY_SHARE * capacity * SPAN_S and waiting >= LEAST_PEOPLE
        found = live_capacity_ps(curve, span, queue=queue)
        if found is not None:
            situation.capacity_ps[exit_] = found


def _at(curve: Iterable[tuple[float, float]], seconds: float) -> float:
    return max((people for moment, people in curve if moment <= seconds), default=0.0)


def fresh_zones(watch: Watch, now_us: int) -> tuple[str, ...]:
    """Give the zones that were told what they know less than a minute ago."""
    return tuple(
        zone for zone, t_us in watch.told_us.items() if now_us - t_us < round(CHANGE_EVERY_S * US_PER_S)
    )


def watch_fact(watch: Watch, incident_id: str, situation: Situation, now_us: int) -> Context | None:
    """Say how the plan is kept, at most every five seconds; None if it is not due."""
    if now_us - watch.t_said_us < SAY_EVERY_US:
        return None
    watch.t_said_us = now_us
    now = {each.exit: each for each in _compared(watch, now_us)}
    exits = []
    for exit_ in sorted({*watch.planned, *watch.counted}):
        seen = now.get(exit_)
        exits.append(
            {
                "exit": exit_,
                "planned": [list(point) for point in watch.planned.get(exit_, ())],
                "counted": [[round(s, 1), round(n, 1)] for s, n in watch.counted.get(exit_, ())],
                "off": None if seen is None else seen.off,
                "capacity_per_min": round(60 * watch.capacity_ps.get(exit_, 0.0), 1),
                "measured_per_min": round(60 * situation.capacity_ps[exit_], 1)
                if exit_ in situation.capacity_ps
                else None,
            }
        )
    value = {
        "course_id": watch.course_id,
        "t_start_us": watch.t_start_us,
        "seconds": round(_seconds(watch, now_us), 1),
        "off_plan": list(off_exits(watch, now_us)),
        "told": {zone: list(names) for zone, names in watch.told.items()},
        "exits": exits,
    }
    return Context(
        id="", t_us=now_us, subject=f"watch/{incident_id}", attribute="watch", value=value, source="plan",
        provenance=(watch.course_id,),
    )  # fmt: skip
