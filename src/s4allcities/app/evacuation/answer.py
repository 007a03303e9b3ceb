"""The whole answer of `s4 plan`: the optimum with its proof, the plan to give out, alternatives, and what would
change it.

One call makes it from a site, counts and hazards; the records here are the document of ``--json``.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from msgspec import Struct

from s4allcities.planning.counts import clean_counts
from s4allcities.planning.evacuation import EvacuationPlan, Proof, plan_evacuation
from s4allcities.planning.hazards import Hazard
from s4allcities.planning.queues import clearance_s, draw
from s4allcities.planning.responses import Response, compare_hold, compare_moved
from s4allcities.planning.speakable import Approved, SpeakablePlan, speakable_plan
from s4allcities.planning.trees import Routes, TreeMaker
from s4allcities.planning.wording import LANGUAGES, say_avoid, say_leave
from s4allcities.site import Site, build_graph

from .scene import Scene, join, lead_through, make_scene, move_inside

__all__ = ("Band", "ExitAnswer", "GiveOut", "PlanAnswer", "RouteAnswer", "WhatIf", "make_plan")

UNCOUNTED_SHARE = 0.3
OPEN_GROUND_P_M2 = 0.1
"""People a square metre taken for a zone that nobody counts and that states no capacity."""
BAND_RUNS = 100
MOST_WHAT_IFS = 12
WAIT_S = 60.0
LEAST_EXPOSURE_S = 600.0


class Band(Struct, frozen=True, kw_only=True):
    """Seconds: median and 95th percentile over ``runs`` drawn situations; None for nobody to move."""

    p50: float | None
    p95: float | None
    runs: int


class RouteAnswer(Struct, frozen=True, kw_only=True):
    """People of one zone who leave by one exit to one assembly point; seconds from now. ``path`` is (lon, lat) of the
    way most of them take, ``levels`` the storey of each point. ``through``: it leads through a hazard, as there is
    no other way.
    """

    from_zone: str
    exit: str
    letter: str
    assembly: str
    people: int
    t_departs_s: float
    t_clear_s: float
    people_per_min: float
    path: tuple[tuple[float, float], ...]
    levels: tuple[int, ...]
    through: bool = False


class ExitAnswer(Struct, frozen=True, kw_only=True):
    """One exit: ``state`` usable, doubtful or unusable, with the reason; ``planned`` is (second, people through by
    then).
    """

    exit: str
    letter: str
    state: str
    reason: str
    people: int
    capacity_per_min: float
    planned: tuple[tuple[float, int], ...]


class GiveOut(Struct, frozen=True, kw_only=True):
    """The plan to give out: ``texts`` by language, ``signs`` by exit, and the figures that led to it."""

    texts: dict[str, tuple[str, ...]]
    signs: dict[str, str]
    plan: SpeakablePlan


class WhatIf(Struct, frozen=True, kw_only=True):
    """What one change would do to the clearance; ``saves_s`` is negative where it gets worse."""

    change: str
    clearance_s: float
    saves_s: float
    stranded: int


class PlanAnswer(Struct, frozen=True, kw_only=True):
    """The document of ``s4 plan --json``. ``shut_in`` are people by zone whom no way clear of the hazards serves: they
    are led out through them, by the routes marked ``through``; ``stranded`` those whom no way serves at all.
    """

    site: str
    people: int
    occupancy: dict[str, int]
    clearance_s: Band
    optimum_s: float
    rounding_s: float
    step_s: float
    mean_s: float
    earliest_arrival: bool
    behind: int
    routes: tuple[RouteAnswer, ...]
    exits: tuple[ExitAnswer, ...]
    bottleneck: str
    certificate: Proof | None
    unreachable_zones: tuple[str, ...]
    stranded: dict[str, int]
    shut_in: dict[str, int]
    give_out: GiveOut | None
    nearest_exit_s: float
    gain_nearest_exit: float | None
    alternatives: tuple[Response, ...]
    what_if: tuple[WhatIf, ...]
    arrivals: tuple[tuple[float, int], ...]
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]
    compute_ms: float


def make_plan(
    site: Site,
    counts: Mapping[str, object],
    *,
    hazards: Sequence[Hazard] = (),
    closed: Collection[str] = (),
    avoided: Collection[str] = (),
    capacity_ps: Mapping[str, float] | None = None,
    seed: int = 0,
    alternatives: bool = True,
) -> PlanAnswer:
    """Plan a site: ``counts`` by zone may hold anything, ``closed`` are slugs, ``capacity_ps`` live capacities by slug.

    ``avoided`` are slugs that only those use whom no other way is left, such as exits that smoke will reach;
    ``alternatives`` also compares the four responses and works out what changes would do.
    """
    graph = build_graph(site)
    cleaned = clean_counts(counts, [zone.slug for zone in site.zones], assumed=_assumed(site))
    kept_off = frozenset(closed) | frozenset(avoided)
    scene = make_scene(graph, cleaned.people, hazards, kept_off, capacity_ps)
    plan = plan_evacuation(scene.plan_graph, cleaned.people)
    through = lead_through(scene, plan, hazards, closed, capacity_ps)
    whole = join(plan, through[1]) if through else plan
    give_out, nearest_s = _give_out(site, scene, plan, through[1] if through else None, kept_off, seed)
    others = _alternatives(scene, hazards, closed, kept_off, whole) if alternatives else ()
    changes = _what_ifs(scene, hazards, closed, kept_off, capacity_ps, plan) if alternatives else ()
    unreachable = tuple(zone for zone in whole.stranded)
    return PlanAnswer(
        site=site.slug,
        people=plan.people + sum(plan.stranded.values()),
        occupancy=cleaned.people,
        clearance_s=_band(scene, plan, seed),
        optimum_s=whole.clearance_s,
        rounding_s=plan.rounding_s,
        step_s=plan.step_s,
        mean_s=round(plan.mean_s, 1),
        earliest_arrival=plan.earliest,
        behind=plan.behind,
        routes=_routes(site, scene, plan) + (_routes(site, *through, through=True) if through else ()),
        exits=_exits(site, scene, whole, hazards, closed),
        bottleneck=_bottleneck(site, plan),
        certificate=plan.proof,
        unreachable_zones=unreachable,
        stranded=whole.stranded,
        shut_in=_served(plan.stranded, whole.stranded),
        give_out=give_out,
        nearest_exit_s=nearest_s,
        gain_nearest_exit=round(1 - plan.clearance_s / nearest_s, 4) if nearest_s else None,
        alternatives=others,
        what_if=changes,
        arrivals=whole.arrivals,
        assumptions=_assumptions(site, plan),
        notes=cleaned.notes,
        compute_ms=round(plan.compute_ms, 1),
    )


def _served(stranded: Mapping[str, int], left: Mapping[str, int]) -> dict[str, int]:
    found = {zone: count - left.get(zone, 0) for zone, count in stranded.items()}
    return {zone: count for zone, count in found.items() if count > 0}


def _assumed(site: Site) -> dict[str, int]:
    return {
        zone.slug: round(
            UNCOUNTED_SHARE * zone.capacity_people
            if zone.capacity_people
            else OPEN_GROUND_P_M2 * zone.area_m2
        )
        for zone in site.zones
    }


def _band(scene: Scene, plan: EvacuationPlan, seed: int) -> Band:
    """Play the plan's groups through in drawn situations."""
    if not plan.groups:
        return Band(p50=None, p95=None, runs=0)
    maker = TreeMaker(scene.plan_graph)
    routes = Routes(
        people=np.array([group.people for group in plan.groups], np.float64),
        first=np.concatenate([[0], np.cumsum([len(group.arcs) for group in plan.groups])]).astype(np.int32),
        arcs=np.array([arc for group in plan.groups for arc in group.arcs], np.int32),
        start=np.zeros(len(plan.groups), np.int32),
    )
    draws = draw(len(plan.groups), len(maker.capacity_ps), BAND_RUNS, np.random.default_rng(seed))
    times = clearance_s(routes, maker.transit_s, maker.capacity_ps, draws)
    return Band(
        p50=round(float(np.quantile(times, 0.5)), 1),
        p95=round(float(np.quantile(times, 0.95)), 1),
        runs=BAND_RUNS,
    )


def _routes(
    site: Site, scene: Scene, plan: EvacuationPlan, *, through: bool = False
) -> tuple[RouteAnswer, ...]:
    letters = {opening.slug: opening.letter for opening in site.exits}
    nodes = {node.name: node for node in scene.plan_graph.nodes}
    gathered: dict[tuple[str, str, str], list[int]] = {}
    for place, group in enumerate(plan.groups):
        gathered.setdefault((group.zone, group.exit, group.safe), []).append(place)
    routes = []
    for (zone, exit_, safe), places in gathered.items():
        groups = [plan.groups[place] for place in places]
        most = max(groups, key=lambda group: (group.people, group.nodes))
        people = sum(group.people for group in groups)
        departs = min(group.departs_s for group in groups)
        clear = max(group.arrives_s for group in groups)
        path, levels = _path(scene, nodes[most.nodes[0]].walk, most.arcs)
        routes.append(
            RouteAnswer(
                from_zone=zone, exit=exit_, letter=letters.get(exit_, ""), assembly=safe, people=people,
                t_departs_s=departs, t_clear_s=clear,
                people_per_min=round(60 * people / max(clear - departs, plan.step_s), 1), path=path, levels=levels,
                through=through,
            )
        )  # fmt: skip
    return tuple(sorted(routes, key=lambda each: (each.from_zone, -each.people, each.exit, each.assembly)))


def _path(
    scene: Scene, start: int, arcs: Sequence[int]
) -> tuple[tuple[tuple[float, float], ...], tuple[int, ...]]:
    graph = scene.graph
    walked = [start] if start >= 0 else []
    for arc in arcs:
        walked += [int(graph.head[step]) for step in scene.plan_graph.arcs[arc].walk]
    path = tuple((round(float(graph.lon[v]), 7), round(float(graph.lat[v]), 7)) for v in walked)
    return path, tuple(int(graph.level[v]) for v in walked)


def _exits(
    site: Site, scene: Scene, plan: EvacuationPlan, hazards: Sequence[Hazard], closed: Collection[str]
) -> tuple[ExitAnswer, ...]:
    capacity = {arc.exit: arc.capacity_ps for arc in scene.plan_graph.arcs if arc.exit}
    found = []
    for each in scene.graph.exits:
        slots = sorted(
            (arrives, people)
            for group in plan.groups
            if group.exit == each.slug
            for _, arrives, people in group.slots
        )
        curve: dict[float, int] = {}
        total = 0
        for arrives, people in slots:
            total += people
            curve[arrives] = total
        state, reason = _exit_state(site, scene, each.slug, each.arc, closed)
        found.append(
            ExitAnswer(
                exit=each.slug, letter=each.letter, state=state, reason=reason, people=total,
                capacity_per_min=round(60 * capacity.get(each.slug, 0.0), 1), planned=tuple(curve.items()),
            )
        )  # fmt: skip
    return tuple(found)


def _exit_state(site: Site, scene: Scene, slug: str, arc: int, closed: Collection[str]) -> tuple[str, str]:
    if slug in closed:
        return "unusable", "closed by the request"
    if site.opening(slug).state == "closed":
        return "unusable", "closed in the site file"
    closes, opens = float(scene.hindrances.closes_s[arc]), float(scene.hindrances.opens_s[arc])
    if closes <= 0:
        return "unusable", "in a hazard"
    if np.isfinite(closes) or opens > 0:
        when = (
            f"a hazard reaches it in {closes:.0f} s"
            if np.isfinite(closes)
            else f"in a hazard for {opens:.0f} s"
        )
        return "doubtful", when
    if not any(part.exit == slug and part.capacity_ps > 0 for part in scene.plan_graph.arcs):
        return "unusable", "lets nobody through"
    return "usable", ""


def _bottleneck(site: Site, plan: EvacuationPlan) -> str:
    if plan.proof is None:
        return ""
    return next((each.place for each in plan.proof.bottlenecks if each.place), "")


def _give_out(
    site: Site,
    scene: Scene,
    plan: EvacuationPlan,
    through: EvacuationPlan | None,
    closed: Collection[str],
    seed: int,
) -> tuple[GiveOut | None, float]:
    served = {zone: count for zone, count in scene.people.items() if count > 0 and zone not in plan.stranded}
    if not served:
        return None, 0.0
    approved = [Approved(name=each.name, exits=each.exits) for each in site.plans]
    spoken = speakable_plan(
        scene.plan_graph,
        served,
        optimum_s=plan.clearance_s,
        rng=np.random.default_rng(seed),
        approved=approved,
    )
    letters = {opening.slug: opening.letter for opening in site.exits}
    names = {point.slug: point.name for point in site.assembly}
    inner = _goals(through)
    used = {exit_ for goals in inner.values() for exit_ in goals}
    # All are told what to keep off, and only then who must use it all the same: "the nearest" might be such an exit.
    shut = sorted(letters[slug] for slug in closed if slug in letters)
    must = [site.zone(zone).name for zone, goals in inner.items() if not set(goals).isdisjoint(closed)]
    texts: dict[str, tuple[str, ...]] = {}
    for language in LANGUAGES:
        lines = [
            say_leave(
                language,
                [site.zone(zone).name for zone in each.zones],
                [letters.get(slug, names.get(slug, slug)) for slug in each.exits],
                nearest=each.nearest,
                exits=all(slug in letters for slug in each.exits),
            )
            for each in spoken.sentences
        ]
        if shut and any(each.nearest for each in spoken.sentences):
            lines.append(say_avoid(language, shut, must))
        lines += [
            say_leave(language, [site.zone(zone).name], [letters.get(each, names.get(each, each)) for each in goals],
                      nearest=False, exits=all(each in letters for each in goals))
            for zone, goals in inner.items()
        ]  # fmt: skip
        texts[language] = tuple(lines)
    used |= {exit_ for each in spoken.sentences for exit_ in each.exits}
    signs = {opening.slug: f"EXIT {opening.letter}" for opening in site.exits if opening.slug in used}
    signs |= {
        opening.slug: f"EXIT {opening.letter} CLOSED"
        for opening in site.exits
        if opening.slug not in used and (opening.slug in closed or opening.state == "closed")
    }
    return GiveOut(texts=texts, signs=signs, plan=spoken), spoken.nearest_s


def _goals(plan: EvacuationPlan | None) -> dict[str, list[str]]:
    """By zone the exits that a plan uses, or the assembly points where it uses none."""
    found: dict[str, set[str]] = {}
    for group in plan.groups if plan else ():
        found.setdefault(group.zone, set()).add(group.exit or group.safe)
    return {zone: sorted(goals) for zone, goals in sorted(found.items())}


def _alternatives(
    scene: Scene,
    hazards: Sequence[Hazard],
    closed: Collection[str],
    kept_off: Collection[str],
    plan: EvacuationPlan,
) -> tuple[Response, ...]:
    site, people = scene.graph.site, scene.people
    over_s = max(LEAST_EXPOSURE_S, plan.clearance_s)
    exits = [each.slug for each in scene.graph.exits if each.slug not in kept_off]
    moved = move_inside(scene, hazards, closed, kept_off)
    return (
        compare_moved(site, hazards, people, over_s, exits, plan, response="evacuate"),
        compare_moved(site, hazards, people, over_s, exits, moved, response="invacuate"),
        compare_hold(site, hazards, people, over_s, exits, locked=True),
        compare_hold(site, hazards, people, over_s, exits, locked=False),
    )


def _what_ifs(
    scene: Scene,
    hazards: Sequence[Hazard],
    closed: Collection[str],
    kept_off: Collection[str],
    capacity_ps: Mapping[str, float] | None,
    plan: EvacuationPlan,
) -> tuple[WhatIf, ...]:
    """What opening a closed gate, losing the busiest exits or letting the largest zones wait would do."""
    found: list[WhatIf] = []

    def tell(change: str, other: EvacuationPlan) -> None:
        found.append(
            WhatIf(
                change=change,
                clearance_s=other.clearance_s,
                saves_s=plan.clearance_s - other.clearance_s,
                stranded=sum(other.stranded.values()),
            )
        )

    for slug in sorted(closed)[:4]:
        rest = [each for each in kept_off if each != slug]
        again = make_scene(scene.graph, scene.people, hazards, rest, capacity_ps)
        tell(f"open {slug}", plan_evacuation(again.plan_graph, scene.people))
    through: dict[str, int] = {}
    for group in plan.groups:
        through[group.exit] = through.get(group.exit, 0) + group.people
    for slug in sorted(filter(None, through), key=lambda each: (-through[each], each))[:5]:
        tell(f"lose {slug}", plan_evacuation(scene.plan_graph.without([slug]), scene.people))
    for zone in sorted(scene.people, key=lambda each: (-scene.people[each], each))[:3]:
        if scene.people[zone] > 0:
            late = plan_evacuation(scene.plan_graph, scene.people, ready_s={zone: WAIT_S})
            tell(f"{zone} waits {WAIT_S:.0f} s", late)
    return tuple(found[:MOST_WHAT_IFS])


def _assumptions(site: Site, plan: EvacuationPlan) -> tuple[str, ...]:
    said = [
        "The optimum assumes that everybody obeys at once; the band and the plan to give out do not.",
        "Capacities by SFPE relations unless the site states calibrated ones.",
    ]
    if site.synthetic_note:
        said.append(f"Parts of the site are synthetic: {site.synthetic_note}")
    if not plan.earliest:
        said.append(
            "Assembly points fill up: no plan is best at every moment; this one is a quickest one, and up to "
            f"{plan.behind} people could be safe earlier at one moment by another."
        )
    return tuple(said)
