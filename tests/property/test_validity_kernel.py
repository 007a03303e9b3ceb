"""The compiled kernel and its plain twin hold the same against any readings."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.detection.feeds import Row, at, batch_of

from s4allcities.detection.validity import ValidityStage, validity_config
from s4allcities.detection.validity import _layout as layout
from s4allcities.detection.validity.plain import PlainSeries

CONFIG = validity_config({"stuck_readings": 3, "stuck_s": {"co_ppm": 5.0}, "rate_least_per_s": 0.5})
LOW, HIGH = CONFIG.bounds["co_ppm"]
NAMES = {layout.RANGE: "range", layout.STUCK: "stuck", layout.RATE: "rate"}

readings = st.tuples(
    st.sampled_from(["a", "b"]),
    st.integers(-40, 200),
    st.sampled_from([1.0, 2.0, -5.0, 3000.0, math.nan]),
    st.sampled_from([0, 0, 0, 1, 2]),
)


@given(st.lists(st.lists(readings, min_size=1, max_size=12), max_size=8))
def test_the_kernel_marks_what_the_plain_twin_marks(feed: list[list[tuple[str, int, float, int]]]) -> None:
    stage = ValidityStage(CONFIG)
    state = stage.start()
    plain = {name: PlainSeries(CONFIG, LOW, HIGH, CONFIG.stuck_s["co_ppm"]) for name in "ab"}
    for number, rows in enumerate(feed):
        now_us = at(10 * number)
        batch = batch_of([reading(sensor, t, value) for sensor, t, value, _ in rows])
        batch.quality[:] = [quality for *_, quality in rows]
        marks = stage._run(state, stage._rows(state, batch, now_us), batch, now_us).marks
        for mark, (sensor, t, value, quality) in zip(marks.tolist(), rows, strict=True):
            said = {name for bit, name in NAMES.items() if mark & bit}
            assert said == plain[sensor].step(at(t), value, quality, now_us)
    for sensor, series in plain.items():
        if series.count:
            row = state.row[sensor, "co_ppm"]
            assert state.ints[row, layout.COUNT] == series.count
            assert np.isclose(state.floats[row, layout.INTERVAL_S], series.interval_s)


def reading(sensor: str, t: int, value: float) -> Row:
    return (sensor, "co_ppm", float(t), value)
