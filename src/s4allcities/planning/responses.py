"""The four answers every control room knows, side by side: evacuate, move inside, lock down, hold.

What each means here: *evacuate* by the best plan; *invacuate* moves people out of hazards and off open ground into
rooms that stay clear, as far as these hold them; *lockdown* leaves everybody where they are behind closed doors, so
that a hazard that is not yet in a room does not come in; *hold* leaves everybody where they are. They are compared
over one stretch of time by exposure (seconds spent in a hazard, weighted by its severity), the time until all are
where they should be, the greatest density in any zone, and the exits that stay free for responders.

Limits of validity: exposure goes by the share of a zone that a hazard covers, people spread evenly; a lockdown is taken
to be complete. Figures for comparing, not for predicting harm.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct

from s4allcities.site import Site

from .arrays import F8
from .evacuation import EvacuationPlan
from .hazards import BLOCKS_FROM, Hazard

__all__ = ("RESPONSES", "Response", "compare_hold", "compare_moved", "covered_shares", "shelter_room")

RESPONSES = ("evacuate", "invacuate", "lockdown", "hold")
STEP_S = 10.0


class Response(Struct, frozen=True, kw_only=True):
    """One answer: ``exposure_person_s`` over ``over_s`` seconds; ``clearance_s`` until all who can move have arrived,
    None where nobody moves; ``without_way`` people who should move and cannot; ``max_density_p_m2`` and the zone it
    is in; ``free_exits`` that nobody leaves by; ``threatened`` is (second, people then in the zones that a hazard
    touches within ``over_s``; in all zones where there is no hazard).
    """

    response: str
    exposure_person_s: float
    over_s: float
    clearance_s: float | None
    people_moved: int
    without_way: int
    max_density_p_m2: float
    densest_zone: str
    free_exits: tuple[str, ...]
    threatened: tuple[tuple[float, int], ...] = ()


def covered_shares(
    site: Site, hazards: Sequence[Hazard], at_s: float, *, inside_only: bool = False
) -> dict[str, float]:
    """Give for each zone the share of its floor in hazards at a time, weighted by severity.

    ``inside_only`` counts, for rooms, only hazards that were there from the start: doors keep the others out.
    """
    shares: dict[str, float] = {}
    for zone in site.zones:
        worst = 0.0
        for hazard in hazards:
            shut_out = inside_only and not zone.outdoor and hazard.from_s > 0
            if shut_out or not hazard.from_s <= at_s < hazard.until_s:
                continue
            if hazard.level is None or hazard.level == zone.level:
                covered = float(zone.polygon.intersection(hazard.area).area) / max(zone.area_m2, 1e-9)
                worst = max(worst, covered * hazard.severity)
        shares[zone.slug] = worst
    return shares


def shelter_room(site: Site, hazards: Sequence[Hazard], people: Mapping[str, int]) -> dict[str, int]:
    """Give the rooms that no blocking hazard ever touches, and how many people more each takes."""
    room: dict[str, int] = {}
    for zone in site.zones:
        touched = any(
            hazard.severity >= BLOCKS_FROM
            and (hazard.level is None or hazard.level == zone.level)
            and hazard.area.intersects(zone.polygon)
            for hazard in hazards
        )
        if not zone.outdoor and not touched:
            # Two people a square metre can stand for a while; who is there already stays.
            holds = zone.capacity_people or int(2.0 * zone.area_m2)
            room[zone.slug] = max(0, holds - people.get(zone.slug, 0)) + people.get(zone.slug, 0)
    return room


def _times(over_s: float) -> F8:
    return np.arange(0.0, max(over_s, STEP_S), STEP_S)


def _exposure(
    site: Site, hazards: Sequence[Hazard], there: Mapping[str, F8], over_s: float, *, doors_shut: bool = False
) -> float:
    total = 0.0
    changes = sorted(
        {max(0.0, time) for each in hazards for time in (each.from_s, each.until_s) if time < over_s}
    )
    bounds = [*sorted({0.0, *changes}), over_s]
    times = _times(over_s)
    for begin, end in pairwise(bounds):
        shares = covered_shares(site, hazards, begin, inside_only=doors_shut)
        during = (times >= begin) & (times < end)
        for zone, share in shares.items():
            if share > 0 and zone in there:
                total += share * float(there[zone][during].sum()) * STEP_S
    return total


def compare_hold(
    site: Site,
    hazards: Sequence[Hazard],
    people: Mapping[str, int],
    over_s: float,
    exits: Collection[str],
    *,
    locked: bool,
) -> Response:
    """Judge holding or, if ``locked``, a lockdown."""
    steps = len(_times(over_s))
    there = {zone: np.full(steps, float(count)) for zone, count in people.items()}
    density, zone = _densest(site, {slug: float(count) for slug, count in people.items()})
    return Response(
        response="lockdown" if locked else "hold",
        exposure_person_s=round(_exposure(site, hazards, there, over_s, doors_shut=locked), 1),
        over_s=over_s,
        clearance_s=None,
        people_moved=0,
        without_way=0,
        max_density_p_m2=density,
        densest_zone=zone,
        free_exits=tuple(sorted(exits)),
        threatened=_threatened(site, hazards, there, over_s),
    )


def compare_moved(
    site: Site,
    hazards: Sequence[Hazard],
    people: Mapping[str, int],
    over_s: float,
    exits: Collection[str],
    plan: EvacuationPlan,
    *,
    response: str,
) -> Response:
    """Judge a plan that moves people: an evacuation, or a move inside."""
    times = _times(over_s)
    there = {zone: np.full(len(times), float(count)) for zone, count in people.items()}
    most = {zone: float(count) for zone, count in people.items()}
    moved = 0
    for group in plan.groups:
        goal = group.safe.removeprefix("shelter ")
        for departs, arrives, count in group.slots:
            if group.zone in there:
                there[group.zone][times >= departs] -= count
            if goal in there:
                there[goal][times >= arrives] += count
        moved += group.people if goal != group.zone else 0
    for zone, curve in there.items():
        most[zone] = max(most[zone], float(curve.max(initial=0.0)))
    density, densest = _densest(site, most)
    used = {group.exit for group in plan.groups}
    return Response(
        response=response,
        exposure_person_s=round(_exposure(site, hazards, there, over_s), 1),
        over_s=over_s,
        clearance_s=plan.clearance_s,
        people_moved=moved,
        without_way=sum(plan.stranded.values()),
        max_density_p_m2=density,
        densest_zone=densest,
        free_exits=tuple(sorted(set(exits) - used)),
        threatened=_threatened(site, hazards, there, over_s),
    )


def _threatened(
    site: Site, hazards: Sequence[Hazard], there: Mapping[str, F8], over_s: float
) -> tuple[tuple[float, int], ...]:
    """People over time in the zones that hazards touch while they are compared; only the seconds of a change."""
    touched = {
        zone.slug
        for zone in site.zones
        if not hazards
        or any(
            hazard.from_s < over_s
            and hazard.level in (None, zone.level)
            and hazard.area.intersects(zone.polygon)
            for hazard in hazards
        )
    }
    times = _times(over_s)
    count = np.zeros(len(times))
    for zone, curve in there.items():
        if zone in touched:
            count += curve
    people = np.rint(count).astype(int).tolist()
    kept = [n for n in range(len(people)) if n == 0 or people[n] != people[n - 1]]
    return tuple((float(times[n]), people[n]) for n in kept)


def _densest(site: Site, people: Mapping[str, float]) -> tuple[float, str]:
    found = [
        (round(people.get(zone.slug, 0.0) / max(zone.area_m2, 1.0), 2), zone.slug) for zone in site.zones
    ]
    return max(found, key=lambda each: (each[0], each[1]), default=(0.0, ""))
