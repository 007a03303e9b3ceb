"""Change points: the times between which a series keeps one level, as few as explain it well.

R. Killick, P. Fearnhead, I. A. Eckley, "Optimal detection of changepoints with a linear computational cost", Journal of
the American Statistical Association 107, 2012.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .profile import MOST_ROWS

__all__ = ("change_points", "change_points_plain")

_F8 = NDArray[np.float64]
_I8 = NDArray[np.int64]

PENALTY = 4.0
"""A change must explain so many times the logarithm of the number of readings, in squares of the noise."""
LEAST = 5
"""A level holds for so many readings at least."""


@njit(cache=True, nogil=True)
def _pruned(sums: _F8, squares: _F8, penalty: float, least: int) -> _I8:
    """Give for each end the begin of its last level; ``sums`` and ``squares`` (n + 1,) are cumulative."""
    n = sums.size - 1
    cost, last = np.full(n + 1, np.inf), np.zeros(n + 1, np.int64)
    cost[0] = -penalty
    open_, kept = np.zeros(n + 1, np.int64), 1
    for end in range(least, n + 1):
        fresh = end - least  # joins those that may be the begin
        if fresh >= least:
            open_[kept] = fresh
            kept += 1
        for k in range(kept):
            begin = open_[k]
            total = sums[end] - sums[begin]
            value = cost[begin] + penalty + squares[end] - squares[begin] - total * total / (end - begin)
            if value < cost[end]:
                cost[end], last[end] = value, begin
        still = 0
        for k in range(kept):
            begin = open_[k]
            total = sums[end] - sums[begin]
            if cost[begin] + squares[end] - squares[begin] - total * total / (end - begin) <= cost[end]:
                open_[still] = begin
                still += 1
        kept = still
    return last


def change_points(value: _F8) -> list[int]:
    """Give the rows at which a new level begins, in order.

    In plain words: the series is cut into levels so that what is left beside them, in squares of the noise from reading
    to reading, and a price for each cut are least. Limits: noise is taken as independent from reading to reading, so a
    series that wanders is cut where it wanders; a level holds five readings at least; a day's rhythm is cut into its
    parts, so take it off before.

    Parameters: ``value`` (n,), NaN where missing: the last value stands there.

    >>> change_points(np.repeat([1.0, 5.0, 2.0], 40) + np.tile([0.0, 0.1], 60))
    [40, 80]

    :raises ValueError: more rows than allowed.
    """
    x = _scaled(value)
    n = len(x)
    if n < 2 * LEAST:
        return []
    sums, squares = np.concatenate([[0.0], np.cumsum(x)]), np.concatenate([[0.0], np.cumsum(x * x)])
    return _cuts(_pruned(sums, squares, PENALTY * math.log(n), LEAST), n)


def _scaled(value: _F8) -> _F8:
    if len(value) > MOST_ROWS:
        raise ValueError(
            f"{len(value)} rows; allowed are at most {MOST_ROWS}: give a shorter time or fewer readings"
        )
    fine = np.abs(value) < 1e30
    if not fine.any():
        return np.empty(0)
    row = np.maximum.accumulate(np.where(fine, np.arange(len(value)), -1))
    filled = value[np.where(row >= 0, row, int(np.argmax(fine)))]
    steps = np.diff(filled)
    noise = 1.4826 * float(np.median(np.abs(steps))) / math.sqrt(2) if len(steps) else 0.0
    noise = noise or (float(np.std(steps)) / math.sqrt(2) if len(steps) else 0.0) or 1.0
    return np.asarray((filled - float(np.mean(filled))) / noise, np.float64)


def _cuts(last: _I8, n: int) -> list[int]:
    found, end = [], n
    while (end := int(last[end])) > 0:
        found.append(end)
    return found[::-1]


def change_points_plain(value: _F8) -> list[int]:
    """Say the same as `change_points`, trying every last level at every end."""
    x = _scaled(value)
    n = len(x)
    if n < 2 * LEAST:
        return []
    penalty = PENALTY * math.log(n)
    cost, last = [math.inf] * (n + 1), np.zeros(n + 1, np.int64)
    cost[0] = -penalty
    for end in range(LEAST, n + 1):
        for begin in (0, *range(LEAST, end - LEAST + 1)):
            part = x[begin:end]
            total = cost[begin] + penalty + float(((part - part.mean()) ** 2).sum())
            if total < cost[end] - 1e-9:
                cost[end], last[end] = total, begin
    return _cuts(last, n)
