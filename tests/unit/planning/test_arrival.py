"""The compiled planner against plain Python, a linear program, and its own rules."""

import numpy as np
import pytest
from tests.unit.planning.networks import I8, least_total_steps, random_network

from s4allcities.planning.arrival import earliest_arrival
from s4allcities.planning.certificate import certify, cut_capacity, flow_faults
from s4allcities.planning.decompose import decompose
from s4allcities.planning.plain import earliest_arrival_plain
from s4allcities.planning.timed import TimedNetwork


@pytest.mark.parametrize("full_sinks", [False, True])
def test_the_compiled_planner_and_the_plain_one_agree(full_sinks: bool) -> None:
    for seed in range(150):
        network, supply, ready = random_network(seed, full_sinks=full_sinks)
        found = earliest_arrival(network, supply, ready=ready)
        plain = earliest_arrival_plain(network, supply, ready=ready)
        assert tuple(found.most.tolist()) == plain.most, seed
        assert found.left.sum() == plain.left, seed
        assert flow_faults(network, supply, found, ready=ready) == [], seed


def test_a_thousand_networks_have_the_least_sum_of_arrival_times() -> None:
    for seed in range(1000):
        network, supply, ready = random_network(seed)
        found = earliest_arrival(network, supply, ready=ready)
        served = int(found.arrive.sum())
        assert found.is_earliest, seed
        assert found.total_steps == least_total_steps(network, supply, ready, served), seed


@pytest.mark.parametrize("full_sinks", [False, True])
def test_every_plan_comes_with_a_cut_that_proves_it(full_sinks: bool) -> None:
    proven = 0
    for seed in range(300):
        network, supply, ready = random_network(seed, full_sinks=full_sinks)
        found = earliest_arrival(network, supply, ready=ready)
        certificate = certify(network, supply, found, ready=ready)
        if certificate is not None and certificate.step >= 0:
            assert certificate.proven, seed
            assert certificate.most == found.most[certificate.step], seed
            proven += 1
    assert proven > 150


def test_a_wrong_cut_is_refused_or_proves_nothing() -> None:
    network, supply, ready = random_network(7)
    found = earliest_arrival(network, supply, ready=ready)
    certificate = certify(network, supply, found, ready=ready)
    assert certificate is not None
    everything = np.ones_like(certificate.inside)
    all_pools, all_gates = np.ones_like(certificate.pools), np.ones_like(certificate.gates)
    most, _ = cut_capacity(network, supply, ready, certificate.step, everything, all_pools, all_gates)
    assert most >= supply.sum()
    with pytest.raises(ValueError, match="no cut"):
        cut_capacity(network, supply, ready, certificate.step, ~everything, ~all_pools, all_gates)


def test_the_check_finds_what_is_wrong_with_a_flow() -> None:
    network, supply, ready = next(
        case
        for case in map(random_network, range(100))
        if earliest_arrival(case[0], case[1], ready=case[2]).flow.sum() > 5
    )
    found = earliest_arrival(network, supply, ready=ready)
    found.flow[np.unravel_index(found.flow.argmax(), found.flow.shape)] += 50
    assert any("places" in fault for fault in flow_faults(network, supply, found, ready=ready))
    assert any("lost or made" in fault for fault in flow_faults(network, supply, found, ready=ready))


def test_groups_are_the_whole_flow_and_each_way_hangs_together() -> None:
    for seed in range(200):
        network, supply, ready = random_network(seed, full_sinks=seed % 2 == 1)
        found = earliest_arrival(network, supply, ready=ready)
        groups = decompose(network, found)
        by_source = np.zeros_like(supply)
        for group in groups:
            by_source[group.source] += group.people
            here = group.source
            for arc in group.arcs:
                assert network.tail[arc] == here
                here = int(network.head[arc])
            assert here == group.sink
            walk = int(network.transit[list(group.arcs)].sum())
            assert all(end - start >= walk and start >= ready[group.source] for start, end, _ in group.slots)
        assert (by_source + found.left == supply).all(), seed


def one_door(places: int, steps: int, *, storage: int = -1) -> TimedNetwork:
    """Room - hall - street: two arcs, the second the narrower."""
    return TimedNetwork(
        tail=np.array([0, 1], np.int32),
        head=np.array([1, 2], np.int32),
        transit=np.array([1, 1], np.int32),
        places=np.array([[10] * steps, [places] * steps], np.int32),
        storage=np.array([-1, storage, -1], np.int64),
        sinks=np.array([2], np.int32),
        sink_capacity=np.array([-1], np.int64),
        step_s=5.0,
        offset_s=np.zeros(3),
        loss_s=np.zeros(2),
    )


def supply_of(*people: int) -> I8:
    """Give people by node."""
    return np.array(people, np.int64)


def test_a_hall_is_never_filled_beyond_what_it_holds() -> None:
    found = earliest_arrival(one_door(2, 40, storage=3), supply_of(30, 0, 0))
    assert found.hold[1].max() <= 3
    assert found.last == 2 + 14  # fifteen steps of two people, the first of them after two steps of walking


def test_those_who_go_first_are_served_as_if_alone() -> None:
    network = one_door(2, 40)
    alone = earliest_arrival(network, supply_of(6, 0, 0))
    later = earliest_arrival(network, supply_of(10, 0, 0), taken=(alone.flow, alone.hold))
    assert (alone.flow + later.flow <= network.places).all()
    assert later.last == 2 + 7


@pytest.mark.parametrize("supply", [supply_of(1, 0), supply_of(-1, 0, 0)])
def test_people_that_do_not_fit_the_network_are_refused(supply: I8) -> None:
    with pytest.raises(ValueError, match="allowed: 3, 0 or more"):
        earliest_arrival(one_door(2, 4), supply)
