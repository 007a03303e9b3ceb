"""A first site folder from an OpenStreetMap extract: streets, squares, what is mapped below the street, background;
other rooms are drawn afterwards.
"""

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from msgspec import Struct
from msgspec.structs import replace
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry import shape as shape_of

from ..errors import SiteError
from ..features import feature_id
from ..folder import Problem
from ..frame import Frame
from ..validate import validate_site
from ..writer import GeoFeature, make_feature, write_folder
from .osm import BBox, OsmArea, OsmMap, read_osm
from .streets import background_features, slugify, street_features
from .underground import storeys_of, underground

__all__ = ("Draft", "import_osm")

_LEAST_SQUARE_M2 = 150.0
_LEAST_REFUGE_M2 = 400.0
_PEOPLE_PER_M2 = 0.5
"""Density at which a square still counts as comfortable; gives the capacity of squares and assembly points."""
_EDGE_PEOPLE = 5000
"""Taken for a place at the edge of the extract, from which people walk on."""
_LEVEL = "level-0"
_TOUCH_M, _STREET_REACH_M = 1.5, 29.0
"""A way this close to a square is joined to it anyway; one further off than that is no way onto it."""
_JOIN_WIDTH_M = 4.0
_QUIET = frozenset({"residential", "living_street", "unclassified", "service"})
_SIDE_DEG = (0.0005, 0.2)


class Draft(Struct, frozen=True, kw_only=True):
    """What was written, what the extract held, and what is still to do before the site validates."""

    folder: str
    files: tuple[str, ...]
    counts: dict[str, int]
    dropped: int
    problems: tuple[Problem, ...]


def import_osm(extract: str | Path, folder: str | Path, slug: str, bbox: BBox | None = None) -> Draft:
    """Write a draft site: named squares become outdoor zones, squares and parks assembly points.

    OpenStreetMap seldom knows the inside of a building: draw units and openings by hand, marked
    ``s4a:synthetic``, until ``validate_site`` finds nothing.

    :raises ImporterUnavailable: osmium is not installed.
    :raises SiteError: the extract cannot be read, is empty in the box, or the folder already holds a site.
    """
    target = Path(folder)
    if (target / "manifest.json").exists():
        raise SiteError(f"{target}: there is a site already; allowed is a new or empty folder")
    if slugify(slug) != slug:
        raise SiteError(f"site name {slug!r}: allowed are small letters, digits and hyphens")
    osm = read_osm(extract, bbox)
    box = bbox or _bounds(osm, extract)
    _check_box(box)
    frame = Frame(round((box[0] + box[2]) / 2, 6), round((box[1] + box[3]) / 2, 6))
    collections, left_out = _collections(osm, slug, box, frame)
    files = write_folder(target, _manifest(slug, frame, Path(extract).name), collections)
    return Draft(
        folder=str(target),
        files=tuple(file.name for file in files),
        counts={name: len(features) for name, features in collections.items()},
        dropped=osm.dropped + left_out,
        problems=tuple(validate_site(target)),
    )


def _bounds(osm: OsmMap, extract: str | Path) -> BBox:
    places = [place for way in osm.ways for place in way.lonlat]
    if not places:
        raise SiteError(f"{extract}: holds no street, building or track")
    west, south, east, north = shapely.MultiPoint(places).bounds
    return west, south, east, north


def _check_box(box: BBox) -> None:
    width, height = box[2] - box[0], box[3] - box[1]
    low, high = _SIDE_DEG
    if not (low <= width <= high and low <= height <= high):
        raise SiteError(
            f"box {box}: {width:.4f} x {height:.4f} degrees; allowed are west,south,east,north "
            f"with sides of {low} to {high}"
        )


def _collections(osm: OsmMap, slug: str, box: BBox, frame: Frame) -> tuple[dict[str, list[GeoFeature]], int]:
    squares = list(_squares(osm, box, frame))
    around = shapely.box(*box)
    level = feature_id(slug, f"level/{_LEVEL}")
    above = replace(osm, ways=tuple(way for way in osm.ways if storeys_of(way.tags)[0] >= 0))
    streets = street_features(above, slug, box, frame)
    quiet = _quiet_roads(above)
    for street in streets:
        if street["properties"]["s4a:slug"] in quiet:
            street["properties"]["s4a:walkable"] = True
    below = underground(osm, slug, box, frame, streets)
    found = {
        "venue": [make_feature(slug, "venue", "venue", around, category="unspecified", name={"en": slug})],
        "level": [
            make_feature(
                slug,
                "level",
                _LEVEL,
                around,
                category="unspecified",
                name={"en": "Street level"},
                short_name={"en": "0"},
                ordinal=0,
            )
        ],
        "unit": [_unit(slug, level, name, shape, area_m2) for name, shape, area_m2 in squares],
        "s4a:street": streets,
        "s4a:assembly": list(_assembly(osm, slug, around, frame)) or list(_edges(slug, streets)),
        "s4a:background": background_features(osm, slug, box),
    }
    found["opening"] = list(_joins(slug, level, squares, streets, frame))
    for name, features in below.collections.items():
        found[name] = [*found.get(name, ()), *features]
    return {name: features for name, features in found.items() if features}, below.dropped


def _quiet_roads(osm: OsmMap) -> set[str]:
    """Slugs of the roads that people walk along where no pavement is mapped."""
    quiet: dict[str, bool] = {}
    for way in osm.ways:
        if way.kind == "carriageway":
            name = way.tags.get("name", "")
            slug = slugify(name) if name else f"road-{way.id}"
            here = way.tags.get("highway") in _QUIET and way.tags.get("foot") != "no"
            quiet[slug] = here and quiet.get(slug, True)
    return {slug for slug, each in quiet.items() if each}


def _joins(
    site: str,
    level: str,
    squares: list[tuple[str, Polygon, float]],
    streets: list[GeoFeature],
    frame: Frame,
) -> Iterator[GeoFeature]:
    """A way onto each square that no way on foot touches, from the nearest one."""
    walks = [
        (each["properties"]["s4a:slug"], shapely.transform(shape_of(each["geometry"]), frame.ring_to_local))
        for each in streets
        if each["properties"]["s4a:walkable"]
    ]
    for name, area, _ in squares:
        local = shapely.transform(area, frame.ring_to_local)
        away_m, slug, walk = min(
            ((local.distance(line), slug, line) for slug, line in walks), key=itemgetter(0)
        )
        if _TOUCH_M < away_m <= _STREET_REACH_M:
            edge = np.array(shapely.shortest_line(local, walk).coords)
            across = np.array([-1.0, 1.0])[:, None] * (edge[1] - edge[0])[::-1] * (-1.0, 1.0)
            across *= _JOIN_WIDTH_M / 2 / np.hypot(*(edge[1] - edge[0]))
            yield make_feature(
                site, "opening", f"edge-{slugify(name)}", LineString(frame.ring_to_lonlat(edge[0] + across)),
                category="pedestrian", name={"en": f"Edge of {name}"}, level_id=level,
                s4a_connects=[f"square-{slugify(name)}", slug], s4a_width_m=_JOIN_WIDTH_M, s4a_synthetic=True,
            )  # fmt: skip


def _local_area(shape: Polygon, frame: Frame) -> float:
    return float(shapely.transform(shape, frame.ring_to_local).area)


def _shapes(area: OsmArea, around: Polygon) -> Iterator[Polygon]:
    for ring in area.outer:
        cut = shapely.intersection(shapely.make_valid(Polygon(ring)), around)
        yield from (part for part in shapely.get_parts(cut) if part.geom_type == "Polygon")


def _squares(osm: OsmMap, box: BBox, frame: Frame) -> Iterator[tuple[str, Polygon, float]]:
    """Named squares, none of them overlapping one before, under names that differ."""
    taken = shapely.union_all([])
    seen: dict[str, int] = {}
    for area in osm.areas:
        if area.kind != "square" or "name" not in area.tags:
            continue
        for shape in _shapes(area, shapely.box(*box)):
            left = max(shapely.get_parts(shape.difference(taken)), key=lambda part: part.area, default=None)
            if left is None or (area_m2 := _local_area(left, frame)) < _LEAST_SQUARE_M2:
                continue
            taken = taken.union(left)
            name = area.tags["name"]
            seen[name] = seen.get(name, 0) + 1
            yield (name if seen[name] == 1 else f"{name} {seen[name]}"), left, area_m2


def _unit(site: str, level: str, name: str, shape: Polygon, area_m2: float) -> GeoFeature:
    return make_feature(
        site,
        "unit",
        f"square-{slugify(name)}",
        shape,
        category="outdoors",
        name={"en": name},
        level_id=level,
        s4a_outdoor=True,
        s4a_capacity=int(area_m2 * _PEOPLE_PER_M2),
    )


def _assembly(osm: OsmMap, site: str, around: Polygon, frame: Frame) -> Iterator[GeoFeature]:
    seen: set[str] = set()
    for area in osm.areas:
        if area.kind not in ("square", "park") or "name" not in area.tags:
            continue
        for shape in _shapes(area, around):
            area_m2, slug = _local_area(shape, frame), f"assembly-{slugify(area.tags['name'])}"
            if area_m2 >= _LEAST_REFUGE_M2 and slug not in seen:
                seen.add(slug)
                place = shape.representative_point()
                yield make_feature(
                    site,
                    "s4a:assembly",
                    slug,
                    Point(place),
                    name={"en": area.tags["name"]},
                    s4a_capacity=int(area_m2 * _PEOPLE_PER_M2),
                    s4a_synthetic=True,
                )


def _edges(site: str, streets: list[GeoFeature]) -> Iterator[GeoFeature]:
    """Where the extract names no square or park of use, the outermost points of ways on foot, one on each side."""
    walks = [shape_of(each["geometry"]) for each in streets if each["properties"]["s4a:walkable"]]
    places = sorted({(x, y) for walk in walks for x, y in shapely.get_coordinates(walk).tolist()})
    seen: set[tuple[float, float]] = set()
    for side, key in (("north", (0, 1)), ("east", (1, 0)), ("south", (0, -1)), ("west", (-1, 0))):
        place = max(places, key=lambda each: each[0] * key[0] + each[1] * key[1], default=None)
        if place is not None and place not in seen:
            seen.add(place)
            yield make_feature(
                site, "s4a:assembly", f"edge-{side}", Point(place), name={"en": f"Edge {side}"},
                s4a_capacity=_EDGE_PEOPLE, s4a_synthetic=True,
            )  # fmt: skip


def _manifest(slug: str, frame: Frame, source: str) -> dict[str, Any]:
    return {
        "version": "1.0.0",
        "created": "1970-01-01T00:00:00Z",  # the same extract gives the same files
        "language": "en",
        "generated_by": "s4 site import-osm",
        "extensions": ["imdf:extension:s4allcities:site#1.0.0"],
        "s4a:site": {
            "slug": slug,
            "anchor": [frame.lon, frame.lat],
            "attribution": "© OpenStreetMap contributors",
            "licence": "ODbL-1.0",
            "source": source,
        },
    }
