"""Reading OpenStreetMap extracts (.osm.pbf, .osm, .osm.gz): what a site needs to know of a place.

Tolerant: ways with missing nodes keep those that are there, unknown tags are left alone, areas that do not close
are dropped and counted. Needs the package ``osmium`` (extra ``geo``).
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from ..errors import ImporterUnavailable, SiteError

__all__ = ("BBox", "OsmArea", "OsmKind", "OsmMap", "OsmPoint", "OsmWay", "classify", "level_of", "read_osm")

Tags = Mapping[str, str]
LonLat = tuple[float, float]
BBox = tuple[float, float, float, float]
"""west, south, east, north in degrees."""

OsmKind = Literal[
    "building", "carriageway", "elevator", "entrance", "footway", "park", "platform", "rail", "room", "square", "steps",
    "subway", "subway_entrance", "traffic_signals", "tram", "water",
]  # fmt: skip

_CARRIAGEWAYS = frozenset(
    {"motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential", "service"}
    | {"motorway_link", "trunk_link", "primary_link", "secondary_link", "tertiary_link"}
)
_WALKWAYS = frozenset({"footway", "pedestrian", "path", "cycleway", "living_street", "platform", "crossing"})
_HIGHWAY: dict[str, OsmKind] = {
    "steps": "steps",
    "elevator": "elevator",
    "traffic_signals": "traffic_signals",
}
_RAILWAY: dict[str, OsmKind] = {
    "rail": "rail",
    "tram": "tram",
    "subway": "subway",
    "platform": "platform",
    "subway_entrance": "subway_entrance",
}


class OsmPoint(Struct, frozen=True, kw_only=True):
    """A tagged node."""

    id: int
    kind: OsmKind
    lon: float
    lat: float
    tags: dict[str, str]


class OsmWay(Struct, frozen=True, kw_only=True):
    """A tagged way; ``closed`` ways may be areas as well."""

    id: int
    kind: OsmKind
    lonlat: tuple[LonLat, ...]
    tags: dict[str, str]

    @property
    def closed(self) -> bool:
        """Whether it ends where it starts."""
        return len(self.lonlat) > 3 and self.lonlat[0] == self.lonlat[-1]

    @property
    def is_area(self) -> bool:
        """Whether it stands for a surface."""
        return self.closed and (self.kind in _AREAS or self.tags.get("area") == "yes")


class OsmArea(Struct, frozen=True, kw_only=True):
    """A surface with its holes, from a closed way or a multipolygon relation."""

    id: int
    kind: OsmKind
    outer: tuple[tuple[LonLat, ...], ...]
    inner: tuple[tuple[LonLat, ...], ...]
    tags: dict[str, str]


class OsmMap(Struct, frozen=True, kw_only=True):
    """What was read inside the box, and how many ways or relations were broken and left out."""

    points: tuple[OsmPoint, ...]
    ways: tuple[OsmWay, ...]
    areas: tuple[OsmArea, ...]
    dropped: int = 0

    def way(self, way_id: int) -> OsmWay:
        """Give a way by its OSM number. :raises SiteError: it is not in the extract."""
        for each in self.ways:
            if each.id == way_id:
                return each
        raise SiteError(f"way {way_id} is not in the extract")


_AREAS: frozenset[str] = frozenset({"building", "park", "room", "water", "square"})
_ROOMS = frozenset({"area", "corridor", "room", "yes"})


def classify(tags: Tags) -> OsmKind | None:
    """What a tagged thing is to us, or None; a room is a part of a building that people walk in. Roads under the
    ground count as what they are: see ``level_of``.

    >>> classify({"highway": "steps", "layer": "-1"})
    'steps'
    """
    if tags.get("railway") in _RAILWAY:
        return _RAILWAY[tags["railway"]]
    if "entrance" in tags:
        return "entrance"
    if "building" in tags:
        return "building"
    highway = tags.get("highway")
    if tags.get("place") == "square" or (highway == "pedestrian" and _is_surface(tags)):
        return "square"
    if highway:
        return _highway(highway)
    if tags.get("indoor") in _ROOMS and not {"amenity", "shop"} & tags.keys():
        return "room"
    return _surface(tags)


def _is_surface(tags: Tags) -> bool:
    return tags.get("area") == "yes" or tags.get("type") == "multipolygon"


def _highway(highway: str) -> OsmKind | None:
    if highway in _HIGHWAY:
        return _HIGHWAY[highway]
    if highway in _WALKWAYS:
        return "footway"
    return "carriageway" if highway in _CARRIAGEWAYS else None


def _surface(tags: Tags) -> OsmKind | None:
    if tags.get("public_transport") == "platform":
        return "platform"
    if tags.get("natural") == "water" or "waterway" in tags:
        return "water"
    green = tags.get("leisure") in ("park", "garden") or tags.get("landuse") in ("grass", "forest")
    return "park" if green else None


def level_of(tags: Tags) -> int:
    """The storey of a thing: the first whole number of ``layer``, else of ``level``, else 0.

    ``layer`` comes first because it is set on nearly every tunnel, ``level`` only on a few and often relative to
    another building.

    >>> level_of({"layer": "-1"}), level_of({"level": "0;1"}), level_of({"level": "upper"})
    (-1, 0, 0)
    """
    for key in ("layer", "level"):
        if found := re.match(r"\s*(-?\d{1,3})", tags.get(key, "")):
            return int(found[1])
    return 0


def read_osm(path: str | Path, bbox: BBox | None = None) -> OsmMap:
    """Read an extract; with a box, only what has at least one node inside.

    :raises ImporterUnavailable: osmium is not installed.
    :raises SiteError: no such file, or no OpenStreetMap data.
    """
    file = Path(path)
    if not file.is_file():
        raise SiteError(f"{file}: no such file; allowed are .osm.pbf, .osm, .osm.gz, .osm.bz2")
    handler = _collector()
    try:
        handler.apply_file(_source(file), locations=True)
    except RuntimeError as fault:
        raise SiteError(f"{file}: not readable as OpenStreetMap data: {fault}") from None
    return _Reader(handler.points, handler.ways, handler.relations, bbox).read()


def _source(file: Path) -> Any:
    """The file itself, or its text with the XML encoding repaired: some tools write 'utf8' for 'UTF-8'."""
    with file.open("rb") as stream:
        head = stream.read(200)
    if not head.lstrip().startswith(b"<?xml") or not re.search(
        rb"encoding=['\"]utf8['\"]", head, re.IGNORECASE
    ):
        return str(file)
    import osmium

    text = re.sub(
        rb"encoding=['\"]utf8['\"]", b'encoding="UTF-8"', file.read_bytes(), count=1, flags=re.IGNORECASE
    )
    return osmium.io.FileBuffer(text, "osm")


def _collector() -> Any:
    try:
        import osmium
    except ImportError:
        raise ImporterUnavailable(
            "reading OpenStreetMap files needs the package osmium: pip install 's4allcities[geo]'"
        ) from None

    class Collector(osmium.SimpleHandler):
        """Copies what carries a tag we know; osmium's objects die with the call."""

        def __init__(self) -> None:
            super().__init__()
            self.points: list[OsmPoint] = []
            self.ways: dict[int, tuple[dict[str, str], tuple[LonLat, ...]]] = {}
            self.relations: list[tuple[int, dict[str, str], list[tuple[int, str]]]] = []

        def node(self, node: Any) -> None:
            tags = dict(node.tags)
            kind = classify(tags) if tags else None
            if kind and node.location.valid():
                place = node.location
                self.points.append(OsmPoint(id=node.id, kind=kind, lon=place.lon, lat=place.lat, tags=tags))

        def way(self, way: Any) -> None:
            places = tuple((each.lon, each.lat) for each in way.nodes if each.location.valid())
            self.ways[way.id] = (dict(way.tags), places)

        def relation(self, relation: Any) -> None:
            tags = dict(relation.tags)
            if tags.get("type") == "multipolygon":
                members = [(each.ref, each.role) for each in relation.members if each.type == "w"]
                self.relations.append((relation.id, tags, members))

    return Collector()


class _Reader:
    """Sorts the raw objects into points, ways and areas."""

    def __init__(
        self,
        points: list[OsmPoint],
        ways: dict[int, tuple[dict[str, str], tuple[LonLat, ...]]],
        relations: list[tuple[int, dict[str, str], list[tuple[int, str]]]],
        bbox: BBox | None,
    ) -> None:
        self.points, self.ways, self.relations, self.bbox = points, ways, relations, bbox
        self.dropped = 0

    def read(self) -> OsmMap:
        ways, areas = [], []
        for way_id, (tags, places) in self.ways.items():
            kind = classify(tags) if tags else None
            if kind is None or not self._inside(places):
                continue
            if len(places) < 2:
                self.dropped += 1
                continue
            way = OsmWay(id=way_id, kind=kind, lonlat=places, tags=tags)
            ways.append(way)
            if way.is_area:
                areas.append(OsmArea(id=way_id, kind=kind, outer=(places,), inner=(), tags=tags))
        areas += [area for relation in self.relations if (area := self._area(*relation))]
        return OsmMap(
            points=tuple(each for each in self.points if self._inside([(each.lon, each.lat)])),
            ways=tuple(ways),
            areas=tuple(areas),
            dropped=self.dropped,
        )

    def _inside(self, places: Iterable[LonLat]) -> bool:
        if self.bbox is None:
            return True
        west, south, east, north = self.bbox
        return any(west <= lon <= east and south <= lat <= north for lon, lat in places)

    def _area(self, number: int, tags: dict[str, str], members: list[tuple[int, str]]) -> OsmArea | None:
        kind = classify(tags)
        lines = {role: [] for role in ("outer", "inner")}  # type: dict[str, list[tuple[LonLat, ...]]]
        for way_id, role in members:
            if way_id in self.ways:
                lines["inner" if role == "inner" else "outer"].append(self.ways[way_id][1])
        if kind is None or not self._inside(place for line in lines["outer"] for place in line):
            return None
        outer = _rings(lines["outer"])
        if not outer:
            self.dropped += 1
            return None
        return OsmArea(id=number, kind=kind, outer=outer, inner=_rings(lines["inner"]), tags=tags)


def _rings(lines: Iterable[tuple[LonLat, ...]]) -> tuple[tuple[LonLat, ...], ...]:
    """Join lines end to end into closed rings; what does not close is left out."""
    open_lines = [list(line) for line in lines if len(line) > 1]
    rings = []
    while open_lines:
        ring = open_lines.pop(0)
        while ring[0] != ring[-1]:
            for index, line in enumerate(open_lines):
                if ring[-1] in (line[0], line[-1]):
                    part = line if line[0] == ring[-1] else line[::-1]
                    ring += part[1:]
                    del open_lines[index]
                    break
            else:
                break
        if ring[0] == ring[-1] and len(ring) > 3:
            rings.append(tuple(ring))
    return tuple(rings)
