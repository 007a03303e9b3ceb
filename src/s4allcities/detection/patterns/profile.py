"""The matrix profile: how far each stretch of a series is from the stretch most like it.

C.-C. M. Yeh and others, "Matrix Profile I", IEEE International Conference on Data Mining, 2016; the running dot product
along diagonals is that of Y. Zhu and others, "Matrix Profile II", same conference, 2016.
"""

import math

import numpy as np
from msgspec import Struct
from numba import njit
from numpy.typing import NDArray

__all__ = ("MOST_ROWS", "Profile", "discords", "matrix_profile", "profile_plain")

_F8 = NDArray[np.float64]
_I8 = NDArray[np.int64]

MOST_ROWS = 50_000
"""The work grows with the square of the rows; so many take some seconds."""
FLAT = 1e-10
"""A stretch whose spread is below so much of the whole series' is flat: it has a level and no shape."""


class Profile(Struct, frozen=True):
    """Of n - length + 1 stretches: ``distance`` to the most alike, 0 to 2 sqrt(length), and where that ``nearest`` one
    begins. NaN and -1 where a stretch holds what is no number.
    """

    length: int
    distance: _F8
    nearest: _I8


@njit(cache=True, nogil=True)
def _along_diagonals(
    x: _F8, mean: _F8, spread: _F8, usable: NDArray[np.uint8], m: int, apart: int
) -> tuple[_F8, _I8]:
    """Give for each stretch the best correlation with any other at least ``apart`` away, and where."""
    n = mean.size
    best, where = np.full(n, -2.0), np.full(n, -1, np.int64)
    for k in range(apart, n):
        dot = 0.0
        for i in range(m):
            dot += x[i] * x[i + k]
        for i in range(n - k):
            j = i + k
            if i > 0:
                dot += x[i + m - 1] * x[j + m - 1] - x[i - 1] * x[j - 1]
            if usable[i] == 0 or usable[j] == 0:
                continue
            if spread[i] == 0.0 or spread[j] == 0.0:
                alike = 1.0 if spread[i] == spread[j] else 0.5
            else:
                alike = (dot / m - mean[i] * mean[j]) / (spread[i] * spread[j])
            if alike > best[i]:
                best[i], where[i] = alike, j
            if alike > best[j]:
                best[j], where[j] = alike, i
    return best, where


def matrix_profile(value: _F8, length: int) -> Profile:
    """Compare every stretch of ``length`` readings with every other, by shape alone (each brought to mean 0, spread 1).

    In plain words: a stretch with a large distance has no like anywhere in the series; one with a small distance is
    repeated. Limits: level and size count for nothing; what happened twice is no discord; stretches that overlap by
    more than half are not compared; of a flat stretch and another the distance is sqrt(length).

    Parameters: ``value`` (n,), NaN where missing; ``length`` from 3 to n / 2.

    >>> value = np.sin(np.arange(400) / 5.0)
    >>> value[200:210] = 0.3
    >>> int(np.argmax(matrix_profile(value, 32).distance)) in range(168, 211)
    True

    :raises ValueError: a length or a number of rows that is not allowed.
    """
    n = len(value)
    if n > MOST_ROWS:
        raise ValueError(f"{n} rows; allowed are at most {MOST_ROWS}: give a shorter time or fewer readings")
    if not 3 <= length <= n // 2:
        raise ValueError(f"a stretch of {length} of {n} readings; allowed are 3 to {n // 2}")
    x, mean, spread, usable = _stretches(value, length)
    best, where = _along_diagonals(x, mean, spread, usable, length, length // 2 + 1)
    distance = np.sqrt(np.maximum(0.0, 2 * length * (1 - np.minimum(best, 1.0))))
    return Profile(length, np.where(where >= 0, distance, np.nan), where)


def _stretches(value: _F8, m: int) -> tuple[_F8, _F8, _F8, NDArray[np.uint8]]:
    fine = np.abs(value) < 1e30
    middle = float(np.mean(value[fine])) if fine.any() else 0.0
    scale = float(np.std(value[fine])) if fine.any() else 1.0
    x = np.where(fine, value - middle, 0.0) / (scale or 1.0)
    windows = np.lib.stride_tricks.sliding_window_view(x, m)
    mean, spread = windows.mean(axis=1), windows.std(axis=1)
    usable = np.array(np.lib.stride_tricks.sliding_window_view(fine, m).all(axis=1), np.uint8)
    return x, mean, np.where(spread < FLAT, 0.0, spread), usable


def discords(profile: Profile, most: int = 3) -> list[int]:
    """Give where the stretches least like any other begin, the most unlike first, none overlapping another."""
    distance = np.where(np.isfinite(profile.distance), profile.distance, -1.0)
    found: list[int] = []
    for begin in np.argsort(-distance, kind="stable").tolist():
        if len(found) == most or distance[begin] <= 0:
            break
        if all(abs(begin - each) >= profile.length for each in found):
            found.append(begin)
    return found


def profile_plain(value: _F8, length: int) -> Profile:
    """Say the same as `matrix_profile`, from the definition: every pair of stretches, one by one."""
    n, apart = len(value) - length + 1, length // 2 + 1
    shapes = [_shape(value[i : i + length], float(np.std(value))) for i in range(n)]
    distance, nearest = np.full(n, np.nan), np.full(n, -1, np.int64)
    for i, a in enumerate(shapes):
        for j, b in enumerate(shapes):
            if abs(i - j) < apart:
                continue
            far = math.sqrt(length) if (a is None) != (b is None) else 0.0
            if a is not None and b is not None:
                far = float(np.sqrt(((a - b) ** 2).sum()))
            if math.isnan(distance[i]) or far < distance[i]:
                distance[i], nearest[i] = far, j
    return Profile(length, distance, nearest)


def _shape(stretch: _F8, scale: float) -> _F8 | None:
    spread = float(np.std(stretch))
    return None if spread < FLAT * scale else (stretch - stretch.mean()) / spread
