"""One pass over the readings of a batch, for all series: only what may be wrong comes back to Python.

A series that stands still is looked at beside its peers when it has done so for long enough, and again at every repeat.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._layout import (
    CHANGES,
    COUNT,
    HIGH,
    IN_WINDOW,
    INTERVAL_S,
    LATE_US,
    LOW,
    NOW_US,
    PAST_US,
    RANGE,
    RATE,
    RATE_LEAST,
    RATE_TIMES,
    REPEAT_US,
    SAID_RANGE,
    SAID_RATE,
    SAID_STUCK,
    SAME,
    STUCK,
    STUCK_LEAST,
    STUCK_US,
    T_ARRIVED,
    T_CHANGED,
    T_LAST,
    T_MOST_US,
    T_WINDOW,
    VALUE,
    WARM_UP_N,
    WINDOW_S,
)

__all__ = ("step_rows",)

_F8 = NDArray[np.float64]
_I8 = NDArray[np.int64]
_U1 = NDArray[np.uint8]
_U4 = NDArray[np.uint32]
_BAD = 2
_LEARN_SHARE = 0.005
_INTERVAL_MOST_S = 3600.0


@njit(cache=True, nogil=True)
def _too_many(ints: _I8, floats: _F8, shared: _F8, s: int, t: int) -> bool:
    """Count the reading in the window of arrival; tell whether there are too many, and it is time to say so."""
    now = np.int64(shared[NOW_US])
    if now - t > shared[LATE_US]:
        return False
    if now - ints[s, T_WINDOW] >= shared[WINDOW_S] * 1e6:
        ints[s, T_WINDOW], ints[s, IN_WINDOW] = now, 0
    ints[s, IN_WINDOW] += 1
    usual = 1.0 / floats[s, INTERVAL_S] if floats[s, INTERVAL_S] > 0 else 0.0
    most = max(shared[RATE_LEAST], shared[RATE_TIMES] * usual) * shared[WINDOW_S]
    if ints[s, IN_WINDOW] <= most:
        return False
    t_said = t if t < now else now
    if t_said - ints[s, SAID_RATE] < shared[REPEAT_US]:
        return False
    ints[s, SAID_RATE] = t_said
    return True


@njit(cache=True, nogil=True)
def _out_of_range(ints: _I8, params: _F8, shared: _F8, s: int, t: int, value: float) -> bool:
    # NaN, also as a bound that there is not, compares false.
    if not (value < params[s, LOW] or value > params[s, HIGH]):
        return False
    if t - ints[s, SAID_RANGE] < shared[REPEAT_US]:
        return False
    ints[s, SAID_RANGE] = t
    return True


@njit(cache=True, nogil=True)
def _move(ints: _I8, floats: _F8, shared: _F8, s: int, t: int, value: float) -> None:
    count = ints[s, COUNT]
    if count > 0:
        seconds = min(_INTERVAL_MOST_S, (t - ints[s, T_LAST]) / 1e6)
        share = 1.0 / count if count <= shared[WARM_UP_N] else _LEARN_SHARE
        floats[s, INTERVAL_S] += share * (seconds - floats[s, INTERVAL_S])
    if value == floats[s, VALUE]:
        ints[s, SAME] += 1
    elif not math.isnan(value):
        ints[s, CHANGES] += 1 if count > 0 else 0
        floats[s, VALUE] = value
        ints[s, T_CHANGED] = t
        ints[s, SAME] = 0
    ints[s, T_LAST] = t
    ints[s, T_ARRIVED] = np.int64(shared[NOW_US])
    ints[s, COUNT] = count + 1


@njit(cache=True, nogil=True)
def _look(ints: _I8, kinds: _I8, used: int, s: int, since_us: float, peers: _I8, i: int) -> None:
    """Count the other sensors of the same quantity, and those that changed after a time."""
    there, moving = 0, 0
    for other in range(used):
        if kinds[other, 0] == kinds[s, 0] and kinds[other, 1] != kinds[s, 1]:
            there += 1
            moving += ints[other, T_CHANGED] > since_us
    peers[i, 0], peers[i, 1] = there, moving


@njit(cache=True, nogil=True)
def step_rows(
    slots: _I8,
    series_ix: _U4,
    t_us: _I8,
    value: _F8,
    quality: _U1,
    told: _U1,
    ints: _I8,
    floats: _F8,
    params: _F8,
    kinds: _I8,
    used: int,
    shared: _F8,
    marks: _U1,
    in_window: _F8,
    usual_s: _F8,
    still_s: _F8,
    peers: _I8,
) -> int:
    """Take n readings in order; give how many had no room.

    ``slots`` (series of the batch,) is the state's row of each, below 0 where there is no room; ``series_ix``,
    ``t_us``, ``value``, ``quality`` (n,) are the batch's columns, ``told`` (n,) is 1 where a payload holds the content.
    ``ints``, ``floats``, ``params`` are the blocks of `_layout`. ``marks`` (n,) gets RANGE, STUCK, RATE; for
    what is marked ``in_window`` (n,) gets the readings in the window, ``usual_s`` (n,) the usual interval and
    ``still_s`` (n,) the seconds without change, ``peers`` (n, 2) how many other sensors have the quantity of ``kinds``
    (series, 2: quantity, sensor) and how many of them changed lately.
    """
    refused = 0
    for i in range(t_us.size):
        t = t_us[i]
        if quality[i] >= _BAD or t <= PAST_US or t > shared[T_MOST_US]:
            continue
        s = slots[series_ix[i]]
        if s < 0:
            refused += 1
            continue
        mark = 0
        usual_s[i] = floats[s, INTERVAL_S]
        if _too_many(ints, floats, shared, s, t):
            mark |= RATE
            in_window[i] = ints[s, IN_WINDOW]
        if t > ints[s, T_LAST]:
            if told[i] == 0 and _out_of_range(ints, params, shared, s, t, value[i]):
                mark |= RANGE
            _move(ints, floats, shared, s, t, value[i])
            same = ints[s, SAME] >= shared[STUCK_LEAST] and told[i] == 0
            still_us = t - ints[s, T_CHANGED]
            if same and still_us >= params[s, STUCK_US] and t - ints[s, SAID_STUCK] >= shared[REPEAT_US]:
                mark |= STUCK
                ints[s, SAID_STUCK] = t
                still_s[i] = still_us / 1e6
                _look(ints, kinds, used, s, t - params[s, STUCK_US] / 2, peers, i)
        marks[i] = mark
    return refused
