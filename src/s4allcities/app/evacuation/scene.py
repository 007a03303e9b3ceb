"""What a plan is made in: the walking graph with what closes ways, and the way through for who is shut in."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace
from shapely.geometry import Point

from s4allcities.planning.cells import Hindrances, cells_of, storage_of
from s4allcities.planning.contract import SiteNetwork
from s4allcities.planning.evacuation import EvacuationPlan, plan_evacuation
from s4allcities.planning.graph import PlanGraph
from s4allcities.planning.hazards import BLOCKS_FROM, Hazard, hindrances_of, nodes_inside
from s4allcities.planning.responses import shelter_room
from s4allcities.site import Site, WalkGraph

__all__ = ("Scene", "join", "lead_through", "make_scene", "move_inside")

SHUNNED = 0.8 * BLOCKS_FROM
"""The severity of a hazard through which people are led who have no other way."""


class Scene(Struct, frozen=True):
    """A site at a moment: its graph, what closes ways, the graph that is planned on, people by zone."""

    graph: WalkGraph
    network: SiteNetwork
    hindrances: Hindrances
    plan_graph: PlanGraph
    people: dict[str, int]


def make_scene(
    graph: WalkGraph,
    people: dict[str, int],
    hazards: Sequence[Hazard],
    closed: Collection[str],
    capacity_ps: Mapping[str, float] | None,
) -> Scene:
    """Put hazards, closed places (slugs) and live capacities on a site's graph."""
    network = SiteNetwork(graph)
    hindrances = hindrances_of(graph, hazards)
    cells = cells_of(graph, blocked=nodes_inside(graph, hazards))
    made = network.plan_graph(
        cells, hindrances, storage=storage_of(graph, people), unsafe=_unsafe_points(graph.site, hazards)
    )
    return Scene(
        graph, network, hindrances, made.without(_shut(graph, closed), capacity_ps).in_order(), people
    )


def _shut(graph: WalkGraph, closed: Collection[str]) -> frozenset[str]:
    return frozenset(closed) | {each.slug for each in graph.site.openings if each.state == "closed"}


def _unsafe_points(site: Site, hazards: Sequence[Hazard]) -> tuple[str, ...]:
    """Assembly points in a hazard at any time; the outer cordon of a device counts while another point is left."""
    inside = {
        point.slug: max(
            (h.severity for h in hazards if h.area.intersects(Point(point.x_m, point.y_m))), default=0.0
        )
        for point in site.assembly
    }
    least = BLOCKS_FROM if all(severity > 0 for severity in inside.values()) else 1e-9
    return tuple(slug for slug, severity in inside.items() if severity >= least)


def _softened(hazards: Sequence[Hazard]) -> tuple[Hazard, ...]:
    """Hazards that are gone round where that is not far, and block nobody."""
    return tuple(replace(each, severity=min(each.severity, SHUNNED)) for each in hazards)


def lead_through(
    scene: Scene,
    plan: EvacuationPlan,
    hazards: Sequence[Hazard],
    closed: Collection[str],
    capacity_ps: Mapping[str, float] | None,
) -> tuple[Scene, EvacuationPlan] | None:
    """Plan for those alone whom no way clear of the hazards serves: out through them, by all that is not ``closed``.
    None if there are none.

    Nobody else is led nearer to a hazard for it. The two plans are made apart: where both use an exit, its capacity
    is counted twice.
    """
    if not plan.stranded:
        return None
    soft = make_scene(scene.graph, dict(plan.stranded), _softened(hazards), closed, capacity_ps)
    return soft, plan_evacuation(soft.plan_graph, soft.people)


def move_inside(
    scene: Scene, hazards: Sequence[Hazard], closed: Collection[str], kept_off: Collection[str]
) -> EvacuationPlan:
    """Plan the move into rooms that no hazard ever touches; who is shut in goes through the hazard, as outwards, and
    keeps off what is ``closed`` only.
    """
    graph, people = scene.graph, scene.people
    shelters = shelter_room(graph.site, hazards, people)

    def inward(bearing: Sequence[Hazard], moved: Mapping[str, int], shut: Collection[str]) -> EvacuationPlan:
        cells = cells_of(graph, blocked=nodes_inside(graph, bearing))
        made = scene.network.plan_graph(
            cells, hindrances_of(graph, bearing, inward=True), shelters=shelters
        ).without(shut)
        return plan_evacuation(made, moved)

    plan = inward(hazards, people, kept_off)
    if not plan.stranded:
        return plan
    return join(plan, inward(_softened(hazards), plan.stranded, closed))


def join(plan: EvacuationPlan, through: EvacuationPlan) -> EvacuationPlan:
    """Take two plans for different people as one, for comparing; arcs of its groups belong to two graphs."""
    return replace(
        plan,
        groups=plan.groups + through.groups,
        people=plan.people + through.people,
        stranded=through.stranded,
        clearance_s=max(plan.clearance_s, through.clearance_s),
        arrivals=_added(plan.arrivals, through.arrivals),
    )


def _added(*curves: Sequence[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    """Add staircases of (second, people by then)."""
    steps: dict[float, int] = {}
    for curve in curves:
        before = 0
        for at_s, people in curve:
            steps[at_s] = steps.get(at_s, 0) + people - before
            before = people
    total, found = 0, []
    for at_s in sorted(steps):
        total += steps[at_s]
        found.append((at_s, total))
    return tuple(found)
