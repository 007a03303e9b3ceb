"""To which incidents can a detection belong, and how well does it fit each: place, time and story."""

from math import exp, log, pi, sqrt

from ._chains import CELL_M, VAGUE, VAGUE_M, cell_of, cell_slot, key_slot
from ._layout import (
    ALERT,
    BIRTH,
    CELL_X,
    CELL_Y,
    CLOSED,
    CREATED,
    E_KIND,
    E_LEVEL,
    E_SIGMA,
    E_WEIGHT,
    E_WHERE,
    E_X,
    E_Y,
    FREE,
    HEAD,
    HIGH_INC,
    K_POINT,
    K_SPEED,
    K_TAU,
    KEYS,
    KIND,
    LEVEL,
    N_CROWDED,
    N_ZONES,
    NEXT,
    NONE,
    OWNER,
    R_AREA_M2,
    R_DRIFT_S,
    R_ENTITY,
    R_GATE,
    R_NEIGHBOUR,
    R_NEW,
    R_QUIET,
    R_QUIET_NATS,
    SEEN_S,
    STAMP,
    STATUS,
    T_LAST,
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
from ._readout import FAR

NO_RELATION = -1e9
FLOOR = 1e-12
MOST_CELLS = 12
CLOSE_LOOK = 3.0
"""No nearness says more than this, in nats."""


@inner
def _note(t: Tables, i: int, n: int) -> int:
    """Add an incident to those found, once."""
    stamp, g, found, inc_i = t.stamp, t.g, t.found, t.inc_i
    if inc_i[i, STATUS] == CLOSED or inc_i[i, STATUS] == FREE:
        return n
    if stamp[i] != g[STAMP]:
        if n >= found.shape[0]:
            g[N_CROWDED] += 1
            return n
        stamp[i] = g[STAMP]
        t.hop[i], t.shared[i] = FAR, 0
        found[n] = i
        return n + 1
    return n


@inner
def _by_key(t: Tables, w: World, key: int, hop: int, n: int) -> int:
    """Walk the rows of one zone or entity."""
    key_head, row_i = t.key_head, t.row_i
    node = key_head[key_slot(key, key_head.shape[0])]
    while node >= 0:
        r, k = node // (2 * KEYS), node % (2 * KEYS)
        i = row_i[r, OWNER]
        if t.stamp[i] == t.g[STAMP] and (t.hop[i] <= hop if k < KEYS else t.shared[i] == 1):
            node = t.key_next[node]  # another row of what is known to be as near
            continue
        where = row_i[r, WHERE]
        same = 2 * w.zones[where, k] == key if k < KEYS else 2 * w.entities[where, k - KEYS] + 1 == key
        if same:
            n = _note(t, i, n)
            if t.stamp[i] == t.g[STAMP]:
                if k < KEYS:
                    t.hop[i] = min(t.hop[i], hop)
                else:
                    t.shared[i] = 1
        node = t.key_next[node]
    return n


@inner
def _by_cell(t: Tables, cx: int, cy: int, e: int, gate: float, spread: float, n: int) -> int:
    """Walk one cell; what is too far away as the crow flies is too far on foot, and not looked at further."""
    cell_head, inc_i, inc_f = t.cell_head, t.inc_i, t.inc_f
    x, y = t.ev_f[e, E_X], t.ev_f[e, E_Y]
    i = cell_head[cell_slot(cx, cy, cell_head.shape[0])]
    while i >= 0:
        d2 = (inc_f[i, X] - x) ** 2 + (inc_f[i, Y] - y) ** 2
        if d2 < gate * (inc_f[i, VAR] + spread) and inc_i[i, CELL_X] == cx and inc_i[i, CELL_Y] == cy:
            n = _note(t, i, n)
        i = t.cell_next[i]
    return n


@inner
def speed_of(w: World, kind: int) -> float:
    """How fast what a kind sees may move, in m/s."""
    return float(w.kind_f[kind, K_SPEED])


@inner
def search(t: Tables, w: World, e: int) -> int:
    """Find the incidents near a detection by entity, zone and place: ``t.found``; give how many."""
    entities, near = w.entities, w.near
    t.g[STAMP] += 1
    n = 0
    where = t.ev_i[e, E_WHERE]
    for k in range(KEYS):
        if entities[where, k] >= 0:
            n = _by_key(t, w, 2 * int(entities[where, k]) + 1, 0, n)
    for k in range(KEYS):
        zone = int(w.zones[where, k])
        if zone < 0:
            continue
        n = _by_key(t, w, 2 * zone, 0, n)
        if zone < w.sizes[N_ZONES]:
            for j in range(near.shape[1]):
                if near[zone, j] < 0:
                    break
                n = _by_key(t, w, 2 * int(near[zone, j]), 1, n)
    if t.ev_f[e, E_SIGMA] > 0:
        n = _around(t, w, e, n)
    return n


@inner
def _around(t: Tables, w: World, e: int, n: int) -> int:
    ev_f, rule = t.ev_f, w.rule
    drift = speed_of(w, t.ev_i[e, E_KIND]) * rule[R_DRIFT_S]
    gate, spread = rule[R_GATE], ev_f[e, E_SIGMA] ** 2 + drift**2
    reach = sqrt(gate * (spread + VAGUE_M**2))
    gate *= 1.000001  # so that rounding never leaves out what `_distance` would let in
    n = _by_cell(t, VAGUE, 0, e, gate, spread, n)
    if reach > MOST_CELLS * CELL_M:
        for i in range(t.g[HIGH_INC]):
            if t.inc_f[i, VAR] >= 0:
                n = _note(t, i, n)
        return n
    x, y = ev_f[e, E_X], ev_f[e, E_Y]
    for cx in range(cell_of(x - reach), cell_of(x + reach) + 1):
        for cy in range(cell_of(y - reach), cell_of(y + reach) + 1):
            n = _by_cell(t, cx, cy, e, gate, spread, n)
    return n


@inner
def slowest_tau_s(t: Tables, w: World, i: int) -> float:
    """The longest decay time among an incident's rows."""
    row_i = t.row_i
    tau = 0.0
    r = t.inc_i[i, HEAD]
    while r >= 0:
        tau = max(tau, w.kind_f[row_i[r, KIND], K_TAU])
        r = row_i[r, NEXT]
    return tau


@inner
def nearness(t: Tables, w: World, i: int, e: int) -> float:
    """Nats of place and time together, or `NO_RELATION`."""
    ev_i, inc_i = t.ev_i, t.inc_i
    kind = ev_i[e, E_KIND]
    place = _place(t, w, i, e)
    if place <= NO_RELATION:  # most of what is found; its rows need not be walked
        return place
    limit_s = w.rule[R_QUIET] * max(slowest_tau_s(t, w, i), w.kind_f[kind, K_TAU])
    age_s = abs(ev_i[e, T] - inc_i[i, T_LAST]) / 1e6
    if age_s > limit_s and inc_i[i, ALERT] == 0:
        return NO_RELATION
    return float(place - w.rule[R_QUIET_NATS] * min(age_s / limit_s, 1.0))


@inner
def _place(t: Tables, w: World, i: int, e: int) -> float:
    ev_i, hop, rule = t.ev_i, t.hop, w.rule
    if t.shared[i]:
        same: float = rule[R_ENTITY]
        return same
    kind, where = ev_i[e, E_KIND], ev_i[e, E_WHERE]
    by_point = t.ev_f[e, E_SIGMA] > 0 and t.inc_f[i, VAR] >= 0
    zoned = w.zones[where, 0] >= 0 and t.inc_i[i, ZONE] >= 0
    zone: float = NO_RELATION
    if hop[i] == 0:
        zone = 0.0
    elif hop[i] == 1:
        zone = rule[R_NEIGHBOUR]
    if by_point and (w.kind_f[kind, K_POINT] > 0 or not zoned):
        point = _distance(t, w, i, e)
        # What moves fast may be anywhere in its zone by now: near enough, a point tells no less than a zone does.
        return max(point, zone) if point > NO_RELATION else point
    return zone


@inner
def _distance(t: Tables, w: World, i: int, e: int) -> float:
    """Log-likelihood of a position against anywhere in the area one incident usually has for itself."""
    inc_f, ev_i, rule = t.inc_f, t.ev_i, w.rule
    away_s = abs((ev_i[e, T] - t.inc_i[i, CREATED]) / 1e6 - inc_f[i, SEEN_S])
    drift = speed_of(w, ev_i[e, E_KIND]) * min(away_s, rule[R_DRIFT_S])
    variance = inc_f[i, VAR] + t.ev_f[e, E_SIGMA] ** 2 + drift**2
    d2 = _way_m(t, w, i, e) ** 2 / variance
    if d2 >= rule[R_GATE]:
        return NO_RELATION
    return float(min(log(rule[R_AREA_M2] / (2 * pi * variance)), CLOSE_LOOK) - d2 / 2)


@inner
def _way_m(t: Tables, w: World, i: int, e: int) -> float:
    """Metres from an incident to a detection as one walks: through the doors, where both zones are known."""
    inc_f, ev_f, inc_i, ev_i = t.inc_f, t.ev_f, t.inc_i, t.ev_i
    way_m, door_x, door_y = w.way_m, w.door_x, w.door_y
    x, y, ex, ey = inc_f[i, X], inc_f[i, Y], ev_f[e, E_X], ev_f[e, E_Y]
    straight = sqrt((x - ex) ** 2 + (y - ey) ** 2)
    a, b = inc_i[i, ZONE], w.zones[ev_i[e, E_WHERE], 0]
    n = w.sizes[N_ZONES]
    if a == b and a >= 0:
        return straight
    if a < 0 or b < 0 or a >= n or b >= n:
        up, at = inc_i[i, LEVEL], ev_i[e, E_LEVEL]
        other = up != NONE and at != NONE and up != at
        return 1e9 if other else straight
    if way_m[a, b] < 0:
        return straight
    out = sqrt((x - door_x[a, b]) ** 2 + (y - door_y[a, b]) ** 2)
    back = sqrt((ex - door_x[b, a]) ** 2 + (ey - door_y[b, a]) ** 2)
    return float(max(straight, out + way_m[a, b] + back))


@inner
def nats_of(t: Tables, w: World, e: int) -> None:
    """Put exp(nats) of a detection into the last part of ``t.work``."""
    h_n = w.prior.shape[0]
    for h in range(h_n):
        t.work[2 * h_n + h] = exp(t.ev_f[e, E_WEIGHT] * w.llr[t.ev_i[e, E_KIND], h])


@inner
def story(t: Tables, w: World, i: int) -> float:
    """How well a detection fits what an incident is about: log sum_h P(h | something goes on) LR(kind, h)."""
    h_n = w.prior.shape[0]
    whole, fit = 0.0, 0.0
    for h in range(1, h_n):
        p = max(t.belief[i, h], 0.0) + FLOOR * w.share[h]
        whole += p
        fit += p * t.work[2 * h_n + h]
    return log(fit / whole)


@inner
def bar(t: Tables, w: World) -> float:
    """The score a detection must beat to belong to something known."""
    h_n = w.prior.shape[0]
    fit = 0.0
    for h in range(1, h_n):
        fit += w.share[h] * t.work[2 * h_n + h]
    value: float = w.rule[R_NEW] + log(fit)
    return value


@inner
def better(t: Tables, a: int, b: int) -> bool:
    """Whether the a-th found fits better than the b-th; of equals the older is better."""
    score, found, inc_i = t.score, t.found, t.inc_i
    if score[a] != score[b]:
        return bool(score[a] > score[b])
    i, j = found[a], found[b]
    if inc_i[i, CREATED] != inc_i[j, CREATED]:
        return bool(inc_i[i, CREATED] < inc_i[j, CREATED])
    return bool(inc_i[i, BIRTH] < inc_i[j, BIRTH])
