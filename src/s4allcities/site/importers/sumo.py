"""A site folder from a SUMO network (.net.xml, .net.xml.gz): streets, crossroads as squares, places at the edge.

In an emergency people walk on the carriageway, so every street counts as walkable unless the network keeps walkers off
it. Crossroads become outdoor zones that stand for the people of the streets round them; ends of streets at the edge of
the network become assembly points. Both are marked synthetic. Needs the package ``pyproj`` (extra ``geo``).
"""

import gzip
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import shapely
from msgspec import Struct, field
from shapely.geometry import LineString, Point, Polygon

from ..errors import ImporterUnavailable, SiteError
from ..features import feature_id
from ..frame import Frame
from ..validate import validate_site
from ..writer import GeoFeature, make_feature, write_folder
from .draft import Draft
from .streets import LANE_M, slugify

__all__ = ("import_sumo",)

_LEAST_SQUARE_M2 = 40.0
_MOST_SQUARES = 80
_MOST_REFUGES = 10
_APART_M = 150.0
_PEOPLE_PER_M2 = 0.5
_REFUGE_PEOPLE = 5000
_LEVEL = "level-0"
XY = tuple[float, float]


class _Edge(Struct):
    id: str
    start: str
    end: str
    shape: list[XY]
    width_m: float
    walkable: bool
    name: str


class _Net(Struct):
    """Edges without the inner ones, crossroads with their outline, and how to come from net metres to degrees."""

    offset: XY = (0.0, 0.0)
    projection: str = ""
    edges: list[_Edge] = field(default_factory=list)
    nodes: dict[str, XY] = field(default_factory=dict)
    outlines: dict[str, list[XY]] = field(default_factory=dict)


def _points(text: str | None) -> list[XY]:
    pairs = [part.split(",") for part in (text or "").split()]
    return [(float(pair[0]), float(pair[1])) for pair in pairs]


def _read(path: Path) -> _Net:
    net = _Net()
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for _, element in ElementTree.iterparse(file):
                _take(net, element)
                if element.tag in ("edge", "junction", "connection", "tlLogic"):
                    element.clear()
    except (OSError, ElementTree.ParseError, ValueError, IndexError, KeyError) as fault:
        raise SiteError(f"{path}: cannot be read as a SUMO network: {fault}") from None
    if not net.edges or net.projection in ("", "!", "-"):
        raise SiteError(f"{path}: allowed is a SUMO network with edges and a projection in its location")
    return net


def _take(net: _Net, element: ElementTree.Element) -> None:
    if element.tag == "location":
        (net.offset,) = _points(element.attrib["netOffset"])
        net.projection = element.attrib["projParameter"]
    elif element.tag == "junction" and element.get("type") != "internal":
        net.nodes[element.attrib["id"]] = (float(element.attrib["x"]), float(element.attrib["y"]))
        net.outlines[element.attrib["id"]] = _points(element.get("shape"))
    elif element.tag == "edge" and element.get("function", "normal") == "normal":
        lanes = element.findall("lane")
        net.edges.append(
            _Edge(
                id=element.attrib["id"],
                start=element.attrib["from"],
                end=element.attrib["to"],
                shape=_points(element.get("shape")) or (_points(lanes[0].get("shape")) if lanes else []),
                width_m=sum(float(lane.get("width", LANE_M)) for lane in lanes) or LANE_M,
                walkable=any(_walks(lane) for lane in lanes),
                name=element.get("name", ""),
            )
        )


def _walks(lane: ElementTree.Element) -> bool:
    allow, disallow = lane.get("allow"), lane.get("disallow", "")
    if allow is not None:
        return bool({"all", "pedestrian", "bus", "bicycle"} & set(allow.split()))
    return "all" not in disallow.split()


def import_sumo(network: str | Path, folder: str | Path, slug: str) -> Draft:
    """Write a site that can be planned on at once.

    :raises ImporterUnavailable: pyproj is not installed.
    :raises SiteError: the network cannot be read, nobody can walk in it, or the folder already holds a site.
    """
    try:
        from pyproj import Transformer
    except ImportError:
        raise ImporterUnavailable("import-sumo needs pyproj: install s4allcities[geo]") from None
    target = Path(folder)
    if (target / "manifest.json").exists():
        raise SiteError(f"{target}: there is a site already; allowed is a new or empty folder")
    if slugify(slug) != slug:
        raise SiteError(f"site name {slug!r}: allowed are small letters, digits and hyphens")
    net = _read(Path(network))
    change = Transformer.from_crs(net.projection, "EPSG:4326", always_xy=True)

    def degrees(points: list[XY]) -> list[XY]:
        return [change.transform(x - net.offset[0], y - net.offset[1]) for x, y in points]

    streets = _streets(net)
    if not streets:
        raise SiteError(f"{network}: nobody can walk in it; allowed is a network with streets for walkers")
    collections = _collections(slug, net, streets, degrees)
    west, south, east, north = shapely.MultiPoint(degrees(list(net.nodes.values()))).bounds
    frame = Frame(round((west + east) / 2, 6), round((south + north) / 2, 6))
    files = write_folder(target, _manifest(slug, frame, Path(network).name), collections)
    return Draft(
        folder=str(target),
        files=tuple(file.name for file in files),
        counts={name: len(features) for name, features in collections.items()},
        dropped=len(net.edges) - len(streets),
        problems=tuple(validate_site(target)),
    )


def _streets(net: _Net) -> list[_Edge]:
    """One street for both directions, in the largest net that hangs together."""
    found: dict[tuple[str, ...], _Edge] = {}
    for edge in sorted((each for each in net.edges if each.walkable), key=lambda each: each.id):
        known = found.setdefault(tuple(sorted((edge.start, edge.end))), edge)
        if known is not edge:
            known.width_m += edge.width_m
    beside: dict[str, set[str]] = defaultdict(set)
    for edge in found.values():
        beside[edge.start].add(edge.end)
        beside[edge.end].add(edge.start)
    best: set[str] = set()
    left = set(beside)
    while left:
        part, queue = set[str](), [min(left)]
        while queue:
            node = queue.pop()
            if node not in part:
                part.add(node)
                queue += beside[node] - part
        left -= part
        best = max(best, part, key=len)
    return [edge for edge in found.values() if edge.start in best and edge.start != edge.end]


def _collections(slug: str, net: _Net, streets: list[_Edge], degrees: Any) -> dict[str, list[GeoFeature]]:
    outline = shapely.box(*shapely.MultiPoint(degrees(list(net.nodes.values()))).bounds).buffer(
        2e-4, join_style=2
    )
    level = feature_id(slug, f"level/{_LEVEL}")
    named = {"en": slug}
    return {
        "venue": [make_feature(slug, "venue", "venue", outline, category="unspecified", name=named)],
        "level": [
            make_feature(
                slug, "level", _LEVEL, outline, category="unspecified", name={"en": "Street level"},
                short_name={"en": "0"}, ordinal=0,
            )
        ],
        "unit": list(_squares(slug, net, streets, degrees, level)),
        "s4a:street": [_street(slug, net, edge, degrees) for edge in streets],
        "s4a:assembly": list(_refuges(slug, net, streets, degrees)),
    }  # fmt: skip


def _street(slug: str, net: _Net, edge: _Edge, degrees: Any) -> GeoFeature:
    ends = net.nodes[edge.start], net.nodes[edge.end]
    inner = edge.shape[1:-1] if len(edge.shape) > 2 else []
    return make_feature(
        slug, "s4a:street", f"street-{slugify(edge.id)}"[:64].strip("-"),
        LineString(degrees([ends[0], *inner, ends[1]])),
        name={"en": edge.name} if edge.name else None, s4a_width_m=min(max(round(edge.width_m, 2), 0.5), 120.0),
        s4a_walkable=True, s4a_carriageway=True,
    )  # fmt: skip


def _squares(slug: str, net: _Net, streets: list[_Edge], degrees: Any, level: str) -> Iterator[GeoFeature]:
    ground: dict[str, float] = defaultdict(float)
    for edge in streets:
        length = LineString([net.nodes[edge.start], *edge.shape, net.nodes[edge.end]]).length
        for end in (edge.start, edge.end):
            ground[end] += length * edge.width_m / 2
    shapes: list[tuple[float, str, Polygon]] = []
    for node in ground:
        if len(net.outlines[node]) >= 3:
            shape = (
                Polygon(net.outlines[node]).convex_hull.union(Point(net.nodes[node]).buffer(3.0)).convex_hull
            )
            if shape.area >= _LEAST_SQUARE_M2:
                shapes.append((-ground[node], node, shape))
    taken: list[Polygon] = []
    for place, (_, node, shape) in enumerate(sorted(shapes, key=lambda each: each[:2])):
        if len(taken) == _MOST_SQUARES:
            break
        if all(shape.intersection(other).area < 1.0 for other in taken):
            taken.append(shape)
            yield make_feature(
                slug, "unit", f"crossroads-{place}-{slugify(node)}"[:64].strip("-"),
                Polygon(degrees(list(shape.exterior.coords))), category="outdoors",
                name={"en": f"Crossroads {node}"}, level_id=level, s4a_outdoor=True,
                s4a_capacity=int(ground[node] * _PEOPLE_PER_M2), s4a_synthetic=True,
            )  # fmt: skip


def _refuges(slug: str, net: _Net, streets: list[_Edge], degrees: Any) -> Iterator[GeoFeature]:
    """Ends of streets far out, well apart; where a network has none, its outermost crossroads."""
    count: dict[str, int] = defaultdict(int)
    for edge in streets:
        count[edge.start] += 1
        count[edge.end] += 1
    middle = shapely.MultiPoint([net.nodes[node] for node in count]).centroid
    order = sorted(count, key=lambda node: (count[node] > 1, -middle.distance(Point(net.nodes[node])), node))
    chosen: list[str] = []
    for node in order:
        away = [Point(net.nodes[node]).distance(Point(net.nodes[other])) for other in chosen]
        if len(chosen) < _MOST_REFUGES and min(away, default=_APART_M) >= _APART_M:
            chosen.append(node)
            yield make_feature(
                slug, "s4a:assembly", f"edge-{len(chosen)}", Point(degrees([net.nodes[node]])[0]),
                name={"en": f"Edge {len(chosen)}"}, s4a_capacity=_REFUGE_PEOPLE, s4a_synthetic=True,
            )  # fmt: skip


def _manifest(slug: str, frame: Frame, source: str) -> dict[str, Any]:
    return {
        "version": "1.0.0",
        "created": "1970-01-01T00:00:00Z",  # the same network gives the same files
        "language": "en",
        "generated_by": "s4 site import-sumo",
        "extensions": ["imdf:extension:s4allcities:site#1.0.0"],
        "s4a:site": {
            "slug": slug,
            "anchor": [frame.lon, frame.lat],
            "synthetic_note": "Crossroads stand for the people of the streets round them; assembly points at the edge",
            "source": source,
        },
    }
