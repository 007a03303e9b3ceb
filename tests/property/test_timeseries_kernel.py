"""The compiled kernel and its plain twin say the same of any series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.detection.feeds import Row, at, batch_of

from s4allcities.detection.timeseries import TimeseriesStage, timeseries_config
from s4allcities.detection.timeseries._layout import LEVEL, SCALE
from s4allcities.detection.timeseries.plain import PlainSeries
from s4allcities.domain import Detection

QUANTITIES = ("smoke_pct_m", "co_ppm", "heat_c", "people", "out_per_min", "in_per_min", "strain_um")
CONFIG = timeseries_config({"unknown": {"warm_up": 5, "hold_s": 12.0}})

reading = st.tuples(
    st.sampled_from(QUANTITIES),
    st.sampled_from([0.5, 1.0, 2.0, 0.0, -3.0, 90.0]),
    st.one_of(
        st.floats(0, 60), st.floats(-1e6, 1e6), st.sampled_from([float("nan"), float("inf"), 1e300, -1e300])
    ),
)
run = st.tuples(st.sampled_from(QUANTITIES), st.floats(0, 300), st.integers(1, 12)).map(
    lambda it: [(it[0], 1.0, it[1])] * it[2]
)


@given(st.lists(st.one_of(reading.map(lambda it: [it]), run), max_size=40))
def test_kernel_and_twin_agree(parts: list[list[tuple[str, float, float]]]) -> None:
    rows: list[Row] = []
    seconds = 0.0
    for quantity, step_s, value in [each for part in parts for each in part]:
        seconds += step_s
        rows.append(("s", quantity, seconds, value))
    now_us = at(seconds + 100)
    plain = {name: PlainSeries(CONFIG.quantities.get(name, CONFIG.unknown), CONFIG) for name in QUANTITIES}
    plain["in_per_min"].partner = plain["out_per_min"]
    expected = [
        (at(t), side)
        for _, quantity, t, value in rows
        for side in sorted(plain[quantity].step(at(t), value, now_us), reverse=True)
    ]

    stage = TimeseriesStage(CONFIG)
    state = stage.start()
    events = stage.step(state, batch_of(rows), now_us) if rows else []

    said = [
        (e.t_us, "fall" if e.kind == "people-drop" else "rise") for e in events if isinstance(e, Detection)
    ]
    known = [(t, side) for t, side in expected]
    assert [t for t, _ in said] == [t for t, _ in known]
    for (_, quantity), column in state.column.items():
        assert state.floats[LEVEL, column] == pytest.approx(plain[quantity].usual, rel=1e-9, abs=1e-12)
        assert state.floats[SCALE, column] == pytest.approx(plain[quantity].scale, rel=1e-9, abs=1e-12)
    assert np.all(np.isfinite(state.floats))
