"""Delays with misses, rates a day."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.evaluation.alerting import Delays, delays, per_day


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_quantiles_without_misses_are_those_of_numpy(seconds: list[float]) -> None:
    found = delays(seconds)
    assert found.p50_s == np.quantile(seconds, 0.5, method="inverted_cdf")
    assert found.p95_s == np.quantile(seconds, 0.95, method="inverted_cdf")
    assert found.missed == 0


def test_misses_are_counted_and_move_the_quantiles() -> None:
    assert delays([5.0, inf, 1.0]) == Delays(acts=3, missed=1, p50_s=5.0, p95_s=None)
    assert delays([inf, inf]) == Delays(acts=2, missed=2, p50_s=None, p95_s=None)
    assert delays([]) == Delays(acts=0, missed=0, p50_s=None, p95_s=None)


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="infinity"):
        delays([nan])
    with pytest.raises(ValueError, match="above 0"):
        per_day(1, 0)


def test_rate_a_day() -> None:
    assert per_day(3, 3600) == 72.0
