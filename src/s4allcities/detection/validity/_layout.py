"""Which column of the state's blocks holds what; a row of each block is a series. Times in microseconds."""

RANGE, STUCK, RATE = 1, 2, 4
"""Marks of a reading: what may be held against it."""

# Integers (series, N_INTS). The window and ``T_ARRIVED`` go by the platform's clock, the rest by the sensor's.
T_LAST, T_CHANGED, T_ARRIVED, T_WINDOW, IN_WINDOW, COUNT, SAME, CHANGES = range(8)
SAID_RANGE, SAID_STUCK, SAID_RATE, SAID_GAP = range(8, 12)
N_INTS = 12
# Floats (series, N_FLOATS).
VALUE, INTERVAL_S = range(2)
N_FLOATS = 2
# Parameters (series, N_PARAMETERS), made from settings and site.
LOW, HIGH, STUCK_US = range(3)
N_PARAMETERS = 3
# Places in the vector of settings that all series share.
NOW_US, T_MOST_US, LATE_US, WINDOW_S, RATE_LEAST, RATE_TIMES, WARM_UP_N, STUCK_LEAST, REPEAT_US = range(9)
N_SHARED = 9

NEVER_US = -(2**62)
PAST_US = -(2**61)
FUTURE_US = 60_000_000
"""A reading is usable when its time lies after all past and not a minute ahead of the platform's."""
