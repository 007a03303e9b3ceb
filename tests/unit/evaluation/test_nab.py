import numpy as np
import pytest

from s4allcities.evaluation.nab import (
    LOW_FALSE_ALARMS,
    LOW_MISSES,
    STANDARD,
    NabProfile,
    NabSeries,
    nab_best,
    nab_score,
    probation_length,
    scaled_sigmoid,
)

N = 2000
PROFILES = [STANDARD, LOW_FALSE_ALARMS, LOW_MISSES]


def at(*indices: int, windows: tuple[tuple[int, int], ...] = ((1000, 1099),)) -> NabSeries:
    scores = np.zeros(N)
    scores[list(indices)] = 1.0
    return NabSeries(scores, windows)


@pytest.mark.parametrize("profile", PROFILES)
def test_silence_is_0_and_perfection_100(profile: NabProfile) -> None:
    assert nab_score([at()], 0.5, profile) == 0.0
    assert nab_best([at()], profile)[0] == 0.0
    assert nab_score([at(1000)], 0.5, profile) == pytest.approx(100.0)
    best, threshold = nab_best([at(1000)], profile)
    assert (best, threshold) == pytest.approx((100.0, 1.0))


def test_a_random_detector_is_far_below_and_worse_where_false_alarms_cost_more() -> None:
    random = np.random.default_rng(0)
    windows = ((700, 799), (1500, 1599))
    corpus = [NabSeries(random.random(N), windows) for _ in range(20)]
    standard, low = nab_best(corpus)[0], nab_best(corpus, LOW_FALSE_ALARMS)[0]
    assert 0 <= low < standard < 40


def test_earlier_in_the_window_is_worth_more() -> None:
    worth = [nab_score([at(i)], 0.5) for i in (1000, 1050, 1090, 1099)]
    assert worth == sorted(worth, reverse=True)
    # At the last place: sigmoid(-1/100) / sigmoid(-1) of the gain over a miss.
    hit = scaled_sigmoid(-0.01) / scaled_sigmoid(-1.0)
    assert worth[-1] == pytest.approx(50 * (1 + hit))


def test_a_window_counts_once_by_its_best() -> None:
    assert nab_score([at(1000, 1050, 1099)], 0.5) == nab_score([at(1000)], 0.5)


def test_a_false_detection_costs_its_weight_and_less_just_after_a_window() -> None:
    perfect = nab_score([at(1000)], 0.5)
    far, near, before = (nab_score([at(1000, i)], 0.5) for i in (1900, 1105, 500))
    assert perfect - far == pytest.approx(100 * 0.11 / 2)
    assert perfect - before == pytest.approx(100 * 0.11 / 2)
    assert near > far
    assert perfect - near == pytest.approx(-100 * 0.11 * scaled_sigmoid(6 / 99) / 2)


def test_the_time_of_learning_is_not_scored() -> None:
    assert probation_length(N) == 300
    assert probation_length(100_000) == 750
    assert nab_score([at(100, 1000)], 0.5) == pytest.approx(100.0)
    with pytest.raises(ValueError, match="no window"):
        nab_score([at(windows=((10, 50),))], 0.5)


def test_the_best_threshold_is_found_among_all() -> None:
    random = np.random.default_rng(1)
    corpus = [NabSeries(np.round(random.random(N), 2), ((900, 960), (1500, 1520))) for _ in range(3)]
    for profile in PROFILES:
        score, threshold = nab_best(corpus, profile)
        tried = [nab_score(corpus, t, profile) for t in np.arange(0, 1.02, 0.01)]
        assert score == pytest.approx(max(0.0, *tried))
        if np.isfinite(threshold):
            assert nab_score(corpus, threshold, profile) == pytest.approx(score)
