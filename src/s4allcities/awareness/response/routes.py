"""Routes for everybody in the building: graph, closures and counts in, groups by zone and exit out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s4allcities.planning.routing import GroupPath, Network, RoutePlan, plan_routes
from s4allcities.site import ArcKind, WalkGraph

from .closures import Closures

__all__ = ("ZoneRoute", "people_by_node", "route_people")

NARROW = (ArcKind.DOOR, ArcKind.STAIR, ArcKind.ESCALATOR)


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
    t_clear_s: float
    walk_s: tuple[float, float]


def _spread(people: int, count: int) -> NDArray[np.int64]:
    """Share people evenly over nodes, the remainder to evenly spaced ones."""
    edges = np.floor(np.arange(count + 1) * (people / count) + 1e-9).astype(np.int64)
    return np.diff(edges)


def people_by_node(graph: WalkGraph, people: dict[str, float], closures: Closures) -> NDArray[np.int64]:
    """Place the counted people of each indoor zone on its nodes, (n,). Those whose place is full of smoke start at
    the nearest clear node: their first steps are out of the smoke, which no plan needs to tell them.
    """
    supply = np.zeros(graph.n_nodes, np.int64)
    for zone in graph.site.zones:
        count = round(people.get(zone.slug, 0.0))
        nodes = graph.nodes_of_zone(zone.slug)
        if zone.outdoor or count <= 0 or not len(nodes):
            continue
        clear = nodes[~closures.in_smoke[nodes]]
        if not len(clear):
            clear = np.array([_nearest_clear(graph, zone.x_m, zone.y_m, zone.level, closures)])
        supply[clear] += _spread(count, len(clear))
    return supply


def _nearest_clear(graph: WalkGraph, x_m: float, y_m: float, level: int, closures: Closures) -> int:
    away = np.hypot(graph.x_m - x_m, graph.y_m - y_m) + 30.0 * np.abs(graph.level - level)
    return int(np.argmin(np.where(closures.in_smoke, np.inf, away)))


def _network(graph: WalkGraph, closures: Closures) -> Network:
    narrow = np.isin(graph.kind, NARROW)
    return Network(
        tail=graph.tail,
        head=graph.head,
        transit_s=graph.time_s,
        capacity_ps=np.where(narrow, graph.capacity_ps, np.inf),
        closes_s=closures.closes_s,
        is_sink=graph.is_sink,
    )


def route_people(
    graph: WalkGraph, supply: NDArray[np.int64], closures: Closures
) -> tuple[list[ZoneRoute], RoutePlan]:
    """Route the people and gather them by zone and exit, most people first."""
    plan = plan_routes(_network(graph, closures), supply)
    exit_of = {exit_.arc: exit_.slug for exit_ in graph.exits}
    gathered: dict[tuple[str, str], list[GroupPath]] = {}
    for group in plan.groups:
        exit_slug = next((exit_of[arc] for arc in group.arcs if arc in exit_of), "")
        index = graph.zone[group.source]
        zone = graph.site.zones[index].slug if index >= 0 else ""
        gathered.setdefault((zone, exit_slug), []).append(group)
    routes = [_zone_route(graph, zone, slug, groups) for (zone, slug), groups in gathered.items()]
    return sorted(routes, key=lambda route: (-route.people, route.zone, route.exit)), plan


def _zone_route(graph: WalkGraph, zone: str, exit_slug: str, groups: list[GroupPath]) -> ZoneRoute:
    exit_arcs = {exit_.arc for exit_ in graph.exits}
    longest = max(groups, key=lambda group: (group.people, len(group.arcs), -group.departs_s))
    nodes = (longest.source, *(int(graph.head[arc]) for arc in longest.arcs))
    walks = [_walk_to_first_narrow_s(graph, group) for group in groups]
    exit_arc = next((arc for arc in longest.arcs if arc in exit_arcs), -1)
    return ZoneRoute(
        zone=zone,
        exit=exit_slug,
        people=sum(group.people for group in groups),
        nodes=nodes,
        arcs=longest.arcs,
        exit_arc=exit_arc,
        t_clear_s=max(group.arrival_s - _after_exit_s(graph, group, exit_arcs) for group in groups),
        walk_s=(min(walks), max(walks)),
    )


def _walk_to_first_narrow_s(graph: WalkGraph, group: GroupPath) -> float:
    total = 0.0
    for arc in group.arcs:
        if graph.kind[arc] in NARROW:
            break
        total += float(graph.time_s[arc])
    return total


def _after_exit_s(graph: WalkGraph, group: GroupPath, exit_arcs: set[int]) -> float:
    seconds = 0.0
    for arc in reversed(group.arcs):
        if arc in exit_arcs:
            break
        seconds += float(graph.time_s[arc])
    return seconds
