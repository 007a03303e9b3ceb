"""One pass over the readings of a batch, for all series: state and parameters in columns, one column a series."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._layout import (
    CLIP,
    COUNT,
    FALL_BELOW,
    FALL_ON,
    FALL_SHARE,
    FALL_USUAL_LEAST,
    FALLS,
    FLOOR,
    FLOOR_SHARE,
    GAP_MOST_S,
    HOLD_S,
    HUBER,
    LAST,
    LEVEL,
    LIMIT,
    ON_DOWN,
    ON_UP,
    REPEAT_US,
    RISE_ABOVE,
    RISE_ABSOLUTE,
    RISE_LEAST,
    RISE_ON,
    RISE_TIMES,
    RISES,
    SCALE,
    SCALE_TAU_S,
    SLACK,
    SLOW,
    SUM_DOWN,
    SUM_UP,
    T_LAST,
    T_MOST_US,
    T_SAID_UP,
    T_SINCE,
    TAU_S,
    USUAL_LEAST,
    USUAL_MOST,
    WARM_UP,
)

__all__ = ("step_rows",)

_F8 = NDArray[np.float64]
_I8 = NDArray[np.int64]
_U1 = NDArray[np.uint8]

# Mean absolute deviation times this is the standard deviation of Gaussian noise.
_TO_SIGMA = 1.2533141373155001
_BAD = 2
_PARTNER_SHARE = 0.5
_NO_LIMIT = 1e299


@njit(cache=True, nogil=True)
def _learn(floats: _F8, params: _F8, s: int, value: float, dt_s: float, count: int, slow: float) -> None:
    """Move usual and scale of series ``s`` towards a reading."""
    scale = floats[SCALE, s]
    warming = count < params[WARM_UP, s]  # nothing is known to be far out yet, so nothing is held back
    reach = math.inf if warming else params[HUBER, s] * scale
    residual = min(reach, max(-reach, value - floats[LEVEL, s]))
    share = 1.0 - math.exp(-dt_s / (params[TAU_S, s] * slow))
    share_scale = 1.0 - math.exp(-dt_s / (params[SCALE_TAU_S, s] * slow))
    if warming:
        share, share_scale = max(share, 1.0 / (count + 1)), max(share_scale, 1.0 / (count + 1))
    level = floats[LEVEL, s] + share * residual
    floats[LEVEL, s] = min(params[USUAL_MOST, s], max(params[USUAL_LEAST, s], level))
    spread = min(abs(residual), math.inf if warming else 3.0 * scale) * _TO_SIGMA
    floats[SCALE, s] = scale + share_scale * (spread - scale)


@njit(cache=True, nogil=True)
def _is_high(
    floats: _F8, ints: _I8, params: _F8, partners: _I8, s: int, value: float, level: float, ready: bool
) -> bool:
    """Whether a reading meets the rule for too much."""
    if params[RISE_ON, s] <= 0 or value < params[RISE_LEAST, s]:
        return False
    if params[RISE_ABSOLUTE, s] > 0:
        return True
    partner = partners[s]
    if partner >= 0 and (
        ints[COUNT, partner] == 0 or floats[LAST, partner] >= _PARTNER_SHARE * floats[LEVEL, partner]
    ):
        return False
    return (
        ready
        and value - level >= params[RISE_ABOVE, s]
        and (params[RISE_TIMES, s] <= 0 or value >= params[RISE_TIMES, s] * level)
    )


@njit(cache=True, nogil=True)
def _is_low(params: _F8, s: int, value: float, level: float, ready: bool) -> bool:
    """Whether a reading meets the rule for too little."""
    return (
        ready
        and params[FALL_ON, s] > 0
        and level >= params[FALL_USUAL_LEAST, s]
        and level - value >= params[FALL_BELOW, s]
        and (params[FALL_SHARE, s] >= _NO_LIMIT or value <= params[FALL_SHARE, s] * level)
    )


@njit(cache=True, nogil=True)
def _turn(
    floats: _F8, ints: _I8, shared: _F8, s: int, side: int, holds: bool, distance: float, t: int
) -> bool:
    """Move the sum of one side (0 up, 1 down) on; tell whether a detection is due at this reading."""
    limit, repeat_us = shared[LIMIT], np.int64(shared[REPEAT_US])
    total = floats[SUM_UP + side, s] - shared[SLACK]
    if holds:
        total += min(shared[CLIP], distance)
    total = min(limit + shared[CLIP], max(0.0, total))
    floats[SUM_UP + side, s] = total
    if total < limit / 2:
        ints[ON_UP + side, s] = 0
    elif total >= limit and ints[ON_UP + side, s] == 0:
        ints[ON_UP + side, s], ints[T_SAID_UP + side, s] = 1, t - repeat_us
    due = holds and ints[ON_UP + side, s] > 0 and t - ints[T_SAID_UP + side, s] >= repeat_us
    if due:
        ints[T_SAID_UP + side, s] = t
    return due


@njit(cache=True, nogil=True)
def _within(params: _F8, s: int, value: float) -> float:
    """Keep a usual within the bounds of its rule."""
    kept: float = min(params[USUAL_MOST, s], max(params[USUAL_LEAST, s], value))
    return kept


@njit(cache=True, nogil=True)
def _settle(
    floats: _F8, ints: _I8, params: _F8, shared: _F8, s: int, value: float, dt_s: float, t: int, was_on: bool
) -> None:
    """After a reading was judged: learn from it, or take what has lasted long as the new usual."""
    on = ints[ON_UP, s] + ints[ON_DOWN, s] > 0
    if on and not was_on:
        ints[T_SINCE, s] = t
    count, hold_us = ints[COUNT, s], params[HOLD_S, s] * 1e6
    if on and hold_us > 0 and t - ints[T_SINCE, s] >= hold_us:
        floats[LEVEL, s] = _within(params, s, value)
        floats[SUM_UP, s], floats[SUM_DOWN, s] = 0.0, 0.0
        ints[ON_UP, s], ints[ON_DOWN, s], count = 0, 0, 0
    else:
        # Not at the first large residual: leaving those out would make the scale too small.
        suspicious = on or max(floats[SUM_UP, s], floats[SUM_DOWN, s]) >= shared[LIMIT] / 2
        _learn(floats, params, s, value, dt_s, count, shared[SLOW] if suspicious else 1.0)
    floats[LAST, s], ints[T_LAST, s], ints[COUNT, s] = value, t, count + 1


@njit(cache=True, nogil=True)
def step_rows(
    slots: _I8,
    t_us: _I8,
    values: _F8,
    quality: _U1,
    floats: _F8,
    ints: _I8,
    params: _F8,
    partners: _I8,
    shared: _F8,
    said: _U1,
    z_out: _F8,
    usual_out: _F8,
) -> int:
    """Take n readings in order; give how many were left out as late, from the future or not a number.

    ``slots`` (n,) is the series column of each reading, below 0 to leave it out; ``t_us``, ``values``, ``quality``
    (n,). ``floats``, ``ints`` (state) and ``params`` have a column a series; ``partners`` (series,) is the column
    whose value must be below half of its usual for a rise to count, or -1. ``said`` (n,) gets RISES and FALLS where
    a detection starts or is due again; ``z_out`` and ``usual_out`` (n,) the distance in scales and the usual before.
    """
    left_out = 0
    for i in range(slots.size):
        s, t, value = slots[i], t_us[i], values[i]
        if s < 0:
            continue
        count = ints[COUNT, s]
        late = count > 0 and t <= ints[T_LAST, s]
        if late or quality[i] >= _BAD or not math.isfinite(value) or t > shared[T_MOST_US]:
            left_out += 1
            continue
        dt_s = 0.0
        if count == 0:
            floats[LEVEL, s] = _within(params, s, value)
        else:
            dt_s = min((t - ints[T_LAST, s]) / 1e6, shared[GAP_MOST_S])
        level, ready = floats[LEVEL, s], count >= params[WARM_UP, s]
        floats[SCALE, s] = max(floats[SCALE, s], params[FLOOR, s], params[FLOOR_SHARE, s] * abs(level))
        z = (value - level) / floats[SCALE, s]
        high = _is_high(floats, ints, params, partners, s, value, level, ready)
        low = _is_low(params, s, value, level, ready)
        was_on = ints[ON_UP, s] + ints[ON_DOWN, s] > 0
        up = shared[CLIP] if params[RISE_ABSOLUTE, s] > 0 else z
        mark = 0
        if _turn(floats, ints, shared, s, 0, high, up, t):
            mark |= RISES
        if _turn(floats, ints, shared, s, 1, low, -z, t):
            mark |= FALLS
        said[i], z_out[i], usual_out[i] = mark, z, level
        _settle(floats, ints, params, shared, s, value, dt_s, t, was_on)
    return left_out
