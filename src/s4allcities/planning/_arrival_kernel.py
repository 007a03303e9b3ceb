"""The compiled search behind `arrival`: augmenting paths on a time-expanded network that is never built.

A state is a node at a step, the pool of people of a source, or the gate of a sink; the search walks backwards from the
gates over arcs with room left and over flow that can be taken back. States from which no source with people left can
be reached stay dead for ever (no later path can enter them), so all failed searches together cost one pass over the
network. See `arrival` for the theory.
"""

import numpy as np

from .arrays import I1, I4, I8, uncounted

__all__ = ("run_stages", "work_arrays")

# How the search came to a state; ``arc`` beside it holds an arc or a step where one is needed.
_GATE = 0  # from the root to a sink's gate
_ARRIVE = 1  # from a gate to the sink at a step: one more arrives then
_POOL = 2  # from a node to the people who start there
_ARC = 3  # against an arc with room
_WAIT = 4  # one step back at the same node
_UNARC = 5  # along an arc with flow: those people go another way
_UNWAIT = 6  # one step on at the same node: fewer wait
_UNARRIVE = 7  # from a sink at a step to its gate: one of its arrivals goes elsewhere
_UNPOOL = 8  # from a pool to its node at a step: somebody starts at another step
_DETOUR = 0  # steps: a longer way round is tried before waiting if it costs no more than this
_BIG = np.int64(1) << 60
_FAR = np.int64(1) << 40


@uncounted(inline="always")
def _residual(
    kind: int, arc: int, state: int, before: int, n: int, steps: int, shift: int, storage: I4, gate_left: I8,
    room: I4, flow: I4, hold: I4, inject: I4, arrive: I4,
) -> np.int64:  # fmt: skip
    """How many people more the step of the search from ``before`` to ``state`` can carry."""
    if kind == _ARC:
        return np.int64(room[arc, state & ((1 << shift) - 1)])
    if kind == _WAIT:
        v, t = state >> shift, state & ((1 << shift) - 1)
        return _BIG if storage[v, 0] < 0 else np.int64(storage[v, t % storage.shape[1]] - hold[v, t])
    if kind == _UNARC:
        return np.int64(flow[arc, before & ((1 << shift) - 1)])
    if kind == _UNWAIT:
        return np.int64(hold[before >> shift, before & ((1 << shift) - 1)])
    if kind == _GATE:
        left = np.int64(gate_left[state - (n << shift) - n])
        return _BIG if left < 0 else left
    if kind == _UNARRIVE:
        return np.int64(arrive[state - (n << shift) - n, before & ((1 << shift) - 1)])
    if kind == _UNPOOL:
        return np.int64(inject[state >> shift, state & ((1 << shift) - 1)])
    return _BIG


@uncounted(inline="always")
def _send(
    kind: int, arc: int, state: int, before: int, people: int, n: int, steps: int, shift: int, gate_left: I8,
    room: I4, flow: I4, hold: I4, inject: I4, arrive: I4,
) -> None:  # fmt: skip
    """Book ``people`` on one step of a found path."""
    if kind == _ARC:
        flow[arc, state & ((1 << shift) - 1)] += people
        room[arc, state & ((1 << shift) - 1)] -= people
    elif kind == _WAIT:
        hold[state >> shift, state & ((1 << shift) - 1)] += people
    elif kind == _UNARC:
        flow[arc, before & ((1 << shift) - 1)] -= people
        room[arc, before & ((1 << shift) - 1)] += people
    elif kind == _UNWAIT:
        hold[before >> shift, before & ((1 << shift) - 1)] -= people
    elif kind == _GATE:
        k = state - (n << shift) - n
        if gate_left[k] >= 0:
            gate_left[k] -= people
    elif kind == _ARRIVE:
        arrive[before - (n << shift) - n, state & ((1 << shift) - 1)] += people
    elif kind == _UNARRIVE:
        arrive[state - (n << shift) - n, before & ((1 << shift) - 1)] -= people
    elif kind == _POOL:
        inject[before >> shift, before & ((1 << shift) - 1)] += people
    elif kind == _UNPOOL:
        inject[state >> shift, state & ((1 << shift) - 1)] -= people


@uncounted()
def _aim(
    first_in: I4, in_arc: I4, tail: I4, head: I4, transit: I4, usable: I4, left: I8, soon: I4, to_go: I8
) -> None:
    """Sort each node's incoming arcs so that the way to the nearest people who are left comes first.

    ``to_go`` (n,) gets the steps from those people; ``soon`` (n,) how many arcs beat waiting a step.
    """
    n = len(first_in) - 1
    for v in range(n):
        to_go[v] = 0 if left[v] > 0 else _FAR
    changed = True
    while changed:
        changed = False
        for a in range(len(tail)):
            if usable[a] and to_go[tail[a]] + transit[a] < to_go[head[a]]:
                to_go[head[a]] = to_go[tail[a]] + transit[a]
                changed = True
    for v in range(n):
        soon[v] = 0
        for i in range(first_in[v], first_in[v + 1]):
            arc = in_arc[i]
            key = to_go[tail[arc]] + transit[arc]
            j = i
            while j > first_in[v] and to_go[tail[in_arc[j - 1]]] + transit[in_arc[j - 1]] > key:
                in_arc[j] = in_arc[j - 1]
                j -= 1
            in_arc[j] = arc
        for i in range(first_in[v], first_in[v + 1]):
            if to_go[tail[in_arc[i]]] + transit[in_arc[i]] <= to_go[v] + _DETOUR:
                soon[v] += 1


@uncounted(inline="always")
def _next(
    state: int, it: int, n: int, steps: int, shift: int, stage: int, rerouting: bool,
    first_in: I4, in_arc: I4, first_out: I4, out_arc: I4, tail: I4, head: I4, transit: I4,
    sinks: I4, sink_of: I4, storage: I4, gate_left: I8, has_pool: I4, ready: I4, earliest: I4, soon: I4,
    room: I4, flow: I4, hold: I4, inject: I4, arrive: I4, mark: I4, stamp: int,
) -> tuple[int, int, int, int]:  # fmt: skip
    """The next unseen state that can hand people to ``state``: (state or -1, kind, arc, iterator to go on with)."""
    pools = n << shift
    gates = pools + n
    if state < pools:
        v, t = state >> shift, state & ((1 << shift) - 1)
        n_in = first_in[v + 1] - first_in[v]
        n_out = first_out[v + 1] - first_out[v]
        if it == 0:
            it = 1
            to = pools + v
            if has_pool[v] and t >= ready[v] and mark[to] != stamp and mark[to] >= 0:
                return to, _POOL, 0, it
        before = soon[v] + 1  # the place of waiting among the arcs
        while it <= n_in + 1:
            if it == before:
                it += 1
                if t > earliest[v] and (
                    storage[v, 0] < 0 or hold[v, t - 1] < storage[v, (t - 1) % storage.shape[1]]
                ):
                    to = state - 1
                    if mark[to] != stamp and mark[to] >= 0:
                        return to, _WAIT, 0, it
                continue
            a = in_arc[first_in[v] + it - (1 if it < before else 2)]
            it += 1
            start = t - transit[a]
            u = tail[a]
            if start >= earliest[u] and room[a, start] > 0:
                to = (u << shift) + start
                if mark[to] != stamp and mark[to] >= 0:
                    return to, _ARC, a, it
        while it <= n_in + 1 + n_out:
            a = out_arc[first_out[v] + it - n_in - 2]
            it += 1
            if flow[a, t] > 0:
                to = (head[a] << shift) + t + transit[a]
                if mark[to] != stamp and mark[to] >= 0:
                    return to, _UNARC, a, it
        if it == n_in + n_out + 2:
            it += 1
            if t + 1 < steps and hold[v, t] > 0:
                to = state + 1
                if mark[to] != stamp and mark[to] >= 0:
                    return to, _UNWAIT, 0, it
        if it == n_in + n_out + 3:
            it += 1
            k = sink_of[v]
            if rerouting and k >= 0 and arrive[k, t] > 0:
                to = gates + k
                if mark[to] != stamp and mark[to] >= 0:
                    return to, _UNARRIVE, 0, it
        return -1, 0, 0, it
    if state < gates:
        v = state - pools
        t = max(it, ready[v])
        while t < steps:
            if inject[v, t] > 0:
                to = (v << shift) + t
                if mark[to] != stamp and mark[to] >= 0:
                    return to, _UNPOOL, 0, t + 1
            t += 1
        return -1, 0, 0, steps
    if state < gates + len(sinks):
        v = sinks[state - gates]
        last = 0 if rerouting else stage
        t = stage - it
        while t >= last:
            it += 1
            if t >= earliest[v]:
                to = (v << shift) + t
                if mark[to] != stamp and mark[to] >= 0:
                    return to, _ARRIVE, 0, it
            t -= 1
        return -1, 0, 0, it
    while it < len(sinks):
        to = gates + it
        it += 1
        # Without rerouting a gate is a way to one step only, so it is looked at afresh at each stage.
        if gate_left[to - gates] != 0 and mark[to] != stamp:
            return to, _GATE, 0, it
    return -1, 0, 0, it


def work_arrays(n: int, sinks: int, shift: int) -> tuple[I4, I4, I8, I8, I4, I1, I4, I8]:
    """Give what one run writes its search into; ``mark`` and ``soon`` begin as zeros, the rest as anything."""
    size = (n << shift) + n + sinks + 1
    return (
        np.zeros(size, np.int32),
        np.zeros(n, np.int32),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.empty(size, np.int8),
        np.empty(size, np.int32),
        np.empty(n, np.int64),
    )


@uncounted()
def run_stages(
    n: int, steps: int, shift: int,
    first_in: I4, in_arc: I4, first_out: I4, out_arc: I4, tail: I4, head: I4, transit: I4,
    sinks: I4, sink_of: I4, storage: I4, gate_left: I8, has_pool: I4, ready: I4, earliest: I4,
    usable: I4, left: I8, room: I4, flow: I4, hold: I4, inject: I4, arrive: I4, cut: I4, most: I8,
    mark: I4, soon: I4, seen: I8, path: I8, iters: I4, kinds: I1, arcs: I4, to_go: I8,
) -> tuple[int, int, int]:  # fmt: skip
    """Raise the flow to its greatest value for each stage in turn; changes ``left`` and all arrays from ``room`` on.

    ``storage`` is (n, T), or (n, 1) where it is the same at all times. ``cut`` gets, plus one, the stage at which a
    state was found unable to be reached; ``most`` (T,) the greatest number of people who can be safe by the end of
    each step; `work_arrays` gives those from ``mark`` on. Returns (last stage, stage from which people are led from
    one full sink to another or -1, paths found).
    """
    pools = n << shift
    gates = pools + n
    root = gates + len(sinks)
    todo = np.int64(0)
    for v in range(n):
        todo += left[v]
    served = np.int64(0)
    stamp = 0
    paths = 0
    aimless = True
    rerouting = False
    rerouting_from = -1
    stage = 0
    while stage < steps and todo > 0:
        clean_failed = False
        while not clean_failed and todo > 0:
            if aimless:
                _aim(first_in, in_arc, tail, head, transit, usable, left, soon, to_go)
                aimless = False
            stamp += 1
            n_seen = 0
            found = 0
            depth = 0
            path[0] = root
            iters[0] = 0
            while depth >= 0 and todo > 0:
                state = path[depth]
                to, kind, arc, it = _next(
                    state, iters[depth], n, steps, shift, stage, rerouting, first_in, in_arc, first_out, out_arc, tail,
                    head, transit, sinks, sink_of, storage, gate_left, has_pool, ready, earliest, soon, room, flow,
                    hold, inject, arrive, mark, stamp,
                )  # fmt: skip
                iters[depth] = it
                if to < 0:
                    depth -= 1
                    continue
                mark[to] = stamp
                if found == 0:
                    seen[n_seen] = to
                    n_seen += 1
                depth += 1
                path[depth] = to
                iters[depth] = 0
                kinds[depth] = kind
                arcs[depth] = arc
                if to < pools or to >= gates or left[to - pools] <= 0:
                    continue
                people = left[to - pools]
                for i in range(1, depth + 1):
                    people = min(
                        people,
                        _residual(kinds[i], arcs[i], path[i], path[i - 1], n, steps, shift, storage, gate_left,
                                  room, flow, hold, inject, arrive),
                    )  # fmt: skip
                left[to - pools] -= people
                aimless = aimless or left[to - pools] == 0
                todo -= people
                served += people
                found += 1
                paths += 1
                keep = depth
                for i in range(depth, 0, -1):
                    _send(kinds[i], arcs[i], path[i], path[i - 1], people, n, steps, shift, gate_left, room, flow, hold,
                          inject, arrive)  # fmt: skip
                    if (
                        _residual(kinds[i], arcs[i], path[i], path[i - 1], n, steps, shift, storage, gate_left,
                                  room, flow, hold, inject, arrive) <= 0
                    ):  # fmt: skip
                        keep = i - 1
                if not rerouting and path[1] >= gates and gate_left[path[1] - gates] == 0:
                    # A sink is full: from now on its people may be led to others, so nothing is dead for ever.
                    rerouting = True
                    rerouting_from = stage
                    for i in range(len(mark)):
                        mark[i] = 0
                    break
                for i in range(keep + 1, depth + 1):
                    mark[path[i]] = 0
                depth = keep
            if found == 0:
                clean_failed = True
                for i in range(n_seen):
                    cut[seen[i]] = stage + 1
                    if not rerouting and seen[i] < gates:
                        mark[seen[i]] = -1
        most[stage] = served
        stage += 1
    for t in range(stage, steps):
        most[t] = served
    return stage - 1, rerouting_from, paths
