"""The quick look at very many series: level, spread and cumulative sums, eight numbers a reading.

Robust exponentially weighted level and mean absolute deviation; two one-sided cumulative sums (E. S. Page, "Continuous
inspection schemes", Biometrika 41, 1954) of the clipped distance from usual.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ("N_QUICK", "QUICK_LEVEL", "QUICK_SPREAD", "quick_rows", "quick_tick", "quick_tick_plain")

_F4 = NDArray[np.float32]
_F8 = NDArray[np.float64]

# Rows of the block (N_QUICK, series), float32.
QUICK_LEVEL, QUICK_SPREAD, QUICK_RISE, QUICK_FALL, QUICK_COUNT = range(5)
N_QUICK = 5

RATE = np.float32(0.01)
CLIP = np.float32(6.0)
SLACK = np.float32(1.5)
LIMIT = np.float32(15.0)
FLOOR = np.float32(1e-6)
TO_SIGMA = np.float32(1.2533141)
"""Mean absolute deviation times this is the standard deviation of Gaussian noise."""
WARM_UP = np.float32(100.0)
ZERO, ONE = np.float32(0.0), np.float32(1.0)
EARLY = np.float32(0.1)


@njit(cache=True, nogil=True, inline="always")
def _one(block: _F4, s: int, x: np.float32) -> np.float32:
    """Take one reading of series ``s`` in; give its distance from usual in sigmas, 0 unless a sum is at its limit.

    A sum that has been told starts again from nothing.
    """
    level, spread, count = block[QUICK_LEVEL, s], block[QUICK_SPREAD, s], block[QUICK_COUNT, s]
    first = count == ZERO
    level = x if first else level
    away = x - level
    sigma = max(spread * TO_SIGMA, FLOOR * (abs(level) + ONE))
    z = min(CLIP, max(-CLIP, away / sigma))
    ready = count >= WARM_UP
    rise = max(ZERO, block[QUICK_RISE, s] + z - SLACK) if ready else ZERO
    fall = max(ZERO, block[QUICK_FALL, s] - z - SLACK) if ready else ZERO
    rate = RATE if ready else EARLY
    taught = z * sigma if ready else away
    block[QUICK_LEVEL, s] = level + rate * taught
    block[QUICK_SPREAD, s] = (
        spread + rate * (min(abs(taught), np.float32(3.0) * sigma) - spread)
        if ready
        else (spread + rate * (abs(taught) - spread))
    )
    said = rise >= LIMIT or fall >= LIMIT
    block[QUICK_RISE, s] = ZERO if said else rise
    block[QUICK_FALL, s] = ZERO if said else fall
    block[QUICK_COUNT, s] = min(count + ONE, np.float32(1e6))
    return z if said else ZERO


@njit(cache=True, nogil=True)
def quick_tick(values: _F4, block: _F4, out: _F4) -> None:
    """Take one reading of each of n series in: ``values`` (n,), ``block`` (N_QUICK, n), ``out`` (n,) sigmas or 0."""
    for s in range(values.size):
        out[s] = _one(block, s, values[s])


@njit(cache=True, nogil=True)
def quick_rows(slots: NDArray[np.int64], value: _F8, block: _F4, out: _F4, usual: _F4) -> None:
    """Take n readings in, in order; ``slots`` (n,) is each reading's column of ``block``, -1 leaves it out.

    Writes ``out`` (n,), sigmas or 0, and ``usual`` (n,), the level before each reading.
    """
    for i in range(slots.size):
        if slots[i] >= 0 and abs(value[i]) < 1e30:
            usual[i] = block[QUICK_LEVEL, slots[i]]
            out[i] = _one(block, slots[i], np.float32(value[i]))


def quick_tick_plain(values: _F4, block: _F4) -> list[float]:
    """Say `quick_tick` in plain Python; the oracle of its tests. ``block`` (N_QUICK, n) is changed in place."""
    out = []
    for s, x in enumerate(values.tolist()):
        level, spread, rise, fall, count = (float(each) for each in block[:, s])
        level = x if count == 0 else level
        away = x - level
        sigma = max(spread * float(TO_SIGMA), 1e-6 * (abs(level) + 1))
        z = min(6.0, max(-6.0, away / sigma))
        if count >= 100:
            rise, fall = max(0.0, rise + z - 1.5), max(0.0, fall - z - 1.5)
            level, size = level + 0.01 * z * sigma, min(abs(z * sigma), 3 * sigma)
            spread += 0.01 * (size - spread)
        else:
            rise = fall = 0.0
            level, spread = level + 0.1 * away, spread + 0.1 * (abs(away) - spread)
        said = max(rise, fall) >= 15
        block[:, s] = level, spread, 0.0 if said else rise, 0.0 if said else fall, min(count + 1, 1e6)
        out.append(z if said else 0.0)
    return out
