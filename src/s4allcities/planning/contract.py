"""From the walking graph of a site to what the planner needs: narrow places, the ways between them, and safe places.

A walking graph has thousands of nodes on open floor that hold nobody up. Kept are the ends of doors, stairs and
escalators, assembly points, a few points of each zone where people start, and street corners where ways part; each way
between two of these becomes one arc, as long as the shortest walk that keeps off what is closed. Where that walk
closes later on and a longer one stays open, both are kept.

Limits of validity: the floor between two doors holds nobody up, however many cross it; only doors, stairs, escalators
and streets do. A zone's storage is shared evenly by its doors.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace
from numba import njit

from s4allcities.site import ArcKind, WalkGraph

from .arrays import B1, F8, I4, I8
from .cells import Cell, Hindrances
from .graph import PlanArc, PlanGraph, PlanNode
from .shortest import shortest

__all__ = ("NARROW", "SiteNetwork")

NARROW = (ArcKind.DOOR, ArcKind.STAIR, ArcKind.ESCALATOR)
MOST_GOALS = 8
"""Outdoors each exit is tied to at most this many of the nearest assembly points."""
STREET_FLOW_PS_PER_M = 1.3
STRETCH = 1.08
"""In rooms with many doors a way is left out if one through other doors is at most this many times as long."""
FEW_DOORS = 10


@njit(cache=True, nogil=True)
def _labels(tail: I4, head: I4, joined: B1, label: I4) -> None:
    """Number the connected parts; ``label`` (n,) begins as 0 to n - 1."""
    for a in range(len(tail)):
        if joined[a]:
            u, v = tail[a], head[a]
            while label[u] != u:
                label[u] = label[label[u]]
                u = label[u]
            while label[v] != v:
                label[v] = label[label[v]]
                v = label[v]
            label[max(u, v)] = min(u, v)
    for w in range(len(label)):
        r = w
        while label[r] != r:
            r = label[r]
        label[w] = r


@dataclass(slots=True)
class _Draft:
    """Arcs found so far, by the nodes of the walking graph they join."""

    arcs: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    nodes: set[int] = field(default_factory=set)

    def add(self, tail: int, head: int, walk: tuple[int, ...]) -> None:
        self.arcs.append((tail, head, walk))
        self.nodes |= {tail, head}


class SiteNetwork:
    """Makes plan graphs of one walking graph; remembers rooms that nothing has changed in."""

    def __init__(self, graph: WalkGraph) -> None:
        self.graph = graph
        self._narrow: B1 = np.isin(graph.kind, NARROW)
        self._region = np.arange(graph.n_nodes, dtype=np.int32)
        _labels(graph.tail, graph.head, ~self._narrow, self._region)
        ends = np.unique(np.concatenate([graph.tail[self._narrow], graph.head[self._narrow]]))
        self._doors: I8 = ends.astype(np.int64)
        self._door_set = frozenset(ends.tolist())
        self._safe: I8 = np.flatnonzero(graph.is_sink)
        self._arcs_of = self._arcs_by_region()
        self._known: dict[tuple[int, bytes], _Draft] = {}
        # What ties doors and assembly points to the streets is open ground: only streets have a width.
        street = (graph.kind == ArcKind.STREET) & (graph.street >= 0) & (graph.opening < 0)
        self._lets_through: F8 = np.where(self._narrow, graph.capacity_ps, np.inf)
        self._lets_through[street] = np.maximum(graph.width_m[street], 0.5) * STREET_FLOW_PS_PER_M

    def _arcs_by_region(self) -> dict[int, I8]:
        region = np.where(self._narrow, -1, self._region[self.graph.tail])
        order = np.argsort(region, kind="stable")
        names, first = np.unique(region[order], return_index=True)
        parts = np.split(order, first[1:])
        return {int(name): part for name, part in zip(names, parts, strict=True) if name >= 0}

    def plan_graph(
        self,
        cells: Sequence[Cell],
        hindrances: Hindrances,
        *,
        storage: Mapping[str, int] | None = None,
        unsafe: Collection[str] = (),
        shelters: Mapping[str, int] | None = None,
        shun: bool = False,
    ) -> PlanGraph:
        """Make the plan graph; ``storage`` limits who may wait in each zone (see `storage_of`).

        ``unsafe`` assembly points are no goals. ``shelters`` are zones that are, with the people each takes: then
        assembly points are none at all. With ``shun`` arcs that should be gone round count as longer than they are
        in the plan too.
        """
        starts = np.array(sorted({cell.node for cell in cells}), np.int64)
        keys = np.unique(np.concatenate([self._doors, self._safe, starts]))
        draft = _Draft()
        by_region: dict[int, list[int]] = {}
        for node in keys.tolist():
            by_region.setdefault(int(self._region[node]), []).append(node)
        for region, nodes in by_region.items():
            found = self._part(region, nodes, hindrances, inward=shelters is not None)
            draft.arcs += found.arcs
            draft.nodes |= found.nodes
        for arc in np.flatnonzero(self._narrow & (hindrances.closes_s > 0)).tolist():
            draft.add(int(self.graph.tail[arc]), int(self.graph.head[arc]), (arc,))
        plan = self._named(draft, cells, hindrances, storage or {}, frozenset(unsafe), shun)
        return (plan if shelters is None else _sheltered(plan, shelters)).without_dead_ends()

    def _part(self, region: int, nodes: list[int], hindrances: Hindrances, *, inward: bool) -> _Draft:
        arcs = self._arcs_of.get(region)
        if arcs is None:
            return _Draft()
        state = b"".join(
            values[arcs].tobytes() for values in (hindrances.opens_s, hindrances.closes_s, hindrances.detour)
        )
        key = (region, state + np.array([inward, *nodes]).tobytes())
        if key not in self._known:
            if len(self._known) > 4096:
                self._known.clear()
            goals = [node for node in nodes if self.graph.assembly[node] >= 0]
            make = self._outdoors if goals else self._room
            if inward and goals:
                goals += [node for node in nodes if node in self._door_set]
            self._known[key] = make(nodes, goals, arcs, hindrances)
        return self._known[key]

    def _usable(self, arcs: I8, hindrances: Hindrances, *, lasting: bool) -> B1:
        usable = np.zeros(self.graph.n_arcs, bool)
        usable[arcs] = (hindrances.closes_s[arcs] == np.inf if lasting else hindrances.closes_s[arcs] > 0) & (
            hindrances.opens_s[arcs] <= 0 if lasting else True
        )
        return usable

    def _back_from(self, goal: int, arcs: I8, hindrances: Hindrances, *, lasting: bool) -> tuple[F8, I8]:
        """Cost from every node to a goal, and the first arc of the way there."""
        graph = self.graph
        part = self._usable(arcs, hindrances, lasting=lasting)
        start = np.full(graph.n_nodes, np.inf)
        start[goal] = 0.0
        return shortest(graph.head, graph.tail, graph.time_s * hindrances.detour, start, usable=part)

    def _way(self, node: int, goal: int, came: I8) -> tuple[int, ...]:
        way: list[int] = []
        while node != goal:
            way.append(int(came[node]))
            node = int(self.graph.head[way[-1]])
        return tuple(way)

    def _both(self, goal: int, arcs: I8, hindrances: Hindrances) -> list[tuple[F8, I8]]:
        """The search over what stays open and, if something closes or opens later, over what is open at all."""
        lasting = self._back_from(goal, arcs, hindrances, lasting=True)
        changes = (hindrances.closes_s[arcs] > 0) & (hindrances.closes_s[arcs] < np.inf)
        if not (changes | (hindrances.opens_s[arcs] > 0)).any():
            return [lasting]
        return [lasting, self._back_from(goal, arcs, hindrances, lasting=False)]

    def _room(self, nodes: list[int], _goals: list[int], arcs: I8, hindrances: Hindrances) -> _Draft:
        """Ways between all doors and starting points of a room; none through another door's place."""
        draft = _Draft()
        doors = [node for node in nodes if node in self._door_set]
        costs: list[tuple[float, int, int, tuple[int, ...]]] = []
        for goal in doors:
            best: dict[int, float] = {}
            for away, came in self._both(goal, arcs, hindrances):
                for node in nodes:
                    if node == goal or not away[node] < best.get(node, np.inf):
                        continue
                    best[node] = float(away[node])
                    found = self._way(node, goal, came)
                    if not any(int(self.graph.head[arc]) in self._door_set for arc in found[:-1]):
                        costs.append((float(away[node]), node, goal, found))
        sparse = _spanner(costs, len(nodes)) if len(doors) > FEW_DOORS else costs
        for _, node, goal, way in sparse:
            draft.add(node, goal, way)
        return draft

    def _outdoors(self, nodes: list[int], goals: list[int], arcs: I8, hindrances: Hindrances) -> _Draft:
        """The union of shortest ways to the nearest assembly points, cut into arcs where ways part or meet."""
        graph = self.graph
        searches = [(goal, away, came) for goal in goals for away, came in self._both(goal, arcs, hindrances)]
        used: set[int] = set()
        for node in nodes:
            near = sorted((float(away[node]), index) for index, (_, away, _) in enumerate(searches))
            for seconds, index in near[: 2 * MOST_GOALS]:
                if np.isfinite(seconds):
                    goal, _, came = searches[index]
                    used.update(self._way(node, goal, came))
        outward: dict[int, list[int]] = {}
        beside: dict[int, set[int]] = {}
        for arc in sorted(used):
            tail, head = int(graph.tail[arc]), int(graph.head[arc])
            outward.setdefault(tail, []).append(arc)
            beside.setdefault(tail, set()).add(head)
            beside.setdefault(head, set()).add(tail)
        # Between two neighbours a street only goes on: only corners, doors and starting points are kept.
        keep = set(nodes) | {node for node, others in beside.items() if len(others) != 2}
        draft = _Draft()
        for node in sorted(keep):
            for arc in outward.get(node, ()):
                way = self._along(arc, keep, outward)
                if way:
                    draft.add(node, int(graph.head[way[-1]]), way)
        return draft

    def _along(self, arc: int, keep: set[int], outward: Mapping[int, list[int]]) -> tuple[int, ...]:
        """Go on from an arc to the next node that is kept; nothing if the way ends before."""
        graph, way = self.graph, [arc]
        while int(graph.head[way[-1]]) not in keep:
            back = int(graph.tail[way[-1]])
            onward = [
                each for each in outward.get(int(graph.head[way[-1]]), ()) if int(graph.head[each]) != back
            ]
            if not onward or len(way) > graph.n_nodes:
                return ()
            way.append(onward[0])
        return tuple(way)

    def _named(
        self,
        draft: _Draft,
        cells: Sequence[Cell],
        hindrances: Hindrances,
        storage: Mapping[str, int],
        unsafe: frozenset[str],
        shun: bool,
    ) -> PlanGraph:
        graph = self.graph
        draft.nodes |= set(self._safe.tolist()) | {cell.node for cell in cells}
        names = {node: self._name(node) for node in draft.nodes}
        here: dict[int, str] = {}
        apart: list[tuple[Cell, str]] = []
        for cell, name in zip(cells, _cell_names(cells), strict=True):
            if cell.walk_s > 0 or cell.node in here or graph.assembly[cell.node] >= 0:
                apart.append((cell, name))
            else:
                here[cell.node], names[cell.node] = cell.zone, name
        zones = graph.site.zones
        doors: dict[int, int] = {}
        for node in draft.nodes:
            doors[int(graph.zone[node])] = doors.get(int(graph.zone[node]), 0) + 1
        nodes = []
        for node in sorted(draft.nodes):
            zone, assembly = int(graph.zone[node]), int(graph.assembly[node])
            slug = zones[zone].slug if zone >= 0 else ""
            room = storage.get(slug, -1)
            nodes.append(
                PlanNode(
                    name=names[node],
                    zone=here.get(node, ""),
                    safe=assembly >= 0 and names[node] not in unsafe,
                    storage=room // doors[zone] if room >= 0 else -1,
                    capacity=graph.site.assembly[assembly].capacity_people if assembly >= 0 else -1,
                    lon=float(graph.lon[node]),
                    lat=float(graph.lat[node]),
                    level=int(graph.level[node]),
                    walk=node,
                )
            )
        arcs = self._arcs(names, draft, hindrances, shun)
        for cell, name in apart:
            node = cell.node
            nodes.append(
                PlanNode(
                    name=name, zone=cell.zone, lon=float(graph.lon[node]), lat=float(graph.lat[node]),
                    level=int(graph.level[node]), walk=node,
                )
            )  # fmt: skip
            arcs.append(PlanArc(tail=name, head=names[node], transit_s=cell.walk_s))
        return PlanGraph(nodes=tuple(nodes), arcs=tuple(arcs))

    def _name(self, node: int) -> str:
        """A name that follows from the place alone, whatever the order of the site's files."""
        graph = self.graph
        if graph.assembly[node] >= 0:
            return graph.site.assembly[int(graph.assembly[node])].slug
        zone = int(graph.zone[node])
        where = graph.site.zones[zone].slug if zone >= 0 else "street"
        return f"{where} {graph.x_m[node]:.2f},{graph.y_m[node]:.2f} level {graph.level[node]} {self._passage(node)}"

    def _passage(self, node: int) -> str:
        graph = self.graph
        for arc in graph.by_tail[graph.first_out[node] : graph.first_out[node + 1]]:
            if self._narrow[arc]:
                return self._place(int(arc))[0]
        return ""

    def _place(self, arc: int) -> tuple[str, str, bool]:
        """(place, exit, step-free) of an arc of the walking graph."""
        graph, site = self.graph, self.graph.site
        opening, link, street = int(graph.opening[arc]), int(graph.link[arc]), int(graph.street[arc])
        if opening >= 0:
            door = site.openings[opening]
            out = door.slug if door.is_exit and not graph.leads_in[arc] else ""
            return door.slug, out, door.step_free or door.stair is None
        if link >= 0:
            return site.links[link].slug, "", site.links[link].step_free or site.links[link].kind == "ramp"
        return (site.streets[street].slug if street >= 0 else ""), "", True

    def _arcs(
        self, names: Mapping[int, str], draft: _Draft, hindrances: Hindrances, shun: bool
    ) -> list[PlanArc]:
        """Make the arcs of a plan, all at once: each is as long as its way and as wide as the narrowest part of it."""
        graph, ways = self.graph, [way for _, _, way in draft.arcs]
        if not ways:
            return []
        arcs = np.concatenate([np.array(way, np.int64) for way in ways])
        first = np.concatenate([[0], np.cumsum([len(way) for way in ways])])[:-1]
        seconds = graph.time_s[arcs]
        total = np.add.reduceat(seconds, first)
        which = np.repeat(np.arange(len(ways)), [len(way) for way in ways])
        begins = np.cumsum(seconds) - seconds
        begins -= begins[first][which]  # exactly 0 at the first arc of each way
        closes = np.minimum.reduceat(hindrances.closes_s[arcs] - (begins + seconds), first) + total
        opens = np.maximum.reduceat(hindrances.opens_s[arcs] - begins, first)
        capacity = self._lets_through[arcs]
        least = np.minimum.reduceat(capacity, first)
        # The first of the narrowest arcs on each way.
        at, where = np.unique(which[capacity == least[which]], return_index=True)
        narrowest = arcs[np.flatnonzero(capacity == least[which])[where]]
        walked = np.add.reduceat(seconds * hindrances.detour[arcs], first) if shun else total
        made = []
        for k in at.tolist():
            held = bool(np.isfinite(least[k]))
            place, exit_, step_free = self._place(int(narrowest[k])) if held else ("", "", True)
            tail, head, way = draft.arcs[k]
            made.append(
                PlanArc(
                    tail=names[tail], head=names[head], transit_s=float(walked[k]), capacity_ps=float(least[k]),
                    place=place, exit=exit_, step_free=step_free, opens_s=max(float(opens[k]), 0.0),
                    closes_s=float(closes[k]), walk=way,
                )
            )  # fmt: skip
        return made


def _sheltered(plan: PlanGraph, shelters: Mapping[str, int]) -> PlanGraph:
    """Make zones the goals: whoever is at a zone's own starting points is safe there."""
    nodes = [replace(node, safe=False) for node in plan.nodes]
    arcs = list(plan.arcs)
    for zone, room in sorted(shelters.items()):
        if room > 0:
            nodes.append(PlanNode(name=f"shelter {zone}", safe=True, capacity=room))
            arcs += [
                PlanArc(tail=node.name, head=f"shelter {zone}", transit_s=0.0)
                for node in plan.nodes
                if node.zone == zone
            ]
    return PlanGraph(nodes=tuple(nodes), arcs=tuple(arcs))


def _cell_names(cells: Iterable[Cell]) -> list[str]:
    count: dict[str, int] = {}
    names = []
    for cell in cells:
        count[cell.zone] = count.get(cell.zone, 0) + 1
        names.append(f"{cell.zone} start {count[cell.zone]}")
    return names


def _spanner(
    costs: list[tuple[float, int, int, tuple[int, ...]]], size: int
) -> list[tuple[float, int, int, tuple[int, ...]]]:
    """Leave out ways that others replace at little cost (greedy spanner, Althoefer et al. 1993)."""
    place: dict[int, int] = {}
    for _, node, goal, _ in costs:
        place.setdefault(node, len(place))
        place.setdefault(goal, len(place))
    away = np.full((size, size), np.inf)
    np.fill_diagonal(away, 0.0)
    kept = []
    for each in sorted(costs):
        cost, u, v = each[0], place[each[1]], place[each[2]]
        if away[u, v] <= STRETCH * cost:
            continue
        kept.append(each)
        np.minimum(away, away[:, u, None] + cost + away[None, v, :], out=away)
    return kept
