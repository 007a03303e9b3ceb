"""The walking graph of a site: every way a person can go, as arrays.

Indoors a lattice in each zone, joined by doors, stairs and escalators; outdoors the walkable streets, at
most 12 m from node to node; assembly points are where ways end. Lifts carry nobody in an emergency and are
left out.
"""

from enum import IntEnum
from functools import cached_property

import numpy as np
from msgspec import Struct
from shapely import linestrings, points

from .arrays import B1, F8, I1, I2, I4, Geometries
from .model import Site

__all__ = ("ArcKind", "ExitArc", "WalkGraph", "reachable")


class ArcKind(IntEnum):
    """What one walks on."""

    FLOOR = 0
    DOOR = 1
    STAIR = 2
    ESCALATOR = 3
    STREET = 4


class ExitArc(Struct, frozen=True):
    """An exit in the graph: ``arc`` leads out, from node ``inside`` to ``outside``; ``arc ^ 1`` leads in."""

    opening: int
    slug: str
    letter: str
    arc: int
    inside: int
    outside: int


class WalkGraph(Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """n nodes and m arcs; arcs come in pairs: the reverse of arc ``a`` is ``a ^ 1``.

    Nodes (n,): ``x_m``, ``y_m`` local metres; ``lon``, ``lat`` degrees; ``level`` ordinal; ``zone`` index into
    ``site.zones`` or -1 outdoors; ``assembly`` index into ``site.assembly`` or -1.
    Arcs (m,): ``tail``, ``head`` node indices; ``length_m``; ``width_m``; ``time_s`` of one person alone;
    ``capacity_ps`` people a second; ``kind`` an ``ArcKind``; ``opening``, ``link``, ``street`` index into
    the site's tuple of that name or -1.
    """

    site: Site
    x_m: F8
    y_m: F8
    lon: F8
    lat: F8
    level: I2
    zone: I4
    assembly: I4
    tail: I4
    head: I4
    length_m: F8
    width_m: F8
    time_s: F8
    capacity_ps: F8
    kind: I1
    opening: I4
    link: I4
    street: I4

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.x_m)

    @property
    def n_arcs(self) -> int:
        """Number of arcs, both directions counted."""
        return len(self.tail)

    @cached_property
    def by_tail(self) -> I4:
        """Arcs ordered by tail (m,)."""
        return np.argsort(self.tail, kind="stable").astype(np.int32)

    @cached_property
    def first_out(self) -> I4:
        """``by_tail[first_out[v]:first_out[v + 1]]`` are the arcs out of node v (n + 1,)."""
        counts = np.bincount(self.tail, minlength=self.n_nodes)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    @cached_property
    def lines(self) -> Geometries:
        """Each arc as a line in local metres (m,)."""
        ends = [np.column_stack([self.x_m[v], self.y_m[v]]) for v in (self.tail, self.head)]
        made: Geometries = linestrings(np.stack(ends, axis=1))
        return made

    @cached_property
    def heads(self) -> Geometries:
        """The point that each arc leads to (m,)."""
        made: Geometries = points(self.x_m[self.head], self.y_m[self.head])
        return made

    @cached_property
    def exits(self) -> tuple[ExitArc, ...]:
        """The exits by letter."""
        found = []
        for index, opening in enumerate(self.site.openings):
            if opening.is_exit:
                arc = int(np.flatnonzero(self.opening == index)[0])
                inside, outside = int(self.tail[arc]), int(self.head[arc])
                found.append(ExitArc(index, opening.slug, opening.letter, arc, inside, outside))
        return tuple(sorted(found, key=lambda each: each.letter))

    @cached_property
    def leads_in(self) -> B1:
        """Arcs (m,) that go into the building through an exit: closed to all who are to leave it."""
        inward = np.zeros(self.n_arcs, bool)
        inward[[each.arc ^ 1 for each in self.exits]] = True
        return inward

    @property
    def is_sink(self) -> B1:
        """Which nodes are assembly points (n,)."""
        sinks: B1 = self.assembly >= 0
        return sinks

    def nodes_of_zone(self, slug: str) -> I4:
        """Nodes of a zone. :raises UnknownName: no such zone."""
        index = self.site.zones.index(self.site.zone(slug))
        return np.flatnonzero(self.zone == index).astype(np.int32)

    def assembly_nodes(self) -> dict[str, int]:
        """Node of each assembly point by slug."""
        return {
            self.site.assembly[self.assembly[node]].slug: int(node) for node in np.flatnonzero(self.is_sink)
        }

    def arcs_of_opening(self, slug: str) -> I4:
        """Both arcs through an opening. :raises UnknownName: no such opening."""
        index = self.site.openings.index(self.site.opening(slug))
        return np.flatnonzero(self.opening == index).astype(np.int32)

    def street_arcs(self, slug: str) -> I4:
        """Arcs on a street: across it or between its lanes. :raises UnknownName: no such street."""
        self.site.street(slug)
        concerned = [
            index
            for index, street in enumerate(self.site.streets)
            if street.slug == slug or slug in street.along
        ]
        return np.flatnonzero(np.isin(self.street, concerned)).astype(np.int32)

    def nearest_node(self, x_m: float, y_m: float, level: int) -> int:
        """The node of a level that is nearest to a point."""
        away = np.hypot(self.x_m - x_m, self.y_m - y_m)
        return int(np.argmin(np.where(self.level == level, away, np.inf)))


def reachable(
    graph: WalkGraph, sources: I4, *, blocked_nodes: B1 | None = None, blocked_arcs: B1 | None = None
) -> B1:
    """Which nodes (n,) can be reached from the sources without blocked nodes (n,) and arcs (m,)."""
    open_arcs = np.ones(graph.n_arcs, bool) if blocked_arcs is None else ~blocked_arcs
    if blocked_nodes is not None:
        open_arcs = open_arcs & ~blocked_nodes[graph.tail] & ~blocked_nodes[graph.head]
    tail, head = graph.tail[open_arcs], graph.head[open_arcs]
    seen = np.zeros(graph.n_nodes, bool)
    seen[sources] = True
    if blocked_nodes is not None:
        seen &= ~blocked_nodes
    while True:
        new = head[seen[tail] & ~seen[head]]
        if not len(new):
            return seen
        seen[new] = True
