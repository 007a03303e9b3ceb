"""How well does a score tell the dangerous from the harmless, whatever its scale."""

from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ("area_under_roc", "threshold_at_recall")

F8 = NDArray[np.float64]


def area_under_roc(scores: ArrayLike, positive: ArrayLike) -> float | None:
    """Chance that a positive scores higher than a negative, ties counting half; None without one of either.

    The Mann-Whitney statistic over its largest value (Hanley, McNeil, Radiology 143, 1982). ``scores`` (N,) may be
    infinite; ``positive`` (N,) true or false.

    :raises ValueError: the shapes differ, or a score is not a number.

    >>> area_under_roc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    values, yes = _checked(scores, positive)
    n_yes, n_no = int(yes.sum()), int((~yes).sum())
    if not n_yes or not n_no:
        return None
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    rank = (last - (counts - 1) / 2)[which]
    return float((rank[yes].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no))


def threshold_at_recall(scores: ArrayLike, recall: float) -> float:
    """Highest threshold at which so large a share of ``scores`` (N,), those of the positives, is at or above it.

    Minus infinity where a missed one (score minus infinity) is needed to reach the recall.

    :raises ValueError: there is no score, one is not a number, or recall is not in 0..1 (0 left out).

    >>> threshold_at_recall([0.9, 0.8, 0.7, 0.2], 0.75)
    0.7
    """
    values, _ = _checked(scores, np.ones(np.shape(scores), bool))
    if not len(values) or not 0 < recall <= 1:
        raise ValueError(
            f"{len(values)} scores at recall {recall}; needed are at least 1, and 0 < recall <= 1"
        )
    needed = ceil(round(recall * len(values), 9))
    return float(np.sort(values)[::-1][needed - 1])


def _checked(scores: ArrayLike, positive: ArrayLike) -> tuple[F8, NDArray[np.bool_]]:
    values, yes = np.asarray(scores, np.float64), np.asarray(positive, bool)
    if values.ndim != 1 or values.shape != yes.shape:
        raise ValueError(f"scores and positive are both (N,); given are {values.shape} and {yes.shape}")
    if np.isnan(values).any():
        raise ValueError("a score is not a number")
    return values, yes
