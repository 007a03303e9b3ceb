from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.detection.feeds import Row, Spec, at, batch_of, feed_of

from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.config import ConfigError
from s4allcities.detection.timeseries import TimeseriesStage, timeseries_config
from s4allcities.detection.timeseries.kernel import step_rows
from s4allcities.domain import Detection, ObservationBatch, Series

SENSORS = {
    "smoke-12": Spec(slug="smoke-12", name="SMOKE-12"),
    "co-31": Spec(slug="co-31", name="CO-31"),
    "exit-c-counter": Spec(slug="exit-c-counter", name="EXIT-C", family="people", covers=("exit-c",)),
}


def detections(rows: list[Row], family: str = "env", **options: object) -> list[Detection]:
    stage = TimeseriesStage(sensors=SENSORS, **options)  # type: ignore[arg-type]
    steps, _ = run_stage(stage, feed_of(rows, family))
    return [event for events in steps for event in events if isinstance(event, Detection)]


def noisy(
    sensor: str,
    quantity: str,
    shape: Callable[[float], float],
    sigma: float,
    seconds: int,
    every_s: float = 1.0,
) -> list[Row]:
    random = np.random.default_rng(len(sensor) + seconds)
    times = np.arange(0, seconds, every_s)
    return [(sensor, quantity, float(t), shape(float(t)) + float(random.normal(0, sigma))) for t in times]


def ramp(start_s: float, over_s: float, low: float, high: float) -> Callable[[float], float]:
    return lambda t: low + (high - low) * min(1.0, max(0.0, (t - start_s) / over_s))


FIRE: list[Row] = [
    *noisy("smoke-12", "smoke_pct_m", ramp(120, 10, 0.2, 12.0), 0.05, 180),
    *noisy("co-31", "co_ppm", ramp(120, 10, 4.0, 92.0), 0.8, 180),
    *noisy("heat-4", "heat_c", ramp(120, 10, 21.0, 60.0), 0.2, 180),
]


def test_a_fire_is_seen_within_seconds_by_each_of_its_signs() -> None:
    found = detections(FIRE)
    first = {kind: next(d for d in found if d.kind == kind) for kind in ("smoke", "co", "heat")}
    assert {d.kind for d in found} == set(first)
    assert all(at(120) < d.t_us <= at(126) for d in first.values())
    last = [d for d in found if d.kind == "smoke"][-1]
    assert last.confidence > 0.9


def test_a_detection_says_what_where_and_in_plain_words() -> None:
    co = [d for d in detections(FIRE) if d.kind == "co"][-1]
    assert co.text.startswith("CO-31: 9")
    assert co.text.endswith(" ppm, usual 4.8")
    assert co.usual is not None
    assert (co.group, co.place.zone, co.place.level, co.place.x_m) == (
        "co@ticket-hall",
        "ticket-hall",
        -1,
        10.0,
    )
    assert co.unit == "ppm"
    assert co.usual == pytest.approx(4, abs=1)
    assert co.id == ""


def test_it_is_said_again_every_five_seconds_and_not_after_the_end() -> None:
    rows = noisy("smoke-12", "smoke_pct_m", lambda t: 9.0 if 60 <= t < 100 else 0.2, 0.05, 200)
    times = [d.t_us for d in detections(rows)]
    assert set(np.diff(times)) == {5_000_000}
    assert at(60) < times[0] <= at(63)
    assert times[-1] < at(100)


def test_a_smoky_kitchen_is_said_with_low_confidence_at_most() -> None:
    rows = noisy("smoke-12", "smoke_pct_m", ramp(100, 120, 0.2, 1.25), 0.08, 3600)
    assert max((d.confidence for d in detections(rows)), default=0.0) < 0.3


def test_a_fire_that_burns_before_the_start_is_not_taken_as_usual() -> None:
    found = detections(noisy("co-31", "co_ppm", lambda t: 120.0, 2.0, 10))
    assert found
    assert found[0].kind == "co"
    assert found[0].usual == 15.0
    assert found[0].confidence < 0.3
    assert "never low since first heard" in found[0].text


def test_an_exit_that_empties_is_a_drop_and_one_where_people_come_back_a_turn() -> None:
    out = noisy("exit-c-counter", "out_per_min", lambda t: 38.0 if t < 300 else 1.0, 2.0, 400, 2)
    back = noisy("exit-c-counter", "in_per_min", lambda t: 12.0 if t < 320 else 40.0, 2.0, 400, 2)
    found = detections(out + back, "people")
    first = {kind: next(d for d in found if d.kind == kind) for kind in ("people-drop", "crowd-turn-back")}
    assert at(300) < first["people-drop"].t_us < at(312)
    assert at(320) < first["crowd-turn-back"].t_us < at(340)
    assert first["people-drop"].place.entities == ("exit-c-counter", "exit-c")
    assert " people a minute out, usual 37" in first["people-drop"].text


def test_more_people_coming_in_are_no_turn_back_while_people_still_leave() -> None:
    out = noisy("exit-c-counter", "out_per_min", lambda t: 38.0, 2.0, 400, 2)
    back = noisy("exit-c-counter", "in_per_min", lambda t: 12.0 if t < 320 else 40.0, 2.0, 400, 2)
    assert not detections(out + back, "people")


def test_a_day_of_coming_and_going_is_no_drop() -> None:
    rows = noisy("hall", "people", lambda t: 200 + 180 * float(np.sin(t / 3600 * np.pi)), 5.0, 4 * 3600, 2)
    assert not detections(rows, "people")


def test_a_crowd_is_judged_by_the_area_of_its_zone() -> None:
    rows = noisy("hall", "people", lambda t: 150.0 if t < 60 else 560.0, 4.0, 90, 2)
    found = detections(rows, "people", zone_area_m2={"ticket-hall": 100.0})
    assert {d.kind for d in found} == {"crowd-density"}
    assert found[-1].confidence > 0.6
    assert not detections(rows, "people")


def test_an_unknown_quantity_that_steps_is_an_anomaly_until_it_is_the_new_usual() -> None:
    rows = noisy("vibration-1", "strain_um", lambda t: 50.0 if t < 600 else 80.0, 1.0, 1500)
    found = detections(rows)
    assert {d.kind for d in found} == {"sensor-anomaly"}
    assert at(600) < found[0].t_us < at(606)
    assert found[-1].t_us < at(600 + 130)


@pytest.mark.parametrize("first", [0.0, 0.02, 0.09])
def test_whatever_an_unknown_quantity_reads_first_its_noise_is_learnt(first: float) -> None:
    rows = [
        (sensor, "flame", t, max(0.0, value))
        for sensor, _, t, value in noisy("n", "flame", lambda _: 0.02, 0.015, 900)
    ]
    rows[0] = ("n", "flame", 0.0, first)
    assert not detections(list(rows), "building")


def test_negative_values_are_watched_as_well() -> None:
    rows = noisy("heat-out", "heat_c", lambda t: -20.0 if t < 100 else 0.0, 0.2, 140)
    assert {d.kind for d in detections(rows)} == {"heat"}


def test_families_and_quantities_can_be_left_out() -> None:
    rows = noisy("street-1", "speed_kmh", lambda t: 40.0 if t < 600 else 2.0, 1.0, 900)
    assert not detections(rows, "env")
    assert not detections(rows, "traffic")


def test_late_doubled_future_and_bad_readings_are_left_out_and_counted() -> None:
    stage = TimeseriesStage()
    state = stage.start()
    good: list[Row] = [("co-31", "co_ppm", float(t), 4.0) for t in range(5)]
    stage.step(state, batch_of(good), at(5))
    usual = state.floats.copy()
    late: list[Row] = [("co-31", "co_ppm", 1.0, 400.0), ("co-31", "co_ppm", 4.0, 400.0)]
    future: list[Row] = [("co-31", "co_ppm", 1e6, 400.0)]
    assert stage.step(state, batch_of(late + future), at(5)) == []
    bad = msgspec.structs.replace(
        batch_of([("co-31", "co_ppm", 6.0, 400.0)]), quality=np.full(1, 2, np.uint8)
    )
    assert stage.step(state, bad, at(6)) == []
    assert state.left_out == 4
    assert np.array_equal(state.floats, usual)


def test_series_beyond_the_limit_are_refused_and_counted() -> None:
    stage = TimeseriesStage(timeseries_config({"series_most": 2}))
    state = stage.start()
    stage.step(state, batch_of([(f"s{i}", "co_ppm", 0.0, 4.0) for i in range(5)]), at(1))
    assert len(state) == 2
    assert state.refused == 3


def test_columns_grow() -> None:
    stage = TimeseriesStage()
    state = stage.start()
    for second in range(3):
        rows: list[Row] = [(f"s{i}", "co_ppm", float(second), 200.0) for i in range(300)]
        events = stage.step(state, batch_of(rows), at(second))
    assert len(events) == 300
    assert np.all(state.floats[0, :300] == 15.0)
    assert stage.snapshot(stage.restore(stage.snapshot(state))) == stage.snapshot(state)


def test_a_wrong_setting_is_one_clear_line() -> None:
    with pytest.raises(ConfigError, match=r"timeseries: .*quantities.*tau_s|timeseries: .*> 0"):
        timeseries_config({"quantities": {"co_ppm": {"tau_s": -1}}})
    with pytest.raises(ConfigError, match="no_such"):
        timeseries_config({"no_such": 1})


def test_a_snapshot_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 9"):
        TimeseriesStage().restore(msgspec.msgpack.encode((9, [], b"", b"", 0, 0)))


def test_it_keeps_the_contract_of_a_stage() -> None:
    check_stage(lambda: TimeseriesStage(sensors=SENSORS), feed_of(FIRE))


def test_it_keeps_the_contract_with_counters() -> None:
    out = noisy("exit-c-counter", "out_per_min", lambda t: 38.0 if t < 200 else 1.0, 2.0, 260, 2)
    back = noisy("exit-c-counter", "in_per_min", lambda t: 12.0 if t < 210 else 40.0, 2.0, 260, 2)
    check_stage(lambda: TimeseriesStage(sensors=SENSORS), feed_of(out + back, "people", 7.0))


Noise = Callable[[np.random.Generator, int], NDArray[np.float64]]


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(lambda random, n: random.normal(0, 1, n), id="gaussian"),
        pytest.param(lambda random, n: random.standard_t(3, n), id="heavy-tail"),
    ],
)
def test_a_day_of_noise_of_80_sensors_says_next_to_nothing(noise: Noise) -> None:
    """80 sensor-days: the goal of one false detection a sensor-month allows 2 or 3."""
    kinds = [("smoke_pct_m", 0.2, 0.05), ("co_ppm", 4, 0.8), ("heat_c", 21, 0.2), ("strain_um", 50, 1.0)]
    random = np.random.default_rng(7)
    n_sensors, chunk = 80, 3600
    series = tuple(Series(sensor=f"s{i}", quantity=kinds[i % 4][0]) for i in range(n_sensors))
    usual = np.array([kinds[i % 4][1] for i in range(n_sensors)])
    sigma = np.array([kinds[i % 4][2] for i in range(n_sensors)])
    stage = TimeseriesStage()
    state = stage.start()
    found = 0
    for hour in range(24):
        values = usual + sigma * noise(random, n_sensors * chunk).reshape(chunk, n_sensors)
        t_us = at(hour * 3600) + np.arange(chunk, dtype=np.int64) * 1_000_000
        batch = ObservationBatch(
            family="env",
            partition=0,
            series=series,
            series_ix=np.tile(np.arange(n_sensors, dtype=np.uint32), chunk),
            t_us=np.repeat(t_us, n_sensors),
            value=values.ravel(),
            quality=np.zeros(n_sensors * chunk, np.uint8),
        )
        found += len(stage.step(state, batch, int(t_us[-1])))
    assert found <= 2


def test_batches_off_the_wire_need_no_second_compilation() -> None:
    batch = batch_of([("co-31", "co_ppm", float(t), 90.0) for t in range(5)])
    for column in (batch.series_ix, batch.t_us, batch.value, batch.quality):
        column.flags.writeable = False
    stage = TimeseriesStage()
    state = stage.start()
    before = len(step_rows.signatures)
    assert len(stage.step(state, batch, at(5))) == 1
    assert len(step_rows.signatures) == before
