"""Ranking: held against scipy, and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from s4allcities.evaluation.ranking import area_under_roc, threshold_at_recall

scores = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30)


@given(scores, scores)
def test_area_is_that_of_scipy(yes: list[float], no: list[float]) -> None:
    mine = area_under_roc([*yes, *no], [True] * len(yes) + [False] * len(no))
    assert mine == pytest.approx(mannwhitneyu(yes, no).statistic / (len(yes) * len(no)))


@given(scores, scores)
def test_a_growing_function_of_the_score_changes_nothing(yes: list[float], no: list[float]) -> None:
    positive = [True] * len(yes) + [False] * len(no)
    values = np.array([*yes, *no])
    assert area_under_roc(np.exp(values), positive) == area_under_roc(values, positive)


def test_area_without_one_of_either_is_none() -> None:
    assert area_under_roc([1.0, 2.0], [True, True]) is None


def test_a_score_may_be_infinite_but_must_be_a_number() -> None:
    assert area_under_roc([-np.inf, 1.0], [False, True]) == 1.0
    with pytest.raises(ValueError, match="not a number"):
        area_under_roc([np.nan, 1.0], [False, True])
    with pytest.raises(ValueError, match="both"):
        area_under_roc([1.0], [True, False])


@given(scores, st.floats(0.01, 1.0))
def test_threshold_reaches_the_recall_and_no_higher_one_does(values: list[float], recall: float) -> None:
    threshold = threshold_at_recall(values, recall)
    share = np.mean(np.array(values) >= threshold)
    above = np.mean(np.array(values) > threshold)
    assert share >= recall - 1e-9
    assert above < recall


def test_missed_ones_push_the_threshold_to_minus_infinity() -> None:
    assert threshold_at_recall([1.0, -np.inf], 0.95) == -np.inf


@pytest.mark.parametrize(("values", "recall"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.1)])
def test_threshold_needs_scores_and_a_recall(values: list[float], recall: float) -> None:
    with pytest.raises(ValueError, match="needed are"):
        threshold_at_recall(values, recall)
