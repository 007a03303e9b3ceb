"""Checking a site folder: form, names, geometry, and whether everybody can get out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from shapely.validation import explain_validity

from ._builder import build_graph
from .folder import Folder, Problem, read_folder
from .graph import WalkGraph, reachable
from .loader import site_from_folder
from .model import Assembly, Opening, SensorSpec, Site
from .references import check_references

__all__ = ("validate_site",)

_TOUCH_M = 1.6
"""A threshold may lie this far from the rooms it joins: walls have a thickness."""
_STREET_TOUCH_M = 30.0
"""The way from an exit's door to its street may be this long."""
_SENSOR_TOUCH_M = 3.0
_OVERLAP_M2 = 2.0
_NEAR_M = 1500.0
"""Sensors and assembly points lie within this of the venue."""


def validate_site(path: str | Path) -> list[Problem]:
    """Give everything that is wrong with a site folder, sorted by file; an empty list means that it is good.

    Three rounds, each only if the one before found nothing: form (JSON, GeoJSON, properties in range, closed
    rings), names (unknown or doubled slugs), geometry (rooms that overlap or cross themselves, openings that
    touch nothing, sensors outside, zones from which nobody gets out).
    """
    folder = read_folder(Path(path))
    problems = folder.problems or check_references(folder) or _check_shapes(folder)
    if not problems:
        site = site_from_folder(folder)
        problems = [*_overlaps(site), *_openings(site), *_links(site), *_sensors(site), *_far_away(site)]
        problems += _ways_out(site)
    return sorted(problems)


def _check_shapes(folder: Folder) -> list[Problem]:
    found = []
    for feature in folder.all("venue", "footprint", "level", "unit"):
        area = shapely.geometry.shape({"type": feature.shape, "coordinates": feature.coordinates})
        if not area.is_valid:
            reason = explain_validity(area)
            found.append(
                Problem(
                    feature.file, repr(feature.props.slug), f"polygon is not simple: {reason}", "no crossing"
                )
            )
    return found


def _overlaps(site: Site) -> Iterator[Problem]:
    for index, zone in enumerate(site.zones):
        for other in site.zones[index + 1 :]:
            if zone.level == other.level and zone.polygon.intersects(other.polygon):
                shared_m2 = zone.polygon.intersection(other.polygon).area
                if shared_m2 > _OVERLAP_M2:
                    what = f"overlaps unit {other.slug!r} by {shared_m2:.0f} m2"
                    yield Problem("unit.geojson", repr(zone.slug), what, f"at most {_OVERLAP_M2:.0f} m2")


def _openings(site: Site) -> Iterator[Problem]:
    zones = {zone.slug: zone for zone in site.zones}
    for opening in site.openings:
        for slug in opening.connects:
            away_m = _distance_m(site, opening, slug)
            limit_m = _TOUCH_M if slug in zones else _STREET_TOUCH_M
            if away_m > limit_m:
                kind = "unit" if slug in zones else "street"
                what = f"is {away_m:.1f} m from {kind} {slug!r}, which it connects"
                yield Problem("opening.geojson", repr(opening.slug), what, f"at most {limit_m} m")
        if zones[opening.connects[0]].level != opening.level:
            what = f"is on level {opening.level}, its unit {opening.connects[0]!r} is not"
            yield Problem("opening.geojson", repr(opening.slug), what, "the level of its first unit")
        second = zones.get(opening.connects[1])
        if second and second.level != opening.level and opening.stair is None:
            what = f"joins level {opening.level} to level {second.level} without s4a:stair"
            yield Problem("opening.geojson", repr(opening.slug), what, "a flight or units of one level")


def _distance_m(site: Site, opening: Opening, slug: str) -> float:
    point = shapely.Point(opening.x_m, opening.y_m)
    for zone in site.zones:
        if zone.slug == slug:
            return float(zone.polygon.distance(point))
    return min(float(shapely.LineString(line).distance(point)) for line in site.street(slug).lines_m)


def _links(site: Site) -> Iterator[Problem]:
    for link in site.links:
        for slug, place in ((link.lower, link.line_m[0]), (link.upper, link.line_m[-1])):
            away_m = site.zone(slug).polygon.distance(shapely.Point(place))
            if away_m > _TOUCH_M:
                what = f"ends {away_m:.1f} m from unit {slug!r}"
                yield Problem("relationship.geojson", repr(link.slug), what, f"at most {_TOUCH_M} m")


def _sensors(site: Site) -> Iterator[Problem]:
    for sensor in site.sensors:
        if not sensor.zone:
            continue
        zone, name = site.zone(sensor.zone), repr(sensor.slug)
        away_m = zone.polygon.distance(shapely.Point(sensor.x_m, sensor.y_m))
        if away_m > _SENSOR_TOUCH_M:
            what = f"is {away_m:.0f} m outside its unit {zone.slug!r}"
            yield Problem("sensor.geojson", name, what, f"at most {_SENSOR_TOUCH_M:.0f} m")
        if sensor.level != zone.level:
            what = f"is on level {sensor.level}, its unit {zone.slug!r} on level {zone.level}"
            yield Problem("sensor.geojson", name, what, "the level of its unit")


def _far_away(site: Site) -> Iterator[Problem]:
    things: list[tuple[str, SensorSpec | Assembly]] = [("sensor.geojson", each) for each in site.sensors]
    things += [("assembly.geojson", each) for each in site.assembly]
    for file, thing in things:
        away_m = site.outline.distance(shapely.Point(thing.x_m, thing.y_m))
        if away_m > _NEAR_M:
            what = f"is {away_m:.0f} m outside the venue"
            yield Problem(file, repr(thing.slug), what, f"at most {_NEAR_M:.0f} m")


def _ways_out(site: Site) -> Iterator[Problem]:
    """Each zone in one piece, each zone and exit with a way to an assembly point."""
    graph = build_graph(site)
    saved = reachable(graph, np.flatnonzero(graph.is_sink).astype(np.int32))
    for index, zone in enumerate(site.zones):
        nodes = np.flatnonzero(graph.zone == index)
        stuck = nodes[~saved[nodes]]
        if len(stuck):
            share = (
                "nobody"
                if len(stuck) == len(nodes)
                else f"not everybody ({len(stuck)} of {len(nodes)} points)"
            )
            what = f"from here {share} reaches an assembly point"
            yield Problem("unit.geojson", repr(zone.slug), what, "join it by openings, stairs or streets")
    yield from _dead_exits(site, graph)


def _dead_exits(site: Site, graph: WalkGraph) -> Iterator[Problem]:
    inner = np.isin(graph.opening, [each.opening for each in graph.exits])
    saved = reachable(graph, np.flatnonzero(graph.is_sink).astype(np.int32), blocked_arcs=inner)
    for exit_ in graph.exits:
        if not saved[exit_.outside]:
            what = f"exit {exit_.letter} leads to {site.openings[exit_.opening].connects[1]!r}"
            what += ", from where no street goes to an assembly point"
            yield Problem("opening.geojson", repr(exit_.slug), what, "a street of the walkable net")
