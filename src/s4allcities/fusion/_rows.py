"""The rows of an incident: a detection is counted into one, the weakest makes room, the incident moves."""

from math import exp

from ._chains import free_row, link_cell, link_row, new_row, save_row, unlink_cell
from ._layout import (
    BORN,
    CREATED,
    DECISIVE,
    E_GROUP,
    E_KIND,
    E_LEVEL,
    E_SENSOR,
    E_SIGMA,
    E_WHERE,
    E_X,
    E_Y,
    GROUP,
    HEAD,
    INC,
    K_TAU,
    KIND,
    LANDMARK,
    LAST,
    LEVEL,
    N_ROWS_EVICTED,
    NEXT,
    NONE,
    OWNER,
    PEAK,
    PREV,
    R_DRIFT_S,
    R_FADE,
    R_ROWS,
    ROW,
    ROW_F,
    ROWS,
    SEEN_S,
    SENSOR,
    SERIAL,
    T_FIRST,
    T_LAST,
    T_ROW,
    TOTAL,
    VAR,
    WHERE,
    ZONE,
    T,
    Tables,
    World,
    X,
    Y,
    inner,
)
from ._readout import landed, strength, weigh
from ._search import speed_of

REBASE_TAUS = 50.0


@inner
def add(t: Tables, w: World, i: int, e: int) -> None:
    """Count a detection into its row; the weakest row makes room when there are too many."""
    row_f, row_i, ev_i, inc_i = t.row_f, t.row_i, t.ev_i, t.inc_i
    rule = w.rule
    r = find_row(t, i, e)
    kind, t_us = ev_i[e, E_KIND], ev_i[e, T]
    if r < 0:
        r = open_row(t, w, i, e)
    else:
        save_row(t, r)
        if strength(t, w, r, t_us) < rule[R_FADE]:
            row_i[r, T_FIRST] = t_us
    rebase(t, r, t_us, 1e6 * w.kind_f[kind, K_TAU])
    value = landed(t, w, r, e)
    row_f[r, TOTAL] += value
    row_f[r, PEAK] = max(row_f[r, PEAK], value)
    weigh(t, w, r)
    row_i[r, T_FIRST] = min(row_i[r, T_FIRST], t_us)
    row_i[r, T_ROW] = max(row_i[r, T_ROW], t_us)
    ev_i[e, ROW], ev_i[e, INC], ev_i[e, PREV] = r, row_i[r, BORN], row_i[r, LAST]
    row_i[r, LAST] = ev_i[e, SERIAL]
    inc_i[i, T_LAST] = max(inc_i[i, T_LAST], t_us)
    inc_i[i, DECISIVE] = ev_i[e, SERIAL]
    locate(t, w, i, e)
    if inc_i[i, ROWS] > rule[R_ROWS]:
        t.g[N_ROWS_EVICTED] += 1
        free_row(t, w, i, weakest(t, w, i, t_us))


@inner
def find_row(t: Tables, i: int, e: int) -> int:
    """The row of an incident that a detection adds to: the same group, kind, sensor and place."""
    row_i, ev_i = t.row_i, t.ev_i
    r = t.inc_i[i, HEAD]
    while r >= 0:
        same = row_i[r, GROUP] == ev_i[e, E_GROUP] and row_i[r, KIND] == ev_i[e, E_KIND]
        if same and row_i[r, SENSOR] == ev_i[e, E_SENSOR] and row_i[r, WHERE] == ev_i[e, E_WHERE]:
            return int(r)
        r = row_i[r, NEXT]
    return NONE


@inner
def open_row(t: Tables, w: World, i: int, e: int) -> int:
    """Begin a row with a detection."""
    ev_i, inc_i, row_i, row_f = t.ev_i, t.inc_i, t.row_i, t.row_f
    r = new_row(t)
    row_i[r, OWNER], row_i[r, NEXT] = i, inc_i[i, HEAD]
    row_i[r, GROUP], row_i[r, KIND] = ev_i[e, E_GROUP], ev_i[e, E_KIND]
    row_i[r, SENSOR], row_i[r, WHERE] = ev_i[e, E_SENSOR], ev_i[e, E_WHERE]
    t_us = ev_i[e, T]
    row_i[r, LANDMARK], row_i[r, T_FIRST], row_i[r, T_ROW] = t_us, t_us, t_us
    row_i[r, LAST], row_i[r, BORN] = NONE, ev_i[e, SERIAL]
    for k in range(ROW_F):
        row_f[r, k] = 0.0
    inc_i[i, HEAD] = r
    inc_i[i, ROWS] += 1
    link_row(t, w, r)
    return r


@inner
def rebase(t: Tables, r: int, t_us: int, tau_us: float) -> None:
    """Move the landmark on before the exponential grows too large for a float to add to."""
    row_i = t.row_i
    taus = (t_us - row_i[r, LANDMARK]) / tau_us
    if taus > REBASE_TAUS:
        scale = exp(-min(taus, 700.0))
        for k in range(ROW_F):
            t.row_f[r, k] *= scale
        row_i[r, LANDMARK] = t_us


@inner
def weakest(t: Tables, w: World, i: int, now_us: int) -> int:
    """The row that says least; of equals the one begun first."""
    row_i = t.row_i
    least, r = NONE, t.inc_i[i, HEAD]
    low = 0.0
    while r >= 0:
        value = strength(t, w, r, now_us)
        if least < 0 or value < low or (value == low and row_i[r, BORN] < row_i[least, BORN]):
            least, low = int(r), value
        r = row_i[r, NEXT]
    return least


@inner
def locate(t: Tables, w: World, i: int, e: int) -> None:
    """Follow what is seen: a filter for a thing that wanders at the speed its kind allows."""
    inc_f, inc_i, ev_f, ev_i = t.inc_f, t.inc_i, t.ev_f, t.ev_i
    zone = w.zones[ev_i[e, E_WHERE], 0]
    if zone >= 0 and (ev_f[e, E_SIGMA] > 0 or inc_f[i, VAR] < 0):
        inc_i[i, ZONE] = zone
    if ev_f[e, E_SIGMA] <= 0:
        return
    unlink_cell(t, i)
    seen_s, noise = (ev_i[e, T] - inc_i[i, CREATED]) / 1e6, ev_f[e, E_SIGMA] ** 2
    if inc_f[i, VAR] < 0:
        inc_f[i, X], inc_f[i, Y], inc_f[i, VAR] = ev_f[e, E_X], ev_f[e, E_Y], noise
    else:
        away_s = min(abs(seen_s - inc_f[i, SEEN_S]), w.rule[R_DRIFT_S])
        variance = inc_f[i, VAR] + (speed_of(w, ev_i[e, E_KIND]) * away_s) ** 2
        share = variance / (variance + noise)
        inc_f[i, X] += share * (ev_f[e, E_X] - inc_f[i, X])
        inc_f[i, Y] += share * (ev_f[e, E_Y] - inc_f[i, Y])
        inc_f[i, VAR] = (1 - share) * variance
    inc_f[i, SEEN_S] = max(seen_s, inc_f[i, SEEN_S])
    if ev_i[e, E_LEVEL] != NONE:
        inc_i[i, LEVEL] = ev_i[e, E_LEVEL]
    link_cell(t, i)
