"""Stretches without their like and changes of level, against the definitions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from s4allcities.detection.patterns import change_points, discords, matrix_profile
from s4allcities.detection.patterns.changes import change_points_plain
from s4allcities.detection.patterns.profile import profile_plain


def wave(n: int = 300, seed: int = 0, noise: float = 0.1) -> NDArray[np.float64]:
    return np.sin(np.arange(n) / 4.0) + np.random.default_rng(seed).normal(0, noise, n)


@pytest.mark.parametrize("length", [3, 16, 40])
def test_the_profile_is_that_of_the_definition(length: int) -> None:
    value = wave(120) * 3 + 50
    value[60:80] = 51.0  # flat
    quick, plain = matrix_profile(value, length), profile_plain(value, length)
    assert np.allclose(quick.distance, plain.distance, atol=1e-5)
    begins = np.arange(len(quick.nearest))
    assert (np.abs(quick.nearest - begins) > length // 2).all()


def test_a_stretch_without_its_like_is_the_first_discord() -> None:
    value = wave(2000, noise=0.05)
    value[1200:1225] = np.linspace(0, 1, 25) ** 3
    first, *others = discords(matrix_profile(value, 50))
    assert 1150 <= first <= 1225
    assert all(abs(each - first) >= 50 for each in others)


def test_what_is_no_number_has_no_distance_and_spoils_no_other() -> None:
    value = wave(300)
    whole = matrix_profile(value, 20)
    value[100] = np.nan
    holed = matrix_profile(value, 20)
    assert np.isnan(holed.distance[81:101]).all()
    assert np.isfinite(np.delete(holed.distance, np.arange(81, 101))).all()
    assert (np.delete(holed.distance - whole.distance, np.arange(81, 101)) > -1e-6).all()


def test_lengths_and_rows_beyond_what_can_be_done_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed are 3 to 150"):
        matrix_profile(wave(), 2)
    with pytest.raises(ValueError, match="at most 50000"):
        matrix_profile(np.zeros(50_001), 10)
    with pytest.raises(ValueError, match="at most 50000"):
        change_points(np.zeros(50_001))


@pytest.mark.parametrize("seed", range(6))
def test_change_points_are_the_best_cuts(seed: int) -> None:
    random = np.random.default_rng(seed)
    value = np.repeat(random.normal(0, 3, 5), 30) + random.normal(0, 1, 150)
    assert change_points(value) == change_points_plain(value)


def test_levels_are_found_and_noise_is_left_whole() -> None:
    random = np.random.default_rng(1)
    value = random.normal(0, 1, 900)
    assert len(change_points(value)) <= 1
    value[300:] += 3
    value[600:] -= 5
    found = change_points(value)
    assert len(found) == 2
    assert abs(found[0] - 300) <= 3
    assert abs(found[1] - 600) <= 3


@pytest.mark.parametrize(
    "value", [np.zeros(0), np.zeros(200), np.full(50, np.nan), np.array([1.0, np.nan, 2.0])]
)
def test_nothing_to_cut_is_not_cut(value: NDArray[np.float64]) -> None:
    assert change_points(value) == []
