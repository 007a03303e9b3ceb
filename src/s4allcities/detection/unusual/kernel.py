"""One pass over the readings of a batch for all series: each is compared with its own past, then teaches it.

Every function works on one row of the state (see `_layout`); `plain` says the same in plain Python.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from . import _layout as at

__all__ = ("observe_rows",)

_F4 = NDArray[np.float32]
_F8 = NDArray[np.float64]
_I8 = NDArray[np.int64]
_U1 = NDArray[np.uint8]

# Numba takes constants of a module as they are at compile time, attributes of a module not always: name them here.
N_LAGS, N_FEATURES, N_STREAMS = at.N_LAGS, at.N_FEATURES, at.N_STREAMS
FORECAST, JUMP, LEVEL, SHIFT, SEASON = at.FORECAST, at.JUMP, at.LEVEL, at.SHIFT, at.SEASON
SEASON_MEAN, VARIANCE, FLAT, PATTERN, RANGE = at.SEASON_MEAN, at.VARIANCE, at.FLAT, at.PATTERN, at.RANGE
SEASONAL, CYCLE, N_SYMBOLS, N_BINS = at.SEASONAL, at.CYCLE, at.N_SYMBOLS, at.N_BINS
SIDE, N_CYCLES, PERIOD_S, PERIOD_VAR, PHASE_S = at.SIDE, at.N_CYCLES, at.PERIOD_S, at.PERIOD_VAR, at.PHASE_S
N_JUDGED, PROFILE = at.N_JUDGED, at.PROFILE
MEAN, SCALE, FAST, PREVIOUS, JUMP_FAST, JUMP_SLOW = (
    at.MEAN,
    at.SCALE,
    at.FAST,
    at.PREVIOUS,
    at.JUMP_FAST,
    at.JUMP_SLOW,
)
SEASON_RESIDUAL, LOW, HIGH, NOVELTY = at.SEASON_RESIDUAL, at.LOW, at.HIGH, at.NOVELTY
HELD, BAR, INTERVAL_S, SYMBOL_1, SYMBOL_2 = at.HELD, at.BAR, at.INTERVAL_S, at.SYMBOL_1, at.SYMBOL_2
WEIGHTS, HISTORY, QUANTILE, SIZE = at.WEIGHTS, at.HISTORY, at.QUANTILE, at.SIZE
CENTRE, SPREAD, HOUR_MEAN, HOUR_COUNT, WEEK = at.CENTRE, at.SPREAD, at.HOUR_MEAN, at.HOUR_COUNT, at.WEEK
T_LAST, COUNT, N_HELD = at.T_LAST, at.COUNT, at.N_HELD
A_SLOW, A_FAST, A_VARIANCE, A_SEASON, A_WEEK, A_NOVELTY = (
    at.A_SLOW, at.A_FAST, at.A_VARIANCE, at.A_SEASON, at.A_WEEK, at.A_NOVELTY,
)  # fmt: skip
STEP_FORECAST, TAIL, A_QUANTILE, A_NORMAL = at.STEP_FORECAST, at.TAIL, at.A_QUANTILE, at.A_NORMAL
FLOOR_NORMAL, REST_SHARE, REST_MOST, BAR_STEP, BAR_DECAY = (
    at.FLOOR_NORMAL, at.REST_SHARE, at.REST_MOST, at.BAR_STEP, at.BAR_DECAY,
)  # fmt: skip
BAR_MONTH, BAR_LEAST, FUTURE_US = at.BAR_MONTH, at.BAR_LEAST, at.FUTURE_US
SHORT_S, FLOOR_SCALE = at.SHORT_S, at.FLOOR_SCALE

HOUR_US, TWO_HOURS_US, DAY_US, WEEK_US = 3_600_000_000, 7_200_000_000, 86_400_000_000, 604_800_000_000
MONDAY_US = 4 * DAY_US  # the epoch was a Thursday
TINY = 1e-12
RAREST = 1e-4
"""No pattern is taken as rarer than one reading in so many."""
CLIP = 8.0
BAR_MOST = 8.0
CLIP_SCALE = 4.0
SETTLED = 20
"""From so many readings on, one reading teaches level and scale at most `CLIP_SCALE` scales."""
SETTLING = 30
WARM_UP = 50
BAD = 2
CROSSES = 0.25
"""A series has crossed its mean when it is so many scales beyond it, having been as far on the other side."""
CYCLES_LEAST = 12
REGULAR = 0.1
"""A cycle has a length when its spread is below this share of it; noise and random walks come nowhere near."""
CYCLES_JUDGED = 5.0
REACH_MOST = 4
OFF_EDGE = 0.01
"""Cycles of a whole number of readings have them on the edges of pieces, where rounding would decide."""
ANOTHER = 0.5
READINGS_LEAST = 6.0
A_CYCLE = 0.1
FLOOR_CYCLE = 0.1
"""In scales: a cycle that repeats to the letter is not judged by less."""


@njit(cache=True, nogil=True, inline="always")
def _rate(rate: float, count: float) -> float:
    """The share that a new reading has in a mean: all of it at first, ``rate`` in the long run."""
    return max(rate, 1.0 / count)


@njit(cache=True, nogil=True)
def _begin(row: _F4, patterns: _U1, value: float) -> None:
    row[:] = 0.0
    patterns[:] = 0
    row[MEAN] = row[FAST] = row[PREVIOUS] = row[LOW] = row[HIGH] = value
    row[WEIGHTS] = 0.5
    row[NOVELTY] = 0.3
    for k in range(HOUR_MEAN, HOUR_COUNT):
        row[k] = np.nan
    for k in range(WEEK, SIDE):
        row[k] = np.nan


@njit(cache=True, nogil=True)
def _forecast(row: _F4, z: float, step: float) -> float:
    """Normalised least mean squares over the last readings in scales; give how far off the forecast was."""
    clipped = min(CLIP, max(-CLIP, z))
    told, power = 0.0, 1.0
    for k in range(N_LAGS):
        lag = row[HISTORY + k]
        told += row[WEIGHTS + k] * lag
        power += lag * lag
    gain = step * (clipped - told) / power
    for k in range(N_LAGS):
        row[WEIGHTS + k] += gain * row[HISTORY + k]
    for k in range(N_LAGS - 1, 0, -1):
        row[HISTORY + k] = row[HISTORY + k - 1]
    row[HISTORY] = clipped
    return abs(z - told)


@njit(cache=True, nogil=True)
def _season(row: _F4, t_us: int, value: float, settings: _F8) -> float:
    """Compare with the usual of this hour of the day, and of the week once it is known; give the difference, learn."""
    hour = (t_us % DAY_US) // HOUR_US
    piece = ((t_us - MONDAY_US) % WEEK_US) // TWO_HOURS_US
    usual, offset = row[HOUR_MEAN + hour], row[WEEK + piece]
    known = not np.isnan(usual)
    residual = value - usual if known else 0.0
    count = row[HOUR_COUNT + hour] + 1.0
    row[HOUR_COUNT + hour] = min(count, 1e6)
    pace = settings[A_SEASON] * min(1.0, row[INTERVAL_S] / 300.0)
    if known:
        row[HOUR_MEAN + hour] = usual + _rate(pace, count) * residual
        if np.isnan(offset):
            row[WEEK + piece] = residual * settings[A_WEEK]
        else:
            week_pace = settings[A_WEEK] * min(1.0, row[INTERVAL_S] / 7200.0)
            row[WEEK + piece] = offset + week_pace * (residual - offset)
            residual -= offset
    else:
        row[HOUR_MEAN + hour] = value
    row[SEASON_RESIDUAL] += 0.3 * (residual - row[SEASON_RESIDUAL]) if known else -0.3 * row[SEASON_RESIDUAL]
    return residual


@njit(cache=True, nogil=True, inline="always")
def _regular(row: _F4, seen: float) -> bool:
    """Whether the series has a cycle: enough were seen, and they last about as long as each other."""
    return seen > CYCLES_LEAST and float(row[PERIOD_VAR]) < (REGULAR * float(row[PERIOD_S])) ** 2


@njit(cache=True, nogil=True)
def _cross(row: _F4) -> None:
    """Where the series rises above its mean: the cycle is over, its length teaches, the next one begins."""
    took, seen = float(row[PHASE_S]), float(row[N_CYCLES])
    period_s, var = float(row[PERIOD_S]), float(row[PERIOD_VAR])
    row[PHASE_S], row[N_CYCLES] = 0.0, min(seen + 1.0, 1e6)
    if seen == 0.0:
        return  # nobody knows when this one began
    away = took - period_s
    if _regular(row, seen):  # one cycle that failed unlearns nothing
        most = 3.0 * math.sqrt(var) + REGULAR * period_s
        away = min(most, max(-most, away))
    elif abs(away) > ANOTHER * period_s:  # noise until now, or another cycle: from here on anew
        row[N_CYCLES], row[PERIOD_S], row[PERIOD_VAR] = 2.0, took, 0.0
        return
    rate = _rate(A_CYCLE, seen)
    row[PERIOD_S] = period_s + rate * away
    row[PERIOD_VAR] = var + rate * (away * away - var)


@njit(cache=True, nogil=True)
def _cycle(row: _F4, z: float, dt_s: float) -> float:
    """Compare with the same moment of the series' own cycle, and learn; give how far off, below 0 where it has none.

    A cycle lasts from one rise above the mean to the next, whatever time that takes, so that nothing has to be searched
    for; what comes as much early or late as these cycles do is none off.
    """
    u = min(CLIP, max(-CLIP, z))
    row[PHASE_S] += dt_s
    if u > CROSSES:
        if row[SIDE] < 0.0:
            _cross(row)
        row[SIDE] = 1.0
    elif u < -CROSSES:
        row[SIDE] = -1.0
    period_s, seen = float(row[PERIOD_S]), float(row[N_CYCLES])
    if seen < 2.0 or period_s <= 0.0:
        return -1.0
    turns = float(row[PHASE_S]) / period_s
    piece = min(N_BINS - 1, int((turns - math.floor(turns)) * N_BINS + OFF_EDGE))
    reach = min(REACH_MOST, 1 + int(3.0 * math.sqrt(float(row[PERIOD_VAR])) / period_s * N_BINS))
    off = CLIP * 2.0
    for k in range(-reach, reach + 1):
        off = min(off, abs(u - float(row[PROFILE + (piece + k) % N_BINS])))
    here = PROFILE + piece
    row[here] += _rate(A_CYCLE, seen) * (u - float(row[here]))
    if not _regular(row, seen) or period_s < READINGS_LEAST * row[INTERVAL_S]:
        row[N_JUDGED] = 0.0
        return -1.0
    return float(off)


@njit(cache=True, nogil=True)
def _pattern(row: _F4, patterns: _U1, value: float, pace: float) -> float:
    """How rare the last three readings are, in pieces of the range: nats where never seen before, else 0."""
    width = row[HIGH] - row[LOW]
    last = N_SYMBOLS - 1
    if value > row[HIGH]:
        symbol = last
    elif value < row[LOW]:
        symbol = 0
    elif width > 0:
        symbol = 1 + min(last - 2, int((value - row[LOW]) / width * (last - 1)))
    else:
        symbol = 1
    word = (int(row[SYMBOL_2]) * N_SYMBOLS + int(row[SYMBOL_1])) * N_SYMBOLS + symbol
    bit = np.uint8(1 << (word & 7))
    new = 1.0 if patterns[word >> 3] & bit == 0 else 0.0
    patterns[word >> 3] |= bit
    row[NOVELTY] += pace * (new - row[NOVELTY])
    row[SYMBOL_2], row[SYMBOL_1] = row[SYMBOL_1], symbol
    return -math.log(row[NOVELTY] + RAREST) if new > 0 else 0.0


@njit(cache=True, nogil=True)
def _range(row: _F4, value: float) -> float:
    """How far beyond all that was seen, in widths; the range slowly closes in."""
    width = max(row[HIGH] - row[LOW], 1e-9 * abs(row[HIGH]) + TINY)
    beyond = max(0.0, (value - row[HIGH]) / width, (row[LOW] - value) / width)
    high, low = max(value, row[HIGH]), min(value, row[LOW])
    shrink = 0.0002 * (high - low)
    row[HIGH], row[LOW] = high - shrink, low + shrink
    return float(beyond)


@njit(cache=True, nogil=True)
def _look(
    row: _F4, patterns: _U1, t_us: int, value: float, dt_s: float, count: float, settings: _F8, features: _F8
) -> float:
    """Fill ``features`` with how unusual a reading is in each way, and learn; give the usual value."""
    scale = max(row[SCALE], 1e-9 * abs(row[MEAN]), TINY)
    away = value - row[MEAN]
    features[FORECAST] = _forecast(row, away / scale, settings[STEP_FORECAST])
    features[CYCLE] = _cycle(row, away / scale, dt_s) if count > SETTLED else -1.0
    jump = abs(value - row[PREVIOUS])
    features[JUMP] = jump / scale
    features[LEVEL] = abs(away) / scale
    row[FAST] += _rate(settings[A_FAST], count) * (value - row[FAST])
    features[SHIFT] = abs(row[FAST] - row[MEAN]) / scale
    residual = _season(row, t_us, value, settings)
    features[SEASON] = abs(residual) / scale
    features[SEASON_MEAN] = abs(row[SEASON_RESIDUAL]) / scale
    row[JUMP_FAST] += _rate(settings[A_VARIANCE], count) * (jump - row[JUMP_FAST])
    row[JUMP_SLOW] += _rate(settings[A_SLOW], count) * (jump - row[JUMP_SLOW])
    restless = math.log((row[JUMP_FAST] + 1e-3 * scale) / (row[JUMP_SLOW] + 1e-3 * scale))
    features[VARIANCE], features[FLAT] = max(0.0, restless), max(0.0, -restless)
    features[PATTERN] = _pattern(row, patterns, value, settings[A_NOVELTY])
    features[RANGE] = _range(row, value)
    usual = float(row[MEAN]) if residual == 0.0 else value - residual
    taught = away
    if count > SETTLED:
        most = CLIP_SCALE * scale
        taught = min(most, max(-most, away))
    row[MEAN] += _rate(settings[A_SLOW], count) * taught
    row[SCALE] += _rate(settings[A_SLOW], count) * (abs(taught) - row[SCALE])
    row[PREVIOUS] = value
    return usual


@njit(cache=True, nogil=True)
def _band(row: _F4, x: float, count: float, settings: _F8) -> None:
    """Track the quantile of the seasonal residual, in scales: half the width of the band."""
    tail, quantile = settings[TAIL], row[QUANTILE]
    rate = _rate(settings[A_QUANTILE], count)
    size = row[SIZE] + rate * (x - row[SIZE])
    row[SIZE] = size
    pace = 2.0 * rate * (size + quantile)
    row[QUANTILE] = max(0.0, quantile + pace * (tail if x > quantile else tail - 1.0))


@njit(cache=True, nogil=True)
def _normals(row: _F4, streams: _F8, count: float, settings: _F8) -> None:
    """How far each feature is from its own mean, in its own standard deviations: what makes series comparable."""
    rate, floor = _rate(settings[A_NORMAL], count), settings[FLOOR_NORMAL]
    for k in range(CYCLE):
        centre, spread = row[CENTRE + k], row[SPREAD + k]
        away = streams[k] - centre
        streams[k] = away / (math.sqrt(spread) + floor * centre + settings[FLOOR_SCALE])
        row[CENTRE + k] = centre + rate * away
        row[SPREAD + k] = spread + rate * (away * away - spread)


@njit(cache=True, nogil=True)
def _in_step(row: _F4, off: float, settings: _F8) -> float:
    """Say how far off its cycle a series is, against how far off it usually is, once it has been judged a while."""
    if off < 0.0:
        return 0.0
    judged = min(float(row[N_JUDGED]) + 1.0, 1e6)
    row[N_JUDGED] = judged
    if judged == 1.0:
        row[CENTRE + CYCLE] = row[SPREAD + CYCLE] = 0.0
    centre, spread = row[CENTRE + CYCLE], row[SPREAD + CYCLE]
    away = off - centre
    rate = _rate(settings[A_NORMAL], judged)
    usual = math.sqrt(spread) + settings[FLOOR_NORMAL] * centre + FLOOR_CYCLE
    taught = min(away, CLIP_SCALE * usual)  # the edges of a cycle that came late are no measure of the rest
    row[CENTRE + CYCLE] = centre + rate * taught
    row[SPREAD + CYCLE] = spread + rate * (taught * taught - spread)
    if judged <= WARM_UP or judged * row[INTERVAL_S] < CYCLES_JUDGED * row[PERIOD_S]:
        return 0.0
    return float(away / usual)


@njit(cache=True, nogil=True)
def _unusual(row: _F4, streams: _F8, weights: _F8, count: float, settings: _F8) -> float:
    """Turn features into how unusual a reading is in each stream, in standard deviations; give the most."""
    if count <= SETTLING:  # the first readings tell the scale, and without it the features mean nothing
        streams[:] = 0.0
        streams[CYCLE] = -1.0
    else:
        _band(row, streams[SEASON], count - SETTLING, settings)
    streams[SEASONAL] = (2.0 * streams[SEASON] + streams[SEASON_MEAN]) / 3.0
    new, cycle = streams[PATTERN], _in_step(row, streams[CYCLE], settings)
    _normals(row, streams, count, settings)
    streams[CYCLE] = cycle
    streams[PATTERN] = new  # rare events have no spread worth the name: nats stand for deviations
    most = 0.0
    for k in range(N_STREAMS):
        streams[k] = weights[k] * streams[k] if count > WARM_UP else 0.0
        most = max(most, streams[k])
    return most


@njit(cache=True, nogil=True)
def _bar(row: _F4, settings: _F8) -> float:
    """From where on this series is unusual: rarer where readings come faster, higher where it has cried too often."""
    bar = settings[BAR_LEAST]
    if row[INTERVAL_S] < settings[SHORT_S]:
        bar = settings[BAR_MONTH] - math.log(max(row[INTERVAL_S], 1e-3))
    return float(bar + row[BAR])


@njit(cache=True, nogil=True)
def _onset(row: _F4, ints: _I8, z: float, settings: _F8) -> bool:
    """Whether a reading stands out of the rest since the last onset: each event is told once, at its start."""
    count = ints[COUNT]
    if count - ints[N_HELD] > min(settings[REST_MOST], settings[REST_SHARE] * count):
        row[HELD] = 0.0
    if z <= row[HELD]:
        return False
    row[HELD] = z
    ints[N_HELD] = count
    return True


@njit(cache=True, nogil=True)
def observe_rows(
    slots: _I8,
    t_us: _I8,
    value: _F8,
    quality: _U1,
    floats: _F4,
    ints: _I8,
    patterns: _U1,
    weights: _F8,
    settings: _F8,
    z: _F8,
    bar: _F8,
    begins: _U1,
    reasons: _F4,
    usual: _F8,
    spread: _F8,
) -> int:
    """Take n readings in, in order; ``slots`` (n,) is each reading's row in the state, -1 leaves it out.

    Writes for each reading: ``z`` (n,) how unusual it is, in standard deviations of what is usual for the series;
    ``bar`` (n,) from where on that is an alert; ``begins`` (n,) 1 where it stands out of the rest since the last onset;
    ``reasons`` (n, streams) how much each way of looking says; ``usual`` and ``spread`` (n,) the middle and half the
    width of the 95 % band. Gives how many were left out: bad, not a number, late, or later than ``FUTURE_US``.
    """
    left_out = 0
    streams = np.empty(N_STREAMS)
    for i in range(slots.size):
        s = slots[i]
        if s < 0:
            continue
        x, t = value[i], t_us[i]
        row, own = floats[s], ints[s]
        if quality[i] >= BAD or not abs(x) < 1e30 or not -9e18 < t <= settings[FUTURE_US]:
            left_out += 1
            continue
        dt_s = 0.0
        if own[COUNT] == 0:
            _begin(row, patterns[s], x)
        elif t <= own[T_LAST]:
            left_out += 1
            continue
        else:
            dt_s = min((t - own[T_LAST]) * 1e-6, 86400.0)
            row[INTERVAL_S] += _rate(0.02, float(own[COUNT])) * (dt_s - row[INTERVAL_S])
        own[COUNT] += 1
        own[T_LAST] = t
        count = float(own[COUNT])
        spread[i] = row[QUANTILE] * row[SCALE]
        usual[i] = _look(row, patterns[s], t, x, dt_s, count, settings, streams)
        most = _unusual(row, streams, weights, count, settings)
        z[i], bar[i] = most, _bar(row, settings)
        row[BAR] = max(0.0, row[BAR] - settings[BAR_DECAY] * row[INTERVAL_S])
        if _onset(row, own, most, settings):
            begins[i] = 1
            if most >= bar[i]:
                row[BAR] = min(BAR_MOST, row[BAR] + settings[BAR_STEP])
        for k in range(N_STREAMS):
            reasons[i, k] = streams[k]
    return left_out
