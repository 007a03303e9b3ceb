"""From the demonstration site to a plan graph: nothing is lost, hazards close ways, the order of files is forgotten."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from shapely.geometry import box

from s4allcities.planning.cells import cells_of, no_hindrances, storage_of
from s4allcities.planning.contract import SiteNetwork
from s4allcities.planning.evacuation import plan_evacuation
from s4allcities.planning.hazards import Hazard, hindrances_of, nodes_inside
from s4allcities.site import WalkGraph, build_graph, load_site

SITE = Path(__file__).parents[3] / "sites" / "helsinki-station"


@pytest.fixture(scope="module")
def graph() -> WalkGraph:
    return build_graph(load_site(SITE))


@pytest.fixture(scope="module")
def network(graph: WalkGraph) -> SiteNetwork:
    return SiteNetwork(graph)


PEOPLE = {"main-hall": 300, "metro-platform": 300, "ticket-hall": 200}


def test_every_zone_starts_somewhere_and_every_exit_is_there(graph: WalkGraph, network: SiteNetwork) -> None:
    plan = network.plan_graph(cells_of(graph), no_hindrances(graph))
    assert set(plan.zones) == {zone.slug for zone in graph.site.zones}
    assert set(plan.exits) == {exit_.slug for exit_ in graph.site.exits}
    assert {node.name for node in plan.nodes if node.safe} == {point.slug for point in graph.site.assembly}


def test_arcs_are_as_long_as_the_walk_they_stand_for(graph: WalkGraph, network: SiteNetwork) -> None:
    plan = network.plan_graph(cells_of(graph), no_hindrances(graph))
    at = {node.name: node.walk for node in plan.nodes}
    for arc in plan.arcs:
        if arc.walk:
            assert arc.transit_s == pytest.approx(graph.time_s[list(arc.walk)].sum())
            assert graph.tail[arc.walk[0]] == at[arc.tail]
            assert graph.head[arc.walk[-1]] == at[arc.head]
            assert (graph.head[list(arc.walk[:-1])] == graph.tail[list(arc.walk[1:])]).all()
            assert not graph.leads_in[list(arc.walk)].any()


def test_without_hazards_every_way_is_open_from_the_first_moment_on(
    graph: WalkGraph, network: SiteNetwork
) -> None:
    plan = network.plan_graph(cells_of(graph), no_hindrances(graph))
    assert {(arc.opens_s, arc.closes_s) for arc in plan.arcs} == {(0.0, np.inf)}


def test_contraction_is_close_to_the_walk_over_the_whole_graph(
    graph: WalkGraph, network: SiteNetwork
) -> None:
    """One person alone needs no longer than over the full graph, but for rounding and ways left out on purpose."""
    from s4allcities.planning.shortest import shortest
    from s4allcities.planning.trees import TreeMaker

    start = np.where(graph.is_sink, 0.0, np.inf)
    away, _ = shortest(graph.head, graph.tail, graph.time_s, start, usable=~graph.leads_in)
    maker = TreeMaker(network.plan_graph(cells_of(graph), no_hindrances(graph)).in_order())
    safe = np.full(len(maker.graph.nodes), np.inf)
    safe[maker.graph.safe] = 0.0
    short, _ = shortest(maker.head, maker.tail, maker.transit_s, safe)
    for place, node in enumerate(maker.graph.nodes):
        if node.zone:
            assert away[node.walk] <= short[place] + 1e-6
            assert short[place] <= 1.08 * away[node.walk] + 1.0, node.name


def test_a_hazard_closes_its_ways_and_one_that_comes_later_closes_them_then(
    graph: WalkGraph, network: SiteNetwork
) -> None:
    hall = graph.site.zone("main-hall")
    now = hindrances_of(graph, [Hazard(area=box(*hall.polygon.bounds), level=0)])
    assert np.isfinite(now.closes_s[~graph.leads_in]).any()
    later = hindrances_of(graph, [Hazard(area=hall.polygon, level=0, from_s=90.0)])
    arcs = np.isfinite(later.closes_s) & ~graph.leads_in
    assert set(later.closes_s[arcs].tolist()) == {90.0}
    plan = plan_evacuation(network.plan_graph(cells_of(graph), later), {"main-hall": 200})
    out = [group for group in plan.groups if group.zone == "main-hall"]
    assert sum(group.people for group in out) + plan.stranded.get("main-hall", 0) == 200
    assert sum(group.people for group in out) > 0


def test_contradicting_hazards_are_settled_for_safety(graph: WalkGraph) -> None:
    hall = graph.site.zone("main-hall").polygon
    first = Hazard(area=hall, level=0, until_s=60.0)
    second = Hazard(area=hall, level=0, from_s=50.0, until_s=120.0)
    both = hindrances_of(graph, [first, second])
    again = hindrances_of(graph, [second, first])
    assert np.array_equal(both.opens_s, again.opens_s)
    assert both.opens_s.max() == 120.0
    forever = hindrances_of(graph, [first, Hazard(area=hall, level=0)])
    assert forever.closes_s[both.opens_s > 0].max() == 0.0
    mild = hindrances_of(graph, [Hazard(area=hall, level=0, severity=0.3)])
    assert mild.detour.max() > 1.0
    assert np.array_equal(mild.closes_s, no_hindrances(graph).closes_s)


def test_people_inside_a_hazard_start_where_it_ends(graph: WalkGraph) -> None:
    hazard = Hazard(area=graph.site.zone("kitchen").polygon.buffer(2.0), level=0)
    blocked = nodes_inside(graph, [hazard])
    cells = [cell for cell in cells_of(graph, blocked=blocked) if cell.zone == "kitchen"]
    assert len(cells) == 1
    assert not blocked[cells[0].node]
    assert cells[0].walk_s > 0


def test_people_move_into_rooms_that_have_space(graph: WalkGraph, network: SiteNetwork) -> None:
    inward = hindrances_of(graph, [], inward=True)
    shelter = network.plan_graph(cells_of(graph), inward, shelters={"main-hall": 100, "ticket-hall": 50})
    plan = plan_evacuation(shelter, {"station-square": 120})
    by_room = {
        name: sum(g.people for g in plan.groups if g.safe == name)
        for name in ("shelter main-hall", "shelter ticket-hall")
    }
    assert sum(by_room.values()) == 120
    assert by_room["shelter main-hall"] <= 100


def test_storage_is_what_a_zone_holds_beside_its_own(graph: WalkGraph) -> None:
    holds = graph.site.zone("main-hall").capacity_people
    assert storage_of(graph, {"main-hall": 10})["main-hall"] == holds - 10
    assert storage_of(graph, {"main-hall": holds + 5})["main-hall"] == 0


def test_the_same_site_gives_the_same_plan_twice(graph: WalkGraph) -> None:
    def once() -> bytes:
        made = SiteNetwork(graph).plan_graph(
            cells_of(graph), no_hindrances(graph), storage=storage_of(graph, PEOPLE)
        )
        return msgspec.json.encode(msgspec.structs.replace(plan_evacuation(made, PEOPLE), compute_ms=0.0))

    assert once() == once()
