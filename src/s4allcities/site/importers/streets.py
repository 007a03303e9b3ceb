"""From OpenStreetMap ways to the streets and the background of a site.

Widths are mapped on few ways, so the defaults below stand in; they are working figures for planning, taken from
common Nordic street design, not from measurements.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

import shapely
from shapely.geometry import LineString, MultiLineString, Polygon
from shapely.geometry.base import BaseGeometry

from ..frame import Frame
from ..writer import GeoFeature, make_feature
from .osm import BBox, OsmArea, OsmMap, OsmWay, level_of

__all__ = ("DEFAULT_WIDTH_M", "LANE_M", "background_features", "slugify", "street_features", "width_of")

LANE_M = 3.25
"""Width of a traffic lane."""
DEFAULT_WIDTH_M: dict[str, float] = {
    "footway": 3.0,
    "path": 2.0,
    "cycleway": 2.5,
    "pedestrian": 6.0,
    "steps": 2.5,
    "crossing": 4.0,
    "platform": 3.0,
    "primary": 2 * LANE_M,
    "secondary": 2 * LANE_M,
    "tertiary": 2 * LANE_M,
    "unclassified": 2 * LANE_M,
    "residential": 6.0,
    "service": 3.5,
}
"""Metres, by the value of ``highway``; a crossing is named by ``footway=crossing``."""

_GREEK = (
    "α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r σ s ς s τ t υ y φ f χ ch ψ ps ω o"  # noqa: RUF001
)
_LATIN = "ß ss ø o æ ae œ oe ł l đ d ð d þ th"
_SPELT = {ord(pair[0]): pair[1] for pair in re.findall(r"(\S) (\S+)", f"{_GREEK} {_LATIN}")}
_BESIDE_M = 7.0
"""A pavement follows a carriageway if it lies within this of its edge."""


def slugify(name: str) -> str:
    """Make a slug of a name: ASCII letters, digits and single hyphens. Greek is spelt in Latin letters; a name
    of which nothing is left gets a number that follows from it.

    >>> slugify("Töölönlahdenkatu 3 B"), slugify("Große Straße"), slugify("Οδός Ασκληπιού")
    ('toolonlahdenkatu-3-b', 'grosse-strasse', 'odos-asklipioy')
    """
    bare = unicodedata.normalize("NFKD", name.lower().translate(_SPELT))
    plain = "".join(each for each in bare if not unicodedata.combining(each)).translate(_SPELT)
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:56].strip("-")
    return slug or f"name-{crc32(name.encode()):08x}"


def width_of(tags: Mapping[str, str]) -> float:
    """Width of a way in metres: as mapped, else lanes times ``LANE_M``, else the default of its kind.

    >>> width_of({"highway": "primary", "lanes": "3"}), width_of({"highway": "footway", "width": "4,5 m"})
    (9.75, 4.5)
    """
    mapped = re.match(r"\s*(\d+(?:[.,]\d+)?)", tags.get("width", ""))
    if mapped and 0.5 <= float(mapped[1].replace(",", ".")) <= 120:
        return float(mapped[1].replace(",", "."))
    if re.fullmatch(r"[1-9]", tags.get("lanes", "")):
        return int(tags["lanes"]) * LANE_M
    kind = "crossing" if tags.get("footway") == "crossing" else tags.get("highway", "footway")
    return DEFAULT_WIDTH_M.get(kind, DEFAULT_WIDTH_M["footway"])


def street_features(osm: OsmMap, site: str, bbox: BBox, frame: Frame) -> list[GeoFeature]:
    """Give the street collection: carriageways by name, and every way on foot in the open, in one connected net.

    Ways on foot name the carriageways they follow or cross in ``s4a:along``.
    """
    roads = _carriageways(osm, bbox)
    walks = _largest_net(_walkways(osm, bbox))
    beside = _Beside(roads, frame)
    features = [
        make_feature(
            site,
            "s4a:street",
            slug,
            MultiLineString([line for line, _ in parts]) if len(parts) > 1 else parts[0][0],
            name={"fi": name} if name else None,
            s4a_width_m=round(max(width for _, width in parts), 2),
            s4a_carriageway=True,
        )
        for (slug, name), parts in sorted(roads.items())
    ]
    for way, line in walks:
        features.append(
            make_feature(
                site,
                "s4a:street",
                f"walk-{way.id}",
                line,
                name={"fi": way.tags["name"]} if "name" in way.tags else None,
                s4a_width_m=width_of(way.tags),
                s4a_walkable=True,
                s4a_along=beside.of(line),
                s4a_osm=f"way/{way.id}",
            )
        )
    for feature in features:
        feature["properties"].setdefault("s4a:walkable", False)
    return features


Roads = dict[tuple[str, str], list[tuple[LineString, float]]]


def _carriageways(osm: OsmMap, bbox: BBox) -> Roads:
    """Parts of each named carriageway; an unnamed one stands alone under its number."""
    roads: Roads = defaultdict(list)
    for way in osm.ways:
        if way.kind != "carriageway" or level_of(way.tags) < 0 or way.is_area or "tunnel" in way.tags:
            continue
        name = way.tags.get("name", "")
        key = (slugify(name), name) if name else (f"road-{way.id}", "")
        roads[key] += [(line, width_of(way.tags)) for line in _clipped(way, bbox)]
    return {key: parts for key, parts in roads.items() if parts}


def _walkways(osm: OsmMap, bbox: BBox) -> list[tuple[OsmWay, LineString]]:
    found = []
    for way in sorted(osm.ways, key=lambda each: each.id):
        on_foot = way.kind in ("footway", "steps", "square") or (
            way.kind == "platform" and way.tags.get("highway") == "platform"
        )
        hidden = level_of(way.tags) != 0 or _covered(way.tags)
        if on_foot and not hidden and way.tags.get("foot") != "no" and way.tags.get("access") != "private":
            lines = _clipped(way, bbox)
            if len(lines) == 1 or not way.closed:
                found += [(way, line) for line in lines[:1]]
            else:
                found.append((way, max(lines, key=lambda line: line.length)))
    return found


def _covered(tags: Mapping[str, str]) -> bool:
    """Whether a way is inside something; an arcade through a building at street level is not."""
    tunnel = tags.get("tunnel", "no") not in ("no", "building_passage")
    return tunnel or tags.get("indoor", "no") != "no"


def _clipped(way: OsmWay, bbox: BBox) -> list[LineString]:
    cut = shapely.intersection(LineString(way.lonlat), shapely.box(*bbox))
    merged = shapely.line_merge(cut) if cut.geom_type == "MultiLineString" else cut
    return [each for each in shapely.get_parts(merged) if each.geom_type == "LineString" and each.length > 0]


def _largest_net(walks: Sequence[tuple[OsmWay, LineString]]) -> list[tuple[OsmWay, LineString]]:
    """Keep the largest set of ways that hang together by shared nodes."""
    parent = list(range(len(walks)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[tuple[float, float], int] = {}
    for index, (_, line) in enumerate(walks):
        for lon, lat in line.coords:
            other = first.setdefault((round(lon, 7), round(lat, 7)), index)
            parent[max(root(index), root(other))] = min(root(index), root(other))
    sizes: dict[int, float] = defaultdict(float)
    for index, (_, line) in enumerate(walks):
        sizes[root(index)] += line.length
    best = max(sizes, key=lambda each: sizes[each], default=0)
    return [walk for index, walk in enumerate(walks) if root(index) == best]


class _Beside:
    """Says which named carriageways a line follows or crosses."""

    def __init__(self, roads: Roads, frame: Frame) -> None:
        self.frame = frame
        named = [(slug, parts) for (slug, name), parts in sorted(roads.items()) if name]
        self.slugs = [slug for slug, _ in named]
        self.lines = [self._local(MultiLineString([line for line, _ in parts])) for _, parts in named]
        self.areas = [
            line.buffer(max(width for _, width in parts) / 2 + _BESIDE_M)
            for line, (_, parts) in zip(self.lines, named, strict=True)
        ]

    def _local(self, line: BaseGeometry) -> BaseGeometry:
        return shapely.transform(line, self.frame.ring_to_local)

    def of(self, line: LineString) -> list[str]:
        local = self._local(line)
        found = []
        for slug, road, area in zip(self.slugs, self.lines, self.areas, strict=True):
            follows = local.intersects(area) and local.intersection(area).length > 0.6 * local.length
            if follows or local.crosses(road):
                found.append(slug)
        return found


_SURFACES = {"park": "park", "water": "water", "square": "square", "platform": "platform"}
_TRACKS = {"rail": "rail", "tram": "tram"}


def background_features(osm: OsmMap, site: str, bbox: BBox) -> list[GeoFeature]:
    """Give what is only drawn: land, water, parks, squares, tracks, platforms, buildings; cut to the box."""
    box = shapely.box(*bbox)
    features = [_drawn(site, "land", "land", box, {})]
    for kind in ("water", "park", "square", "platform"):
        for area in osm.areas:
            if area.kind == kind and level_of(area.tags) == 0:
                features += _area_features(site, _SURFACES[kind], area, box)
    for way in osm.ways:
        if level_of(way.tags) == 0 and (way.kind in _TRACKS or (way.kind == "platform" and not way.is_area)):
            kind = _TRACKS.get(way.kind, "platform")
            shape = Polygon(way.lonlat) if way.kind == "platform" and way.closed else LineString(way.lonlat)
            features += _parts(site, kind, f"{kind}-{way.id}", shape, box, way.tags)
    for area in osm.areas:
        if area.kind == "building" and area.tags.get("building") not in ("roof", "entrance"):
            features += _area_features(site, "building", area, box)
    return features


def _area_features(site: str, kind: str, area: OsmArea, box: Polygon) -> list[GeoFeature]:
    features: list[GeoFeature] = []
    for number, ring in enumerate(area.outer):
        outer = Polygon(ring)
        holes = [hole for hole in area.inner if outer.contains(Polygon(hole).representative_point())]
        shape = Polygon(ring, holes)
        suffix = f"-{number}" if number else ""
        features += _parts(site, kind, f"{kind}-{area.id}{suffix}", shape, box, area.tags)
    return features


def _parts(
    site: str, kind: str, slug: str, shape: BaseGeometry, box: Polygon, tags: Mapping[str, str]
) -> Iterable[GeoFeature]:
    whole = shapely.make_valid(shape)
    cut = shapely.intersection(whole, box)
    dimension = 2 if shape.geom_type == "Polygon" else 1
    for number, part in enumerate(shapely.get_parts(cut)):
        if shapely.get_dimensions(part) == dimension and part.length > 0:
            yield _drawn(site, kind, f"{slug}-{number}" if number else slug, part, tags)


def _drawn(site: str, kind: str, slug: str, shape: BaseGeometry, tags: Mapping[str, str]) -> GeoFeature:
    name = {"fi": tags["name"]} if "name" in tags else None
    return make_feature(site, "s4a:background", slug, shape, name=name, s4a_kind=kind)
