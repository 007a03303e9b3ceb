"""The same plan in plain Python: the oracle of the compiled planner's tests, and the way out without Numba.

Builds the time-expanded network for real and raises the flow step by step over shortest augmenting paths (Edmonds and
Karp 1972). Hundreds of times slower than `arrival`; for networks of up to some ten thousand states.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from .arrays import I4, I8
from .arrival import check_supply
from .timed import TimedNetwork

__all__ = ("PlainResult", "earliest_arrival_plain")

_PLENTY = 2**60


@dataclass(frozen=True, slots=True)
class PlainResult:
    """``most`` (T,) people safe by the end of each step at most; ``left`` people nobody can serve."""

    most: tuple[int, ...]
    left: int


@dataclass(slots=True)
class _Graph:
    """Arcs in pairs: the way back of arc ``a`` is ``a ^ 1``."""

    to: list[int] = field(default_factory=list)
    room: list[int] = field(default_factory=list)
    out: dict[int, list[int]] = field(default_factory=dict)

    def join(self, tail: int, head: int, room: int) -> None:
        for start, end, space in ((tail, head, room), (head, tail, 0)):
            self.out.setdefault(start, []).append(len(self.to))
            self.to.append(end)
            self.room.append(space)

    def augment(self, source: int, goal: int) -> int:
        """Send people over one shortest path; 0 if there is none."""
        came: dict[int, int] = {source: -1}
        queue = deque([source])
        while queue and goal not in came:
            here = queue.popleft()
            for arc in self.out.get(here, ()):
                if self.room[arc] > 0 and self.to[arc] not in came:
                    came[self.to[arc]] = arc
                    queue.append(self.to[arc])
        if goal not in came:
            return 0
        way = []
        here = goal
        while here != source:
            way.append(came[here])
            here = self.to[came[here] ^ 1]
        people = min(self.room[arc] for arc in way)
        for arc in way:
            self.room[arc] -= people
            self.room[arc ^ 1] += people
        return people


def _expand(network: TimedNetwork, supply: I8, ready: I4) -> tuple[_Graph, int, int]:
    """Every state but the ways to safety: (graph, source, safety)."""
    n, steps = network.n_nodes, network.steps
    graph = _Graph()
    source, safe = n * steps + n + len(network.sinks), n * steps + n + len(network.sinks) + 1
    for v in range(n):
        wait = int(network.storage[v])
        for t in range(steps - 1):
            graph.join(v * steps + t, v * steps + t + 1, _PLENTY if wait < 0 else wait)
        if supply[v] > 0:
            graph.join(source, n * steps + v, int(supply[v]))
            for t in range(int(ready[v]), steps):
                graph.join(n * steps + v, v * steps + t, _PLENTY)
    for a in range(len(network.tail)):
        u, v, late = int(network.tail[a]), int(network.head[a]), int(network.transit[a])
        for t in np.flatnonzero(network.places[a, : max(steps - late, 0)]).tolist():
            graph.join(u * steps + t, v * steps + t + late, int(network.places[a, t]))
    for k, capacity in enumerate(network.sink_capacity.tolist()):
        graph.join(n * steps + n + k, safe, _PLENTY if capacity < 0 else capacity)
    return graph, source, safe


def earliest_arrival_plain(network: TimedNetwork, supply: I8, *, ready: I4 | None = None) -> PlainResult:
    """Give how many people can be safe by the end of each step; see `arrival.earliest_arrival`.

    >>> one = np.zeros(1, np.int32)
    >>> net = TimedNetwork(tail=one, head=one + 1, transit=one + 1, places=np.full((1, 4), 2, np.int32),
    ...     storage=np.full(2, -1), sinks=one + 1, sink_capacity=np.array([-1]), step_s=5.0,
    ...     offset_s=np.zeros(2), loss_s=np.zeros(1))
    >>> earliest_arrival_plain(net, np.array([5, 0])).most
    (0, 2, 4, 5)
    """
    ready_at = check_supply(network, supply, ready)
    graph, source, safe = _expand(network, supply, ready_at)
    n, steps = network.n_nodes, network.steps
    served, most = 0, []
    for t in range(steps):
        for k, sink in enumerate(network.sinks.tolist()):
            graph.join(sink * steps + t, n * steps + n + k, _PLENTY)
        while people := graph.augment(source, safe):
            served += people
        most.append(served)
    return PlainResult(tuple(most), int(supply.sum()) - served)
