"""Which row of the state's and the parameters' blocks holds what."""

RISES, FALLS = 1, 2
"""Marks in the output: what a reading says."""

# In both blocks of the state the row for falls follows the one for rises.
# Rows of the float block (N_FLOATS, series).
LEVEL, SCALE, LAST, SUM_UP, SUM_DOWN = range(5)
N_FLOATS = 5
# Rows of the integer block (N_INTS, series); times in microseconds.
T_LAST, COUNT, ON_UP, ON_DOWN, T_SAID_UP, T_SAID_DOWN, T_SINCE = range(7)
N_INTS = 7
# Rows of the parameter block (N_PARAMETERS, series), made from the rules.
FLOOR, FLOOR_SHARE, TAU_S, SCALE_TAU_S, HUBER, USUAL_LEAST, USUAL_MOST, HOLD_S, WARM_UP = range(9)
RISE_ON, RISE_LEAST, RISE_ABOVE, RISE_TIMES, RISE_ABSOLUTE = range(9, 14)
FALL_ON, FALL_USUAL_LEAST, FALL_BELOW, FALL_SHARE = range(14, 18)
N_PARAMETERS = 18
# Places in the vector of settings that all series share.
SLACK, LIMIT, CLIP, SLOW, REPEAT_US, GAP_MOST_S, T_MOST_US = range(7)
