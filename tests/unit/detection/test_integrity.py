import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit.detection.feeds import Row, feed_of

from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.integrity import IntegrityStage, integrity_config
from s4allcities.detection.integrity.kernel import PAST, best_likeness, best_likeness_plain
from s4allcities.domain import Detection
from s4allcities.fusion import load_hypotheses

N = 1400


def noisy(seed: int, n: int = N) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return 20 + np.convolve(random.normal(0, 1, n + 3), [0.4, 0.3, 0.2, 0.1], "valid")


def detections(*values: NDArray[np.float64]) -> list[Detection]:
    rows: list[Row] = [
        (f"t-{k}", "temp_c", float(i) + k / 10, float(x))
        for k, series in enumerate(values)
        for i, x in enumerate(series)
    ]
    steps, _ = run_stage(IntegrityStage(), feed_of(rows, every_s=10.0))
    return [event for events in steps for event in events if isinstance(event, Detection)]


@pytest.mark.parametrize("lag", [130, 333, 900])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_replay_is_found_at_any_lag_also_with_a_little_noise(lag: int, noise: float) -> None:
    value = noisy(1)
    value[1100:1300] = value[1100 - lag : 1300 - lag]
    value[1100:1300] += noise * np.random.default_rng(2).normal(size=200)
    found = detections(value)
    assert {each.kind for each in found} == {"sensor-tampered"}
    assert f"of {lag} readings ago" in found[0].text
    assert found[0].confidence == 0.9
    assert 1164 <= (found[0].t_us % 10**10) // 10**6 <= 1164 + 64 + 64


def test_series_that_repeat_themselves_anyway_are_no_replay() -> None:
    day = 20 + 5 * np.sin(np.arange(N) / 100 * 2 * np.pi)
    assert not detections(day)
    assert not detections(np.round(day + 0.3 * noisy(3)))
    assert not detections(np.full(N, 4.0))


@pytest.mark.parametrize("seed", range(6))
def test_honest_sensors_are_believed(seed: int) -> None:
    common = np.cumsum(np.random.default_rng(seed).normal(0, 0.05, N))
    assert not detections(*(common + noisy(10 * seed + k) + k for k in range(4)))


def test_a_drifting_sensor_is_told_from_its_neighbours() -> None:
    common = np.cumsum(np.random.default_rng(5).normal(0, 0.05, N))
    values = [common + noisy(k) for k in range(4)]
    values[2] = values[2] + np.clip((np.arange(N) - 700) / 70, 0, None)
    found = detections(*values)
    assert {each.sensor for each in found} == {"t-2"}
    assert found[0].kind == "sensor-drift"
    assert "has drifted: +" in found[0].text


def test_a_sensor_that_leaves_its_neighbours_does_not_fit() -> None:
    values = [noisy(k) for k in range(4)]
    values[1][900:] -= 15
    found = detections(*values)
    assert (found[0].sensor, found[0].kind) == ("t-1", "sensor-integrity")
    assert {each.sensor for each in found} == {"t-1"}


def test_smoke_at_one_of_several_sensors_is_news_and_no_doubt() -> None:
    values = [noisy(k) for k in range(4)]
    values[1][900:] += 15
    rows: list[Row] = [
        (f"smoke-{k}", "smoke_pct_m", float(i) + k / 10, float(x))
        for k, v in enumerate(values)
        for i, x in enumerate(v)
    ]
    steps, _ = run_stage(IntegrityStage(), feed_of(rows, every_s=10.0))
    assert not any(steps)


def test_what_it_says_lowers_a_sensors_reliability_in_fusion() -> None:
    doubts = load_hypotheses().doubts
    assert {"sensor-tampered", "sensor-drift", "sensor-integrity"} <= set(doubts)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 50), st.integers(100, 2 * PAST), st.sampled_from([0, 1]))
def test_the_kernel_and_its_twin_agree(seed: int, n: int, digits: int) -> None:
    value = np.round(noisy(seed, n), digits).astype(np.float32)
    ring = np.zeros(PAST, np.float32)
    for i, x in enumerate(value):
        ring[i % PAST] = x
    like, lag = best_likeness(ring, n)
    plain_like, plain_lag = best_likeness_plain(value.astype(np.float64))
    assert like == pytest.approx(plain_like, abs=1e-3)
    assert lag == plain_lag or abs(like - plain_like) < 1e-3


def story() -> list[Row]:
    values = [noisy(k, 900) for k in range(3)]
    values[0][700:850] = values[0][300:450]
    values[1][600:] += 12
    return [
        (f"t-{k}", "temp_c", float(i) + k / 10, float(x))
        for k, v in enumerate(values)
        for i, x in enumerate(v)
    ]


def test_it_keeps_the_contract_of_a_stage() -> None:
    check_stage(lambda: IntegrityStage(), feed_of(story(), every_s=60.0))


def test_series_beyond_the_limit_are_refused_and_counted() -> None:
    stage = IntegrityStage(integrity_config({"series_most": 1}))
    steps, state = run_stage(stage, feed_of(story()[:50] + story()[900:950], every_s=60.0))
    assert steps is not None
    assert len(state.keys) == 1
    assert state.refused > 0


def test_a_snapshot_of_another_version_is_refused() -> None:
    stage = IntegrityStage()
    data = stage.snapshot(stage.start())
    with pytest.raises(ValueError, match="version 9"):
        stage.restore(data.replace(data[:2], bytes([data[0], 9]), 1))
