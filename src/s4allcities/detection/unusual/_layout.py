"""Which place in a series' row holds what. One row a series: a reading touches neighbouring cache lines only."""

N_LAGS = 12
"""Past readings that the forecast looks at."""
N_HOURS = 24
N_WEEK = 84
"""Pieces of a week of two hours each."""
N_SYMBOLS = 8
"""Into so many pieces the range is cut for the local pattern of three readings."""
N_PATTERN_BYTES = N_SYMBOLS**3 // 8

# --- features: what each looks at ------------------------------------------------------------------
FORECAST, JUMP, LEVEL, SHIFT, SEASON, SEASON_MEAN, VARIANCE, FLAT, PATTERN, RANGE = range(10)
N_FEATURES = 10
FEATURES = (
    "forecast",
    "jump",
    "level",
    "shift",
    "season",
    "season mean",
    "variance",
    "flat",
    "pattern",
    "range",
)
"""Their names, in order."""
SEASONAL = N_FEATURES
"""The stream that season and season mean make together; it is normalised like the single features."""
CYCLE = N_FEATURES + 1
"""How far off a reading is from the series' own cycle, where it has one."""
N_STREAMS = N_FEATURES + 2
N_BINS = 24
"""Pieces of a cycle of learned length."""

# --- the float row (float32) -----------------------------------------------------------------------
MEAN, SCALE, FAST, PREVIOUS, JUMP_FAST, JUMP_SLOW, SEASON_RESIDUAL, LOW, HIGH, NOVELTY = range(10)
HELD, BAR, INTERVAL_S, SYMBOL_1, SYMBOL_2 = range(10, 15)
WEIGHTS = 15  # N_LAGS of the forecast
HISTORY = WEIGHTS + N_LAGS
QUANTILE = HISTORY + N_LAGS  # of the seasonal residual in scales, and its mean size
SIZE = QUANTILE + 1
CENTRE = SIZE + 1  # N_STREAMS each: mean and variance of how far off a reading is
SPREAD = CENTRE + N_STREAMS
HOUR_MEAN = SPREAD + N_STREAMS
HOUR_COUNT = HOUR_MEAN + N_HOURS
WEEK = HOUR_COUNT + N_HOURS
SIDE = (
    WEEK + N_WEEK
)  # above (1) or below (-1) the mean, cycles seen, length and its variance, time in this cycle
N_CYCLES, PERIOD_S, PERIOD_VAR, PHASE_S, N_JUDGED = range(SIDE + 1, SIDE + 6)
PROFILE = SIDE + 6
N_FLOATS = PROFILE + N_BINS

# --- the integer row (int64) -----------------------------------------------------------------------
T_LAST, COUNT, N_HELD = range(3)  # time in microseconds, readings, the reading of the last onset
N_INTS = 3

BYTES_PER_SERIES = 4 * N_FLOATS + 8 * N_INTS + N_PATTERN_BYTES
"""State of one series."""

# --- the vector of settings ------------------------------------------------------------------------
(
    A_SLOW, A_FAST, A_VARIANCE, A_SEASON, A_WEEK, A_NOVELTY, A_NORMAL, STEP_FORECAST, TAIL, A_QUANTILE, FLOOR_NORMAL,
    FLOOR_SCALE, REST_SHARE, REST_MOST, BAR_STEP, BAR_DECAY, BAR_MONTH, BAR_LEAST, SHORT_S, FUTURE_US,
) = range(20)  # fmt: skip
N_SETTINGS = 20
