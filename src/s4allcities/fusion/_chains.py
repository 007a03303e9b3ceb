"""Where incidents and rows are found again: a hash grid of places, chains by zone and by entity, and the undo log.

A chain is a doubly linked list in arrays, so that linking, unlinking and moving cost the same however many there are.
"""

from math import exp, sqrt

import numpy as np
from numba import njit

from ._layout import (
    BORN,
    CELL_X,
    CELL_Y,
    FREE,
    FREE_INC,
    FREE_ROW,
    HEAD,
    HIGH_INC,
    HIGH_ROW,
    INC_F,
    INC_I,
    KEYS,
    LANDMARK,
    LINKED,
    LIVE,
    NEXT,
    NEXT_FREE,
    NONE,
    OWNER,
    ROW_F,
    ROW_I,
    ROWS,
    ROWS_USED,
    SETTLED,
    STATUS,
    TOUCHED,
    UNDO_INC,
    UNDO_ROW,
    VAR,
    WHERE,
    Tables,
    World,
    X,
    Y,
    inner,
)

CELL_M = 64.0
VAGUE_M = 40.0
"""Incidents known less well than this are in one chain of their own, which every search walks."""
VAGUE = 1 << 40


@inner
def cell_of(metres: float) -> int:
    """The number of the grid's column or row that a coordinate is in."""
    return int(np.floor(metres / CELL_M))


@inner
def cell_slot(cx: int, cy: int, size: int) -> int:
    """The head of the chain for a cell of the grid."""
    return (cx * 73856093 ^ cy * 19349663) & (size - 1)


@inner
def key_slot(key: int, size: int) -> int:
    """The head of the chain for a zone (2 z) or an entity (2 e + 1)."""
    return ((key * 2654435761) >> 7) & (size - 1)


@inner
def link_cell(t: Tables, i: int) -> None:
    """Put an incident into the chain of the cell it is in."""
    inc_f, cell_head, inc_i, cell_prev = t.inc_f, t.cell_head, t.inc_i, t.cell_prev
    variance = inc_f[i, VAR]
    if variance < 0 or inc_i[i, STATUS] == FREE:
        inc_i[i, LINKED] = 0
        return
    cx, cy = VAGUE, 0
    if sqrt(variance) <= VAGUE_M:
        cx, cy = cell_of(inc_f[i, X]), cell_of(inc_f[i, Y])
    inc_i[i, CELL_X], inc_i[i, CELL_Y], inc_i[i, LINKED] = cx, cy, 1
    slot = cell_slot(cx, cy, cell_head.shape[0])
    first = cell_head[slot]
    t.cell_next[i], cell_prev[i] = first, NONE
    if first >= 0:
        cell_prev[first] = i
    cell_head[slot] = i


@inner
def unlink_cell(t: Tables, i: int) -> None:
    """Take an incident out of its cell."""
    inc_i, cell_next, cell_prev, cell_head = t.inc_i, t.cell_next, t.cell_prev, t.cell_head
    if inc_i[i, LINKED] == 0:
        return
    after, before = cell_next[i], cell_prev[i]
    if before >= 0:
        cell_next[before] = after
    else:
        cell_head[cell_slot(inc_i[i, CELL_X], inc_i[i, CELL_Y], cell_head.shape[0])] = after
    if after >= 0:
        cell_prev[after] = before
    inc_i[i, LINKED] = 0


@inner
def node_key(w: World, where: int, k: int) -> int:
    """The k-th key of a place: its zones first, then its entities; -1 for none."""
    if k < KEYS:
        zone = int(w.zones[where, k])
        return 2 * zone if zone >= 0 else NONE
    entity = int(w.entities[where, k - KEYS])
    return 2 * entity + 1 if entity >= 0 else NONE


@inner
def link_row(t: Tables, w: World, r: int) -> None:
    """Put a row into the chains of its zones and entities."""
    key_head, key_prev = t.key_head, t.key_prev
    where = t.row_i[r, WHERE]
    for k in range(2 * KEYS):
        key = node_key(w, where, k)
        if key < 0:
            continue
        node, slot = r * 2 * KEYS + k, key_slot(key, key_head.shape[0])
        first = key_head[slot]
        t.key_next[node], key_prev[node] = first, NONE
        if first >= 0:
            key_prev[first] = node
        key_head[slot] = node


@inner
def unlink_row(t: Tables, w: World, r: int) -> None:
    """Take a row out of the chains of its zones and entities."""
    key_next, key_prev, key_head = t.key_next, t.key_prev, t.key_head
    where = t.row_i[r, WHERE]
    for k in range(2 * KEYS):
        key = node_key(w, where, k)
        if key < 0:
            continue
        node = r * 2 * KEYS + k
        after, before = key_next[node], key_prev[node]
        if before >= 0:
            key_next[before] = after
        else:
            key_head[key_slot(key, key_head.shape[0])] = after
        if after >= 0:
            key_prev[after] = before


@njit(cache=True, error_model="numpy")
def rebuild(t: Tables, w: World) -> None:
    """Make all chains anew from the tables, after a snapshot was read."""
    cell_head, key_head, inc_i, row_i = t.cell_head, t.key_head, t.inc_i, t.row_i
    for slot in range(cell_head.shape[0]):
        cell_head[slot] = NONE
    for slot in range(key_head.shape[0]):
        key_head[slot] = NONE
    for i in range(t.g[HIGH_INC]):
        if inc_i[i, STATUS] != FREE:
            link_cell(t, i)
    for r in range(t.g[HIGH_ROW]):
        if row_i[r, OWNER] >= 0:
            link_row(t, w, r)


# --- what can be undone ---------------------------------------------------------------------------------


@inner
def touch(t: Tables, i: int) -> None:
    """Note that an incident was looked at or changed in this step."""
    mark, g = t.mark, t.g
    if mark[i] == 0:
        mark[i] = 1
        t.touched[g[TOUCHED]] = i
        g[TOUCHED] += 1


@inner
def save_inc(t: Tables, i: int) -> None:
    """Keep a copy of an incident before it is changed."""
    g, belief = t.g, t.belief
    touch(t, i)
    n = g[UNDO_INC]
    t.undo_inc_ix[n] = i
    for k in range(INC_I):
        t.undo_inc_i[n, k] = t.inc_i[i, k]
    for k in range(INC_F):
        t.undo_inc_f[n, k] = t.inc_f[i, k]
    for k in range(belief.shape[1]):
        t.undo_belief[n, k] = belief[i, k]
    g[UNDO_INC] = n + 1


@inner
def save_row(t: Tables, r: int) -> None:
    """Keep a copy of a row before it is changed."""
    g = t.g
    n = g[UNDO_ROW]
    t.undo_row_ix[n] = r
    for k in range(ROW_I):
        t.undo_row_i[n, k] = t.row_i[r, k]
    for k in range(ROW_F):
        t.undo_row_f[n, k] = t.row_f[r, k]
    g[UNDO_ROW] = n + 1


@inner
def restore_inc(t: Tables) -> None:
    """Undo the last change of an incident."""
    g, belief = t.g, t.belief
    n = g[UNDO_INC] - 1
    i = t.undo_inc_ix[n]
    touch(t, i)
    unlink_cell(t, i)
    for k in range(INC_I):
        t.inc_i[i, k] = t.undo_inc_i[n, k]
    for k in range(INC_F):
        t.inc_f[i, k] = t.undo_inc_f[n, k]
    for k in range(belief.shape[1]):
        belief[i, k] = t.undo_belief[n, k]
    link_cell(t, i)
    g[UNDO_INC] = n


@inner
def restore_row(t: Tables, w: World, tau_us: float) -> None:
    """Undo the last change of a row; what was settled by age since then stays settled."""
    row_f, g, row_i, undo_row_i = t.row_f, t.g, t.row_i, t.undo_row_i
    n = g[UNDO_ROW] - 1
    r = t.undo_row_ix[n]
    same = row_i[r, OWNER] >= 0 and row_i[r, BORN] == undo_row_i[n, BORN]
    settled = 0.0
    if same:
        settled = row_f[r, SETTLED] * exp((row_i[r, LANDMARK] - undo_row_i[n, LANDMARK]) / tau_us)
    if row_i[r, OWNER] >= 0:
        unlink_row(t, w, r)
    for k in range(ROW_I):
        row_i[r, k] = undo_row_i[n, k]
    for k in range(ROW_F):
        row_f[r, k] = t.undo_row_f[n, k]
    row_f[r, SETTLED] = max(row_f[r, SETTLED], settled)
    if row_i[r, OWNER] >= 0:
        link_row(t, w, r)
    g[UNDO_ROW] = n


# --- making and freeing ---------------------------------------------------------------------------------


@inner
def new_inc(t: Tables) -> int:
    """Take a free incident; the caller has seen to it that there is one."""
    g = t.g
    i = int(g[FREE_INC])
    if i >= 0:
        save_inc(t, i)
        g[FREE_INC] = t.inc_i[i, NEXT_FREE]
    else:
        i = int(g[HIGH_INC])
        save_inc(t, i)
        g[HIGH_INC] += 1
    g[LIVE] += 1
    return i


@inner
def free_inc(t: Tables, i: int) -> None:
    """Give an incident without rows back."""
    inc_i, g = t.inc_i, t.g
    save_inc(t, i)
    unlink_cell(t, i)
    inc_i[i, STATUS] = FREE
    t.inc_f[i, VAR] = -1.0
    inc_i[i, NEXT_FREE] = g[FREE_INC]
    g[FREE_INC] = i
    g[LIVE] -= 1


@inner
def new_row(t: Tables) -> int:
    """Take a free row; the caller has seen to it that there is one, and links it."""
    g = t.g
    r = int(g[FREE_ROW])
    if r >= 0:
        save_row(t, r)
        g[FREE_ROW] = t.row_i[r, NEXT]
    else:
        r = int(g[HIGH_ROW])
        t.row_i[r, OWNER] = NONE
        save_row(t, r)
        g[HIGH_ROW] += 1
    g[ROWS_USED] += 1
    return r


@inner
def free_row(t: Tables, w: World, i: int, r: int) -> None:
    """Take a row out of its incident and give it back; the caller has saved the incident."""
    inc_i, row_i, g = t.inc_i, t.row_i, t.g
    if inc_i[i, HEAD] == r:
        inc_i[i, HEAD] = row_i[r, NEXT]
    else:
        before = inc_i[i, HEAD]
        while row_i[before, NEXT] != r:
            before = row_i[before, NEXT]
        save_row(t, before)
        row_i[before, NEXT] = row_i[r, NEXT]
    save_row(t, r)
    unlink_row(t, w, r)
    inc_i[i, ROWS] -= 1
    row_i[r, OWNER] = NONE
    row_i[r, NEXT] = g[FREE_ROW]
    t.row_f[r, SETTLED] = 0.0
    g[FREE_ROW] = r
    g[ROWS_USED] -= 1
