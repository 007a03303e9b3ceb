"""The ground of a site: its rooms, doors, stairs, squares and streets as floors and flights, its exits and assembly
points as goals.

Rooms keep their walls: each is drawn in by 5 cm, and doors are cut through. Streets are ribbons of their width. Lifts
carry nobody. Escalators are taken as stopped stairs.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from s4allcities.site.model import Link, Opening, Site, Stair, Zone
from s4allcities.site.walking import DEFAULT_STAIR

from .arrays import B1, I4
from .ground import Ground, GroundBuilder, Place

__all__ = ("SiteGround", "build_site_ground")

_WALL_M = 0.05
_INTO_M = 0.45
_BEYOND_M = (0.15, 1.3)
_ASSEMBLY_M = 6.0
_STREET_LEVEL = 0
_MITRE = 2


@dataclass(frozen=True, slots=True, eq=False)
class SiteGround:
    """A ground with the goals of a site: exits first, in the order of ``site.exits``, then assembly points.

    ``blocked`` has, for each goal, the cells that nobody crosses on the way there: other exits. ``zone_cells`` are
    the cells of each zone, ``sheet_of`` the sheet of each level.
    """

    site: Site
    ground: Ground
    exits: tuple[str, ...]
    assembly: tuple[str, ...]
    goals: tuple[I4, ...]
    blocked: tuple[B1 | None, ...]
    door_cells: dict[str, I4]
    zone_cells: dict[str, I4]
    sheet_of: dict[int, int]

    def exit_goal(self, slug: str) -> int:
        """The goal of an exit. :raises ValueError: no such exit."""
        if slug not in self.exits:
            raise ValueError(f"there is no exit {slug!r}; allowed are {', '.join(self.exits)}")
        return self.exits.index(slug)


@dataclass(slots=True)
class _Doors:
    """What doors add: floor by level, cells beyond each exit as (level, area), the doorway itself."""

    floor: dict[int, list[BaseGeometry]]
    beyond: dict[str, tuple[int, BaseGeometry]]
    doorway: dict[str, tuple[int, BaseGeometry]]


def build_site_ground(site: Site, *, cell_m: float = 0.25) -> SiteGround:
    """Build it; about a second for a stadium.

    :raises ValueError: the site has no zone.
    """
    if not site.zones:
        raise ValueError(f"site {site.slug!r} has no zone; allowed is at least one")
    builder = GroundBuilder(cell_m)
    streets = _streets(site)
    doors = _Doors({}, {}, {})
    flights: list[tuple[str, tuple[int, Place, Place], tuple[int, Place, Place], float, float]] = []
    for opening in site.openings:
        _add_opening(site, opening, streets, doors, flights)
    for link in site.links:
        if link.kind != "elevator":
            _add_link(site, link, doors, flights)
    levels = sorted(
        {zone.level for zone in site.zones} | {_STREET_LEVEL}, key=lambda level: (level != 0, level)
    )
    sheet_of: dict[int, int] = {}
    for level in levels:
        area = _floor(site, level, streets, doors)
        if not area.is_empty:
            sheet_of[level] = builder.floor(f"level {level}", area, level)
    for name, (low, lower, onto_low), (high, upper, onto_high), length_m, width_m in flights:
        builder.flight(
            name,
            (sheet_of[low], lower, onto_low),
            (sheet_of[high], upper, onto_high),
            length_m=length_m,
            width_m=width_m,
        )
    return _with_goals(site, builder.build(), sheet_of, doors)


def _with_goals(site: Site, ground: Ground, sheet_of: dict[int, int], doors: _Doors) -> SiteGround:
    def cells(level: int, area: BaseGeometry) -> I4:
        return ground.cells_in(sheet_of[level], area)

    exits = [opening.slug for opening in site.exits if opening.slug in doors.beyond]
    beyond = {slug: cells(*doors.beyond[slug]) for slug in exits}
    exits = [slug for slug in exits if len(beyond[slug])]
    points = {
        each.slug: cells(_STREET_LEVEL, Point(each.x_m, each.y_m).buffer(_ASSEMBLY_M))
        for each in site.assembly
    }
    assembly = [slug for slug, found in points.items() if len(found)]
    every_exit = np.zeros(ground.raster.n_cells, bool)
    for slug in exits:
        every_exit[beyond[slug]] = True
    blocked: list[B1 | None] = []
    for slug in exits:
        others = every_exit.copy()
        others[beyond[slug]] = False
        blocked.append(others)
    return SiteGround(
        site=site,
        ground=ground,
        exits=tuple(exits),
        assembly=tuple(assembly),
        goals=(*(beyond[slug] for slug in exits), *(points[slug] for slug in assembly)),
        blocked=(*blocked, *([None] * len(assembly))),
        door_cells={slug: cells(*place) for slug, place in doors.doorway.items()},
        zone_cells={
            zone.slug: cells(zone.level, zone.polygon.buffer(-0.3))
            for zone in site.zones
            if zone.level in sheet_of
        },
        sheet_of=sheet_of,
    )


def _streets(site: Site) -> BaseGeometry:
    ribbons = [
        LineString(line).buffer(street.width_m / 2, join_style="round", quad_segs=4)
        for street in site.streets
        if street.walkable
        for line in street.lines_m
    ]
    return shapely.union_all(ribbons)


def _floor(site: Site, level: int, streets: BaseGeometry, doors: _Doors) -> BaseGeometry:
    rooms = [
        zone.polygon.buffer(-_WALL_M, join_style=_MITRE)
        for zone in site.zones
        if zone.level == level and not zone.outdoor
    ]
    parts = list(rooms)
    if level == _STREET_LEVEL:
        outside = shapely.union_all([streets, *(zone.polygon for zone in site.zones if zone.outdoor)])
        solid = shapely.union_all(
            [
                zone.polygon.buffer(_WALL_M, join_style=_MITRE)
                for zone in site.zones
                if zone.level == level and not zone.outdoor
            ]
        )
        parts.append(outside.difference(solid))
    else:
        parts += [zone.polygon for zone in site.zones if zone.level == level and zone.outdoor]
    return shapely.union_all([*parts, *doors.floor.get(level, ())])


def _outward(site: Site, opening: Opening) -> Place:
    """Unit normal of the threshold that leads away from its first zone."""
    (ax, ay), (bx, by) = opening.line_m
    length = float(np.hypot(bx - ax, by - ay)) or 1.0
    normal = (float(-(by - ay) / length), float((bx - ax) / length))
    zone = site.zone(opening.connects[0]).polygon
    ahead = zone.distance(Point(opening.x_m + normal[0], opening.y_m + normal[1]))
    behind = zone.distance(Point(opening.x_m - normal[0], opening.y_m - normal[1]))
    if ahead == behind:
        centre = zone.representative_point()
        turned = (opening.x_m - centre.x) * normal[0] + (opening.y_m - centre.y) * normal[1] < 0
    else:
        turned = ahead < behind
    return (-normal[0], -normal[1]) if turned else normal


def _strip(middle: Place, along: Place, start_m: float, end_m: float, width_m: float) -> Polygon:
    (x, y), (ux, uy), half = middle, along, width_m / 2
    corners = [(start_m, -half), (end_m, -half), (end_m, half), (start_m, half)]
    return Polygon([(x + a * ux - b * uy, y + a * uy + b * ux) for a, b in corners])


def _gap_m(zone: Zone | None, streets: BaseGeometry, x: float, y: float) -> float:
    return float((streets if zone is None else zone.polygon).distance(Point(x, y)))


def _add_opening(
    site: Site,
    opening: Opening,
    streets: BaseGeometry,
    doors: _Doors,
    flights: list[tuple[str, tuple[int, Place, Place], tuple[int, Place, Place], float, float]],
) -> None:
    zones = {zone.slug: zone for zone in site.zones}
    first, second = zones[opening.connects[0]], zones.get(opening.connects[1])
    far_level = second.level if second else _STREET_LEVEL
    middle, out, width_m = (opening.x_m, opening.y_m), _outward(site, opening), opening.width_m
    inside_m = first.polygon.distance(Point(middle)) + _INTO_M
    if opening.stair is not None and first.level != far_level:
        onto = (-out[0], -out[1])
        near, far = (first.level, middle, out), (far_level, middle, onto)
        ends = (near, far) if first.level < far_level else (far, near)
        flights.append((opening.slug, *ends, opening.stair.slope_length_m, width_m))
        doors.floor.setdefault(first.level, []).append(_strip(middle, out, -inside_m, 0.0, width_m))
        landing = _strip(middle, out, 0.0, _BEYOND_M[1] + 0.4, width_m)
        doors.floor.setdefault(far_level, []).extend(
            [landing, *_way_to(second, streets, middle, out, width_m)]
        )
    else:
        beyond_m = _gap_m(second, streets, *middle) + _INTO_M
        if second is None:
            beyond_m = _BEYOND_M[1] + 0.2
            doors.floor.setdefault(first.level, []).extend(_way_to(None, streets, middle, out, width_m))
        doors.floor.setdefault(first.level, []).append(_strip(middle, out, -inside_m, beyond_m, width_m))
    if opening.is_exit:
        doors.beyond[opening.slug] = (far_level, _strip(middle, out, *_BEYOND_M, width_m))
        doors.doorway[opening.slug] = (far_level, _strip(middle, out, 0.0, _BEYOND_M[1], width_m))
    else:
        doors.doorway[opening.slug] = (first.level, _strip(middle, out, -_INTO_M, _INTO_M, width_m))


def _way_to(
    zone: Zone | None, streets: BaseGeometry, middle: Place, out: Place, width_m: float
) -> list[BaseGeometry]:
    """The way from beyond a door to the street or room it leads to, where they do not touch."""
    target = streets if zone is None else zone.polygon
    start = Point(middle[0] + out[0], middle[1] + out[1])
    if target.is_empty or target.distance(start) < 0.05:
        return []
    end = nearest_points(start, target)[1]
    reach = LineString([start, end])
    longer = LineString(
        [
            start,
            reach.interpolate(reach.length + 0.01),
            (end.x + (end.x - start.x) / reach.length, end.y + (end.y - start.y) / reach.length),
        ]
    )
    return [longer.buffer(width_m / 2, cap_style="flat"), start.buffer(min(width_m / 2, 1.0))]


def _add_link(
    site: Site,
    link: Link,
    doors: _Doors,
    flights: list[tuple[str, tuple[int, Place, Place], tuple[int, Place, Place], float, float]],
) -> None:
    line = link.line_m
    first, last = line[1] - line[0], line[-1] - line[-2]
    lower, upper = site.zone(link.lower), site.zone(link.upper)
    stair: Stair = link.stair or DEFAULT_STAIR
    plan_m = float(np.hypot(*np.diff(line, axis=0).T).sum())
    length_m = max(stair.slope_length_m, float(np.hypot(plan_m, stair.rise_m)))
    ends = []
    for zone, place, onto in ((lower, line[0], first), (upper, line[-1], -last)):
        middle = (float(place[0]), float(place[1]))
        ends.append((zone.level, middle, (float(onto[0]), float(onto[1]))))
        inside = zone.polygon.buffer(-_WALL_M, join_style=_MITRE)
        start = Point(middle)
        if inside.distance(start) > 0.01:
            end = nearest_points(start, inside)[1]
            bridge = LineString([start, end]).buffer(link.width_m / 2, cap_style="square")
            doors.floor.setdefault(zone.level, []).append(bridge)
    flights.append((link.slug, ends[0], ends[1], length_m, link.width_m))
