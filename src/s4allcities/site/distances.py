"""How long a person needs from place to place over the walking graph."""

import heapq
from collections.abc import Mapping

import numpy as np

from .arrays import F8
from .graph import WalkGraph

__all__ = ("times_from_s", "walking_times_s")


def times_from_s(graph: WalkGraph, node: int) -> F8:
    """Give the seconds from a node to every node (n,) for one person alone; infinite where no way leads.

    Dijkstra's algorithm (E. W. Dijkstra, Numerische Mathematik 1, 1959).
    """
    times = np.full(graph.n_nodes, np.inf)
    times[node] = 0.0
    queue = [(0.0, node)]
    while queue:
        reached_s, tail = heapq.heappop(queue)
        if reached_s > times[tail]:
            continue
        for arc in graph.by_tail[graph.first_out[tail] : graph.first_out[tail + 1]].tolist():
            head, there_s = int(graph.head[arc]), reached_s + float(graph.time_s[arc])
            if there_s < times[head]:
                times[head] = there_s
                heapq.heappush(queue, (there_s, head))
    return times


def walking_times_s(
    graph: WalkGraph, places: Mapping[str, tuple[float, float, int]]
) -> dict[tuple[str, str], float]:
    """Give the walking time in seconds between any two of ``places``, given as x_m, y_m, level by name.

    Each place stands for its nearest node on its level, so times are wrong by the way to that node.
    """
    nodes = {name: graph.nearest_node(*place) for name, place in places.items()}
    found = {}
    for start, node in nodes.items():
        times = times_from_s(graph, node)
        found.update({(start, end): float(times[other]) for end, other in nodes.items() if end != start})
    return found
