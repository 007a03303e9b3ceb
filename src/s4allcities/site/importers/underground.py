"""What OpenStreetMap knows below the street: halls and platforms, flights between storeys, exits to the street.

A storey is what its mapped areas and ways cover; each piece that hangs together becomes one unit. Pieces from which
no mapped flight leads up to the street are left out and counted. Widths of ways are those of the streets' defaults;
storeys are taken for 4.5 m high where nobody counted the steps.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import shapely
from msgspec import Struct
from numpy.typing import NDArray
from shapely.geometry import LineString, Point, Polygon, shape
from shapely.geometry.base import BaseGeometry

from ..features import feature_id
from ..frame import Frame
from ..writer import GeoFeature, make_feature
from .osm import BBox, OsmMap, OsmWay
from .streets import width_of

__all__ = ("Underground", "storeys_of", "underground")

F8 = NDArray[np.float64]

_STOREY_M = 4.5
_RISER_M, _TREAD_M = 0.17, 0.29
_ESCALATOR_M = 1.0
_LEAST_M2 = 12.0
_GAP_M = 0.4
"""Mapped areas and ways this close to one another are one floor."""
_REACH_M = 6.0
"""The end of a flight may be mapped this far from the floor that it leads to."""
_STREET_REACH_M = 29.0
_PEOPLE_PER_M2 = 0.5
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Underground(Struct, frozen=True, kw_only=True):
    """Features by collection, and how many pieces of floor and flights were left out."""

    collections: dict[str, list[GeoFeature]]
    dropped: int


class _Hall(Struct, frozen=True, kw_only=True):
    slug: str
    level: int
    area: Polygon
    platform: bool


class _Flight(Struct, frozen=True, kw_only=True):
    """Steps from ``lower`` up to another hall, or to the street where ``upper`` is None; ``line_m`` leads upwards."""

    way: OsmWay
    line_m: F8
    lower: int
    upper: int | None


def storeys_of(tags: Mapping[str, str]) -> tuple[int, ...]:
    """The storeys that a thing belongs to, lowest first: from ``level``, else ``layer``, else the street.

    >>> storeys_of({"level": "0;-1", "layer": "-1"}), storeys_of({"layer": "-2"}), storeys_of({})
    ((-1, 0), (-2,), (0,))
    """
    for key in ("level", "layer"):
        found = re.findall(r"(?<![\d.])-?\d{1,3}(?![\d.])", tags.get(key, ""))
        if found:
            return tuple(sorted({int(each) for each in found}))
    return (0,)


def underground(
    osm: OsmMap, site: str, bbox: BBox, frame: Frame, streets: Sequence[GeoFeature]
) -> Underground:
    """Give levels, units, flights and exits below the street; nothing where none is mapped.

    ``streets`` are the street features that exits may lead to.
    """
    halls = list(_halls(osm, bbox, frame))
    flights = [flight for way in osm.ways if way.kind == "steps" for flight in _flight(way, halls, frame)]
    kept = _reached(len(halls), flights)
    walks = [
        (each["properties"]["s4a:slug"], shapely.transform(shape(each["geometry"]), frame.ring_to_local))
        for each in streets
        if each["properties"]["s4a:walkable"]
    ]
    found: dict[str, list[GeoFeature]] = {"level": [], "unit": [], "relationship": [], "opening": []}
    for level in sorted({halls[place].level for place in kept}, reverse=True):
        found["level"].append(_level(site, level, bbox))
    for place in sorted(kept):
        found["unit"].append(_unit(site, halls[place], frame))
    exits = 0
    used = 0
    for flight in flights:
        if flight.lower not in kept:
            continue
        if flight.upper is not None:
            found["relationship"].append(_link(site, flight, halls, frame))
            used += 1
        elif (street := _nearest(walks, flight.line_m[0])) is not None:
            found["opening"].append(_exit(site, flight, halls[flight.lower], street, exits, frame))
            exits += 1
            used += 1
    dropped = len(halls) - len(kept) + len(flights) - used
    return Underground(
        collections={name: features for name, features in found.items() if features}, dropped=dropped
    )


def _halls(osm: OsmMap, bbox: BBox, frame: Frame) -> Iterator[_Hall]:
    """Floors by storey, in pieces that hang together, largest first."""
    box = shapely.transform(shapely.box(*bbox), frame.ring_to_local)
    floors: dict[int, list[BaseGeometry]] = {}
    platforms: dict[int, list[BaseGeometry]] = {}
    for area in osm.areas:
        storeys = storeys_of(area.tags)
        if area.kind in ("platform", "room") and len(storeys) == 1 and storeys[0] < 0:
            shapes = [shapely.make_valid(Polygon(frame.ring_to_local(ring))) for ring in area.outer]
            floors.setdefault(storeys[0], []).extend(shapes)
            if area.kind == "platform":
                platforms.setdefault(storeys[0], []).extend(shapes)
    for way in osm.ways:
        storeys = storeys_of(way.tags)
        if way.kind in ("footway", "steps") and not way.is_area and len(storeys) == 1 and storeys[0] < 0:
            line = LineString(frame.ring_to_local(way.lonlat))
            floors.setdefault(storeys[0], []).append(line.buffer(width_of(way.tags) / 2, cap_style="square"))
    for level, shapes in sorted(floors.items(), reverse=True):
        whole = shapely.union_all(shapes).buffer(_GAP_M / 2, join_style="mitre")
        whole = whole.buffer(-_GAP_M / 2, join_style="mitre").intersection(box).simplify(0.1)
        parts = [each for each in shapely.get_parts(whole) if isinstance(each, Polygon)]
        parts = sorted((each for each in parts if each.area >= _LEAST_M2), key=lambda each: -each.area)
        rails = shapely.union_all(platforms.get(level, []))
        for number, part in enumerate(parts, start=1):
            platform = part.intersection(rails).area > 0.5 * part.area
            kind = "platform" if platform else "hall"
            slug = f"{kind}-minus-{-level}-{number}"
            yield _Hall(slug=slug, level=level, area=part, platform=platform)


def _flight(way: OsmWay, halls: Sequence[_Hall], frame: Frame) -> Iterator[_Flight]:
    """Steps between two storeys, turned upwards: the end that lies nearer to its floor is the lower one."""
    storeys = storeys_of(way.tags)
    if len(storeys) != 2 or storeys[0] >= 0:
        return
    line = np.asarray(frame.ring_to_local(way.lonlat), np.float64)
    tries: list[tuple[float, int, F8, int, int | None]] = []
    for turned in (line, line[::-1]):
        lower, lower_m = _hall_at(halls, storeys[0], turned[0])
        upper, upper_m = (None, 0.0) if storeys[1] >= 0 else _hall_at(halls, storeys[1], turned[-1])
        if lower is not None and (storeys[1] >= 0 or upper is not None):
            tries.append((lower_m + upper_m, len(tries), turned, lower, upper))
    if tries:
        away_m, _, turned, lower, upper = min(tries, key=lambda each: each[:2])
        if away_m <= _REACH_M:
            yield _Flight(way=way, line_m=_onto(turned, halls, lower, upper), lower=lower, upper=upper)


def _hall_at(halls: Sequence[_Hall], level: int, place: F8) -> tuple[int | None, float]:
    """The nearest floor of a storey and how far it is."""
    point = Point(place)
    away = [(hall.area.distance(point), index) for index, hall in enumerate(halls) if hall.level == level]
    return (min(away)[1], min(away)[0]) if away else (None, float("inf"))


def _onto(line: F8, halls: Sequence[_Hall], lower: int, upper: int | None) -> F8:
    """Let both ends lie on their floors."""
    ends = [(0, lower)] + ([(-1, upper)] if upper is not None else [])
    moved = line.copy()
    for end, hall in ends:
        nearest = shapely.shortest_line(halls[hall].area, Point(line[end]))
        moved[end] = nearest.coords[0]
    return moved


def _reached(halls: int, flights: Iterable[_Flight]) -> set[int]:
    """The floors from which flights lead up to the street."""
    flights = list(flights)
    kept = {flight.lower for flight in flights if flight.upper is None}
    while True:
        more = {flight.lower for flight in flights if flight.upper in kept} - kept
        more |= {
            flight.upper for flight in flights if flight.lower in kept and flight.upper is not None
        } - kept
        if not more:
            return kept & set(range(halls))
        kept |= more


def _level_slug(level: int) -> str:
    return f"level-minus-{-level}"


def _level(site: str, level: int, bbox: BBox) -> GeoFeature:
    return make_feature(
        site, "level", _level_slug(level), shapely.box(*bbox), category="unspecified",
        name={"en": f"Level \N{MINUS SIGN}{-level}"}, short_name={"en": f"\N{MINUS SIGN}{-level}"}, ordinal=level,
    )  # fmt: skip


def _unit(site: str, hall: _Hall, frame: Frame) -> GeoFeature:
    kind = "Platform" if hall.platform else "Hall"
    number = hall.slug.rpartition("-")[2]
    return make_feature(
        site, "unit", hall.slug, shapely.transform(hall.area, frame.ring_to_lonlat),
        category="platform" if hall.platform else "walkway",
        name={"en": f"{kind} {number}, level \N{MINUS SIGN}{-hall.level}"},
        level_id=feature_id(site, f"level/{_level_slug(hall.level)}"), s4a_outdoor=False,
        s4a_capacity=int(hall.area.area * _PEOPLE_PER_M2), s4a_synthetic=True,
    )  # fmt: skip


def _stair(tags: Mapping[str, str], storeys: int) -> dict[str, float]:
    counted = re.fullmatch(r"\d{1,3}", tags.get("step_count", ""))
    rise_m = int(counted[0]) * _RISER_M if counted and int(counted[0]) else storeys * _STOREY_M
    return {"riser_m": _RISER_M, "tread_m": _TREAD_M, "rise_m": round(rise_m, 2)}


def _width_m(way: OsmWay) -> float:
    return _ESCALATOR_M if "conveying" in way.tags and "width" not in way.tags else width_of(way.tags)


def _link(site: str, flight: _Flight, halls: Sequence[_Hall], frame: Frame) -> GeoFeature:
    assert flight.upper is not None
    lower, upper = halls[flight.lower], halls[flight.upper]
    moving = "conveying" in flight.way.tags
    kind = "escalator" if moving else "stairs"
    line = LineString(frame.ring_to_lonlat(flight.line_m))
    return make_feature(
        site, "relationship", f"{kind}-{flight.way.id}", line, category=kind,
        name={"en": f"{kind.capitalize()} {flight.way.tags.get('ref', flight.way.id)}"},
        s4a_connects=[lower.slug, upper.slug], s4a_width_m=_width_m(flight.way),
        s4a_stair=_stair(flight.way.tags, upper.level - lower.level), s4a_step_free=False, s4a_synthetic=True,
    )  # fmt: skip


def _nearest(walks: Sequence[tuple[str, BaseGeometry]], place: F8) -> str | None:
    point = Point(place)
    away_m, slug = min(((line.distance(point), slug) for slug, line in walks), default=(np.inf, ""))
    return slug if away_m <= _STREET_REACH_M else None


def _exit(site: str, flight: _Flight, hall: _Hall, street: str, number: int, frame: Frame) -> GeoFeature:
    """A threshold at the foot of the steps, across them."""
    width_m = _width_m(flight.way)
    foot = flight.line_m[0]
    along = flight.line_m[1] - foot
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) * width_m / 2
    letter = _LETTERS[number % 26] + (str(number // 26) if number >= 26 else "")
    line = LineString(frame.ring_to_lonlat(np.array([foot - across, foot + across])))
    return make_feature(
        site, "opening", f"exit-{letter.lower()}", line, category="pedestrian", name={"en": f"Exit {letter}"},
        level_id=feature_id(site, f"level/{_level_slug(hall.level)}"), s4a_connects=[hall.slug, street],
        s4a_width_m=width_m, s4a_exit=letter, s4a_stair=_stair(flight.way.tags, -hall.level), s4a_step_free=False,
        s4a_synthetic=True,
    )  # fmt: skip
