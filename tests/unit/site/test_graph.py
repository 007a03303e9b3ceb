"""What must hold of every walking graph, and of the demo site's in particular."""

import time
from pathlib import Path

import numpy as np
import pytest
import shapely

from s4allcities.site import ArcKind, Site, WalkGraph, build_graph, load_site, reachable
from s4allcities.site.arrays import B1, I4
from s4allcities.site.lattice import lattice_of

from .conftest import HELSINKI

SMOKE_RADIUS_M = 12.0


def sinks(graph: WalkGraph) -> I4:
    return np.flatnonzero(graph.is_sink).astype(np.int32)


def disc(graph: WalkGraph, zone: str) -> B1:
    """Nodes in smoke when the middle of a zone burns: those of its level, and outdoors only if it is outdoors."""
    middle = graph.site.zone(zone)
    near = np.hypot(graph.x_m - middle.x_m, graph.y_m - middle.y_m) < SMOKE_RADIUS_M
    smoke: B1 = near & (graph.level == middle.level) & ((graph.zone >= 0) | middle.outdoor)
    return smoke


def test_arcs_come_in_pairs(helsinki_graph: WalkGraph) -> None:
    graph, arcs = helsinki_graph, np.arange(helsinki_graph.n_arcs)
    assert np.array_equal(graph.tail, graph.head[arcs ^ 1])
    for column in (graph.length_m, graph.width_m, graph.time_s, graph.capacity_ps, graph.kind, graph.opening):
        assert np.array_equal(column, column[arcs ^ 1])


def test_figures_are_positive_and_finite(helsinki_graph: WalkGraph) -> None:
    graph = helsinki_graph
    for column in (graph.length_m, graph.width_m, graph.time_s, graph.capacity_ps):
        assert np.isfinite(column).all()
        assert (column > 0).all()
    assert (graph.tail != graph.head).all()


def test_floor_arcs_stay_inside_their_zone(helsinki_graph: WalkGraph) -> None:
    graph = helsinki_graph
    for index, zone in enumerate(graph.site.zones):
        own = (
            (graph.kind == ArcKind.FLOOR)
            & (graph.zone[graph.tail] == index)
            & (graph.zone[graph.head] == index)
        )
        ends = [
            np.column_stack([graph.x_m[node[own]], graph.y_m[node[own]]]) for node in (graph.tail, graph.head)
        ]
        room = zone.polygon.buffer(1.61)  # thresholds lie in the wall
        assert shapely.covers(room, shapely.linestrings(np.stack(ends, axis=1))).all(), zone.slug


def test_everything_hangs_together(helsinki_graph: WalkGraph) -> None:
    graph = helsinki_graph
    assert reachable(graph, np.array([0], np.int32)).all()


def test_zones_have_enough_nodes_to_walk_round_a_hazard(helsinki_graph: WalkGraph) -> None:
    for zone in helsinki_graph.site.zones:
        assert len(helsinki_graph.nodes_of_zone(zone.slug)) >= 10, zone.slug


def test_each_indoor_zone_reaches_two_exits_and_two_assembly_points(helsinki_graph: WalkGraph) -> None:
    graph = helsinki_graph
    through_exits = np.isin(graph.opening, [each.opening for each in graph.exits])
    for zone in graph.site.zones:
        if zone.outdoor:
            continue
        within = reachable(graph, graph.nodes_of_zone(zone.slug), blocked_arcs=through_exits)
        exits = [each for each in graph.exits if within[each.inside]]
        assert len(exits) >= 2, zone.slug
        outside = reachable(
            graph, np.array([each.outside for each in exits], np.int32), blocked_arcs=through_exits
        )
        assert outside[sinks(graph)].sum() >= 2, zone.slug


@pytest.mark.parametrize("zone", [zone.slug for zone in load_site(HELSINKI).zones])
def test_smoke_in_any_zone_and_a_lost_exit_leave_all_others_a_way_out(
    helsinki_graph: WalkGraph, zone: str
) -> None:
    graph, smoke = helsinki_graph, disc(helsinki_graph, zone)
    lost = np.zeros(graph.n_arcs, bool)
    lost[graph.arcs_of_opening("exit-j")] = True
    saved = reachable(graph, sinks(graph), blocked_nodes=smoke, blocked_arcs=lost)
    assert smoke.any()
    for other in graph.site.zones:
        nodes = graph.nodes_of_zone(other.slug)
        clear = nodes[~smoke[nodes]]
        if other.slug != zone:
            assert saved[clear].all(), f"{other.slug} is cut off by smoke in {zone}"
        elif len(clear):  # the stairs to a lost exit are a dead end, no more
            assert saved[clear].mean() > 0.85, f"smoke in the middle of {zone} traps its own people"


def test_a_jam_concerns_other_arcs_on_each_street(helsinki_graph: WalkGraph) -> None:
    arcs = {
        street: set(helsinki_graph.street_arcs(street).tolist())
        for street in ("kaivokatu", "mannerheimintie", "simonkatu", "postikatu", "keskuskatu")
    }
    assert all(arcs.values())
    assert len({frozenset(each) for each in arcs.values()}) == len(arcs)


@pytest.mark.parametrize(("street", "lost"), [("kaivokatu", {"M", "N", "O"}), ("mannerheimintie", {"F"})])
def test_a_jam_cuts_off_the_exits_on_its_islands_and_no_others(
    helsinki_graph: WalkGraph, street: str, lost: set[str]
) -> None:
    graph = helsinki_graph
    closed = np.isin(graph.opening, [each.opening for each in graph.exits])
    closed[graph.street_arcs(street)] = True
    saved = reachable(graph, sinks(graph), blocked_arcs=closed)
    assert {each.letter for each in graph.exits if not saved[each.outside]} == lost


def test_arcs_that_lead_in(helsinki_graph: WalkGraph) -> None:
    graph = helsinki_graph
    assert graph.leads_in.sum() == len(graph.exits)
    assert (graph.level[graph.tail[graph.leads_in]] == 0).all()
    assert not graph.leads_in[[each.arc for each in graph.exits]].any()


def test_names_lead_to_nodes_and_arcs(helsinki_graph: WalkGraph) -> None:
    graph = helsinki_graph
    (exit_j,) = (each for each in graph.exits if each.letter == "J")
    assert graph.tail[exit_j.arc] == exit_j.inside
    assert graph.head[exit_j.arc] == exit_j.outside
    assert set(graph.arcs_of_opening("exit-j")) == {exit_j.arc, exit_j.arc ^ 1}
    assert set(graph.assembly_nodes()) == {each.slug for each in graph.site.assembly}
    hall = graph.site.zone("ticket-hall")
    nearest = graph.nearest_node(hall.x_m, hall.y_m, hall.level)
    assert nearest in graph.nodes_of_zone("ticket-hall")
    out = graph.by_tail[graph.first_out[nearest] : graph.first_out[nearest + 1]]
    assert len(out)
    assert (graph.tail[out] == nearest).all()


def test_streets_have_a_node_every_twelve_metres(helsinki_graph: WalkGraph) -> None:
    graph = helsinki_graph
    on_street = (graph.kind == ArcKind.STREET) & (graph.opening < 0) & (graph.street >= 0)
    mapped = on_street & (graph.zone[graph.tail] < 0)
    exits = np.isin(graph.tail, [each.outside for each in graph.exits])
    exits |= np.isin(graph.head, [each.outside for each in graph.exits])
    assert graph.length_m[mapped & ~exits].max() <= 12.0 + 1e-6


def test_building_is_deterministic_and_quick(helsinki: Site, helsinki_graph: WalkGraph) -> None:
    started = time.process_time()
    again = build_graph(helsinki)
    assert time.process_time() - started < 1.5  # 0.3 s on an idle machine
    for name in ("x_m", "tail", "head", "time_s", "capacity_ps", "zone"):
        assert np.array_equal(getattr(again, name), getattr(helsinki_graph, name))


def test_stairs_are_slower_and_narrower_than_doors(tiny_site: Path) -> None:
    graph = build_graph(load_site(tiny_site))
    (door, *_), (stair, *_) = np.flatnonzero(graph.opening == 1), np.flatnonzero(graph.kind == ArcKind.STAIR)
    assert graph.capacity_ps[door] == pytest.approx(1.3 * 3.7)
    assert graph.capacity_ps[stair] == pytest.approx(1.2 * 51.8 / 60 * (0.29 / 0.17) ** 0.5 / (4 * 0.266))
    assert graph.time_s[stair] == pytest.approx(graph.length_m[stair] / 0.7)
    assert graph.length_m[stair] >= 3.4 / 0.17 * np.hypot(0.17, 0.29) - 1e-9


@pytest.mark.parametrize(("width_m", "length_m"), [(4.0, 40.0), (7.0, 60.0), (30.0, 50.0)])
def test_a_lattice_carries_what_the_room_carries(width_m: float, length_m: float) -> None:
    """Across any section the links share the room's width, whatever their number."""
    room = shapely.box(0.3, 0.7, length_m, 0.7 + width_m)
    xy_m, pairs, shared_m = lattice_of(room)
    for x in np.arange(8.0, length_m - 8.0, 3.1):
        start, end = xy_m[pairs[:, 0], 0], xy_m[pairs[:, 1], 0]
        crossing = (np.minimum(start, end) < x) & (np.maximum(start, end) > x)
        assert 0.55 * width_m < shared_m[crossing].sum() < 1.35 * width_m


def test_a_lattice_of_odd_rooms_is_in_one_piece() -> None:
    hook = shapely.LineString([(0, 0), (30, 3), (33, 40), (10, 44)]).buffer(1.6, cap_style="flat")
    ring = shapely.Point(0, 0).buffer(30).difference(shapely.Point(0, 0).buffer(26))
    for room in (hook, ring, shapely.box(0, 0, 1.0, 1.0), shapely.box(0, 0, 60, 1.4)):
        xy_m, pairs, width_m = lattice_of(room)
        assert shapely.intersects_xy(room, xy_m[:, 0], xy_m[:, 1]).all()
        label = np.arange(len(xy_m))
        for _ in range(len(xy_m)):
            np.minimum.at(label, pairs[:, 0], label[pairs[:, 1]])
            np.minimum.at(label, pairs[:, 1], label[pairs[:, 0]])
        assert (label == 0).all()
        assert (width_m > 0).all()
