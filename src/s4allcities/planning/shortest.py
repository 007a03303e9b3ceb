"""Shortest ways over a network, from many starts at once (Dijkstra 1959)."""

import heapq

import numpy as np
from numba import njit

from .arrays import B1, F8, I4, I8

__all__ = ("shortest", "shortest_python")


@njit(cache=True, nogil=True)
def _dijkstra(first: I8, order: I8, to: I4, cost: F8, usable: B1, start: F8, came: I8) -> F8:
    n = len(first) - 1
    away = start.copy()
    heap = [(0.0, np.int64(0))]
    heap.pop()
    for v in range(n):
        if away[v] < np.inf:
            heapq.heappush(heap, (away[v], np.int64(v)))
    while len(heap) > 0:
        now, u = heapq.heappop(heap)
        if now > away[u]:
            continue
        for i in range(first[u], first[u + 1]):
            a = order[i]
            if usable[a] and now + cost[a] < away[to[a]]:
                away[to[a]] = now + cost[a]
                came[to[a]] = a
                heapq.heappush(heap, (away[to[a]], np.int64(to[a])))
    return away


def _run(kernel: object, tail: I4, head: I4, cost: F8, start: F8, usable: B1 | None) -> tuple[F8, I8]:
    n = len(start)
    order = np.argsort(tail, kind="stable").astype(np.int64)
    first = np.searchsorted(tail[order], np.arange(n + 1)).astype(np.int64)
    came = np.full(n, -1, np.int64)
    mask = np.ones(len(tail), bool) if usable is None else usable
    away: F8 = kernel(  # type: ignore[operator]
        first, order, head.astype(np.int32), cost.astype(np.float64), mask, start.astype(np.float64), came
    )
    return away, came


def shortest(tail: I4, head: I4, cost: F8, start: F8, *, usable: B1 | None = None) -> tuple[F8, I8]:
    """Give the least cost to each node (n,), infinite where there is no way, and the arc it is come by (n,) or -1.

    ``tail``, ``head``, ``cost`` (m,), costs of 0 and above; ``start`` (n,) what it costs to begin at each node,
    infinite where nobody does; ``usable`` (m,) which arcs there are. To search backwards, hand ``tail`` and ``head``
    over swapped.

    >>> net = np.array([0, 1], np.int32), np.array([1, 2], np.int32), np.array([2.0, 3.0])
    >>> shortest(*net, np.array([0.0, np.inf, np.inf]))[0].tolist()
    [0.0, 2.0, 5.0]
    """
    return _run(_dijkstra, tail, head, cost, start, usable)


def shortest_python(tail: I4, head: I4, cost: F8, start: F8, *, usable: B1 | None = None) -> tuple[F8, I8]:
    """Do the same by relaxing every arc until nothing changes (Bellman and Ford): the oracle of the tests."""
    away, came = start.astype(np.float64).copy(), np.full(len(start), -1, np.int64)
    changed = True
    while changed:
        changed = False
        for a in range(len(tail)):
            reach = away[tail[a]] + cost[a]
            if (usable is None or usable[a]) and reach < away[head[a]]:
                away[head[a]], came[head[a]], changed = reach, a, True
    return away, came
