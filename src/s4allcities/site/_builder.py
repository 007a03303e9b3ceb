"""Puts the walking graph together, part by part."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import Polygon

from .arrays import F8, I4
from .graph import ArcKind, WalkGraph
from .lattice import lattice_of, visible_from
from .model import Assembly, Link, Opening, Site, Stair, Street
from .walking import (
    DEFAULT_STAIR,
    LEVEL_FLOW_PS_PER_M,
    SPEED_LEVEL_MPS,
    SPEED_STAIR_MPS,
    opening_capacity_ps,
    stair_capacity_ps,
)

_STREET_STEP_M = 12.0
_DOOR_LENGTH_M = 1.0  # the threshold itself
_JOIN_REACH_M = 11.0  # an opening is linked to points of the room within this, if it sees them
_JOIN_COUNT = 8
_SILL_M = 1.6  # an opening's middle may lie this far outside its room (wall thickness)
_SQUARE_REACH_M = 8.0  # a street node on a square is linked to the square's points within this
_ASSEMBLY_REACH_M = 30.0
_ASSEMBLY_COUNT = 3
_STREET_LEVEL = 0
_OUTDOORS = -1


def build_graph(site: Site) -> WalkGraph:
    """Build the walking graph of a site: the same site gives the same graph, to the bit."""
    return Builder(site).build()


class Builder:
    """Collects nodes and arc pairs in lists, then freezes them into arrays."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.zone_index = {zone.slug: index for index, zone in enumerate(site.zones)}
        self.street_index = {street.slug: index for index, street in enumerate(site.streets)}
        self.nodes: list[tuple[float, float, int, int, int]] = []
        self.arcs: list[tuple[int, int, float, float, float, float, int, int, int, int]] = []
        self.zone_nodes: list[I4] = []
        self.rooms: list[Polygon] = []
        self.street_nodes: dict[tuple[int, int], int] = {}
        self.nodes_of_street: list[list[int]] = [[] for _ in site.streets]

    def build(self) -> WalkGraph:
        for index in range(len(self.site.zones)):
            self._add_zone(index)
        for index, street in enumerate(self.site.streets):
            if street.walkable:
                self._add_street(index, street)
        for index in range(len(self.site.zones)):
            if self.site.zones[index].outdoor:
                self._join_square(index)
        for index, opening in enumerate(self.site.openings):
            self._add_opening(index, opening)
        for index, link in enumerate(self.site.links):
            if link.kind != "elevator":
                self._add_link(index, link)
        for index, point in enumerate(self.site.assembly):
            self._add_assembly(index, point)
        return self._freeze()

    def _node(self, x_m: float, y_m: float, level: int, zone: int = _OUTDOORS, assembly: int = -1) -> int:
        self.nodes.append((float(x_m), float(y_m), level, zone, assembly))
        return len(self.nodes) - 1

    def _arc(
        self,
        tail: int,
        head: int,
        kind: ArcKind,
        *,
        width_m: float,
        capacity_ps: float | None = None,
        length_m: float | None = None,
        opening: int = -1,
        link: int = -1,
        street: int = -1,
    ) -> None:
        if length_m is None:
            length_m = max(float(np.hypot(*(self._xy(tail) - self._xy(head)))), 0.1)
        slow = kind in (ArcKind.STAIR, ArcKind.ESCALATOR)
        time_s = length_m / (SPEED_STAIR_MPS if slow else SPEED_LEVEL_MPS)
        capacity = LEVEL_FLOW_PS_PER_M * width_m if capacity_ps is None else capacity_ps
        self.arcs.append((tail, head, length_m, width_m, time_s, capacity, int(kind), opening, link, street))

    def _xy(self, node: int) -> F8:
        return np.array(self.nodes[node][:2])

    def _xy_of(self, nodes: Sequence[int] | I4) -> F8:
        return np.array([self.nodes[node][:2] for node in nodes], np.float64).reshape(-1, 2)

    def _add_zone(self, index: int) -> None:
        zone = self.site.zones[index]
        lattice = lattice_of(zone.polygon)
        nodes = np.array([self._node(x, y, zone.level, index) for x, y in lattice.xy_m], np.int32)
        for (first, second), width_m in zip(lattice.pairs, lattice.width_m, strict=True):
            self._arc(int(nodes[first]), int(nodes[second]), ArcKind.FLOOR, width_m=float(width_m))
        room = zone.polygon.buffer(_SILL_M)
        shapely.prepare(room)
        self.zone_nodes.append(nodes)
        self.rooms.append(room)

    def _add_street(self, index: int, street: Street) -> None:
        for line in street.lines_m:
            before = self._street_node(index, line[0])
            for start, end in pairwise(line):
                steps = max(int(np.ceil(np.hypot(*(end - start)) / _STREET_STEP_M)), 1)
                for step in range(1, steps + 1):
                    place = start + (end - start) * (step / steps)
                    node = self._street_node(index, place)
                    if node != before:
                        self._arc(before, node, ArcKind.STREET, width_m=street.width_m, street=index)
                    before = node

    def _street_node(self, street: int, place: F8) -> int:
        """The node there, shared by all ways that meet there to a decimetre."""
        key = (round(float(place[0]) * 10), round(float(place[1]) * 10))
        if key not in self.street_nodes:
            self.street_nodes[key] = self._node(place[0], place[1], _STREET_LEVEL)
        node = self.street_nodes[key]
        self.nodes_of_street[street].append(node)
        return node

    def _join_square(self, index: int) -> None:
        """Let people step from the ways that touch an outdoor zone onto it."""
        nodes = sorted(self.street_nodes.values())
        xy = self._xy_of(nodes)
        for place in np.flatnonzero(shapely.intersects_xy(self.rooms[index], xy[:, 0], xy[:, 1])):
            self._join(nodes[int(place)], index, width_m=3.0, reach_m=_SQUARE_REACH_M, count=2)

    def _join(
        self, node: int, zone: int, *, width_m: float, reach_m: float, count: int, **names: int
    ) -> None:
        """Link a node to the nearest points of a zone that it sees; to one further off if none is in reach."""
        targets = self.zone_nodes[zone]
        xy = self._xy_of(targets)
        away = np.hypot(*(xy - self._xy(node)).T)
        order = np.argsort(away, kind="stable")[: 6 * count]
        seen = order[visible_from(self._xy(node), xy[order], self.rooms[zone])]
        near = seen[away[seen] <= reach_m][:count]
        for place in near if len(near) else seen[:1]:
            self._arc(node, int(targets[place]), ArcKind.FLOOR, width_m=width_m, **names)

    def _add_opening(self, index: int, opening: Opening) -> None:
        first = self.zone_index[opening.connects[0]]
        second = self.zone_index.get(opening.connects[1])
        level = self.site.zones[first].level
        inside = self._node(opening.x_m, opening.y_m, level, first)
        if second is None:
            beyond = self._node(opening.x_m, opening.y_m, _STREET_LEVEL)
        else:
            other = self.site.zones[second]
            beyond = self._node(opening.x_m, opening.y_m, other.level, second)
        self._arc(
            inside,
            beyond,
            ArcKind.DOOR if opening.stair is None else ArcKind.STAIR,
            width_m=opening.width_m,
            capacity_ps=opening_capacity_ps(opening),
            length_m=_DOOR_LENGTH_M + (opening.stair.slope_length_m if opening.stair else 0.0),
            opening=index,
        )
        self._join_room(inside, first, opening.width_m)
        if second is None:
            self._join_street(beyond, opening)
        else:
            self._join_room(beyond, second, opening.width_m)

    def _join_room(self, node: int, zone: int, width_m: float) -> None:
        self._join(node, zone, width_m=max(width_m, 1.5), reach_m=_JOIN_REACH_M, count=_JOIN_COUNT)

    def _join_street(self, node: int, opening: Opening) -> None:
        street = self.street_index[opening.connects[1]]
        nodes = self.nodes_of_street[street]
        away = np.hypot(*(self._xy_of(nodes) - self._xy(node)).T)
        width_m = max(opening.width_m, self.site.streets[street].width_m)
        self._arc(node, nodes[int(np.argmin(away))], ArcKind.STREET, width_m=width_m, street=street)

    def _add_link(self, index: int, link: Link) -> None:
        ends = []
        for slug, place in ((link.lower, link.line_m[0]), (link.upper, link.line_m[-1])):
            zone = self.zone_index[slug]
            node = self._node(place[0], place[1], self.site.zones[zone].level, zone)
            self._join_room(node, zone, link.width_m)
            ends.append(node)
        stair = link.stair or DEFAULT_STAIR
        self._arc(
            ends[0],
            ends[1],
            ArcKind.ESCALATOR if link.kind == "escalator" else ArcKind.STAIR,
            width_m=link.width_m,
            capacity_ps=stair_capacity_ps(link.width_m, stair),
            length_m=_flight_length_m(link, stair),
            link=index,
        )

    def _add_assembly(self, index: int, point: Assembly) -> None:
        """Tie an assembly point to the ways round it, and to the square it may lie on."""
        node = self._node(point.x_m, point.y_m, _STREET_LEVEL, assembly=index)
        for zone, room in zip(range(len(self.rooms)), self.rooms, strict=True):
            if self.site.zones[zone].outdoor and shapely.intersects_xy(room, point.x_m, point.y_m):
                self._join(node, zone, width_m=4.0, reach_m=_SQUARE_REACH_M, count=_ASSEMBLY_COUNT)
        streets = np.array(sorted(self.street_nodes.values()), np.int32)
        away = np.hypot(*(self._xy_of(streets) - self._xy(node)).T)
        order = np.argsort(away, kind="stable")[:_ASSEMBLY_COUNT]
        for place in order[(away[order] <= _ASSEMBLY_REACH_M) | (order == order[0])]:
            self._arc(node, int(streets[place]), ArcKind.STREET, width_m=4.0)

    def _freeze(self) -> WalkGraph:
        x, y, level, zone, assembly = (np.array(column) for column in zip(*self.nodes, strict=True))
        lon, lat = self.site.frame.to_lonlat(x, y)
        tail, head, length, width, time, capacity, kind, opening, link, street = (
            np.repeat(np.array(column), 2) for column in zip(*self.arcs, strict=True)
        )
        tail[1::2], head[1::2] = head[1::2].copy(), tail[1::2].copy()
        return WalkGraph(
            site=self.site,
            x_m=x,
            y_m=y,
            lon=lon,
            lat=lat,
            level=level.astype(np.int16),
            zone=zone.astype(np.int32),
            assembly=assembly.astype(np.int32),
            tail=tail.astype(np.int32),
            head=head.astype(np.int32),
            length_m=length.astype(np.float64),
            width_m=width.astype(np.float64),
            time_s=time.astype(np.float64),
            capacity_ps=capacity.astype(np.float64),
            kind=kind.astype(np.int8),
            opening=opening.astype(np.int32),
            link=link.astype(np.int32),
            street=street.astype(np.int32),
        )


def _flight_length_m(link: Link, stair: Stair) -> float:
    """The slope of the steps, or the drawn line where it is longer (a landing, a tunnel between flights)."""
    plan_m = float(np.hypot(*np.diff(link.line_m, axis=0).T).sum())
    return max(stair.slope_length_m, float(np.hypot(plan_m, stair.rise_m)))
