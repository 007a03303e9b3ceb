"""Routes for everybody in the building: graph, closures and counts in, groups by zone and exit out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from s4allcities.planning.cells import Cell, Hindrances, cells_of
from s4allcities.planning.contract import NARROW, SiteNetwork
from s4allcities.planning.counts import clean_counts
from s4allcities.planning.evacuation import EvacuationPlan, plan_evacuation
from s4allcities.planning.graph import PlanGraph
from s4allcities.planning.speakable import Approved, SpeakablePlan, speakable_plan
from s4allcities.simulation.clearance import RouteChain
from s4allcities.site import WalkGraph

from .closures import Closures

__all__ = (
    "AS_TOLD", "Routed", "Scene", "Told", "ZoneRoute", "cells_indoors", "plan_scene", "route_chains", "route_people",
)  # fmt: skip

AS_TOLD = "as told before"
"""Stands for the name of an approved plan where people keep what they were told."""

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


def cells_indoors(graph: WalkGraph, closures: Closures) -> tuple[Cell, ...]:
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


@dataclass(frozen=True, slots=True)
class Scene:
    """What is planned on: the graph of what is open, in order, and the people of indoor zones in whole numbers."""

    graph: PlanGraph
    people: dict[str, int]


def plan_scene(
    network: SiteNetwork,
    people: Mapping[str, float],
    closures: Closures,
    *,
    capacity_ps: Mapping[str, float] | None = None,
) -> Scene:
    """Make the scene; ``capacity_ps`` are people a second by exit as counted, in place of the handbook's."""
    graph = network.graph
    known = {zone.slug for zone in graph.site.zones if not zone.outdoor}
    counted = clean_counts(people, [zone for zone in people if zone in known]).people
    hindrances = Hindrances(np.zeros(graph.n_arcs), closures.closes_s, closures.detour)
    made = network.plan_graph(cells_indoors(graph, closures), hindrances, shun=True)
    if capacity_ps:
        made = made.without((), capacity_ps)
    return Scene(made.in_order(), counted)


@dataclass(frozen=True, slots=True)
class Told:
    """What people were told before, exits by zone: kept while it is nearly as good; ``hold`` are zones that were told
    so a moment ago and keep it if they can.
    """

    exits: Mapping[str, tuple[str, ...]]
    hold: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Routed:
    """``routes`` by zone and exit, most people first, ``stranded`` people without any way by zone; the best plan there
    is, and the one to give out, which the routes follow (None where nobody has a way). ``ways`` are (zone, people,
    arcs of the scene's graph).
    """

    routes: list[ZoneRoute]
    stranded: dict[str, int]
    scene: Scene
    best: EvacuationPlan
    spoken: SpeakablePlan | None
    ways: tuple[tuple[str, float, tuple[int, ...]], ...]


def route_people(
    network: SiteNetwork,
    people: Mapping[str, float],
    closures: Closures,
    *,
    capacity_ps: Mapping[str, float] | None = None,
    told: Told | None = None,
    seed: int = 0,
) -> Routed:
    """Route the people of indoor zones by the plan that can be said aloud; those of a zone that it has no way for,
    because theirs closes soon, by the best plan there is.
    """
    graph = network.graph
    scene = plan_scene(network, people, closures, capacity_ps=capacity_ps)
    made, counted = scene.graph, scene.people
    best = plan_evacuation(made, counted)
    started = {node.zone for node in made.nodes}
    stranded = best.stranded | {zone: n for zone, n in counted.items() if n and zone not in started}
    spoken = _spoken(
        graph, scene, best, {z: n for z, n in counted.items() if n and z not in stranded}, told, seed
    )
    zones = {node.name: node.zone for node in made.nodes}
    led: dict[str, int] = {}
    for name, count, _ in () if spoken is None else spoken.ways:
        led[zones[name]] = led.get(zones[name], 0) + count
    said = {zone for zone, count in led.items() if count == counted[zone]}
    spoken_for = set() if spoken is None else {name for name, count, _ in spoken.ways if count}
    groups = [
        (group.zone, group.people, group.arcs) for group in best.groups if group.nodes[0] not in spoken_for
    ]
    if spoken is not None:
        groups += [(zones[name], count, way) for name, count, way in spoken.ways]
    gathered: dict[tuple[str, str], list[_Walk]] = {}
    by_exit: list[tuple[str, str, int, tuple[int, ...]]] = []
    exits = {exit_.arc: exit_.slug for exit_ in graph.exits}
    for zone, count, way in groups:
        arcs = tuple(step for arc in way for step in made.arcs[arc].walk)
        if arcs and count:
            walk = _walk(graph, count, arcs, exits)
            gathered.setdefault((zone, walk.exit), []).append(walk)
            by_exit.append((zone, walk.exit, count, way))
    routes = [_zone_route(graph, closures, zone, slug, walks) for (zone, slug), walks in gathered.items()]
    few = _few([route for route in routes if route.zone not in said])
    few += [route for route in routes if route.zone in said]
    ordered = sorted(few, key=lambda route: (-route.people, route.zone, route.exit))
    share = {(r.zone, r.exit): r.people / sum(w.people for w in gathered[r.zone, r.exit]) for r in few}
    ways = tuple(
        (zone, count * share[zone, exit_], way)
        for zone, exit_, count, way in by_exit
        if (zone, exit_) in share
    )
    return Routed(ordered, stranded, scene, best, spoken, ways)


def _spoken(
    graph: WalkGraph,
    scene: Scene,
    best: EvacuationPlan,
    served: dict[str, int],
    told: Told | None,
    seed: int,
) -> SpeakablePlan | None:
    if not served:
        return None
    approved = [Approved(name=each.name, exits=each.exits) for each in graph.site.plans]
    hold: dict[str, tuple[str, ...]] = {}
    if told is not None:
        before = {zone: exits for zone, exits in told.exits.items() if zone in served}
        approved.insert(0, Approved(name=AS_TOLD, exits=before))
        hold = {zone: before[zone] for zone in told.hold if zone in before}
    return speakable_plan(
        scene.graph, served, optimum_s=best.clearance_s, rng=np.random.default_rng(seed), approved=approved,
        hold=hold,
    )  # fmt: skip


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
