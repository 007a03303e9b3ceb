"""B-cubed: the textbook's case, a slow form as oracle, the formal constraints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.evaluation.clusters import b_cubed

partitions = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)


def slow(truth: list[int], found: list[int]) -> tuple[float, float]:
    """The definition item by item, in N^2."""
    n = len(truth)
    precision = recall = 0.0
    for i in range(n):
        together = [j for j in range(n) if found[j] == found[i]]
        belonging = [j for j in range(n) if truth[j] == truth[i]]
        right = len(set(together) & set(belonging))
        precision += right / len(together) / n
        recall += right / len(belonging) / n
    return precision, recall


@given(partitions)
def test_equals_the_definition(pairs: list[tuple[int, int]]) -> None:
    truth, found = [t for t, _ in pairs], [f for _, f in pairs]
    result = b_cubed(truth, found)
    assert (result.precision, result.recall) == pytest.approx(slow(truth, found))
    assert 0 < result.f <= 1


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_the_true_partition_under_other_names_is_perfect(truth: list[int]) -> None:
    assert b_cubed(truth, [f"cluster {each}" for each in truth]).f == 1


def test_one_heap_costs_precision_and_splitting_costs_recall() -> None:
    truth = ["a", "a", "b", "b"]
    heap, split = b_cubed(truth, [0] * 4), b_cubed(truth, range(4))
    assert (heap.precision, heap.recall) == (0.5, 1.0)
    assert (split.precision, split.recall) == (1.0, 0.5)


def test_a_mistake_in_a_clean_cluster_is_worse_than_in_a_messy_one() -> None:
    """The rag-bag constraint of Amigo et al.: what fits nowhere belongs in the heap of what fits nowhere."""
    truth = ["a"] * 4 + ["b", "c", "d", "e"] + ["odd"]
    clean = b_cubed(truth, [0] * 4 + [1] * 4 + [0])
    messy = b_cubed(truth, [0] * 4 + [1] * 4 + [1])
    assert messy.f > clean.f


@pytest.mark.parametrize(("truth", "found"), [([1], [1, 2]), ([], [])])
def test_both_must_be_about_the_same_items(truth: list[int], found: list[int]) -> None:
    with pytest.raises(ValueError, match="same number"):
        b_cubed(truth, found)
