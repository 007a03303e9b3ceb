"""What an operator is shown beside a course of action: the sentences with their price, the proof, the four answers
compared, and what each exit should let through when.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from s4allcities.domain import CourseOfAction
from s4allcities.planning.contract import SiteNetwork
from s4allcities.planning.evacuation import EvacuationPlan, Proof, plan_evacuation
from s4allcities.planning.hazards import Hazard, hindrances_of
from s4allcities.planning.queues import passages
from s4allcities.planning.responses import Response, compare_hold, compare_moved, shelter_room
from s4allcities.planning.shortest import shortest
from s4allcities.planning.speakable import SpeakablePlan
from s4allcities.planning.trees import Routes, TreeMaker
from s4allcities.planning.wording import LANGUAGES, say_avoid, say_leave
from s4allcities.simulation.ensemble import EnsembleResult, ZoneBand, run_ensemble
from s4allcities.simulation.smoke import SmokeField
from s4allcities.site import Site, WalkGraph

from .closures import Closures
from .routes import Routed, cells_indoors

__all__ = (
    "Answer",
    "Curve",
    "PlanOptions",
    "SpokenLine",
    "avoid_of",
    "exit_curves",
    "lines_of",
    "smoke_hazards",
    "work_out",
)

F8 = NDArray[np.float64]

REACTION_S = 30.0
"""Median time until people who were told start to walk; the planned curves begin with it."""
LEAST_EXPOSURE_S = 600.0
ENSEMBLE_RUNS = 200
MOST_DENSE = 5

Curve = tuple[tuple[float, int], ...]
"""A staircase: (seconds since people were told, people through by then)."""


class SpokenLine(Struct, frozen=True, kw_only=True):
    """One sentence: to whom, which exits (by slug), and the words by language."""

    zones: tuple[str, ...]
    exits: tuple[str, ...]
    texts: dict[str, str]


class Answer(Struct, frozen=True, kw_only=True):
    """One of the four answers, see `planning.responses.Response`; for "evacuate" clearance and exits are those of the
    sentences, exposure that of the optimum; ``responders_exit`` is the exit that nobody leaves by
    from which the incident is reached soonest, after ``responders_s`` seconds of walking ("" and None: there is none).
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
    responders_exit: str
    responders_s: float | None


class PlanOptions(Struct, frozen=True, kw_only=True):
    """What stands beside a course. Seconds: ``optimum_s`` if everybody obeys at once, ``expected_s`` by the sentences,
    ``p50_s`` and ``p90_s`` over drawn situations, ``nearest_s`` if all go to the nearest exit, ``price_s`` what the
    sentences cost against the optimum. ``approved`` names an approved plan, or says that people keep what they were
    told. ``crowd_p50_s``, ``crowd_p95_s`` and ``density`` are the ensemble's, over ``crowd_runs`` uncertain runs in
    which 70 to 100 % follow; ``drives`` is the share of its spread by input. ``calibrated`` are people a second by exit
    as counted, in place of the handbook's.
    """

    course_id: str
    incident_id: str
    lines: tuple[SpokenLine, ...]
    avoid: dict[str, str]
    optimum_s: float
    rounding_s: float
    expected_s: float
    p50_s: float
    p90_s: float
    price_s: float
    nearest_s: float
    approved: str
    forks: int
    stranded: dict[str, int]
    proof: Proof | None
    answers: tuple[Answer, ...]
    planned: dict[str, Curve]
    crowd_p50_s: float | None
    crowd_p95_s: float | None
    crowd_runs: int
    density: tuple[ZoneBand, ...]
    drives: dict[str, float]
    calibrated: dict[str, float]


def smoke_hazards(smoke: SmokeField) -> tuple[Hazard, ...]:
    """Write smoke as hazards: each outline from when it is expected, for good."""
    found = [Hazard(area=area, level=level, kind="smoke") for level, area in smoke.now.items()]
    for minutes, shapes in smoke.later.items():
        found += [
            Hazard(area=area, level=level, from_s=60.0 * minutes, kind="smoke")
            for level, area in shapes.items()
        ]
    return tuple(found)


def exit_curves(parts: Sequence[Routed]) -> dict[str, Curve]:
    """Give how many people each exit should have let through by when, if all follow the plan after `REACTION_S`."""
    total: dict[str, F8] = {}
    for part in parts:
        for exit_, through in _through(part).items():
            before = total.get(exit_, np.zeros(1))
            size = max(len(before), len(through))
            total[exit_] = sum(
                (np.pad(each, (0, size - len(each)), mode="edge") for each in (before, through)),
                np.zeros(size),
            )
    curves: dict[str, Curve] = {}
    for exit_, through in total.items():
        moved = np.flatnonzero(np.diff(np.round(through), prepend=0.0) > 0)
        if len(moved):
            curves[exit_] = tuple((5.0 * (int(t) + 1), round(float(through[t]))) for t in moved)
    return curves


def _through(routed: Routed) -> dict[str, F8]:
    """People through each exit by the end of each five seconds."""
    maker, ways = TreeMaker(routed.scene.graph), routed.ways
    routes = Routes(
        people=np.array([count for _, count, _ in ways], np.float64),
        first=np.concatenate([[0], np.cumsum([len(way) for _, _, way in ways])]).astype(np.int32),
        arcs=np.array([arc for _, _, way in ways for arc in way], np.int32),
        start=np.zeros(len(ways), np.int32),
    )
    ready = np.full(len(ways), REACTION_S)
    set_out = passages(routes, maker.transit_s, maker.capacity_ps, ready_s=ready)
    found: dict[str, F8] = {}
    for exit_ in routed.scene.graph.exits:
        arcs = [a for a, arc in enumerate(routed.scene.graph.arcs) if arc.exit == exit_]
        through = np.cumsum(set_out[arcs].sum(0))
        if len(through):
            found[exit_] = through
    return found


def work_out(
    network: SiteNetwork,
    parts: Sequence[Routed],
    smoke: SmokeField,
    closures: Closures,
    *,
    course: CourseOfAction,
    incident_zone: str,
    planned: Mapping[str, Curve],
    calibrated: Mapping[str, float],
    seed: int,
) -> PlanOptions:
    """Put together everything that stands beside one course; figures are those of the first of its ``parts``."""
    routed = parts[0]
    site, spoken = network.graph.site, routed.spoken
    shut = sorted(closures.exits)
    crowd = _crowd(site, parts, shut, seed)
    through = [part.spoken for part in parts[1:] if part.spoken is not None]
    lines = lines_of(site, spoken, through)
    return PlanOptions(
        course_id=course.id,
        incident_id=course.incident_id,
        lines=tuple(lines),
        avoid=avoid_of(site, shut, through),
        optimum_s=routed.best.clearance_s,
        rounding_s=routed.best.rounding_s,
        expected_s=0.0 if spoken is None else round(spoken.expected_s, 1),
        p50_s=0.0 if spoken is None else round(spoken.p50_s, 1),
        p90_s=0.0 if spoken is None else round(spoken.p90_s, 1),
        price_s=0.0 if spoken is None else round(spoken.price_s, 1),
        nearest_s=0.0 if spoken is None else round(spoken.nearest_s, 1),
        approved="" if spoken is None else spoken.approved,
        forks=0 if spoken is None else spoken.forks,
        stranded=parts[-1].stranded,
        proof=routed.best.proof,
        answers=_answers(network, routed, smoke, closures, incident_zone),
        planned=dict(planned),
        crowd_p50_s=crowd.p50_s,
        crowd_p95_s=crowd.p95_s,
        crowd_runs=crowd.runs,
        density=crowd.zones[:MOST_DENSE],
        drives=crowd.sensitivity,
        calibrated={slug: round(value, 3) for slug, value in calibrated.items()},
    )


def lines_of(site: Site, clear: SpeakablePlan | None, through: Sequence[SpeakablePlan]) -> list[SpokenLine]:
    """Say the plans: ``clear`` as it is; of those whose people only a way ``through`` the hazard serves, every exit by
    its name. To these "the nearest exit" might be one that all must keep off.
    """
    said = clear.sentences if clear is not None else ()
    lines = [_line(site, each.zones, each.exits, nearest=each.nearest) for each in said]
    for plan in through:
        together: dict[tuple[str, ...], list[str]] = {}
        for zone, exits in plan.exits.items():
            together.setdefault(exits, []).append(zone)
        lines += [_line(site, tuple(zones), exits, nearest=False) for exits, zones in together.items()]
    return lines


def _line(site: Site, zones: tuple[str, ...], exits: tuple[str, ...], *, nearest: bool) -> SpokenLine:
    letters = {opening.slug: opening.letter for opening in site.exits}
    places = {point.slug: point.name for point in site.assembly}
    names = [letters.get(slug, places.get(slug, slug)) for slug in exits]
    rooms = [site.zone(zone).name for zone in zones]
    doors = all(slug in letters for slug in exits)
    texts = {each: say_leave(each, rooms, names, nearest=nearest, exits=doors) for each in LANGUAGES}
    return SpokenLine(zones=zones, exits=exits, texts=texts)


def avoid_of(site: Site, shut: Sequence[str], through: Sequence[SpeakablePlan]) -> dict[str, str]:
    """Say in every language what to keep off, to all but those who are led ``through`` the hazard by such an exit."""
    letters = sorted(site.opening(slug).letter for slug in shut)
    must = [
        site.zone(zone).name
        for plan in through
        for zone, exits in plan.exits.items()
        if not set(exits).isdisjoint(shut)
    ]
    return {language: say_avoid(language, letters, must) for language in LANGUAGES} if letters else {}


def _crowd(site: Site, parts: Sequence[Routed], shut: Sequence[str], seed: int) -> EnsembleResult:
    """Run the ensemble with each zone's people shared over its exits as the routes say."""
    shares: dict[str, dict[str, float]] = {}
    for route in [each for part in parts for each in part.routes]:
        if route.exit:
            shares.setdefault(route.zone, {})[route.exit] = float(route.people)
    people = {zone: float(count) for zone, count in parts[0].scene.people.items()}
    return run_ensemble(
        site, people, rng=np.random.default_rng(seed), runs=ENSEMBLE_RUNS, shares=shares, closed=tuple(shut)
    )


def _answers(
    network: SiteNetwork, routed: Routed, smoke: SmokeField, closures: Closures, incident_zone: str
) -> tuple[Answer, ...]:
    graph = network.graph
    site, people = graph.site, routed.scene.people
    hazards = smoke_hazards(smoke)
    over_s = max(LEAST_EXPOSURE_S, routed.best.clearance_s)
    exits = [each.slug for each in graph.exits if each.slug not in closures.exits]
    moved = _move_inside(network, routed, hazards, closures)
    reach = _responders_s(graph, incident_zone)
    evacuate = compare_moved(site, hazards, people, over_s, exits, routed.best, response="evacuate")
    if routed.spoken is not None:
        # People leave as they are told, not by the optimum: so fewer exits may be free, and it takes longer.
        used = {route.exit for route in routed.routes}
        evacuate = replace(
            evacuate, clearance_s=routed.spoken.expected_s, free_exits=tuple(sorted(set(exits) - used))
        )
    return tuple(
        _answer(found, reach)
        for found in (
            evacuate,
            compare_moved(site, hazards, people, over_s, exits, moved, response="invacuate"),
            compare_hold(site, hazards, people, over_s, exits, locked=True),
            compare_hold(site, hazards, people, over_s, exits, locked=False),
        )
    )


def _move_inside(
    network: SiteNetwork, routed: Routed, hazards: Sequence[Hazard], closures: Closures
) -> EvacuationPlan:
    graph, people = network.graph, routed.scene.people
    inside = network.plan_graph(
        cells_indoors(graph, closures),
        hindrances_of(graph, hazards, inward=True),
        shelters=shelter_room(graph.site, hazards, people),
    )
    return plan_evacuation(inside.without(closures.exits), people)


def _responders_s(graph: WalkGraph, zone: str) -> dict[str, float]:
    """Seconds of walking from outside each exit to the middle of a zone."""
    known = {each.slug: each for each in graph.site.zones}
    if zone not in known:
        return {}
    goal = graph.nearest_node(known[zone].x_m, known[zone].y_m, known[zone].level)
    start = np.full(graph.n_nodes, np.inf)
    start[goal] = 0.0
    away, _ = shortest(graph.head, graph.tail, graph.time_s, start)
    return {each.slug: float(away[each.outside]) for each in graph.exits if np.isfinite(away[each.outside])}


def _answer(found: Response, reach: Mapping[str, float]) -> Answer:
    ways = [(reach[slug], slug) for slug in found.free_exits if slug in reach]
    seconds, exit_ = min(ways, default=(None, ""))
    return Answer(
        response=found.response,
        exposure_person_s=found.exposure_person_s,
        over_s=found.over_s,
        clearance_s=found.clearance_s,
        people_moved=found.people_moved,
        without_way=found.without_way,
        max_density_p_m2=found.max_density_p_m2,
        densest_zone=found.densest_zone,
        free_exits=found.free_exits,
        responders_exit=exit_,
        responders_s=None if seconds is None else round(seconds, 1),
    )
