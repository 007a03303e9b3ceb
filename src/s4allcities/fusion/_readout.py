"""What an incident's evidence says now: the read-out of groups, priors, facts, closures, and the softmax."""

from math import exp

from ._layout import (
    E_WEIGHT,
    FIRST,
    GROUP,
    HEAD,
    K_LARGEST,
    K_TAU,
    KEYS,
    KIND,
    LANDMARK,
    MASK,
    MASKED,
    N_CLOSED,
    N_FACTS,
    N_ZONES,
    NEXT,
    PEAK,
    R_ALPHA,
    R_FADE,
    R_GROUP_NATS,
    READ,
    SENSOR,
    STATUS,
    SUPPORT,
    T_LAST,
    TENTATIVE,
    TOTAL,
    WHERE,
    WHOLE,
    T,
    Tables,
    World,
    inner,
)

FAR = 99
CLOSED_BEFORE = 1 << 60
"""The bit of ``g[MASK]`` that says that a closing speaks against an incident; the lower ones are context rules."""


@inner
def strength(t: Tables, w: World, r: int, now_us: int) -> float:
    """The most that a row alone says about any hypothesis now, in nats, its sensor trusted fully."""
    row_i, row_f, kind_f = t.row_i, t.row_f, w.kind_f
    whole = row_f[r, WHOLE]
    if whole <= 0:
        return 0.0
    kind = row_i[r, KIND]
    faded = exp(min(-(now_us - row_i[r, LANDMARK]) / 1e6 / kind_f[kind, K_TAU], 600.0))
    return float(faded * kind_f[kind, K_LARGEST] * whole)


@inner
def weigh(t: Tables, w: World, r: int) -> None:
    """Note what a row reads alone, after its total or its peak has changed."""
    row_f = t.row_f
    total, peak = row_f[r, TOTAL], row_f[r, PEAK]
    whole = 0.0
    if total > 0 and peak > 0:
        whole = peak if total == peak else peak * (total / peak) ** (1 - w.rule[R_ALPHA])
    row_f[r, WHOLE] = whole


@inner
def landed(t: Tables, w: World, r: int, e: int) -> float:
    """The weight of a detection in the landmark time of a row."""
    row_i = t.row_i
    taus = (t.ev_i[e, T] - row_i[r, LANDMARK]) / 1e6 / w.kind_f[row_i[r, KIND], K_TAU]
    return float(t.ev_f[e, E_WEIGHT] * exp(max(taus, -700.0)))


@inner
def group_rows(t: Tables, i: int) -> int:
    """Number the groups of an incident's rows.

    ``t.groups`` holds them, ``t.counts`` how many rows each has, ``t.of_row`` the group of each row, in order.
    """
    row_i, counts, groups, of_row = t.row_i, t.counts, t.groups, t.of_row
    n, at_row = 0, 0
    r = t.inc_i[i, HEAD]
    while r >= 0:
        group = row_i[r, GROUP]
        k = 0
        while k < n and groups[k] != group:
            k += 1
        if k == n:
            groups[n] = group
            counts[n] = 0
            n += 1
        counts[k] += 1
        of_row[at_row] = k
        at_row += 1
        r = row_i[r, NEXT]
    return n


@inner
def group_of(t: Tables, group: int) -> int:
    """The number of a group among those that `group_rows` found."""
    k = 0
    while t.groups[k] != group:
        k += 1
    return k


@inner
def readout(t: Tables, w: World, i: int, now_us: int) -> tuple[int, int]:
    """Fill ``t.work`` with z (H,) then p (H,); give the leading hypothesis and how many groups speak for it.

    ``t.pos`` (G, H) then holds the nats of each group.
    """
    pos, neg, pos_peak, neg_peak = t.pos, t.neg, t.pos_peak, t.neg_peak
    n = group_rows(t, i)
    h_n = w.prior.shape[0]
    for k in range(n):
        for h in range(h_n):
            pos[k, h] = neg[k, h] = pos_peak[k, h] = neg_peak[k, h] = 0.0
    spare = 1 - w.rule[R_ALPHA]
    r, at_row = t.inc_i[i, HEAD], 0
    while r >= 0:
        _add_row(t, w, r, t.of_row[at_row], now_us, h_n)
        at_row += 1
        r = t.row_i[r, NEXT]
    for k in range(n):
        if t.counts[k] > 1:
            for h in range(h_n):
                value = 0.0
                if pos_peak[k, h] > 0:
                    value += pos_peak[k, h] * (pos[k, h] / pos_peak[k, h]) ** spare
                if neg_peak[k, h] > 0:
                    value -= neg_peak[k, h] * (neg[k, h] / neg_peak[k, h]) ** spare
                pos[k, h] = value
    return _sum_up(t, w, i, now_us, n, h_n)


@inner
def _add_row(t: Tables, w: World, r: int, k: int, now_us: int, h_n: int) -> None:
    """Count a row into the k-th group; the only row of a group is read out at once, which saves the powers."""
    row_i, row_f, pos, pos_peak = t.row_i, t.row_f, t.pos, t.pos_peak
    neg_peak, llr = t.neg_peak, w.llr
    kind = row_i[r, KIND]
    total, peak = row_f[r, TOTAL], row_f[r, PEAK]
    if total <= 0 or peak <= 0:
        return
    faded = exp(-(now_us - row_i[r, LANDMARK]) / 1e6 / w.kind_f[kind, K_TAU]) * w.trust[row_i[r, SENSOR]]
    if t.counts[k] == 1:
        whole = faded * row_f[r, WHOLE]
        for h in range(h_n):
            pos[k, h] = llr[kind, h] * whole
        return
    for h in range(h_n):
        nats = llr[kind, h] * faded
        if nats > 0:
            pos[k, h] += nats * total
            pos_peak[k, h] = max(pos_peak[k, h], nats * peak)
        elif nats < 0:
            t.neg[k, h] -= nats * total
            neg_peak[k, h] = max(neg_peak[k, h], -nats * peak)


@inner
def _sum_up(t: Tables, w: World, i: int, now_us: int, n: int, h_n: int) -> tuple[int, int]:
    work, pos, gain = t.work, t.pos, w.gain
    for h in range(h_n):
        z = 0.0
        for k in range(n):
            z += pos[k, h]
        work[h] = w.prior[h] + gain[h] * z
    t.g[MASK] = 0
    if w.sizes[N_FACTS]:
        _add_facts(t, w, i, h_n)
    if w.sizes[N_CLOSED] and t.inc_i[i, STATUS] == TENTATIVE:
        _add_closures(t, w, i, now_us, h_n)
    first, top = 1, work[0]
    for h in range(1, h_n):
        if work[h] > work[first]:
            first = h
        top = max(top, work[h])
    whole = 0.0
    for h in range(h_n):
        work[h_n + h] = exp(work[h] - top)
        whole += work[h_n + h]
    for h in range(h_n):
        work[h_n + h] /= whole
    support = 0
    for k in range(n):
        if gain[first] * pos[k, first] - gain[0] * pos[k, 0] >= w.rule[R_GROUP_NATS]:
            support += 1
    return first, support


@inner
def _add_facts(t: Tables, w: World, i: int, h_n: int) -> None:
    """Offsets of the context facts that apply; each rule counts once, whatever the number of facts."""
    inc_i, row_i, facts = t.inc_i, t.row_i, w.facts
    seen = 0
    t_us = inc_i[i, T_LAST]
    for f in range(w.sizes[N_FACTS]):
        bit = 1 << facts[f, 1]
        if seen & bit or facts[f, 2] > t_us or (facts[f, 3] != 0 and t_us > facts[f, 3]):
            continue
        holds = facts[f, 0] < 0
        r = inc_i[i, HEAD]
        while r >= 0 and not holds:
            holds = row_i[r, WHERE] == facts[f, 0]
            r = row_i[r, NEXT]
        if holds:
            seen |= bit
            for h in range(h_n):
                t.work[h] += w.offsets[facts[f, 1], h]
    t.g[MASK] = seen


@inner
def _add_closures(t: Tables, w: World, i: int, now_us: int, h_n: int) -> None:
    """What operators closed here lately speaks against the same hypothesis; of several the latest counts."""
    closed, closure = w.closed, w.closure
    for h in range(1, h_n):
        latest = 0.0
        for c in range(w.sizes[N_CLOSED]):
            if closed[c, 1] != h:
                continue
            nats = closure[0] * exp(-max(now_us - closed[c, 2], 0) / 1e6 / closure[1])
            if nats < -w.rule[R_FADE] and _touches(t, w, i, closed[c, 0]):
                latest = nats
        t.work[h] += latest
        if latest < 0:
            t.g[MASK] |= CLOSED_BEFORE


@inner
def _touches(t: Tables, w: World, i: int, zone: int) -> bool:
    """Whether an incident is in a zone; one of which no zone is known may be anywhere."""
    row_i = t.row_i
    if zone < 0:
        return True
    known = False
    r = t.inc_i[i, HEAD]
    while r >= 0:
        for k in range(KEYS):
            here = w.zones[row_i[r, WHERE], k]
            if here == zone:
                return True
            known = known or here >= 0
        r = row_i[r, NEXT]
    return not known


@inner
def sensors_for(t: Tables, w: World, i: int, first: int) -> int:
    """How many different sensors speak for the leading hypothesis; `readout` has just been called."""
    row_i, pos, gain = t.row_i, t.pos, w.gain
    n = 0
    seen = t.cells
    r = t.inc_i[i, HEAD]
    while r >= 0:
        k = group_of(t, row_i[r, GROUP])
        if gain[first] * pos[k, first] - gain[0] * pos[k, 0] >= w.rule[R_GROUP_NATS]:
            sensor = row_i[r, SENSOR]
            new = True
            for j in range(n):
                new = new and seen[j] != sensor
            if new:
                seen[n] = sensor
                n += 1
        r = row_i[r, NEXT]
    return n


@inner
def believe(t: Tables, w: World, i: int, now_us: int) -> tuple[int, int]:
    """Read an incident out and keep what it says, and when; the caller has saved it."""
    inc_i = t.inc_i
    first, support = readout(t, w, i, now_us)
    inc_i[i, FIRST], inc_i[i, SUPPORT], inc_i[i, READ], inc_i[i, MASKED] = first, support, now_us, t.g[MASK]
    h_n = w.prior.shape[0]
    for h in range(h_n):
        t.belief[i, h] = t.work[h_n + h]
    return first, support


@inner
def leading(t: Tables, i: int) -> int:
    """The most probable hypothesis other than benign at the last read-out."""
    belief = t.belief
    first = 1
    for h in range(2, belief.shape[1]):
        if belief[i, h] > belief[i, first]:
            first = h
    return first


@inner
def hops_between(w: World, one: int, other: int) -> int:
    """Zones entered on the way from one zone to another; far where the site knows no way."""
    hops = w.hops
    if one == other:
        return 0
    n = w.sizes[N_ZONES]
    return int(hops[one, other]) if one < n and other < n else FAR


@inner
def zones_apart(t: Tables, w: World, i: int, j: int) -> int:
    """The fewest hops between any zone of one incident and any of another."""
    inc_i, row_i = t.inc_i, t.row_i
    least = FAR
    r = inc_i[i, HEAD]
    while r >= 0:
        q = inc_i[j, HEAD]
        while q >= 0:
            least = min(least, rows_apart(t, w, r, q))
            q = row_i[q, NEXT]
        r = row_i[r, NEXT]
    return least


@inner
def rows_apart(t: Tables, w: World, r: int, q: int) -> int:
    """The fewest hops between the zones of two rows."""
    row_i, zones = t.row_i, w.zones
    least = FAR
    for a in range(KEYS):
        one = zones[row_i[r, WHERE], a]
        if one < 0:
            break
        for b in range(KEYS):
            other = zones[row_i[q, WHERE], b]
            if other < 0:
                break
            least = min(least, hops_between(w, one, other))
    return least
