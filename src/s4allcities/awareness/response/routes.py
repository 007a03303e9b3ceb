"""Routes for everybody in the building: graph, closures and counts in, groups by zone and exit out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from s4allcities.planning.routing import GroupPath, Network, plan_routes
from s4allcities.simulation.clearance import RouteChain
from s4allcities.site import ArcKind, WalkGraph
from s4allcities.site.walking import SPEED_LEVEL_MPS

from .closures import Closures

__all__ = ("NARROW", "Placement", "ZoneRoute", "place_people", "route_chains", "route_people")

NARROW = (ArcKind.DOOR, ArcKind.STAIR, ArcKind.ESCALATOR)
MOST_EXITS = 2
"""A zone is told at most this many exits: more cannot be said over a loudspeaker."""
LEAST_SHARE = 0.25
"""An exit that would take less than this share of a zone's people is left to the zone's others."""


@dataclass(frozen=True, slots=True)
class ZoneRoute:
    """All groups of one zone that leave by one exit. ``nodes`` is the way of the largest group, ``narrows`` the arcs
    on it that hold people up, ``walk_s`` the shortest and longest walk to the first of them.
    """

    zone: str
    exit: str
    people: int
    nodes: tuple[int, ...]
    arcs: tuple[int, ...]
    exit_arc: int
    walk_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where people start: ``supply`` (n + k,) by node; the last k nodes stand for zones full of smoke, each joined to
    the clear node ``joined`` (k,) that is ``walk_s`` (k,) away. ``zones`` (k,) are their slugs.
    """

    supply: NDArray[np.int64]
    joined: NDArray[np.int32]
    walk_s: NDArray[np.float64]
    zones: tuple[str, ...]


def _spread(people: int, count: int) -> NDArray[np.int64]:
    """Share people evenly over nodes, the remainder to evenly spaced ones."""
    edges = np.floor(np.arange(count + 1) * (people / count) + 1e-9).astype(np.int64)
    shares: NDArray[np.int64] = np.diff(edges)
    return shares


def place_people(graph: WalkGraph, people: dict[str, float], closures: Closures) -> Placement:
    """Place the counted people of each indoor zone on its nodes.

    Those whose place is in smoke or shut in by it start at the zone's nearest clear node, or, where smoke fills the
    zone, at the nearest one indoors: their first steps are out of the smoke, which no plan needs to tell them. A zone
    without smoke that has no way at all keeps its people where they are: they are stranded, and the plan says so.
    """
    supply = np.zeros(graph.n_nodes, np.int64)
    apart: list[tuple[str, int, int, float]] = []
    for zone in graph.site.zones:
        count, nodes = round(people.get(zone.slug, 0.0)), graph.nodes_of_zone(zone.slug)
        if zone.outdoor or count <= 0 or not len(nodes):
            continue
        clear = nodes[~closures.cut_off[nodes]]
        if not len(clear) and not closures.in_smoke[nodes].any():
            supply[nodes] += _spread(count, len(nodes))
            continue
        if not len(clear):
            node, away_m = _nearest_clear(graph, zone.x_m, zone.y_m, zone.level, closures)
            apart.append((zone.slug, count, node, away_m / SPEED_LEVEL_MPS))
            continue
        for node, here in zip(nodes, _spread(count, len(nodes)), strict=True):
            start = node if not closures.cut_off[node] else clear[_nearest(graph, clear, node)]
            supply[start] += here
    return Placement(
        supply=np.concatenate([supply, np.array([count for _, count, _, _ in apart], np.int64)]),
        joined=np.array([node for _, _, node, _ in apart], np.int32),
        walk_s=np.array([walk for _, _, _, walk in apart], np.float64),
        zones=tuple(zone for zone, _, _, _ in apart),
    )


def _nearest(graph: WalkGraph, among: NDArray[np.int32], node: int) -> int:
    return int(np.argmin(np.hypot(graph.x_m[among] - graph.x_m[node], graph.y_m[among] - graph.y_m[node])))


def _nearest_clear(
    graph: WalkGraph, x_m: float, y_m: float, level: int, closures: Closures
) -> tuple[int, float]:
    away = np.hypot(graph.x_m - x_m, graph.y_m - y_m) + 30.0 * np.abs(graph.level - level)
    outdoors = np.array([zone.outdoor for zone in graph.site.zones] + [True])[graph.zone]
    node = int(np.argmin(np.where(closures.cut_off | outdoors, np.inf, away)))
    return node, float(away[node])


def _network(graph: WalkGraph, closures: Closures, placement: Placement) -> Network:
    narrow = np.isin(graph.kind, NARROW)
    k = len(placement.joined)
    free = np.full(k, np.inf)
    return Network(
        tail=np.concatenate([graph.tail, np.arange(graph.n_nodes, graph.n_nodes + k, dtype=np.int32)]),
        head=np.concatenate([graph.head, placement.joined]),
        transit_s=np.concatenate([graph.time_s * closures.detour, placement.walk_s]),
        capacity_ps=np.concatenate([np.where(narrow, graph.capacity_ps, np.inf), free]),
        closes_s=np.concatenate([closures.closes_s, free]),
        is_sink=np.concatenate([graph.is_sink, np.zeros(k, bool)]),
    )


def route_people(
    graph: WalkGraph, placement: Placement, closures: Closures
) -> tuple[list[ZoneRoute], dict[str, int]]:
    """Route the people and gather them by zone and exit, most people first; also those without any way, by zone."""
    plan = plan_routes(_network(graph, closures, placement), placement.supply)
    gathered: dict[tuple[str, str], list[_Walk]] = {}
    exits = {exit_.arc: exit_.slug for exit_ in graph.exits}
    for group in plan.groups:
        walk = _walk(graph, group, exits)
        gathered.setdefault((_zone_of(graph, placement, group.source), walk.exit), []).append(walk)
    stranded: dict[str, int] = {}
    for node, people in plan.stranded.items():
        zone = _zone_of(graph, placement, node)
        stranded[zone] = stranded.get(zone, 0) + people
    routes = [_zone_route(graph, closures, zone, slug, walks) for (zone, slug), walks in gathered.items()]
    return _few(routes), stranded


def _zone_of(graph: WalkGraph, placement: Placement, node: int) -> str:
    if node >= graph.n_nodes:
        return placement.zones[node - graph.n_nodes]
    index = int(graph.zone[node])
    return graph.site.zones[index].slug if index >= 0 else ""


@dataclass(frozen=True, slots=True)
class _Walk:
    """One group's way inside the graph, without the first step of those who come out of smoke."""

    people: int
    arcs: tuple[int, ...]
    exit: str
    exit_arc: int
    to_narrow_s: float


def _walk(graph: WalkGraph, group: GroupPath, exits: dict[int, str]) -> _Walk:
    arcs = tuple(arc for arc in group.arcs if arc < graph.n_arcs)
    exit_arc = next((arc for arc in arcs if arc in exits), -1)
    to_narrow_s = 0.0
    for arc in arcs:
        if graph.kind[arc] in NARROW:
            break
        to_narrow_s += float(graph.time_s[arc])
    return _Walk(group.people, arcs, exits.get(exit_arc, ""), exit_arc, to_narrow_s)


def _zone_route(
    graph: WalkGraph, closures: Closures, zone: str, exit_slug: str, walks: list[_Walk]
) -> ZoneRoute:
    """Gather walks; the one drawn is the largest that stays most clear of smoke above or below."""
    longest = max(
        walks, key=lambda w: (-int(closures.in_line[graph.head[list(w.arcs)]].sum()), w.people, len(w.arcs))
    )
    seconds = [walk.to_narrow_s for walk in walks]
    return ZoneRoute(
        zone=zone,
        exit=exit_slug,
        people=sum(walk.people for walk in walks),
        nodes=(int(graph.tail[longest.arcs[0]]), *(int(graph.head[arc]) for arc in longest.arcs)),
        arcs=longest.arcs,
        exit_arc=longest.exit_arc,
        walk_s=(min(seconds), max(seconds)),
    )


def _few(routes: list[ZoneRoute]) -> list[ZoneRoute]:
    """Keep what can be said aloud: each zone's busiest exits, the others' people shared among them."""
    kept: list[ZoneRoute] = []
    for zone in dict.fromkeys(route.zone for route in routes):
        here = sorted((r for r in routes if r.zone == zone), key=lambda r: (-r.people, r.exit))
        total = sum(route.people for route in here)
        chosen = [route for route in here[:MOST_EXITS] if route.people >= LEAST_SHARE * total] or here[:1]
        weight = sum(route.people for route in chosen)
        edges = np.floor(np.cumsum([0] + [route.people for route in chosen]) * (total / weight) + 1e-9)
        kept += [replace(route, people=int(n)) for route, n in zip(chosen, np.diff(edges), strict=True)]
    return sorted(kept, key=lambda route: (-route.people, route.zone, route.exit))


def route_chains(
    graph: WalkGraph, routes: Sequence[ZoneRoute]
) -> tuple[tuple[RouteChain, ...], NDArray[np.float64], list[int]]:
    """Give the routes as chains of narrow places up to their exits, what each of these lets through (people per
    second, (k,)), and the arcs that they are; an opening or flight that routes share is one place.
    """
    index: dict[int, int] = {}
    chains = tuple(_chain(graph, route, index) for route in routes)
    arcs = list(index)
    return chains, graph.capacity_ps[arcs] if arcs else np.zeros(0), arcs


def _chain(graph: WalkGraph, route: ZoneRoute, index: dict[int, int]) -> RouteChain:
    narrows: list[int] = []
    gaps: list[float] = []
    walked = 0.0
    for arc in route.arcs:
        if graph.kind[arc] in NARROW:
            if narrows:
                gaps.append(walked)
            narrows.append(index.setdefault(int(arc), len(index)))
            walked = float(graph.time_s[arc])
        else:
            walked += float(graph.time_s[arc])
        if arc == route.exit_arc:
            break
    return RouteChain(route.people, route.walk_s, tuple(narrows), tuple(gaps))
