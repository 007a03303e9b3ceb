"""Rounding to steps: never too quick, and shortest ways lose nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.planning.timed import TimedNetwork, arc_places, time_network

SECONDS = st.floats(0.0, 60.0, allow_nan=False)


def chain(times: list[float], step_s: float) -> TimedNetwork:
    """A way of arcs to one sink."""
    m = len(times)
    return time_network(
        tail=np.arange(m, dtype=np.int32),
        head=np.arange(1, m + 1, dtype=np.int32),
        transit_s=np.array(times),
        capacity_ps=np.full(m, np.inf),
        sinks=np.array([m], np.int32),
        storage=np.full(m + 1, -1),
        step_s=step_s,
        steps=20,
    )


@given(st.lists(SECONDS, min_size=1, max_size=30), st.sampled_from([1.0, 5.0, 20.0]))
def test_a_shortest_way_of_many_short_arcs_loses_nothing(times: list[float], step_s: float) -> None:
    network = chain(times, step_s)
    assert network.loss_s.max() < 1e-6 * max(1.0, sum(times))
    late = network.offset_s[0] + sum(times)
    assert network.transit.sum() * step_s == pytest.approx(late, abs=1e-5)


@given(st.lists(SECONDS, min_size=3, max_size=3), SECONDS)
def test_no_way_is_made_shorter_and_each_arc_loses_less_than_a_step(
    times: list[float], detour: float
) -> None:
    network = time_network(
        tail=np.array([0, 1, 0], np.int32),
        head=np.array([1, 2, 2], np.int32),
        transit_s=np.array([*times[:2], times[2] + detour]),
        capacity_ps=np.ones(3),
        sinks=np.array([2], np.int32),
        storage=np.full(3, -1),
    )
    assert (network.loss_s < 5.0 + 1e-6).all()
    real = np.array([*times[:2], times[2] + detour])
    shift = network.offset_s[network.head] - network.offset_s[network.tail]
    assert (network.transit * 5.0 + shift >= real - 1e-6).all()


@given(st.floats(0.0, 20.0), st.integers(1, 60))
def test_places_never_exceed_capacity_times_time(capacity_ps: float, steps: int) -> None:
    none = np.zeros(1)
    places = arc_places(np.array([capacity_ps]), none, np.array([np.inf]), none, 5.0, steps)[0]
    for start in range(steps):
        sums = np.cumsum(places[start:])
        assert (sums <= capacity_ps * 5.0 * np.arange(1, len(sums) + 1) + 1 + 1e-6).all()
    assert places.sum() <= capacity_ps * 5.0 * steps + 1e-6


def test_an_arc_is_left_before_it_closes() -> None:
    places = arc_places(np.array([1.0]), np.array([7.0]), np.array([30.0]), np.array([6.0]), 5.0, 8)
    assert places[0].tolist() == [0, 0, 5, 5, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("transit_s", "capacity_ps"), [(np.nan, 1.0), (-1.0, 1.0), (1.0, np.nan), (1.0, -2.0)]
)
def test_figures_that_make_no_sense_are_refused(transit_s: float, capacity_ps: float) -> None:
    with pytest.raises(ValueError, match="allowed are"):
        time_network(
            tail=np.array([0], np.int32),
            head=np.array([1], np.int32),
            transit_s=np.array([transit_s]),
            capacity_ps=np.array([capacity_ps]),
            sinks=np.array([1], np.int32),
            storage=np.full(2, -1),
        )


def test_arrays_that_do_not_fit_are_refused() -> None:
    whole = chain([1.0, 2.0], 5.0)
    fields = {name: getattr(whole, name) for name in TimedNetwork.__dataclass_fields__}
    with pytest.raises(ValueError, match=r"head has 1 entries; allowed is 2"):
        TimedNetwork(**(fields | {"head": whole.head[:1]}))
    with pytest.raises(ValueError, match="names node 9"):
        TimedNetwork(**(fields | {"head": np.array([1, 9], np.int32)}))
