"""A detection into its incident; merging, confirming, closing, and the passing of time."""

from math import exp

from ._chains import (
    free_inc,
    free_row,
    link_cell,
    link_row,
    new_inc,
    new_row,
    save_inc,
    save_row,
    unlink_cell,
)
from ._layout import (
    ALERT,
    BIRTH,
    BORN,
    BY_OPERATOR,
    CLOSED,
    CONFIRMED,
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
    FREE,
    GROUP,
    HEAD,
    HIGH_INC,
    INC,
    INC_I,
    K_OPENS,
    K_TAU,
    KIND,
    LANDMARK,
    LAST,
    LEVEL,
    LINKED,
    LIVE,
    MERGED,
    N_EVICTED,
    N_MERGED,
    N_ROWS_EVICTED,
    N_WITHOUT,
    NEXT,
    NONE,
    ORD,
    OWNER,
    PEAK,
    PREV,
    R_ALL_ROWS,
    R_CLOSE,
    R_CONFIRM,
    R_DRIFT_S,
    R_FADE,
    R_GROUPS,
    R_INCIDENTS,
    R_KEPT_US,
    R_ROWS,
    READ,
    ROW,
    ROW_F,
    ROWS,
    ROWS_USED,
    SEEN_S,
    SENSOR,
    SERIAL,
    STATUS,
    T_CLOSED,
    T_FIRST,
    T_LAST,
    T_OPENED,
    T_ROW,
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
from ._readout import believe, landed, leading, readout, sensors_for, strength, weigh, zones_apart
from ._search import NO_RELATION, bar, better, nats_of, nearness, search, speed_of, story

REBASE_TAUS = 50.0
A_SECOND_US = 1_000_000


@inner
def take(t: Tables, w: World, e: int) -> None:
    """Put a detection into the incident it fits best, or start one."""
    ev_i, g, score, found = t.ev_i, t.g, t.score, t.found
    ev_i[e, ROW], ev_i[e, INC], ev_i[e, PREV] = NONE, NONE, NONE
    while g[ROWS_USED] >= w.rule[R_ALL_ROWS]:
        evict(t, w)
    n = search(t, w, e)
    nats_of(t, w, e)
    least, best = bar(t, w), NONE
    for k in range(n):
        near = nearness(t, w, found[k], e)
        score[k] = near + story(t, w, found[k]) if near > NO_RELATION else NO_RELATION
        if score[k] <= least:
            score[k] = NO_RELATION
        elif best < 0 or better(t, k, best):
            best = k
    if best < 0:
        if w.kind_f[ev_i[e, E_KIND], K_OPENS] == 0:
            g[N_WITHOUT] += 1
            return
        i = start(t, w, e)
    else:
        i = join_others(t, w, best, n, ev_i[e, ORD])
    save_inc(t, i)
    add(t, w, i, e)
    settle(t, w, i, ev_i[e, ORD])


@inner
def join_others(t: Tables, w: World, best: int, n: int, now_us: int) -> int:
    """Merge what a detection shows to be the same story as the best; give what it belongs to then."""
    score, found = t.score, t.found
    i = int(found[best])
    score[best] = NO_RELATION
    while True:
        following = NONE
        for k in range(n):
            if score[k] > NO_RELATION and (following < 0 or better(t, k, following)):
                following = k
        if following < 0:
            return i
        score[following] = NO_RELATION
        other = int(found[following])
        if same_story(t, w, i, other):
            i = merge(t, w, i, other, now_us)


@inner
def same_story(t: Tables, w: World, i: int, j: int) -> bool:
    """Whether both are about the same hypothesis, and of the sort that spreads instead of recurring."""
    first = leading(t, i)
    return first == leading(t, j) and w.spreads[first] == 1


@inner
def start(t: Tables, w: World, e: int) -> int:
    """Begin an incident with a detection."""
    inc_i, ev_i, inc_f, belief = t.inc_i, t.ev_i, t.inc_f, t.belief
    if t.g[LIVE] >= w.rule[R_INCIDENTS]:
        evict(t, w)
    i = new_inc(t)
    for k in range(INC_I):
        inc_i[i, k] = NONE
    inc_i[i, STATUS], inc_i[i, BIRTH], inc_i[i, CREATED] = TENTATIVE, ev_i[e, SERIAL], ev_i[e, T]
    inc_i[i, T_LAST], inc_i[i, ROWS], inc_i[i, LINKED] = ev_i[e, T], 0, 0
    inc_i[i, ALERT], inc_i[i, BY_OPERATOR], inc_i[i, T_OPENED], inc_i[i, T_CLOSED] = 0, 0, 0, 0
    inc_f[i, X], inc_f[i, Y], inc_f[i, VAR], inc_f[i, SEEN_S] = 0.0, 0.0, -1.0, 0.0
    for h in range(belief.shape[1]):
        belief[i, h] = 0.0
    return i


@inner
def evict(t: Tables, w: World) -> None:
    """Make room: closed incidents first, then the least probable tentative one, then the oldest."""
    inc_i = t.inc_i
    victim = NONE
    for i in range(t.g[HIGH_INC]):
        if inc_i[i, STATUS] != FREE and (victim < 0 or _lesser(t, i, victim)):
            victim = i
    t.g[N_EVICTED] += 1
    drop(t, w, victim)


@inner
def _lesser(t: Tables, i: int, j: int) -> bool:
    inc_i, belief = t.inc_i, t.belief
    a, b = inc_i[i, STATUS], inc_i[j, STATUS]
    if a != b:
        return bool(a == CLOSED or (a == TENTATIVE and b == CONFIRMED))
    p, q = 1 - belief[i, 0], 1 - belief[j, 0]
    if p != q:
        return bool(p < q)
    if inc_i[i, CREATED] != inc_i[j, CREATED]:
        return bool(inc_i[i, CREATED] < inc_i[j, CREATED])
    return bool(inc_i[i, BIRTH] < inc_i[j, BIRTH])


@inner
def drop(t: Tables, w: World, i: int) -> None:
    """Forget an incident with all its rows."""
    inc_i = t.inc_i
    save_inc(t, i)
    while inc_i[i, HEAD] >= 0:
        free_row(t, w, i, inc_i[i, HEAD])
    free_inc(t, i)


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


# --- merging and life cycle -----------------------------------------------------------------------------


@inner
def merge(t: Tables, w: World, i: int, j: int, now_us: int) -> int:
    """Put the rows of both into the confirmed, else the older one; nothing is summed, so it can be taken apart."""
    inc_i, g, row_i, inc_f = t.inc_i, t.g, t.row_i, t.inc_f
    keep, gone = i, j
    a, b = inc_i[i, STATUS] == CONFIRMED, inc_i[j, STATUS] == CONFIRMED
    older = inc_i[j, CREATED] < inc_i[i, CREATED] or (
        inc_i[j, CREATED] == inc_i[i, CREATED] and inc_i[j, BIRTH] < inc_i[i, BIRTH]
    )
    if (b and not a) or (a == b and older):
        keep, gone = j, i
    save_inc(t, keep)
    save_inc(t, gone)
    r = inc_i[gone, HEAD]
    while r >= 0:
        save_row(t, r)
        after = row_i[r, NEXT]
        row_i[r, OWNER], row_i[r, NEXT] = keep, inc_i[keep, HEAD]
        inc_i[keep, HEAD] = r
        inc_i[keep, ROWS] += 1
        r = after
    inc_i[keep, T_LAST] = max(inc_i[keep, T_LAST], inc_i[gone, T_LAST])
    unlink_cell(t, gone)
    if inc_f[keep, VAR] < 0 and inc_f[gone, VAR] >= 0:
        for k in range(3):
            inc_f[keep, k] = inc_f[gone, k]
        inc_f[keep, SEEN_S] = inc_f[gone, SEEN_S] + (inc_i[gone, CREATED] - inc_i[keep, CREATED]) / 1e6
        link_cell(t, keep)
    inc_i[gone, STATUS], inc_i[gone, T_CLOSED], inc_i[gone, MERGED] = (
        CLOSED,
        now_us,
        inc_i[keep, BIRTH],
    )
    inc_i[gone, HEAD], inc_i[gone, ROWS] = NONE, 0
    g[N_MERGED] += 1
    while inc_i[keep, ROWS] > w.rule[R_ROWS]:
        g[N_ROWS_EVICTED] += 1
        free_row(t, w, keep, weakest(t, w, keep, now_us))
    believe(t, w, keep, now_us)
    return keep


@inner
def settle(t: Tables, w: World, i: int, now_us: int) -> None:
    """Read an incident out, keep what it says, confirm or close it; the caller has saved it."""
    inc_i, rule = t.inc_i, w.rule
    first, support = believe(t, w, i, now_us)
    danger = 1 - t.belief[i, 0]
    if inc_i[i, STATUS] == TENTATIVE:
        if danger >= rule[R_CONFIRM] and support >= rule[R_GROUPS]:
            if sensors_for(t, w, i, first) >= rule[R_GROUPS]:
                confirm(t, w, i, now_us)
        elif inc_i[i, HEAD] < 0:
            close(t, i, now_us)
    elif inc_i[i, STATUS] == CONFIRMED and danger < rule[R_CLOSE] and inc_i[i, ALERT] == 0:
        close(t, i, now_us)


@inner
def close(t: Tables, i: int, now_us: int) -> None:
    """End an incident; it is kept for a while, in case it is reopened."""
    inc_i = t.inc_i
    unlink_cell(t, i)
    inc_i[i, STATUS], inc_i[i, T_CLOSED] = CLOSED, now_us


@inner
def confirm(t: Tables, w: World, i: int, now_us: int) -> None:
    """Confirm an incident, unless it is the continuation of a confirmed one at most two zones away."""
    inc_i = t.inc_i
    best = NONE
    for j in range(t.g[HIGH_INC]):
        if inc_i[j, STATUS] != CONFIRMED or not same_story(t, w, i, j) or zones_apart(t, w, i, j) > 2:
            continue
        if best < 0 or (inc_i[j, CREATED], inc_i[j, BIRTH]) < (
            inc_i[best, CREATED],
            inc_i[best, BIRTH],
        ):
            best = j
    if best >= 0:
        merge(t, w, best, i, now_us)
        return
    inc_i[i, STATUS], inc_i[i, T_OPENED] = CONFIRMED, now_us


@inner
def tick(t: Tables, w: World, now_us: int, everything: bool) -> None:
    """Let time pass: what has faded is dropped, incidents close, those closed for long are forgotten.

    ``everything`` reads all incidents out again, because trust, context or closures have changed.
    """
    inc_i, rule = t.inc_i, w.rule
    for i in range(t.g[HIGH_INC]):
        status = inc_i[i, STATUS]
        if status in (TENTATIVE, CONFIRMED):
            due = fade(t, w, i, now_us) or everything
            if status == CONFIRMED and not due and now_us - inc_i[i, READ] >= A_SECOND_US:
                readout(t, w, i, now_us)
                due = 1 - t.work[w.prior.shape[0]] < rule[R_CLOSE] and inc_i[i, ALERT] == 0
            if due:
                save_inc(t, i)
                settle(t, w, i, now_us)
        elif status == CLOSED and now_us - inc_i[i, T_CLOSED] > rule[R_KEPT_US]:
            drop(t, w, i)


@inner
def fade(t: Tables, w: World, i: int, now_us: int) -> bool:
    """Drop the rows whose evidence has decayed to nothing."""
    saved = False
    r = t.inc_i[i, HEAD]
    while r >= 0:
        after = t.row_i[r, NEXT]
        if strength(t, w, r, now_us) < w.rule[R_FADE]:
            if not saved:
                save_inc(t, i)
                saved = True
            free_row(t, w, i, r)
        r = after
    return saved
