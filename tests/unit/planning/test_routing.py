"""The route planner: capacities hold, closed arcs stay unused, everybody is accounted for."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.planning.routing import Network, RoutePlan, plan_routes, plan_routes_python

INF = np.inf


def network(arcs: list[tuple[int, int, float, float, float]], nodes: int, sinks: tuple[int, ...]) -> Network:
    """Make a network of (tail, head, transit, capacity, closes)."""
    columns = [[arc[k] for arc in arcs] for k in range(5)]
    is_sink = np.zeros(nodes, bool)
    is_sink[list(sinks)] = True
    return Network(
        tail=np.array(columns[0], np.int32),
        head=np.array(columns[1], np.int32),
        transit_s=np.array(columns[2], float),
        capacity_ps=np.array(columns[3], float),
        closes_s=np.array(columns[4], float),
        is_sink=is_sink,
    )


def people(nodes: int, **at: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Give the supply of nodes named n0, n1..."""
    supply = np.zeros(nodes, np.int64)
    for name, count in at.items():
        supply[int(name[1:])] = count
    return supply


def test_one_door_takes_as_long_as_its_capacity_says() -> None:
    plan = plan_routes(network([(0, 1, 2.0, 1.0, INF)], 2, (1,)), people(2, n0=60))
    assert sum(group.people for group in plan.groups) == 60
    assert 60 - 5 <= plan.clearance_s <= 60 + 2


def test_people_share_two_doors() -> None:
    doors = network([(0, 1, 2.0, 1.0, INF), (0, 2, 2.0, 1.0, INF)], 3, (1, 2))
    plan = plan_routes(doors, people(3, n0=60))
    by_end = Counter()  # type: ignore[var-annotated]
    for group in plan.groups:
        by_end[group.arcs[-1]] += group.people
    assert by_end[0] == by_end[1] == 30
    assert plan.clearance_s < 40


def test_a_closed_arc_is_not_used_and_a_closing_one_only_before() -> None:
    plan = plan_routes(network([(0, 1, 2.0, INF, 0.0), (0, 2, 50.0, INF, INF)], 3, (1, 2)), people(3, n0=5))
    assert {group.arcs for group in plan.groups} == {(1,)}
    plan = plan_routes(network([(0, 1, 2.0, 1.0, 12.0), (0, 2, 50.0, INF, INF)], 3, (1, 2)), people(3, n0=40))
    through = [group for group in plan.groups if group.arcs == (0,)]
    assert sum(group.people for group in through) == 10  # two bins of 5 s end before it closes
    assert all(group.arrival_s <= 12 for group in through)


def test_who_has_no_way_is_named() -> None:
    plan = plan_routes(network([(0, 1, 2.0, 1.0, 0.0)], 2, (1,)), people(2, n0=7))
    assert plan.groups == ()
    assert plan.stranded == {0: 7}


@pytest.mark.parametrize("bad", [np.array([1, -1]), np.array([1])])
def test_a_wrong_supply_is_refused(bad: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
    with pytest.raises(ValueError, match="allowed"):
        plan_routes(network([(0, 1, 2.0, 1.0, INF)], 2, (1,)), bad)


def test_arrays_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="transit_s has 1"):
        Network(
            tail=np.zeros(2, np.int32), head=np.zeros(2, np.int32), transit_s=np.zeros(1),
            capacity_ps=np.zeros(2), closes_s=np.zeros(2), is_sink=np.zeros(1, bool),
        )  # fmt: skip


ARC = st.tuples(
    st.integers(0, 5),
    st.integers(0, 5),
    st.floats(0, 20),
    st.sampled_from([0.0, 0.3, 1.0, 2.5, INF]),
    st.sampled_from([0.0, 30.0, INF, INF]),
)


@given(arcs=st.lists(ARC, max_size=14), supply=st.lists(st.integers(0, 25), min_size=6, max_size=6))
def test_invariants(arcs: list[tuple[int, int, float, float, float]], supply: list[int]) -> None:
    net = network(arcs, 6, (5,))
    given_people = np.array(supply, np.int64)
    plan = plan_routes(net, given_people, horizon_s=600.0)
    assert plan == plan_routes_python(net, given_people, horizon_s=600.0)
    _everybody_is_counted(plan, given_people)
    _paths_hold_together(plan, net)
    _no_bin_is_overbooked(plan, net)


def _everybody_is_counted(plan: RoutePlan, supply: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
    moved = Counter()  # type: ignore[var-annotated]
    for group in plan.groups:
        assert group.people > 0
        moved[group.source] += group.people
    for node, count in enumerate(supply):
        assert moved[node] + plan.stranded.get(node, 0) == count


def _paths_hold_together(plan: RoutePlan, net: Network) -> None:
    for group in plan.groups:
        here = group.source
        for arc in group.arcs:
            assert net.tail[arc] == here
            here = int(net.head[arc])
            assert net.closes_s[arc] > 0
        assert net.is_sink[here]
        assert (
            group.arrival_s <= min([*net.closes_s[list(group.arcs)], 600.0])
            or net.closes_s[group.arcs[-1]] > 600
        )


def _no_bin_is_overbooked(plan: RoutePlan, net: Network) -> None:
    """Re-walk each group with waiting and check that no arc lets more through than capacity x time."""
    for arc in range(len(net.tail)):
        if not np.isfinite(net.capacity_ps[arc]):
            continue
        through = sum(group.people for group in plan.groups if arc in group.arcs)
        last = max((group.arrival_s for group in plan.groups if arc in group.arcs), default=0.0)
        assert through <= net.capacity_ps[arc] * (last + 5.0) + 1e-6
