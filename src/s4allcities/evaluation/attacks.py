"""The score of the Battle of the Attack Detection Algorithms (R. Taormina and others, J. Water Resources Planning and
Management 144(8), 2018): how soon attacks are found, and how well hours under attack are told from others.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = ("AttackScore", "attack_score", "spans_of")


class AttackScore(Struct, frozen=True):
    """``s`` is the mean of ``time_to_detection`` and ``classification``, each 0..1; ``found`` of ``attacks``."""

    s: float
    time_to_detection: float
    classification: float
    found: int
    attacks: int


def spans_of(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give (first, one past the last) of each run of True.

    >>> spans_of(np.array([False, True, True, False, True]))
    [(1, 3), (4, 5)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def attack_score(alert: NDArray[np.bool_], attacked: NDArray[np.bool_]) -> AttackScore:
    """Score n rows.

    >>> flags = np.array([False] * 6 + [True] * 4)
    >>> attack_score(flags, flags).s, attack_score(~flags, flags).s, attack_score(flags & False, flags).s
    (1.0, 0.0, 0.25)

    :raises ValueError: no row is attacked, or all are.
    """
    spans = spans_of(attacked)
    if not spans or attacked.all():
        raise ValueError("rows under attack and rows that are not are both needed")
    first = [next((i for i in range(a, b) if alert[i]), b) for a, b in spans]
    late = [(i - a) / (b - a) for i, (a, b) in zip(first, spans, strict=True)]
    soon = 1.0 - float(np.mean(late))
    right = float(alert[attacked].mean() + 1.0 - alert[~attacked].mean()) / 2
    found = sum(i < b for i, (_, b) in zip(first, spans, strict=True))
    return AttackScore((soon + right) / 2, soon, right, found, len(spans))
