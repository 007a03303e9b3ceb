"""The rules beside fusion: values by hand, and what each is known to do and not to do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from s4allcities.app.scoring.cases import Evidence
from s4allcities.app.scoring.rules import (
    RULES,
    best_single,
    dempster_shafer,
    naive_bayes,
    running_sum,
)

F8 = NDArray[np.float64]

TABLE = np.array([[0.0, 3.0, -1.0], [0.0, -1.0, 2.0], [0.0, -2.0, -2.0]])
"""Three kinds, two dangers: the first speaks for danger 1, the second for 2, the third against both."""

FOREVER = 1e12


def evidence(*pieces: tuple[float, int, float]) -> Evidence:
    """Pieces are (arrival in seconds, kind, confidence)."""
    columns = np.array(pieces).reshape(-1, 3)
    return Evidence(t_s=columns[:, 0], kind=columns[:, 1].astype(np.int64), confidence=columns[:, 2])


NOW = np.array([100.0])


def test_naive_bayes_adds_everything_up() -> None:
    held = evidence((0, 0, 1.0), (10, 0, 0.5), (20, 2, 1.0))
    assert naive_bayes(held, NOW, TABLE, FOREVER)[0] == pytest.approx([0, 3 + 1.5 - 2, -1 - 0.5 - 2])


def test_naive_bayes_fades_with_its_time_constant() -> None:
    assert naive_bayes(evidence((0, 0, 1.0)), NOW, TABLE, 100.0)[0, 1] == pytest.approx(3 * np.exp(-1))


def test_best_single_takes_the_strongest_whatever_the_rest() -> None:
    held = evidence((0, 0, 0.9), (10, 1, 1.0), (20, 2, 1.0))
    assert best_single(held, NOW, TABLE, FOREVER)[0] == pytest.approx(0.9 * TABLE[0])


def test_running_sum_adds_levels_inside_its_window() -> None:
    held = evidence((0, 0, 1.0), (60, 0, 1.0), (70, 1, 0.5))
    # 3 nats of 5 is nearest to level 0.5, 2 nats to 0.5 as well; what is against counts nothing
    assert running_sum(held, NOW, TABLE, 50.0)[0] == pytest.approx([0, 0.5, 0.25])


def test_dempster_shafer_of_one_piece_is_its_simple_support() -> None:
    """Mass 1 - e^-3 on danger 1, the rest on the whole of three: pignistic by hand."""
    support = 1 - np.exp(-3)
    rest = (1 - support) / 3
    found = dempster_shafer(evidence((0, 0, 1.0)), NOW, TABLE, FOREVER)[0]
    assert found == pytest.approx([0, np.log((support + rest) / rest), 0])


def test_dempster_shafer_combines_as_the_rule_over_all_subsets_does() -> None:
    """Against a slow form: masses on {1}, {2} and the whole, combined set by set and normalised."""
    one, two = 0.8 * (1 - np.exp(-3)), 0.6 * (1 - np.exp(-2))
    both = (1 - one) * (1 - two)
    conflict = one * two
    beliefs = np.array([0, one * (1 - two), two * (1 - one)]) / (1 - conflict)
    pignistic = beliefs + both / (1 - conflict) / 3
    found = dempster_shafer(evidence((0, 0, 0.8), (1, 1, 0.6)), NOW, TABLE, FOREVER)[0]
    assert found == pytest.approx(np.log(pignistic / pignistic[0]))


def test_evidence_against_all_dangers_speaks_for_none_of_them() -> None:
    for rule, (_, *_) in ((naive_bayes, (1,)), (dempster_shafer, (1,)), (best_single, (1,))):
        assert (rule(evidence((0, 2, 1.0)), NOW, TABLE, FOREVER)[0, 1:] < 0).all()


pieces = st.lists(
    st.tuples(st.floats(0, 200), st.integers(0, 2).map(float), st.floats(0.05, 1.0)), min_size=1, max_size=20
)


@given(pieces)
def test_scores_are_finite_and_relative_to_benign(held: list[tuple[float, int, float]]) -> None:
    for rule, (time_s, *_) in RULES.values():
        found = rule(evidence(*held), np.array([-5.0, 50.0, 300.0]), TABLE, time_s)
        assert np.isfinite(found).all()
        assert found[:, 0] == pytest.approx([0, 0, 0])
        assert found[0] == pytest.approx([0, 0, 0])  # nothing has arrived yet


@given(pieces)
def test_what_comes_later_changes_nothing_before(held: list[tuple[float, int, float]]) -> None:
    early = [piece for piece in held if piece[0] <= 100] or [(0.0, 0, 1.0)]
    for rule, (time_s, *_) in RULES.values():
        full = rule(evidence(*early, *[(150.0, 1, 1.0)]), NOW, TABLE, time_s)
        assert full == pytest.approx(rule(evidence(*early), NOW, TABLE, time_s))
