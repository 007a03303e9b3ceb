"""One pass over the readings of a batch: each series' own past, and the distance from its neighbours' median."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = (
    "APART",
    "DRIFT",
    "N_FLOATS",
    "N_INTS",
    "PAST",
    "REPLAY",
    "WINDOW",
    "best_likeness",
    "best_likeness_plain",
    "check_rows",
)

_F4 = NDArray[np.float32]
_F8 = NDArray[np.float64]
_I8 = NDArray[np.int64]

PAST, WINDOW = 2048, 64
"""Readings of its own past that a series keeps, and how many at the end of it are compared with all before."""
EVERY_PEERS = 8
"""After so many readings of a series it is compared with its neighbours again."""
REPLAY, DRIFT, APART = 1, 2, 4
"""Marks in the output."""

# Columns of the float block (series, N_FLOATS).
LIKE_MEAN, LIKE_VAR, N_LIKE, OFFSET, NOISE, SLOW, QUICK, N_AWAY, LAST_AWAY = range(9)
N_FLOATS = 9
# Columns of the integer block (series, N_INTS).
T_LAST, COUNT, T_SAID_REPLAY, T_SAID_DRIFT, T_SAID_APART = range(5)
N_INTS = 5

LIKE_WARM_UP, AWAY_WARM_UP = 6, 60
SPREAD_LEAST = 0.03
FRESH_US = 900_000_000
PEERS_LEAST = 2
A_LIKE, A_SLOW, A_QUICK, A_NOISE = 0.05, 0.1, 0.4, 0.02
MOVED_LEAST = 20
"""So many of the last steps must not be zero: two flat stretches are alike without being the same."""


@njit(cache=True, nogil=True)
def best_likeness(past: _F4, count: int) -> tuple[float, int]:
    """Give the largest correlation of the steps of the last `WINDOW` readings with any earlier stretch.

    ``past`` (PAST,) is a ring, the reading number i lying at i % PAST; ``count`` readings have come. Gives
    (correlation, how many readings ago); (0, 0) where there is nothing to compare or hardly a step.
    """
    kept = min(count, PAST)
    if kept < 3 * WINDOW:
        return 0.0, 0
    steps = np.empty(kept - 1, np.float32)
    first = count - kept
    for i in range(kept - 1):
        steps[i] = past[(first + i + 1) % PAST] - past[(first + i) % PAST]
    n = WINDOW - 1
    start = kept - 1 - n
    moved, own_power = 0, 0.0
    for i in range(n):
        moved += steps[start + i] != 0.0
        own_power += steps[start + i] * steps[start + i]
    if moved < MOVED_LEAST or not own_power > 0.0:
        return 0.0, 0
    # Step by step over all stretches at once: sums along each stretch could not use the processor's vectors.
    totals = np.zeros(start - n, np.float32)
    for i in range(n):
        own = steps[start + i]
        for at in range(start - n):
            totals[at] += steps[at + i] * own
    best, lag = 0.0, 0
    power = 0.0
    for i in range(n):
        power += steps[i] * steps[i]
    for at in range(start - n):
        if power > 1e-3 * own_power:
            like = float(totals[at] / math.sqrt(power * own_power))
            if like > best:
                best, lag = like, start - at
        power += steps[at + n] * steps[at + n] - steps[at] * steps[at]
    return best, lag


def best_likeness_plain(values: _F8) -> tuple[float, int]:
    """Say `best_likeness` in plain NumPy of the readings in order; the oracle of its tests."""
    steps = np.diff(values[-PAST:])
    n = WINDOW - 1
    if len(values[-PAST:]) < 3 * WINDOW:
        return 0.0, 0
    own, start = steps[-n:], len(steps) - n
    if np.count_nonzero(own) < MOVED_LEAST:
        return 0.0, 0
    found = [(0.0, 0)]
    for at in range(start - n):
        other = steps[at : at + n]
        if other @ other > 1e-3 * (own @ own):
            found.append((float(own @ other / np.sqrt((own @ own) * (other @ other))), start - at))
    return max(found, key=lambda each: each[0])


@njit(cache=True, nogil=True)
def _replayed(past: _F4, row: _F8, count: int, alike: float, margin: float) -> tuple[float, int]:
    """Compare the last stretch with the past; give (correlation, lag) if it is replayed, else (0, 0); learn."""
    like, lag = best_likeness(past, count)
    if lag == 0:
        return 0.0, 0
    usual = row[LIKE_MEAN] + margin * max(SPREAD_LEAST, math.sqrt(row[LIKE_VAR]))
    if row[N_LIKE] >= LIKE_WARM_UP and like >= alike and like > usual:
        return like, lag
    if row[N_LIKE] >= LIKE_WARM_UP:  # half a replay must not teach that replays are usual
        like = min(like, usual)
    row[N_LIKE] += 1.0
    rate = max(A_LIKE, 1.0 / row[N_LIKE])
    away = like - row[LIKE_MEAN]
    row[LIKE_MEAN] += rate * away
    row[LIKE_VAR] += rate * (away * away - row[LIKE_VAR])
    return 0.0, 0


@njit(cache=True, nogil=True)
def _peers_median(next_of: _I8, last: _F8, ints: _I8, own: int, t: int) -> float:
    """Give the median of the fresh last readings of the others; NaN where they are too few."""
    peers, other = 0, next_of[own]
    while other != own:
        peers, other = peers + 1, next_of[other]
    values = np.empty(peers)
    n, other = 0, next_of[own]
    while other != own:
        if ints[other, COUNT] > 0 and t - ints[other, T_LAST] < FRESH_US:
            values[n] = last[other]
            n += 1
        other = next_of[other]
    return float(np.median(values[:n])) if n >= PEERS_LEAST else np.nan


@njit(cache=True, nogil=True)
def _apart(row: _F8, away: float, drift: float, apart: float) -> int:
    """Follow the distance from the neighbours; give what it says. What is usual is learnt at the start alone."""
    if row[N_AWAY] == 0:
        row[OFFSET] = row[SLOW] = row[QUICK] = row[LAST_AWAY] = away
    row[N_AWAY] += 1.0
    step = abs(away - row[LAST_AWAY])
    row[LAST_AWAY] = away
    rate = max(A_NOISE, 1.0 / row[N_AWAY])
    row[NOISE] += rate * (min(step, 4.0 * row[NOISE]) - row[NOISE] if row[N_AWAY] > 10 else step - row[NOISE])
    row[SLOW] += max(A_SLOW, 1.0 / row[N_AWAY]) * (away - row[SLOW])
    row[QUICK] += A_QUICK * (away - row[QUICK])
    if row[N_AWAY] <= AWAY_WARM_UP:
        row[OFFSET] = row[SLOW]
        return 0
    noise = row[NOISE] + 1e-9 * (1.0 + abs(row[OFFSET]))
    if abs(row[QUICK] - row[OFFSET]) > apart * noise:
        return APART
    return DRIFT if abs(row[SLOW] - row[OFFSET]) > drift * noise else 0


@njit(cache=True, nogil=True)
def check_rows(
    slots: _I8,
    t_us: _I8,
    value: _F8,
    past: _F4,
    last: _F8,
    floats: _F8,
    ints: _I8,
    next_of: _I8,
    settings: _F8,
    said: NDArray[np.uint8],
    told: _F8,
) -> None:
    """Take n readings in, in order; ``slots`` (n,) is each reading's row of the state, -1 leaves it out.

    ``next_of`` (series,) leads around each series' neighbours, see `IntegrityState`.
    Writes ``said`` (n,), marks, and ``told`` (n, 2): correlation and lag of a replay, or distance and usual distance.
    """
    repeat_us = np.int64(settings[4])
    for i in range(slots.size):
        s, t, x = slots[i], t_us[i], value[i]
        if s < 0 or not abs(x) < 1e30 or (ints[s, COUNT] > 0 and t <= ints[s, T_LAST]):
            continue
        count = ints[s, COUNT]
        past[s, count % PAST] = x
        last[s] = x
        ints[s, T_LAST] = t
        ints[s, COUNT] = count + 1
        if (count + 1) % WINDOW == 0:
            like, lag = _replayed(past[s], floats[s], count + 1, settings[0], settings[1])
            if lag > 0 and (ints[s, T_SAID_REPLAY] == 0 or t - ints[s, T_SAID_REPLAY] >= repeat_us):
                ints[s, T_SAID_REPLAY] = t
                said[i] |= REPLAY
                told[i, 0], told[i, 1] = like, lag
                continue
        if (count + 1) % EVERY_PEERS == 0:
            median = _peers_median(next_of, last, ints, s, t)
            if median == median:
                mark = _apart(floats[s], x - median, settings[2], settings[3])
                place = T_SAID_APART if mark == APART else T_SAID_DRIFT
                if mark > 0 and (ints[s, place] == 0 or t - ints[s, place] >= repeat_us):
                    ints[s, place] = t
                    said[i] |= mark
                    told[i, 0], told[i, 1] = floats[s, QUICK if mark == APART else SLOW], floats[s, OFFSET]
