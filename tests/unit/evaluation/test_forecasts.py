"""Probabilities: values worked out by hand, bounds, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from s4allcities.evaluation.forecasts import (
    brier_score,
    calibrated_error,
    expected_calibration_error,
    log_loss,
    reliability,
)

F8 = NDArray[np.float64]


def drawn(seed: int, n: int = 200, k: int = 4) -> tuple[F8, NDArray[np.int64]]:
    """Forecasts, and truths that come true exactly as often as forecast."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(k), n)
    truth = np.array([rng.choice(k, p=row) for row in p])
    return p, truth


def test_values_by_hand() -> None:
    p = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]
    assert brier_score(p, [0, 1]) == pytest.approx((0.09 + 0.04 + 0.01 + 0.01 + 0.81 + 0.64) / 2)
    assert log_loss(p, [0, 1]) == pytest.approx(-(np.log(0.7) + np.log(0.1)) / 2)
    assert expected_calibration_error(p, [0, 1]) == pytest.approx((abs(0.7 - 1) + abs(0.8 - 0)) / 2)


def test_weights_count_as_repeats() -> None:
    p = [[0.7, 0.3], [0.4, 0.6]]
    for metric in (brier_score, log_loss, expected_calibration_error):
        assert metric(p, [0, 0], [3, 1]) == pytest.approx(metric([p[0]] * 3 + [p[1]], [0] * 4))


def test_who_knows_nothing_scores_log_k_and_is_calibrated() -> None:
    p, truth = np.full((4, 4), 0.25), np.arange(4)
    assert log_loss(p, truth) == pytest.approx(np.log(4))
    assert expected_calibration_error(p, truth) == pytest.approx(0)


@given(st.integers(0, 10_000))
def test_the_truth_beats_every_other_forecast(seed: int) -> None:
    p, truth = drawn(seed)
    perfect = np.eye(4)[truth]
    assert brier_score(perfect, truth) == 0
    assert log_loss(perfect, truth) == 0
    assert 0 <= brier_score(p, truth) <= 2
    assert 0 <= expected_calibration_error(p, truth) <= 1
    assert sum(each.weight for each in reliability(p, truth)) == pytest.approx(1)


@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_names_and_order_of_classes_do_not_matter(seed: int, order: list[int]) -> None:
    p, truth = drawn(seed, 50)
    back = np.argsort(order)
    for metric in (brier_score, log_loss, expected_calibration_error):
        assert metric(p[:, order], back[truth]) == pytest.approx(metric(p, truth))


def test_calibrated_forecasts_have_a_small_error_and_overconfident_ones_a_large_one() -> None:
    p, truth = drawn(1, 20_000)
    sharper = p**3 / (p**3).sum(1, keepdims=True)
    assert expected_calibration_error(p, truth) < 0.02
    assert expected_calibration_error(sharper, truth) > 0.15
    assert brier_score(sharper, truth) > brier_score(p, truth)


@pytest.mark.parametrize(
    ("p", "truth", "weight", "words"),
    [
        ([[0.5, 0.6]], [0], None, "add up to 1"),
        ([[1.5, -0.5]], [0], None, "add up to 1"),
        ([[0.5, 0.5]], [2], None, "allowed are 0..1"),
        ([[0.5, 0.5]], [0, 1], None, "given are"),
        (np.zeros((0, 2)), np.zeros(0), None, "N > 0"),
        ([[0.5, 0.5]], [0], [0.0], "not all zero"),
        ([[float("nan"), 0.5]], [0], None, "add up to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(p: F8, truth: F8, weight: F8 | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        brier_score(p, truth, weight)


def test_the_noise_of_the_calibration_error_falls_with_the_number_of_forecasts() -> None:
    errors = []
    for n in (50, 800):
        p, _ = drawn(1, n)
        errors.append(calibrated_error(p, np.random.default_rng(2), draws=100))
        shown = [expected_calibration_error(p, drawn_again(p, seed)) for seed in range(100)]
        assert errors[-1] == pytest.approx(np.mean(shown), rel=0.1)
    assert errors[0] > 2.5 * errors[1]
    with pytest.raises(ValueError, match="draws is 0"):
        calibrated_error([[1.0]], np.random.default_rng(1), draws=0)


def drawn_again(p: F8, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return np.array([rng.choice(p.shape[1], p=row) for row in p])


def test_bins_must_be_some() -> None:
    with pytest.raises(ValueError, match="allowed is 1 or more"):
        reliability([[1.0]], [0], bins=0)
