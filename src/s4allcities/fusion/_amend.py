"""What operators and later knowledge change: alerts, retraction of what is settled, and splitting."""

from numba import njit

from ._chains import free_row, link_cell, new_inc, save_inc, save_row
from ._layout import (
    ALERT,
    ALERT_CLOSED,
    BIRTH,
    BORN,
    BY_OPERATOR,
    CLOSED,
    CONFIRMED,
    CREATED,
    DECISIVE,
    DETECTION,
    EVENTS,
    F8,
    FREE,
    GONE,
    HEAD,
    HIGH_INC,
    I8,
    INC,
    INC_I,
    KEYS,
    LAST,
    LINKED,
    LIVE,
    MERGED,
    N_RETRACTED,
    N_SPLIT,
    N_UNMATCHED,
    NEXT,
    NONE,
    OP,
    ORD,
    OWNER,
    PEAK,
    PREV,
    R_INCIDENTS,
    ROW,
    ROWS,
    SEEN_S,
    SERIAL,
    SETTLED,
    STATUS,
    T_CLOSED,
    T_FIRST,
    T_LAST,
    T_OPENED,
    T_ROW,
    TARGET,
    TENTATIVE,
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
from ._life import close, settle
from ._readout import believe, hops_between, landed, weigh


@inner
def hear_operator(t: Tables, w: World, e: int) -> None:
    """An alert of an incident is open, was closed, or was reopened."""
    inc_i, ev_i = t.inc_i, t.ev_i
    for i in range(t.g[HIGH_INC]):
        status = inc_i[i, STATUS]
        if status == FREE or inc_i[i, BIRTH] != ev_i[e, TARGET] or inc_i[i, MERGED] != NONE:
            continue
        save_inc(t, i)
        op, now_us = ev_i[e, OP], ev_i[e, ORD]
        inc_i[i, ALERT] = 0 if op == ALERT_CLOSED else 1
        if op == ALERT_CLOSED and status == CONFIRMED:
            believe(t, w, i, now_us)
            close(t, i, now_us)
            inc_i[i, BY_OPERATOR] = 1
        elif op != ALERT_CLOSED and status == CLOSED and inc_i[i, BY_OPERATOR] == 1:
            inc_i[i, STATUS], inc_i[i, T_CLOSED], inc_i[i, BY_OPERATOR] = CONFIRMED, 0, 0
            link_cell(t, i)


@inner
def retract(t: Tables, w: World, e: int) -> None:
    """Take a settled detection out again: subtract it, find the largest of what is left, split what falls apart."""
    ev_i, row_i, g, row_f = t.ev_i, t.row_i, t.g, t.row_f
    gone = ev_i[e, TARGET]
    ev_i[e, PREV] = 0
    r = ev_i[gone, ROW] if gone >= 0 else NONE
    if r < 0 or row_i[r, OWNER] < 0 or row_i[r, BORN] != ev_i[gone, INC] or ev_i[gone, GONE]:
        g[N_UNMATCHED] += 1
        return
    i = row_i[r, OWNER]
    save_inc(t, i)
    save_row(t, r)
    g[N_RETRACTED] += 1
    ev_i[gone, GONE], ev_i[e, PREV] = 1, 1
    row_f[r, TOTAL] -= landed(t, w, r, gone)
    rebuild_row(t, w, r)
    if row_f[r, PEAK] <= 0:
        free_row(t, w, i, r)
    t.inc_i[i, DECISIVE] = ev_i[e, SERIAL]
    split(t, w, i, ev_i[e, ORD])
    settle(t, w, i, ev_i[e, ORD])


@inner
def slot_of(t: Tables, serial: int) -> int:
    """The slot of an event that is still remembered, -1 for one that is not."""
    ev_i = t.ev_i
    if serial < 0:
        return NONE
    e = serial % t.g[EVENTS]
    return int(e) if ev_i[e, SERIAL] == serial else NONE


@inner
def rebuild_row(t: Tables, w: World, r: int) -> None:
    """Sum and largest piece of a row anew from what is remembered of it."""
    row_f, row_i, ev_i = t.row_f, t.row_i, t.ev_i
    peak, total, first, last = row_f[r, SETTLED], 0.0, row_i[r, T_ROW], NONE
    e = slot_of(t, row_i[r, LAST])
    while e >= 0:
        if ev_i[e, GONE] == 0:
            value = landed(t, w, r, e)
            peak, total = max(peak, value), total + value
            first, last = min(first, ev_i[e, T]), max(last, ev_i[e, T])
        e = slot_of(t, ev_i[e, PREV])
    row_f[r, PEAK] = peak
    if row_f[r, SETTLED] == 0:
        row_f[r, TOTAL] = total
        if last >= 0:
            row_i[r, T_FIRST], row_i[r, T_ROW] = first, last
    weigh(t, w, r)


@njit(cache=True, error_model="numpy")
def write(t: Tables, w: World, first: int, old: int, ints: I8, floats: F8) -> None:
    """Put events into the slots that follow each other from the one of serial ``first``, in their order.

    ``ints`` (n, 9) are OP, T, ORD, E_KIND, E_SENSOR, E_GROUP, E_WHERE, E_LEVEL and TARGET; ``floats`` (n, 4). From
    serial ``old`` on, slots were in use, so what is in them is forgotten.
    """
    ev_i, ev_f, size = t.ev_i, t.ev_f, t.g[EVENTS]
    for n in range(ints.shape[0]):
        serial = first + n
        e = serial % size
        if serial >= old:
            forget(t, w, e)
        ev_i[e, OP], ev_i[e, SERIAL] = ints[n, 0], serial
        for k in range(1, 9):
            ev_i[e, k + 1] = ints[n, k]
        for k in range(4):
            ev_f[e, k] = floats[n, k]
        ev_i[e, GONE], ev_i[e, ROW] = 0, NONE


@inner
def forget(t: Tables, w: World, e: int) -> None:
    """An event is about to be overwritten: what its row remembers beyond it can no longer be taken out singly."""
    ev_i, row_i, row_f = t.ev_i, t.row_i, t.row_f
    r = ev_i[e, ROW]
    if ev_i[e, OP] != DETECTION or r < 0 or row_i[r, OWNER] < 0 or row_i[r, BORN] != ev_i[e, INC]:
        return
    while e >= 0:
        if ev_i[e, GONE] == 0:
            row_f[r, SETTLED] = max(row_f[r, SETTLED], landed(t, w, r, e))
        before = slot_of(t, ev_i[e, PREV])
        ev_i[e, ROW] = NONE
        e = before


@inner
def split(t: Tables, w: World, i: int, now_us: int) -> None:
    """Give rows that no chain of places ties to the first row any longer back to an incident of their own."""
    inc_i, row_i, cells, counts = t.inc_i, t.row_i, t.cells, t.counts
    while inc_i[i, ROWS] > 1 and t.g[LIVE] < w.rule[R_INCIDENTS]:
        n, oldest, r = 0, 0, inc_i[i, HEAD]
        while r >= 0:
            cells[n], counts[n] = r, 0
            if row_i[r, BORN] < row_i[cells[oldest], BORN]:
                oldest = n
            n += 1
            r = row_i[r, NEXT]
        _reach(t, w, oldest, n, 1)
        apart = NONE
        for a in range(n):
            if counts[a] == 0:
                apart = a
        if apart < 0:
            return
        _reach(t, w, apart, n, 2)
        _move(t, w, i, n, now_us)


@inner
def _reach(t: Tables, w: World, start_at: int, n: int, colour: int) -> None:
    """Colour all rows tied to one, directly or through others."""
    counts, cells = t.counts, t.cells
    counts[start_at] = colour
    grown = True
    while grown:
        grown = False
        for a in range(n):
            if counts[a] != colour:
                continue
            for b in range(n):
                if counts[b] == 0 and tied(t, w, cells[a], cells[b]):
                    counts[b] = colour
                    grown = True


@inner
def tied(t: Tables, w: World, r: int, q: int) -> bool:
    """Whether two rows can be one incident by themselves: neighbouring zones, a shared entity, or no place at all."""
    row_i, zones, entities = t.row_i, w.zones, w.entities
    a, b = row_i[r, WHERE], row_i[q, WHERE]
    if zones[a, 0] < 0 or zones[b, 0] < 0:
        return True
    for k in range(KEYS):
        for j in range(KEYS):
            if entities[a, k] >= 0 and entities[a, k] == entities[b, j]:
                return True
            one, other = zones[a, k], zones[b, j]
            if one >= 0 and other >= 0 and hops_between(w, one, other) <= 1:
                return True
    return False


@inner
def _move(t: Tables, w: World, i: int, n: int, now_us: int) -> None:
    """Move the rows of colour 2 into an incident of their own; colours begin anew."""
    counts, cells, inc_i, row_i = t.counts, t.cells, t.inc_i, t.row_i
    first = NONE
    for a in range(n):
        if counts[a] == 2 and (first < 0 or row_i[cells[a], BORN] < row_i[first, BORN]):
            first = int(cells[a])
    j = _own(t, w, first)
    for a in range(n):
        if counts[a] == 2:
            r = cells[a]
            _unhook(t, i, r)
            row_i[r, OWNER], row_i[r, NEXT] = j, inc_i[j, HEAD]
            inc_i[j, HEAD] = r
            inc_i[j, ROWS] += 1
            inc_i[j, T_LAST] = max(inc_i[j, T_LAST], row_i[r, T_ROW])
            inc_i[j, ZONE] = w.zones[row_i[r, WHERE], 0]
    t.g[N_SPLIT] += 1
    settle(t, w, j, now_us)


@inner
def _own(t: Tables, w: World, first: int) -> int:
    """The incident that a row had begun before it was merged, or a new one of the same name."""
    inc_i, row_i, inc_f, belief = t.inc_i, t.row_i, t.inc_f, t.belief
    for j in range(t.g[HIGH_INC]):
        merged = inc_i[j, STATUS] == CLOSED and inc_i[j, MERGED] != NONE
        if merged and inc_i[j, BIRTH] == row_i[first, BORN]:
            save_inc(t, j)
            inc_i[j, STATUS], inc_i[j, MERGED], inc_i[j, T_CLOSED] = TENTATIVE, NONE, 0
            return j
    j = new_inc(t)
    for k in range(INC_I):
        inc_i[j, k] = NONE
    inc_i[j, STATUS], inc_i[j, BIRTH], inc_i[j, CREATED] = (
        TENTATIVE,
        row_i[first, BORN],
        row_i[first, T_FIRST],
    )
    inc_i[j, T_LAST], inc_i[j, ROWS], inc_i[j, LINKED] = row_i[first, T_ROW], 0, 0
    inc_i[j, ALERT], inc_i[j, BY_OPERATOR], inc_i[j, T_OPENED], inc_i[j, T_CLOSED] = 0, 0, 0, 0
    inc_f[j, X], inc_f[j, Y], inc_f[j, VAR], inc_f[j, SEEN_S] = 0.0, 0.0, -1.0, 0.0
    for h in range(belief.shape[1]):
        belief[j, h] = 0.0
    return j


@inner
def _unhook(t: Tables, i: int, r: int) -> None:
    """Take a row out of an incident's list without freeing it."""
    inc_i, row_i = t.inc_i, t.row_i
    save_row(t, r)
    if inc_i[i, HEAD] == r:
        inc_i[i, HEAD] = row_i[r, NEXT]
    else:
        before = inc_i[i, HEAD]
        while row_i[before, NEXT] != r:
            before = row_i[before, NEXT]
        save_row(t, before)
        row_i[before, NEXT] = row_i[r, NEXT]
    inc_i[i, ROWS] -= 1
