"""The life of an incident: merging, confirming, closing, the passing of time, making room."""

from ._chains import free_inc, free_row, link_cell, save_inc, save_row, unlink_cell
from ._layout import (
    ALERT,
    BIRTH,
    CLOSED,
    CONFIRMED,
    CREATED,
    FREE,
    HEAD,
    HIGH_INC,
    MERGED,
    N_EVICTED,
    N_MERGED,
    N_ROWS_EVICTED,
    NEXT,
    NONE,
    OWNER,
    R_CLOSE,
    R_CONFIRM,
    R_FADE,
    R_GROUPS,
    R_KEPT_US,
    R_ROWS,
    READ,
    ROWS,
    SEEN_S,
    STATUS,
    T_CLOSED,
    T_LAST,
    T_OPENED,
    TENTATIVE,
    VAR,
    Tables,
    World,
    inner,
)
from ._readout import believe, leading, readout, sensors_for, strength, zones_apart
from ._rows import weakest

A_SECOND_US = 1_000_000


@inner
def same_story(t: Tables, w: World, i: int, j: int) -> bool:
    """Whether both are about the same hypothesis, and of the sort that spreads instead of recurring."""
    first = leading(t, i)
    return first == leading(t, j) and w.spreads[first] == 1


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
