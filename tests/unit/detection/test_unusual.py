from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.detection.feeds import T0_US, Row, Spec, at, batch_of, feed_of

from s4allcities.app.fact_feed import batch_of as facts_among_readings
from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.config import ConfigError
from s4allcities.detection.unusual import UnusualStage, _layout, judge_series, unusual_config
from s4allcities.detection.unusual.config import Expected
from s4allcities.detection.unusual.quick import N_QUICK, quick_tick, quick_tick_plain
from s4allcities.domain import Context, Detection, ObservationBatch, Series

FIVE_MIN_US = 300_000_000
DAY = 288
SENSORS = {"noise-7": Spec(slug="noise-7", name="NOISE-7", zone="square")}
EARLY = {"warm_up": 60}


def days(n_days: int, seed: int = 1, sigma: float = 1.0) -> NDArray[np.float64]:
    """A quantity with a day of its own, busier by day than by night."""
    hour = np.arange(n_days * DAY) / 12 % 24
    day = 40 + 15 * np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None)
    return day + np.random.default_rng(seed).normal(0, sigma, day.size)


def alerts(value: NDArray[np.float64], **changes: object) -> list[int]:
    t_us = T0_US // FIVE_MIN_US * FIVE_MIN_US + np.arange(value.size) * FIVE_MIN_US
    return np.flatnonzero(judge_series(t_us, value, unusual_config(changes)).alert).tolist()


def test_a_spike_a_drop_and_a_wrong_hour_are_each_told_once() -> None:
    value = days(14)
    value[9 * DAY + 100] += 30
    value[10 * DAY + 140 : 10 * DAY + 150] -= 30
    value[12 * DAY : 12 * DAY + 60] = value[11 * DAY + 144 : 11 * DAY + 204]
    found = alerts(value)
    for start, length in ((9 * DAY + 100, 1), (10 * DAY + 140, 10), (12 * DAY, 60)):
        assert any(start <= each < start + length for each in found), start
    assert len(found) <= 7


def test_quiet_days_are_nearly_silent() -> None:
    found = sum(len(alerts(days(30, seed))) for seed in range(12))
    assert found <= 12 * 8


MINUTE_US = 60_000_000


def beats(length: int, n_beats: int, jitter: float, seed: int) -> tuple[NDArray[np.float64], list[int]]:
    """A machine that runs half of every ``length`` minutes, about; gives its readings and where each beat begins."""
    random = np.random.default_rng(seed)
    starts: list[int] = []
    parts: list[NDArray[np.float64]] = []
    for _ in range(n_beats):
        minutes = round(length * (1 + random.normal(0, jitter)))
        starts.append(sum(part.size for part in parts))
        parts.append(np.repeat([10.0, 0.0], [minutes // 2, minutes - minutes // 2]))
    value = np.concatenate(parts)
    return value + random.normal(0, 0.4, value.size), starts


@pytest.mark.parametrize("length", [23, 60, 97, 210])
@pytest.mark.parametrize("seed", range(4))
def test_a_beat_that_is_missed_is_out_of_step_with_a_cycle_of_any_length(length: int, seed: int) -> None:
    value, starts = beats(length, 60, 0.02, seed)
    missed = starts[50]
    value[missed : missed + length // 2] -= 10.0
    judged = judge_series(T0_US + np.arange(value.size) * MINUTE_US, value)
    cycle = judged.reasons[:, _layout.CYCLE]
    assert 0 <= int(np.argmax(cycle)) - missed < 2 * length
    assert cycle[: starts[49]].max() < 0.7 * cycle[missed : missed + length].max()


@pytest.mark.parametrize("seed", range(4))
def test_noise_and_random_walks_have_no_cycle(seed: int) -> None:
    random = np.random.default_rng(seed)
    for value in (random.normal(size=6000), np.cumsum(random.normal(size=6000)), random.standard_t(3, 6000)):
        judged = judge_series(T0_US + np.arange(value.size) * MINUTE_US, value)
        assert not judged.reasons[:, _layout.CYCLE].any()


def test_another_cycle_is_learnt_anew() -> None:
    first, _ = beats(60, 40, 0.02, 1)
    second, starts = beats(110, 60, 0.02, 2)
    second[starts[50] : starts[50] + 55] -= 10.0
    value = np.concatenate([first, second])
    judged = judge_series(T0_US + np.arange(value.size) * MINUTE_US, value)
    late = judged.reasons[first.size + starts[30] :, _layout.CYCLE]
    assert 0 <= int(np.argmax(late)) - (starts[50] - starts[30]) < 110


def test_the_knob_makes_it_quieter_and_louder() -> None:
    counts = [
        sum(len(alerts(days(30, seed), false_alarms_per_month=wish)) for seed in range(4))
        for wish in (0.01, 1.0, 20.0)
    ]
    assert counts[0] <= counts[1] < counts[2]


def test_a_sensor_that_grows_restless_or_calm_says_so() -> None:
    for factor, word in ((8.0, "restless"), (0.02, "calmer")):
        value = days(14)
        value[9 * DAY :] = 40 + np.random.default_rng(3).normal(0, factor, value.size - 9 * DAY)
        value[: 9 * DAY] = 40 + np.random.default_rng(4).normal(0, 1, 9 * DAY)
        t_us = T0_US + np.arange(value.size) * FIVE_MIN_US
        judged = judge_series(t_us, value)
        stream = _layout.VARIANCE if word == "restless" else _layout.FLAT
        assert (
            judged.reasons[9 * DAY : 9 * DAY + 30, stream].max() > judged.reasons[DAY : 9 * DAY, stream].max()
        )


def test_nothing_depends_on_what_comes_later() -> None:
    value = days(8)
    value[5 * DAY] = 200
    t_us = T0_US + np.arange(value.size) * FIVE_MIN_US
    whole, part = judge_series(t_us, value), judge_series(t_us[: 6 * DAY], value[: 6 * DAY])
    assert np.array_equal(whole.score[: 6 * DAY], part.score)
    assert whole.score.min() >= 0
    assert whole.score.max() < 1


def test_the_band_holds_about_nineteen_of_twenty_readings() -> None:
    value = days(20)
    judged = judge_series(T0_US + np.arange(value.size) * FIVE_MIN_US, value)
    late = slice(10 * DAY, None)
    share = np.mean(np.abs(value - judged.usual)[late] <= judged.spread[late])
    assert 0.85 < share < 0.99


@pytest.mark.parametrize("shape", ["constant", "huge", "tiny", "missing"])
def test_odd_series_are_survived(shape: str) -> None:
    value = {
        "constant": np.zeros(500), "huge": days(2) * 1e25, "tiny": days(2) * 1e-25,
        "missing": np.where(np.arange(600) % 3, days(3)[:600], np.nan),
    }[shape]  # fmt: skip
    judged = judge_series(T0_US + np.arange(value.size) * FIVE_MIN_US, value)
    assert np.isfinite(judged.score).all()
    if shape == "constant":
        assert not judged.alert.any()


def feed(spike: float = 60.0, sensor: str = "noise-7") -> list[Row]:
    random = np.random.default_rng(5)
    rows: list[Row] = [(sensor, "noise_db", float(t), 50 + float(random.normal())) for t in range(400)]
    rows[350] = (sensor, "noise_db", 350.0, 50 + spike)
    return rows


def detections(rows: list[Row], **changes: object) -> list[Detection]:
    stage = UnusualStage(unusual_config({**EARLY, **changes}), SENSORS, {"noise_db": "noise"})
    steps, _ = run_stage(stage, feed_of(rows, every_s=5.0))
    return [event for events in steps for event in events if isinstance(event, Detection)]


def test_a_detection_says_what_is_unusual_and_why() -> None:
    (found,) = detections(feed())
    assert (found.kind, found.detector, found.sensor) == ("sensor-anomaly", "unusual", "noise-7")
    assert found.group == "noise@square"
    assert found.t_us == at(350)
    assert found.text.startswith("NOISE-7: noise db 110, usual ")
    assert "beyond all seen before" in found.text or "step" in found.text or "hour" in found.text
    assert 0.2 <= found.confidence <= 0.8


def test_what_is_expected_is_not_told() -> None:
    expected = {"what": "festival", "t_from_us": at(300), "t_until_us": at(380)}
    assert not detections(feed(), expected=[{**expected, "zones": ["square"]}])
    assert detections(feed(), expected=[{**expected, "zones": ["station"]}])
    assert detections(feed(), expected=[{**expected, "quantities": ["people"]}])
    assert detections(feed(), expected=[{**expected, "t_until_us": at(310)}])
    assert Expected(what="x", t_from_us=0, t_until_us=1).zones == frozenset()


def festival(
    begin_s: float, *, value: bool = True, until_s: float = 0.0, zone: str = "square"
) -> ObservationBatch:
    until_us = at(until_s) if until_s else 0
    fact = Context(
        id="",
        t_us=at(begin_s),
        subject=zone,
        attribute="event",
        value=value,
        reason="a festival",
        t_until_us=until_us,
    )
    return facts_among_readings([fact])


@pytest.mark.parametrize(
    ("facts", "quantities", "told"),
    [
        ([festival(300)], ["noise_db"], False),
        ([festival(300, zone="site")], ["noise_db"], False),
        ([festival(300, until_s=380)], ["noise_db"], False),
        ([festival(300, until_s=340)], ["noise_db"], True),
        ([festival(300), festival(345, value=False)], ["noise_db"], True),
        ([festival(300, zone="station")], ["noise_db"], True),
        ([festival(300)], ["people"], True),
    ],
)
def test_while_the_calendar_has_an_event_its_zone_is_not_told(
    facts: list[ObservationBatch], quantities: list[str], told: bool
) -> None:
    steps = feed_of(feed(), every_s=5.0)
    with_facts = sorted([*steps, *((each, int(each.t_us[0])) for each in facts)], key=lambda step: step[1])
    stage = UnusualStage(unusual_config({**EARLY, "event_quantities": quantities}), SENSORS)
    out, state = run_stage(stage, with_facts)
    assert bool([event for events in out for event in events]) == told
    assert stage.snapshot(stage.restore(stage.snapshot(state))) == stage.snapshot(state)


def test_a_snapshot_from_before_there_were_events_is_still_read() -> None:
    stage = UnusualStage(unusual_config(EARLY), SENSORS)
    _, state = run_stage(stage, feed_of(feed()[:100], every_s=5.0))
    parts = msgspec.msgpack.decode(stage.snapshot(state))
    assert parts.pop() == {}
    assert stage.snapshot(stage.restore(msgspec.msgpack.encode(parts))) == stage.snapshot(state)


def test_nothing_is_said_while_a_series_warms_up() -> None:
    assert not detections(feed(), warm_up=380)


def test_among_very_many_series_only_the_clear_ones_are_told() -> None:
    stage = UnusualStage(unusual_config(EARLY))
    state = stage.start()
    random = np.random.default_rng(1)
    n = 400
    series = tuple(Series(sensor=f"s{i}", quantity="x", zone="z") for i in range(n))
    index = np.arange(n, dtype=np.uint32)

    def tick(second: int, value: NDArray[np.float64]) -> list[object]:
        batch = ObservationBatch(
            family="env", partition=0, series=series, series_ix=index, value=value,
            t_us=np.full(n, at(second), np.int64), quality=np.zeros(n, np.uint8),
        )  # fmt: skip
        return list(stage.step(state, batch, at(second)))

    for second in range(300):
        tick(second, random.normal(0, 1, n))
    before = state.said
    loud = random.normal(0, 1, n)
    loud[7] = 60.0
    said = tick(300, loud)
    assert [each.sensor for each in said if isinstance(each, Detection)] == ["s7"]
    assert state.tests > 300
    assert before <= 3


def test_series_beyond_the_limit_get_the_quick_look_and_then_none() -> None:
    config = unusual_config({**EARLY, "series_most": 1, "quick_most": 1})
    stage = UnusualStage(config)
    state = stage.start()
    found = []
    for second in range(200):
        rows: list[Row] = [
            (f"s{i}", "x", float(second), float(second % 3) + 90 * (second > 190)) for i in range(3)
        ]
        found += stage.step(state, batch_of(rows), at(second))
    assert (len(state), len(state.quick_keys)) == (1, 1)
    assert state.refused == 200
    assert {each.sensor for each in found if isinstance(each, Detection)} == {"s0", "s1"}


def test_late_doubled_bad_and_future_readings_are_left_out_and_counted() -> None:
    stage = UnusualStage()
    state = stage.start()
    stage.step(state, batch_of([("a", "x", float(t), 1.0) for t in range(5)]), at(5))
    before = state.floats.copy()
    late: list[Row] = [("a", "x", 1.0, 9.0), ("a", "x", 4.0, 9.0), ("a", "x", 1e6, 9.0)]
    assert stage.step(state, batch_of(late), at(5)) == []
    assert state.left_out == 3
    assert np.array_equal(state.floats, before, equal_nan=True)


def test_it_keeps_the_contract_of_a_stage() -> None:
    rows = feed() + [("other", "noise_db", t + 0.5, 1.0 + (t % 5)) for _, _, t, _ in feed()]
    check_stage(lambda: UnusualStage(unusual_config(EARLY), SENSORS), feed_of(rows, every_s=20.0))


def test_it_keeps_the_contract_with_the_quick_look() -> None:
    rows = feed() + [("other", "noise_db", t + 0.5, 1.0 + (t % 5) + 99 * (t > 390)) for _, _, t, _ in feed()]
    config = unusual_config({**EARLY, "series_most": 1})
    check_stage(lambda: UnusualStage(config, SENSORS), feed_of(rows, every_s=20.0))


def test_a_wrong_setting_is_one_clear_line() -> None:
    with pytest.raises(ConfigError, match="false_alarms_per_month"):
        unusual_config({"false_alarms_per_month": 0})


def test_a_snapshot_of_another_version_is_refused() -> None:
    stage = UnusualStage()
    data = stage.snapshot(stage.start())
    with pytest.raises(ValueError, match="version 9"):
        stage.restore(data.replace(data[:2], bytes([data[0], 9]), 1))


def test_the_quick_look_and_its_twin_agree() -> None:
    random = np.random.default_rng(2)
    n = 12
    block, plain = np.zeros((N_QUICK, n), np.float32), np.zeros((N_QUICK, n), np.float32)
    out = np.zeros(n, np.float32)
    told = 0
    for tick in range(300):
        values = (random.normal(0, 1, n) + 8 * (tick > 200) * (np.arange(n) % 2)).astype(np.float32)
        quick_tick(values, block, out)
        assert out == pytest.approx(quick_tick_plain(values, plain), rel=1e-2, abs=1e-2)
        told += int(np.count_nonzero(out))
    assert block == pytest.approx(plain, rel=1e-3, abs=1e-3)
    assert told >= n // 2


def test_the_state_fits_in_a_kilobyte() -> None:
    assert _layout.BYTES_PER_SERIES <= 1024
    manifest = Path(_layout.__file__).with_name("manifest.toml").read_text()
    assert f"state_bytes_per_series = {_layout.BYTES_PER_SERIES}" in manifest
