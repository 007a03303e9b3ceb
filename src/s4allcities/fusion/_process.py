"""Events in order, one after the other, and back again: the two entries into the compiled code."""

from numba import njit

from ._amend import hear_operator, retract
from ._chains import restore_inc, restore_row
from ._layout import (
    CLOSED,
    DETECTION,
    F8,
    FIRST,
    FREE_INC,
    FREE_ROW,
    GONE,
    HIGH_INC,
    HIGH_ROW,
    I8,
    K_TAU,
    KIND,
    LIVE,
    M_FREE_INC,
    M_FREE_ROW,
    M_HIGH_INC,
    M_HIGH_ROW,
    M_INC,
    M_LIVE,
    M_ROW,
    M_ROWS,
    MASK,
    MASKED,
    MOST_UNDO,
    OP,
    ORD,
    PREV,
    READ,
    RETRACT,
    ROWS_USED,
    STATUS,
    SUPPORT,
    TARGET,
    TICK,
    UNDO_INC,
    UNDO_ROW,
    Tables,
    World,
)
from ._life import tick
from ._readout import readout
from ._take import take

FRESH_US = 500_000
"""What was read out so lately need not be read out again to tell whether it moved: nothing fades much meanwhile."""


@njit(cache=True, error_model="numpy")
def process(t: Tables, w: World, order: I8) -> int:
    """Take the events of these slots in, in this order; give how many there was room for in the undo log."""
    ev_i, g = t.ev_i, t.g
    for n in range(order.shape[0]):
        ticks = ev_i[order[n], OP] == TICK
        incs, rows = (4 * g[LIVE] + 512, 2 * g[ROWS_USED] + 512) if ticks else (4096, 8192)
        if MOST_UNDO - g[UNDO_INC] < incs or MOST_UNDO - g[UNDO_ROW] < rows:
            return n
        e = order[n]
        ev_i[e, M_INC], ev_i[e, M_ROW] = g[UNDO_INC], g[UNDO_ROW]
        ev_i[e, M_FREE_INC], ev_i[e, M_FREE_ROW] = g[FREE_INC], g[FREE_ROW]
        ev_i[e, M_LIVE], ev_i[e, M_ROWS] = g[LIVE], g[ROWS_USED]
        ev_i[e, M_HIGH_INC], ev_i[e, M_HIGH_ROW] = g[HIGH_INC], g[HIGH_ROW]
        op = ev_i[e, OP]
        if op == DETECTION:
            take(t, w, e)
        elif op == TICK:
            tick(t, w, ev_i[e, ORD], ev_i[e, TARGET] == 1)
        elif op == RETRACT:
            retract(t, w, e)
        else:
            hear_operator(t, w, e)
    return int(order.shape[0])


@njit(cache=True, error_model="numpy")
def undo(t: Tables, w: World, e: int) -> None:
    """Bring everything back to how it was before an event was taken in."""
    g, ev_i = t.g, t.ev_i
    while g[UNDO_ROW] > ev_i[e, M_ROW]:
        restore_row(t, w, 1e6 * w.kind_f[max(t.row_i[t.undo_row_ix[g[UNDO_ROW] - 1], KIND], 0), K_TAU])
    while g[UNDO_INC] > ev_i[e, M_INC]:
        restore_inc(t)
    g[FREE_INC], g[FREE_ROW] = ev_i[e, M_FREE_INC], ev_i[e, M_FREE_ROW]
    g[LIVE], g[ROWS_USED] = ev_i[e, M_LIVE], ev_i[e, M_ROWS]
    g[HIGH_INC], g[HIGH_ROW] = ev_i[e, M_HIGH_INC], ev_i[e, M_HIGH_ROW]
    if ev_i[e, OP] == RETRACT and ev_i[e, PREV] == 1:
        ev_i[ev_i[e, TARGET], GONE] = 0


@njit(cache=True, error_model="numpy")
def survey(t: Tables, w: World, which: I8, now_us: int, probability: F8, said: I8) -> None:
    """Read many incidents out: (n,) probabilities; (n, 3) leading hypothesis, groups for it, rules that apply."""
    h_n, inc_i = w.prior.shape[0], t.inc_i
    for n in range(which.shape[0]):
        i = which[n]
        if inc_i[i, STATUS] != CLOSED and now_us - inc_i[i, READ] < FRESH_US:
            first = inc_i[i, FIRST]
            probability[n] = t.belief[i, first]
            said[n, 0], said[n, 1], said[n, 2] = first, inc_i[i, SUPPORT], inc_i[i, MASKED]
            continue
        lead, groups = readout(t, w, i, now_us)
        probability[n] = t.work[h_n + lead]
        said[n, 0], said[n, 1], said[n, 2] = lead, groups, t.g[MASK]
