"""The clearance ensemble against hand calculation, and its order of magnitude against physics."""

import numpy as np
import pytest

from s4allcities.simulation.clearance import RouteChain, Uncertainty, clearance_band

SURE = Uncertainty(count=0.0, capacity=0.0, speed=0.0, reaction_median_s=1e-6, reaction_log_sigma=1e-6)


def rng() -> np.random.Generator:
    """Give the same draws each time."""
    return np.random.default_rng(7)


def test_one_door_without_uncertainty_is_people_over_capacity() -> None:
    chain = RouteChain(people=130, walk_s=(0.0, 0.0), narrows=(0,), gaps_s=())
    band = clearance_band((chain,), np.array([1.3]), rng=rng(), uncertainty=SURE)
    assert band.p50_s == pytest.approx(100, abs=1)
    assert band.p95_s == band.p50_s


def test_a_second_door_in_a_row_adds_its_walk_when_it_is_wider() -> None:
    chain = RouteChain(people=130, walk_s=(0.0, 0.0), narrows=(0, 1), gaps_s=(30.0,))
    band = clearance_band((chain,), np.array([1.3, 5.0]), rng=rng(), uncertainty=SURE)
    assert band.p50_s == pytest.approx(130, abs=3)


def test_two_routes_share_a_door() -> None:
    one = RouteChain(people=65, walk_s=(0.0, 0.0), narrows=(0,), gaps_s=())
    band = clearance_band((one, one), np.array([1.3]), rng=rng(), uncertainty=SURE)
    assert band.p50_s == pytest.approx(100, abs=1)
    assert band.longest_queue == pytest.approx(130, abs=1)


def test_without_a_narrow_place_walking_decides() -> None:
    chain = RouteChain(people=50, walk_s=(5.0, 40.0), narrows=(), gaps_s=())
    band = clearance_band((chain,), np.zeros(0), rng=rng(), uncertainty=SURE)
    assert band.p50_s == pytest.approx(40, abs=2)


def test_uncertainty_widens_the_band_and_the_same_seed_gives_it_again() -> None:
    chain = RouteChain(people=400, walk_s=(5.0, 40.0), narrows=(0,), gaps_s=())
    first = clearance_band((chain,), np.array([2.0]), rng=rng())
    assert first == clearance_band((chain,), np.array([2.0]), rng=rng())
    assert first.p50_s is not None
    assert first.p95_s is not None
    assert first.p95_s > 1.1 * first.p50_s
    assert first.runs == 200


def test_a_shut_door_never_clears_and_says_so() -> None:
    chain = RouteChain(people=10, walk_s=(1.0, 2.0), narrows=(0,), gaps_s=())
    band = clearance_band((chain,), np.array([0.0]), rng=rng(), horizon_s=300)
    assert band.p50_s is None
    assert band.p95_s is None


def test_nobody_is_clear_at_once_and_unknown_doors_are_refused() -> None:
    assert clearance_band((), np.zeros(0), rng=rng()).p50_s == 0.0
    with pytest.raises(ValueError, match=r"outside 0\.\.0"):
        clearance_band((RouteChain(1, (0.0, 1.0), (3,), ()),), np.array([1.0]), rng=rng())
