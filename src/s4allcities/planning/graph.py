"""What the planner sees of a place: nodes and arcs with names, walking times and capacities, in seconds and people.

The order in which nodes and arcs are listed means nothing: `PlanGraph.in_order` sorts them by name, so that the same
place gives the same plan, to the byte.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numba import njit

from .arrays import B1, I4

__all__ = ("PlanArc", "PlanGraph", "PlanNode")


_MOST_WORK = 50_000_000
"""Nodes times arcs up to which dead ends are looked for."""


@njit(cache=True, nogil=True)
def _lead_on(tail: I4, head: I4, safe: I4, n: int) -> B1:
    """Which arcs (m,) have a way to safety that does not come back to their tail."""
    m = len(tail)
    order = np.argsort(head)
    first = np.searchsorted(head[order], np.arange(n + 1))
    on = np.zeros(m, np.bool_)
    seen = np.full(n, -1, np.int64)
    stack = np.empty(n, np.int64)
    by_tail = np.argsort(tail)
    begin = np.searchsorted(tail[by_tail], np.arange(n + 1))
    for u in range(n):
        if begin[u] == begin[u + 1]:
            continue
        depth = 0
        for sink in safe:
            if sink != u:
                seen[sink] = u
                stack[depth] = sink
                depth += 1
        while depth > 0:
            depth -= 1
            v = stack[depth]
            for i in range(first[v], first[v + 1]):
                w = tail[order[i]]
                if w != u and seen[w] != u:
                    seen[w] = u
                    stack[depth] = w
                    depth += 1
        for i in range(begin[u], begin[u + 1]):
            on[by_tail[i]] = seen[head[by_tail[i]]] == u
    return on


class PlanNode(Struct, frozen=True, kw_only=True, order=True):
    """A place to be: ``zone`` names the zone whose people start here ("" for none); ``safe`` places end a way.

    ``storage`` is how many people from elsewhere may wait here (-1: as many as come); ``capacity`` how many a safe
    place takes in all (-1: as many as come). ``lon``, ``lat`` in degrees, ``level`` the storey, ``walk`` the node of
    the walking graph that it was made from (-1: none).
    """

    name: str
    zone: str = ""
    safe: bool = False
    storage: int = -1
    capacity: int = -1
    lon: float = 0.0
    lat: float = 0.0
    level: int = 0
    walk: int = -1


class PlanArc(Struct, frozen=True, kw_only=True, order=True):
    """A way between two nodes, named by them: seconds to walk, people a second (infinite: nothing holds them up).

    People may start at or after ``opens_s`` and must be off it by ``closes_s``, seconds from now. ``place`` names the
    opening, stairs or street that holds people up; ``exit`` the exit it leads out by. ``walk`` are the arcs of the
    walking graph, in order.
    """

    tail: str
    head: str
    transit_s: float
    capacity_ps: float = float("inf")
    place: str = ""
    exit: str = ""
    step_free: bool = True
    opens_s: float = 0.0
    closes_s: float = float("inf")
    walk: tuple[int, ...] = ()


class PlanGraph(Struct, frozen=True, kw_only=True, eq=False):
    """Nodes and arcs; every arc names two nodes.

    :raises ValueError: two nodes of one name, an arc that names no node, NaN or negative times or capacities.
    """

    nodes: tuple[PlanNode, ...]
    arcs: tuple[PlanArc, ...]

    def __post_init__(self) -> None:
        names = {node.name for node in self.nodes}
        if len(names) != len(self.nodes):
            raise ValueError("PlanGraph has two nodes of one name; allowed is one")
        for arc in self.arcs:
            for end in (arc.tail, arc.head):
                if end not in names:
                    raise ValueError(f"arc {arc.tail} -> {arc.head} names {end!r}, which is no node")
            if not (0 <= arc.transit_s < float("inf")) or not arc.capacity_ps >= 0:
                raise ValueError(
                    f"arc {arc.tail} -> {arc.head} takes {arc.transit_s} s at {arc.capacity_ps} people a second; "
                    "allowed are 0 and above"
                )

    def without_dead_ends(self) -> "PlanGraph":
        """Leave out arcs from which one must come back to where they start: nobody is helped by walking them."""
        at = self.index()
        tail = np.array([at[arc.tail] for arc in self.arcs], np.int32)
        head = np.array([at[arc.head] for arc in self.arcs], np.int32)
        if not len(tail) or len(self.nodes) * len(self.arcs) > _MOST_WORK:
            return self
        leads_on = _lead_on(tail, head, self.safe, len(self.nodes))
        return PlanGraph(
            nodes=self.nodes, arcs=tuple(arc for arc, on in zip(self.arcs, leads_on, strict=True) if on)
        )

    def in_order(self) -> "PlanGraph":
        """Give the same graph with nodes and arcs sorted."""
        return PlanGraph(nodes=tuple(sorted(self.nodes)), arcs=tuple(sorted(self.arcs)))

    def index(self) -> dict[str, int]:
        """Give the place of each node by name."""
        return {node.name: place for place, node in enumerate(self.nodes)}

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones people start from, in order of name."""
        return tuple(sorted({node.zone for node in self.nodes if node.zone}))

    @property
    def exits(self) -> tuple[str, ...]:
        """The exits, in order of name."""
        return tuple(sorted({arc.exit for arc in self.arcs if arc.exit}))

    @property
    def safe(self) -> I4:
        """Places of the safe nodes (k,)."""
        return np.array([place for place, node in enumerate(self.nodes) if node.safe], np.int32)

    def without(self, closed: Iterable[str], capacity_ps: Mapping[str, float] | None = None) -> "PlanGraph":
        """Close exits and other places by name, and take live capacities (people a second, by place) for the rest.

        A capacity that is NaN or negative is no figure and changes nothing.
        """
        shut, live = frozenset(closed), dict(capacity_ps or {})
        arcs: list[PlanArc] = []
        for arc in self.arcs:
            if arc.place in shut or arc.exit in shut:
                continue
            now = live.get(arc.place, live.get(arc.exit, arc.capacity_ps) if arc.exit else arc.capacity_ps)
            if now != arc.capacity_ps and now >= 0:
                arc = replace(arc, capacity_ps=now)
            arcs.append(arc)
        return PlanGraph(nodes=self.nodes, arcs=tuple(arcs))

    def spread(self, people: Mapping[str, int]) -> dict[str, int]:
        """Share each zone's people over its nodes as evenly as whole people can be, by node name."""
        shares: dict[str, int] = {}
        by_zone: dict[str, list[str]] = {}
        for node in self.nodes:
            if node.zone:
                by_zone.setdefault(node.zone, []).append(node.name)
        for zone, names in by_zone.items():
            shares |= _shares(sorted(names), people.get(zone, 0))
        return shares


def _shares(names: Sequence[str], people: int) -> dict[str, int]:
    edges = [people * place // len(names) for place in range(len(names) + 1)]
    return {name: edges[place + 1] - edges[place] for place, name in enumerate(names)}
