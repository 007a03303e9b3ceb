import numpy as np
import pytest

from s4allcities.evaluation.attacks import attack_score, spans_of

ATTACKED = np.array([False] * 10 + [True] * 10 + [False] * 10 + [True] * 5)


def test_the_parts_are_those_of_the_definition() -> None:
    alert = np.zeros(35, bool)
    alert[15:20] = True
    alert[0] = True
    score = attack_score(alert, ATTACKED)
    assert (score.found, score.attacks) == (1, 2)
    assert score.time_to_detection == pytest.approx(1 - (0.5 + 1.0) / 2)
    assert score.classification == pytest.approx((5 / 15 + 19 / 20) / 2)
    assert score.s == pytest.approx((score.time_to_detection + score.classification) / 2)


def test_runs_are_found_at_both_ends() -> None:
    assert spans_of(ATTACKED) == [(10, 20), (30, 35)]
    assert spans_of(~ATTACKED) == [(0, 10), (20, 30)]


def test_without_both_kinds_of_rows_there_is_no_score() -> None:
    for flags in (np.zeros(5, bool), np.ones(5, bool)):
        with pytest.raises(ValueError, match="both needed"):
            attack_score(flags, flags)
