"""What fusion needs to know of a site: which zones touch, what an exit serves, where sensors stand."""

from collections import deque
from functools import cached_property
from heapq import heappop, heappush
from math import hypot, inf
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ..site.model import Site

__all__ = ("Passage", "SensorPlace", "Topology", "Way", "ZonePlace", "topology_of", "ways_through")

FAR = 99
"""Hops between zones that are not connected."""


class ZonePlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A zone's name for people, its storey and a point inside it, in local metres."""

    name: str
    level: int = 0
    outdoor: bool = False
    x_m: float | None = None
    y_m: float | None = None


class SensorPlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a sensor stands and what it watches; ``name`` is what people call it.

    ``covers`` names the zones that its readings speak about, its own when nothing else is known.
    """

    name: str
    zone: str = ""
    x_m: float | None = None
    y_m: float | None = None
    family: str = ""
    covers: tuple[str, ...] = ()


class Way(Struct, frozen=True, kw_only=True, array_like=True):
    """How one walks from a zone to another: out by a door, ``between_m`` to the last door."""

    door_x_m: float
    door_y_m: float
    between_m: float


class Topology(Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """A site as a small graph. Everything is optional: without it, zones are near only to themselves.

    ``adjacent`` names for each zone those one can walk or smoke can drift into; it is read both ways. ``exits`` names
    the zones that an exit serves, ``exit_names`` what people call it ("exit J"). ``ways`` gives the shortest way from
    one zone to another through doors, stairs and passages, where the site knows their places.
    """

    zones: dict[str, ZonePlace] = {}
    adjacent: dict[str, tuple[str, ...]] = {}
    exits: dict[str, tuple[str, ...]] = {}
    exit_names: dict[str, str] = {}
    sensors: dict[str, SensorPlace] = {}
    ways: dict[str, dict[str, Way]] = {}

    def zone_name(self, slug: str) -> str:
        """What people call a zone; the slug where no name is known."""
        place = self.zones.get(slug)
        return place.name if place else slug

    def exit_name(self, slug: str) -> str:
        """What people call an exit."""
        return self.exit_names.get(slug, slug)

    def sensor_name(self, slug: str) -> str:
        """What people call a sensor."""
        place = self.sensors.get(slug)
        return place.name if place else slug

    def hops(self, one: str, other: str) -> int:
        """Zones entered on the way from one to the other, `FAR` when there is none.

        A zone without any sensor is no step of its own: what drifts through it is first seen behind it. No way leads
        through a zone outdoors: smoke thins there, and a square would make all buildings round it neighbours.
        """
        if one == other:
            return 0
        return self._hops.get(one, {}).get(other, FAR)

    def hops_between(self, some: tuple[str, ...], others: tuple[str, ...]) -> int:
        """The fewest hops between any of some zones and any of others, `FAR` when there is no way."""
        return min((self.hops(one, other) for one in some for other in others), default=FAR)

    @cached_property
    def _neighbours(self) -> dict[str, set[str]]:
        out: dict[str, set[str]] = {}
        for zone, others in self.adjacent.items():
            for other in others:
                out.setdefault(zone, set()).add(other)
                out.setdefault(other, set()).add(zone)
        return out

    @cached_property
    def _hops(self) -> dict[str, dict[str, int]]:
        watched = {place.zone for place in self.sensors.values() if place.zone}
        return {zone: self._from(zone, watched) for zone in self._neighbours}

    def _from(self, start: str, watched: set[str]) -> dict[str, int]:
        """0-1 breadth-first search: entering a watched zone costs one, an unwatched one nothing."""
        cost = {start: 0}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            if here != start and here in self.zones and self.zones[here].outdoor:
                continue
            for zone in self._neighbours[here]:
                step = 1 if zone in watched or not watched else 0
                if cost[here] + step < cost.get(zone, FAR):
                    cost[zone] = cost[here] + step
                    (queue.append if step else queue.appendleft)(zone)
        return {zone: max(1, hops) for zone, hops in cost.items() if zone != start}


def topology_of(site: "Site") -> Topology:
    """Make the graph from a site file: openings and links between zones join them, exits serve the zone inside."""
    zones = {zone.slug for zone in site.zones}
    adjacent: dict[str, tuple[str, ...]] = {}
    pairs = [opening.connects for opening in site.openings] + [
        (link.lower, link.upper) for link in site.links
    ]
    for one, other in pairs:
        if one in zones and other in zones:
            adjacent[one] = (*adjacent.get(one, ()), other)
    inside = {zone.slug for zone in site.zones if not zone.outdoor}
    exits = {each.slug: tuple(zone for zone in each.connects if zone in inside) for each in site.exits}
    return Topology(
        zones={
            z.slug: ZonePlace(name=z.name, level=z.level, outdoor=z.outdoor, x_m=z.x_m, y_m=z.y_m)
            for z in site.zones
        },
        adjacent=adjacent,
        exits=exits,
        exit_names={each.slug: f"exit {each.letter}" for each in site.exits},
        sensors={
            each.slug: SensorPlace(
                name=_short_name(each.slug, each.letter, each.name),
                zone=each.zone,
                x_m=each.x_m,
                y_m=each.y_m,
                family=each.family,
                covers=tuple(zone for zone in each.covers if zone in zones),
            )
            for each in site.sensors
        },
        ways=ways_through(_passages(site, zones)),
    )


class Passage(Struct, frozen=True, kw_only=True):
    """A door, or a flight of stairs with its two ends: which zones it joins, where, and how long it is."""

    zones: tuple[str, str]
    ends_m: tuple[tuple[float, float], tuple[float, float]]
    length_m: float = 0.0


def _passages(site: "Site", zones: set[str]) -> list[Passage]:
    doors = [
        Passage(zones=each.connects, ends_m=((each.x_m, each.y_m), (each.x_m, each.y_m)))
        for each in site.openings
        if set(each.connects) <= zones
    ]
    stairs = []
    for each in site.links:
        (low_x, low_y), (high_x, high_y) = each.line_m[0], each.line_m[-1]
        ends = ((float(low_x), float(low_y)), (float(high_x), float(high_y)))
        length = float(hypot(high_x - low_x, high_y - low_y))
        stairs.append(Passage(zones=(each.lower, each.upper), ends_m=ends, length_m=length))
    return doors + [each for each in stairs if set(each.zones) <= zones]


def ways_through(passages: list[Passage]) -> dict[str, dict[str, Way]]:
    """Find the shortest ways between all zones: from passage to passage in a straight line inside a zone.

    A lower bound of the true walk, since pillars and counters are not known here.
    """
    out: dict[str, dict[str, Way]] = {}
    at_zone: dict[str, list[tuple[int, int]]] = {}
    for number, passage in enumerate(passages):
        for side, zone in enumerate(passage.zones):
            at_zone.setdefault(zone, []).append((number, side))
    for zone, starts in at_zone.items():
        for start in starts:
            for target, metres in _walk(passages, at_zone, start).items():
                x_m, y_m = passages[start[0]].ends_m[start[1]]
                known = out.setdefault(zone, {}).get(target)
                if target != zone and (known is None or metres < known.between_m):
                    out[zone][target] = Way(door_x_m=x_m, door_y_m=y_m, between_m=metres)
    return out


def _walk(
    passages: list[Passage], at_zone: dict[str, list[tuple[int, int]]], start: tuple[int, int]
) -> dict[str, float]:
    """Dijkstra from one side of a passage, going through it: metres to the entry of each zone reached."""
    number, side = start
    queue = [(passages[number].length_m, number, 1 - side)]
    best: dict[tuple[int, int], float] = {}
    reached: dict[str, float] = {}
    while queue:
        metres, here, out_side = heappop(queue)
        if best.get((here, out_side), inf) <= metres:
            continue
        best[here, out_side] = metres
        zone, (x_m, y_m) = passages[here].zones[out_side], passages[here].ends_m[out_side]
        reached.setdefault(zone, metres)
        for other, in_side in at_zone[zone]:
            if other != here:
                ox_m, oy_m = passages[other].ends_m[in_side]
                step = hypot(ox_m - x_m, oy_m - y_m) + passages[other].length_m
                heappush(queue, (metres + step, other, 1 - in_side))
    return reached


def _short_name(slug: str, letter: str, name: str) -> str:
    """What is written beside a reason: ``smoke-21`` S-21, ``door-dc-07`` DC-07; others by their full name."""
    parts = slug.split("-")
    if len(parts) < 2 or not parts[-1].isdigit():
        return name
    return f"{letter if len(parts) == 2 else parts[-2].upper()}-{parts[-1]}"
