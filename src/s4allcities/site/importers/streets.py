"""From OpenStreetMap ways to the streets and the background of a site.

Widths are mapped on few ways, so the defaults below stand in; they are working figures for planning, taken from
common Nordic street design, not from measurements.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from zlib import crc32

import shapely
from shapely.geometry import LineString, MultiLineString, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

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
_KERB_SHARE = 0.8
"""Share of a carriageway's width that surely is no pavement: mapped lines are a little off."""
_BETWEEN_M = 16.0
"""Ground between lanes of one street counts as the street's if it is narrower than twice this."""
_SHORTEST_DEG = 5e-6
"""Pieces of a way shorter than about half a metre are not cut off."""


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

    Ways on foot are cut at the kerbs; a piece on a carriageway, or between its lanes, names it in ``s4a:along``.
    """
    roads = _carriageways(osm, bbox)
    walks = _largest_net(_walkways(osm, bbox))
    corridors = _Corridors(roads, frame)
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
    for way, whole in walks:
        for number, (line, along) in enumerate(corridors.split(whole)):
            features.append(
                make_feature(
                    site,
                    "s4a:street",
                    f"walk-{way.id}-{number}" if number else f"walk-{way.id}",
                    line,
                    name={"fi": way.tags["name"]} if "name" in way.tags else None,
                    s4a_width_m=width_of(way.tags),
                    s4a_walkable=True,
                    s4a_along=along,
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


class _Corridors:
    """The ground that each named carriageway takes: its lanes and what lies between them (tram stops, islands)."""

    def __init__(self, roads: Roads, frame: Frame) -> None:
        self.slugs: list[str] = []
        self.areas: list[BaseGeometry] = []
        for (slug, name), parts in sorted(roads.items()):
            if name:
                self.slugs.append(slug)
                self.areas.append(shapely.transform(_corridor(parts, frame), frame.ring_to_lonlat))

    def split(self, line: LineString) -> list[tuple[LineString, list[str]]]:
        """Cut a way where it enters or leaves a carriageway; give each piece and the carriageways it is on."""
        cuts = {0.0, line.length}
        for area in self.areas:
            crossings = shapely.get_parts(shapely.intersection(line, area.boundary))
            cuts.update(float(line.project(each.centroid)) for each in crossings if not each.is_empty)
        ends = [0.0]
        for cut in sorted(cuts):
            if cut - ends[-1] > _SHORTEST_DEG:
                ends.append(cut)
        ends[-1] = line.length
        pieces = [substring(line, *pair) for pair in pairwise(ends)] if len(ends) > 1 else [line]
        return [(piece, self._on(piece)) for piece in pieces]

    def _on(self, piece: LineString) -> list[str]:
        middle = piece.interpolate(0.5, normalized=True)
        return [slug for slug, area in zip(self.slugs, self.areas, strict=True) if area.contains(middle)]


def _corridor(parts: Sequence[tuple[LineString, float]], frame: Frame) -> BaseGeometry:
    lines = [(shapely.transform(line, frame.ring_to_local), width_m) for line, width_m in parts]
    lanes = shapely.union_all([line.buffer(_KERB_SHARE * width_m / 2) for line, width_m in lines])
    return lanes.buffer(_BETWEEN_M).buffer(-_BETWEEN_M)


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
