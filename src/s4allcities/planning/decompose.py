"""From a flow to groups of people: who walks which way, when they start and when they arrive.

Method: path decomposition. People of a source are followed from the step in which they leave it along arcs with flow;
each walk takes as many as fit and is subtracted. Walks that turn in a circle within one step are cut open first, so
nobody is led round.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from .arrays import I4, I8
from .arrival import ArrivalFlow
from .timed import TimedNetwork

__all__ = ("FlowGroup", "decompose")


@dataclass(frozen=True, slots=True)
class FlowGroup:
    """People of one source who walk one way: ``arcs`` in order to ``sink``; ``slots`` holds (step of departure, step of
    arrival, people) in order of arrival.
    """

    source: int
    sink: int
    arcs: tuple[int, ...]
    slots: tuple[tuple[int, int, int], ...]

    @property
    def people(self) -> int:
        """How many they are."""
        return sum(people for _, _, people in self.slots)

    @property
    def first(self) -> int:
        """Step in which the first of them sets out."""
        return min(start for start, _, _ in self.slots)

    @property
    def last(self) -> int:
        """Step in which the last of them arrives."""
        return self.slots[-1][1]


@njit(cache=True, nogil=True)
def _walks(
    n: int, steps: int, first_out: I4, out_arc: I4, head: I4, transit: I4, sink_of: I4, flow: I4, hold: I4,
    inject: I4, arrive: I4, rows: I8, ways: I4,
) -> tuple[int, int]:  # fmt: skip
    """Take walks off the flow until none is left: (rows, arcs used), or (-1, -1) if the buffers are too small.

    A row is (source, sink, people, departure, arrival, start in ``ways``, arcs).
    """
    at = np.full(n * steps, -1, np.int32)
    longest = n * steps
    arc_of = np.empty(longest, np.int32)
    node_of = np.empty(longest + 1, np.int32)
    step_of = np.empty(longest + 1, np.int32)
    n_rows = 0
    used = 0
    for v0 in range(n):
        for t0 in range(steps):
            while inject[v0, t0] > 0:
                depth = 0
                node_of[0] = v0
                step_of[0] = t0
                at[v0 * steps + t0] = 0
                while True:
                    v = node_of[depth]
                    t = step_of[depth]
                    k = sink_of[v]
                    if k >= 0 and arrive[k, t] > 0:
                        break
                    arc = -2
                    for i in range(first_out[v], first_out[v + 1]):
                        if flow[out_arc[i], t] > 0:
                            arc = out_arc[i]
                            break
                    if arc == -2:
                        arc = -1  # waits
                    to_v = v if arc < 0 else head[arc]
                    to_t = t + 1 if arc < 0 else t + transit[arc]
                    place = at[to_v * steps + to_t]
                    if place >= 0:
                        # A circle: take it off the flow and go on from where it began.
                        least = flow[arc, t]
                        for i in range(place, depth):
                            least = min(least, flow[arc_of[i], step_of[i]])
                        flow[arc, t] -= least
                        for i in range(place, depth):
                            flow[arc_of[i], step_of[i]] -= least
                        for i in range(place + 1, depth + 1):
                            at[node_of[i] * steps + step_of[i]] = -1
                        depth = place
                        continue
                    arc_of[depth] = arc
                    depth += 1
                    node_of[depth] = to_v
                    step_of[depth] = to_t
                    at[to_v * steps + to_t] = depth
                k = sink_of[node_of[depth]]
                people = min(inject[v0, t0], arrive[k, step_of[depth]])
                for i in range(depth):
                    a = arc_of[i]
                    people = min(people, flow[a, step_of[i]] if a >= 0 else hold[node_of[i], step_of[i]])
                if n_rows >= len(rows) or used + depth > len(ways):
                    return -1, -1
                start = used
                for i in range(depth):
                    a = arc_of[i]
                    if a >= 0:
                        flow[a, step_of[i]] -= people
                        ways[used] = a
                        used += 1
                    else:
                        hold[node_of[i], step_of[i]] -= people
                inject[v0, t0] -= people
                arrive[k, step_of[depth]] -= people
                rows[n_rows, 0] = v0
                rows[n_rows, 1] = node_of[depth]
                rows[n_rows, 2] = people
                rows[n_rows, 3] = t0
                rows[n_rows, 4] = step_of[depth]
                rows[n_rows, 5] = start
                rows[n_rows, 6] = used - start
                n_rows += 1
                for i in range(depth + 1):
                    at[node_of[i] * steps + step_of[i]] = -1
    return n_rows, used


def decompose(network: TimedNetwork, found: ArrivalFlow) -> tuple[FlowGroup, ...]:
    """Give the groups, those who arrive first in front; together they are the whole flow, to the person."""
    n, steps = network.n_nodes, network.steps
    order = np.argsort(network.tail, kind="stable").astype(np.int32)
    first = np.searchsorted(network.tail[order], np.arange(n + 1)).astype(np.int32)
    sink_of = np.full(n, -1, np.int32)
    sink_of[network.sinks] = np.arange(len(network.sinks), dtype=np.int32)
    size = 4 * (int(np.count_nonzero(found.inject)) + int(np.count_nonzero(found.arrive))) + 64
    while True:
        rows, ways = np.zeros((size, 7), np.int64), np.empty(size * 24, np.int32)
        count, used = _walks(
            n, steps, first, order, network.head, network.transit, sink_of, found.flow.copy(), found.hold.copy(),
            found.inject.copy(), found.arrive.copy(), rows, ways,
        )  # fmt: skip
        if count >= 0:
            return _gather(rows[:count], ways[:used])
        size *= 4


def _gather(rows: I8, ways: I4) -> tuple[FlowGroup, ...]:
    """Join walks of one source on one way."""
    raw = ways.tobytes()
    found: dict[tuple[int, int, bytes], list[tuple[int, int, int]]] = {}
    for source, sink, people, departs, arrives, start, length in rows.tolist():
        key = (source, sink, raw[4 * start : 4 * (start + length)])
        found.setdefault(key, []).append((arrives, departs, people))
    groups = [
        FlowGroup(
            source=source,
            sink=sink,
            arcs=tuple(np.frombuffer(way, np.int32).tolist()),
            slots=tuple((departs, arrives, people) for arrives, departs, people in sorted(slots)),
        )
        for (source, sink, way), slots in found.items()
    ]
    return tuple(sorted(groups, key=lambda each: (each.slots[0][1], each.source, each.sink, each.arcs)))
