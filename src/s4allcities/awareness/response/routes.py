"""Routes for everybody in the building: graph, closures and counts in, groups by zone and exit out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from s4allcities.planning.contract import NARROW, Cell, Hindrances, SiteNetwork, cells_of
from s4allcities.planning.counts import clean_counts
from s4allcities.planning.evacuation import plan_evacuation
from s4allcities.simulation.clearance import RouteChain
from s4allcities.site import WalkGraph

from .closures import Closures

__all__ = ("ZoneRoute", "route_chains", "route_people")

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


def _cells(graph: WalkGraph, closures: Closures) -> tuple[Cell, ...]:
    """Give where the people of each indoor zone start: at clear points of it.

    Where smoke fills a zone they start at the nearest clear point indoors, after the walk there: their first steps are
    out of the smoke, which no plan needs to tell them. A zone without smoke that has no way at all keeps its people
    where they are: they are stranded, and the plan says so.
    """
    outdoors = np.array([zone.outdoor for zone in graph.site.zones] + [True])[graph.zone]
    kept: list[Cell] = []
    for cell in cells_of(graph, blocked=closures.cut_off | outdoors):
        nodes = graph.nodes_of_zone(cell.zone)
        if graph.site.zone(cell.zone).outdoor or not len(nodes):
            continue
        shut_in = closures.cut_off[nodes].all() and not closures.in_smoke[nodes].any()
        kept.append(Cell(cell.zone, int(nodes[0])) if shut_in else cell)
    return tuple(kept)


def route_people(
    network: SiteNetwork, people: Mapping[str, float], closures: Closures
) -> tuple[list[ZoneRoute], dict[str, int]]:
    """Route the people of indoor zones by the best plan there is, and gather them by zone and exit, most people first;
    also those without any way, by zone.
    """
    graph = network.graph
    known = {zone.slug for zone in graph.site.zones if not zone.outdoor}
    counted = clean_counts(people, [zone for zone in people if zone in known]).people
    hindrances = Hindrances(np.zeros(graph.n_arcs), closures.closes_s, closures.detour)
    made = network.plan_graph(_cells(graph, closures), hindrances, shun=True).in_order()
    plan = plan_evacuation(made, counted)
    gathered: dict[tuple[str, str], list[_Walk]] = {}
    exits = {exit_.arc: exit_.slug for exit_ in graph.exits}
    for group in plan.groups:
        arcs = tuple(step for arc in group.arcs for step in made.arcs[arc].walk)
        if arcs:
            walk = _walk(graph, group.people, arcs, exits)
            gathered.setdefault((group.zone, walk.exit), []).append(walk)
    started = {node.zone for node in made.nodes}
    stranded = plan.stranded | {zone: n for zone, n in counted.items() if n and zone not in started}
    routes = [_zone_route(graph, closures, zone, slug, walks) for (zone, slug), walks in gathered.items()]
    return _few(routes), stranded


@dataclass(frozen=True, slots=True)
class _Walk:
    """One group's way inside the graph, without the first step of those who come out of smoke."""

    people: int
    arcs: tuple[int, ...]
    exit: str
    exit_arc: int
    to_narrow_s: float


def _walk(graph: WalkGraph, people: int, arcs: tuple[int, ...], exits: dict[int, str]) -> _Walk:
    exit_arc = next((arc for arc in arcs if arc in exits), -1)
    to_narrow_s = 0.0
    for arc in arcs:
        if graph.kind[arc] in NARROW:
            break
        to_narrow_s += float(graph.time_s[arc])
    return _Walk(people, arcs, exits.get(exit_arc, ""), exit_arc, to_narrow_s)


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
