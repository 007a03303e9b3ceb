"""The tables of fusion as columns of plain arrays, so that compiled code can walk them and a snapshot can copy them."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ("Tables", "World", "inner", "new_tables", "new_world")

_F = TypeVar("_F", bound=Callable[..., Any])


def inner(function: _F) -> _F:
    """Compile a function that only compiled ones call: without the way in from Python, which takes long to make.

    Only the entries (`process`, `undo`, `survey`, `rebuild`, `write`) are kept on disk. Numba notices a change only in
    the file of an entry: after changing an inner function elsewhere, save `_process`, `_amend` and `_chains` too.
    """
    compiled: _F = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")(function)  # type: ignore[call-overload]
    return compiled


F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
I4 = NDArray[np.int32]

NONE = -1
KEYS = 4
"""Zones, and entities, that one detection can name; more are counted and left out."""

# --- incidents: inc_i -----------------------------------------------------------------------------------
FREE, TENTATIVE, CONFIRMED, CLOSED = 0, 1, 2, 3
STATUS, BIRTH, CREATED, T_LAST, HEAD, ROWS, LINKED, CELL_X, CELL_Y, ZONE, LEVEL = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
)
ALERT, BY_OPERATOR, T_OPENED, T_CLOSED, MERGED, DECISIVE, FIRST, SUPPORT, NEXT_FREE = (
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
)
READ, MASKED = 20, 21
INC_I = 22
# inc_f: position, its variance (-1 = none known) and when it was seen, in seconds after CREATED
X, Y, VAR, SEEN_S = 0, 1, 2, 3
INC_F = 4

# --- evidence rows: row_i, row_f ------------------------------------------------------------------------
OWNER, NEXT, GROUP, KIND, SENSOR, WHERE, LANDMARK, T_FIRST, T_ROW, LAST, BORN = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
)
ROW_I = 11
TOTAL, PEAK, SETTLED, WHOLE = 0, 1, 2, 3
"""WHOLE is what the row reads alone, peak * (total / peak) ** (1 - alpha): kept, because the power is dear."""
ROW_F = 4

# --- detections and other things in order: ev_i, ev_f ---------------------------------------------------
DETECTION, TICK, RETRACT, ALERT_OPEN, ALERT_CLOSED, ALERT_AGAIN = 0, 1, 2, 3, 4, 5
OP, SERIAL, T, ORD, E_KIND, E_SENSOR, E_GROUP, E_WHERE, E_LEVEL, TARGET = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
ROW, INC, PREV, GONE, M_INC, M_ROW, M_FREE_INC, M_FREE_ROW, M_LIVE, M_ROWS = (
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
)
M_HIGH_INC, M_HIGH_ROW = 20, 21
EV_I = 22
E_WEIGHT, E_X, E_Y, E_SIGMA = 0, 1, 2, 3
EV_F = 4

# --- globals: g -----------------------------------------------------------------------------------------
FREE_INC, FREE_ROW, LIVE, ROWS_USED, UNDO_INC, UNDO_ROW, STAMP, TOUCHED = 0, 1, 2, 3, 4, 5, 6, 7
N_EVICTED, N_ROWS_EVICTED, N_WITHOUT, N_MERGED, N_RETRACTED, N_UNMATCHED, N_SPLIT, N_CROWDED = (
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
)
MASK, HIGH_INC, HIGH_ROW, EVENTS = 16, 17, 18, 19
GLOBALS = 20

# --- scalars of the data file: rule ---------------------------------------------------------------------
R_CONFIRM, R_GROUPS, R_CLOSE, R_GROUP_NATS, R_FADE, R_KEPT_US, R_ALPHA, R_NEW, R_ENTITY, R_NEIGHBOUR = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)
R_GATE, R_QUIET, R_ROWS, R_AREA_M2, R_DRIFT_S, R_INCIDENTS, R_ALL_ROWS = 10, 11, 12, 13, 14, 15, 16
R_QUIET_NATS = 17
RULES = 18
# --- kinds: kind_f --------------------------------------------------------------------------------------
K_TAU, K_SPEED, K_POINT, K_OPENS, K_LARGEST = 0, 1, 2, 3, 4
KIND_F = 5


# --- how much there is room for; memory that is not used is only promised by the system -------------------
MOST_INCIDENTS, MOST_ROWS, MOST_EVENTS, MOST_UNDO = 1 << 14, 1 << 18, 1 << 16, 1 << 19
MOST_PLACES, MOST_SENSORS, MOST_ZONES, MOST_NEAR = 1 << 16, 1 << 17, 512, 32
MOST_FACTS, MOST_CLOSED, MOST_FOUND, MOST_GROUPS = 1 << 13, 1 << 10, 512, 256
HEADS = 1 << 14
N_FACTS, N_CLOSED, N_ZONES = 0, 1, 2


class World(NamedTuple):
    """What does not change while events are taken in: the data file, the site, trust and facts as known now.

    ``llr`` (K, H); ``kind_f`` (K, 5); ``prior`` and ``share`` (H,); ``spreads`` (H,) 0 or 1; ``gain`` (H,); ``hops``
    (Z, Z); ``door_x``, ``door_y`` (Z, Z) the door by which one leaves the first zone for the second, ``way_m`` (Z, Z)
    from that door to the last one, -1 where no way is known; ``near`` (Z, n) zones at most one step away, -1 padded;
    ``trust`` (S,); ``zones`` and ``entities`` (W, 4) of a place; ``facts`` (F, 4) = place or -1, rule, from, until;
    ``offsets`` (rules, H); ``closed`` (C, 3) = zone or -1, hypothesis, time; ``sizes`` how many facts, closures, zones.
    """

    llr: F8
    kind_f: F8
    prior: F8
    share: F8
    spreads: I8
    gain: F8
    rule: F8
    hops: I4
    door_x: F8
    door_y: F8
    way_m: F8
    near: I4
    trust: F8
    zones: I4
    entities: I4
    facts: I8
    offsets: F8
    closed: I8
    closure: F8
    sizes: I8


class Tables(NamedTuple):
    """All that changes: incidents, rows, events, their indexes, the undo log and scratch space."""

    inc_i: I8
    inc_f: F8
    belief: F8
    row_i: I8
    row_f: F8
    ev_i: I8
    ev_f: F8
    g: I8
    cell_head: I4
    cell_next: I4
    cell_prev: I4
    key_head: I4
    key_next: I4
    key_prev: I4
    undo_inc_ix: I8
    undo_inc_i: I8
    undo_inc_f: F8
    undo_belief: F8
    undo_row_ix: I8
    undo_row_i: I8
    undo_row_f: F8
    stamp: I8
    hop: I4
    shared: I4
    touched: I4
    mark: I8
    found: I4
    score: F8
    pos: F8
    neg: F8
    pos_peak: F8
    neg_peak: F8
    groups: I8
    counts: I8
    cells: I8
    of_row: I8
    work: F8


def new_world(kinds: int, hypotheses: int, rules: int) -> tuple[World, Any]:
    """Make an empty world: its arrays for Python, and the one record of them all for compiled code."""
    k, h, z = kinds, hypotheses, MOST_ZONES
    fields = [
        ("llr", "f8", (k, h)), ("kind_f", "f8", (k, KIND_F)), ("prior", "f8", (h,)), ("share", "f8", (h,)),
        ("spreads", "i8", (h,)), ("gain", "f8", (h,)), ("rule", "f8", (RULES,)), ("hops", "i4", (z, z)),
        ("door_x", "f8", (z, z)), ("door_y", "f8", (z, z)), ("way_m", "f8", (z, z)), ("near", "i4", (z, MOST_NEAR)),
        ("trust", "f8", (MOST_SENSORS,)), ("zones", "i4", (MOST_PLACES, KEYS)),
        ("entities", "i4", (MOST_PLACES, KEYS)), ("facts", "i8", (MOST_FACTS, 4)), ("offsets", "f8", (rules, h)),
        ("closed", "i8", (MOST_CLOSED, 3)), ("closure", "f8", (2,)), ("sizes", "i8", (3,)),
    ]  # fmt: skip
    record = _record(fields)
    return World(*(record[name] for name in World._fields)), record


def new_tables(hypotheses: int) -> tuple[Tables, Any]:
    """Make empty tables: their arrays for Python, and the one record of them all for compiled code."""
    n, r, e, u, h, m = MOST_INCIDENTS, MOST_ROWS, MOST_EVENTS, MOST_UNDO, hypotheses, MOST_GROUPS
    fields = [
        ("inc_i", "i8", (n, INC_I)), ("inc_f", "f8", (n, INC_F)), ("belief", "f8", (n, h)),
        ("row_i", "i8", (r, ROW_I)), ("row_f", "f8", (r, ROW_F)), ("ev_i", "i8", (e, EV_I)), ("ev_f", "f8", (e, EV_F)),
        ("g", "i8", (GLOBALS,)), ("cell_head", "i4", (HEADS,)), ("cell_next", "i4", (n,)), ("cell_prev", "i4", (n,)),
        ("key_head", "i4", (HEADS,)), ("key_next", "i4", (r * 2 * KEYS,)), ("key_prev", "i4", (r * 2 * KEYS,)),
        ("undo_inc_ix", "i8", (u,)), ("undo_inc_i", "i8", (u, INC_I)), ("undo_inc_f", "f8", (u, INC_F)),
        ("undo_belief", "f8", (u, h)), ("undo_row_ix", "i8", (u,)), ("undo_row_i", "i8", (u, ROW_I)),
        ("undo_row_f", "f8", (u, ROW_F)), ("stamp", "i8", (n,)), ("hop", "i4", (n,)), ("shared", "i4", (n,)),
        ("touched", "i4", (n,)), ("mark", "i8", (n,)), ("found", "i4", (MOST_FOUND,)), ("score", "f8", (MOST_FOUND,)),
        ("pos", "f8", (m, h)), ("neg", "f8", (m, h)), ("pos_peak", "f8", (m, h)), ("neg_peak", "f8", (m, h)),
        ("groups", "i8", (m,)), ("counts", "i8", (m,)), ("cells", "i8", (m,)),
        ("of_row", "i8", (m,)), ("work", "f8", (3 * h,)),
    ]  # fmt: skip
    record = _record(fields)
    tables = Tables(*(record[name] for name in Tables._fields))
    tables.g[[FREE_INC, FREE_ROW]] = NONE
    # A slot that was given out and not filled yet belongs to no row, and ends a chain.
    tables.ev_i[:, [ROW, PREV]] = NONE
    tables.cell_head[:] = NONE
    tables.key_head[:] = NONE
    return tables, record


def _record(fields: list[tuple[str, str, tuple[int, ...]]]) -> Any:
    """One record of nested arrays: compiled functions hand it on as one pointer, which makes them quick to make."""
    record: Any = np.zeros(1, np.dtype(fields))[0]
    return record
