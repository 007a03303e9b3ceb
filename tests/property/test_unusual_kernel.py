"""The compiled kernel and its plain twin say the same of any series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.detection.unusual import _layout as at
from s4allcities.detection.unusual.config import UnusualConfig, settings_of, weights_of
from s4allcities.detection.unusual.kernel import observe_rows
from s4allcities.detection.unusual.plain import PlainSeries

CONFIG = UnusualConfig()

shapes = st.sampled_from(["noise", "steps", "flat", "day", "walk", "spikes"])


def values_of(shape: str, seed: int, n: int, every_s: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    random = np.random.default_rng(seed)
    noise = random.normal(0, 1, n)
    t = np.arange(n) * every_s
    return {
        "noise": noise,
        "steps": noise * 0.1 + 5.0 * (np.arange(n) // 60),
        "flat": np.full(n, 3.5),
        "day": 40 + 20 * np.sin(t / 86400 * 2 * np.pi) + noise,
        "walk": np.cumsum(noise) * 1e6,
        "spikes": np.where(random.random(n) < 0.02, 100.0, 1.0) + 0.1 * noise,
    }[shape]


@given(
    shapes,
    st.integers(0, 99),
    st.sampled_from([1.0, 60.0, 300.0, 3600.0, 7000.0]),
    st.integers(-(10**9), 10**9),
)
def test_kernel_and_twin_agree(shape: str, seed: int, every_s: float, start_s: int) -> None:
    n = 160
    value = values_of(shape, seed, n, every_s)
    value[seed] = [np.nan, np.inf, -1e300, 0.0][seed % 4]
    t_us = start_s * 1_000_000 + (np.arange(n) * every_s * 1e6).astype(np.int64)
    t_us[seed // 2] -= 10**10
    z, bar, usual, spread = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    begins, reasons = np.zeros(n, np.uint8), np.zeros((n, at.N_STREAMS), np.float32)
    floats = np.zeros((2, at.N_FLOATS), np.float32)
    left_out = observe_rows(
        np.ones(n, np.int64), t_us, value, np.zeros(n, np.uint8), floats, np.zeros((2, at.N_INTS), np.int64),
        np.zeros((2, at.N_PATTERN_BYTES), np.uint8), weights_of(CONFIG), settings_of(CONFIG), z, bar, begins, reasons,
        usual, spread,
    )  # fmt: skip
    plain = PlainSeries(CONFIG)
    missed = 0
    for i in range(n):
        said = plain.step(int(t_us[i]), float(value[i]))
        if said is None:
            missed += 1
            continue
        assert (z[i], bar[i]) == pytest.approx(said[:2], rel=2e-3, abs=2e-3), i
        assert usual[i] == pytest.approx(plain.usual, rel=1e-5, abs=1e-5)
        assert spread[i] == pytest.approx(plain.spread, rel=1e-3, abs=1e-5)
        assert reasons[i] == pytest.approx(plain.streams, rel=2e-3, abs=2e-3)
    assert missed == left_out
    assert not floats[0].any(), "a row that no reading is of stays as it was"


@given(st.integers(0, 99), st.integers(7, 40), st.sampled_from([1.0, 60.0, 300.0]))
def test_kernel_and_twin_agree_on_what_has_a_cycle_of_its_own(seed: int, length: int, every_s: float) -> None:
    random, n = np.random.default_rng(seed), 40 * length
    value = np.where(np.arange(n) % length < length // 2, 10.0, 0.0) + random.normal(0, 0.3, n)
    t_us = (np.arange(n) * every_s * 1e6).astype(np.int64)
    z, bar, usual, spread = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    begins, reasons = np.zeros(n, np.uint8), np.zeros((n, at.N_STREAMS), np.float32)
    observe_rows(
        np.zeros(n, np.int64), t_us, value, np.zeros(n, np.uint8), np.zeros((1, at.N_FLOATS), np.float32),
        np.zeros((1, at.N_INTS), np.int64), np.zeros((1, at.N_PATTERN_BYTES), np.uint8), weights_of(CONFIG),
        settings_of(CONFIG), z, bar, begins, reasons, usual, spread,
    )  # fmt: skip
    plain, told = PlainSeries(CONFIG), np.zeros(n)
    for i in range(n):
        plain.step(int(t_us[i]), float(value[i]))
        told[i] = plain.streams[at.CYCLE]
    assert reasons[:, at.CYCLE] == pytest.approx(told, rel=5e-3, abs=5e-3)
    assert told.any()
