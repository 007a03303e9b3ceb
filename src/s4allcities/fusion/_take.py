"""A detection into the incident it fits best, or into one of its own."""

from ._chains import new_inc, save_inc
from ._layout import (
    ALERT,
    BIRTH,
    BY_OPERATOR,
    CREATED,
    E_KIND,
    INC,
    INC_I,
    K_OPENS,
    LINKED,
    LIVE,
    N_WITHOUT,
    NONE,
    ORD,
    PREV,
    R_ALL_ROWS,
    R_INCIDENTS,
    ROW,
    ROWS,
    ROWS_USED,
    SEEN_S,
    SERIAL,
    STATUS,
    T_CLOSED,
    T_LAST,
    T_OPENED,
    TENTATIVE,
    VAR,
    T,
    Tables,
    World,
    X,
    Y,
    inner,
)
from ._life import evict, merge, same_story, settle
from ._rows import add
from ._search import NO_RELATION, bar, better, nats_of, nearness, search, story


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
