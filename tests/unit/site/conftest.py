"""A tiny site that tests write and break, and the demo site as committed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from s4allcities.site import Frame, Site, WalkGraph, build_graph, load_site
from s4allcities.site.writer import GeoFeature, make_feature, write_folder

ROOT = Path(__file__).parents[3]
HELSINKI = ROOT / "sites" / "helsinki-station"
FRAME = Frame(10.0, 50.0)

Break = Callable[[str, str, Callable[[dict[str, Any]], None]], Path]


def tiny(kind: str, slug: str, shape: BaseGeometry, **properties: Any) -> GeoFeature:
    """A feature of the tiny site, drawn in metres."""
    import shapely

    return make_feature("tiny", kind, slug, shapely.transform(shape, FRAME.ring_to_lonlat), **properties)


def rectangle(west: float, south: float, east: float, north: float) -> Polygon:
    return Polygon([(west, south), (east, south), (east, north), (west, north)])


def tiny_collections() -> dict[str, list[GeoFeature]]:
    """Hall 30 x 20 m on level 0 with an exit, a store behind it, a cellar below, a street in front."""
    ground, cellar = "level-0", "level-minus-1"
    return {
        "venue": [tiny("venue", "venue", rectangle(-5, -5, 45, 25), category="stadium", name={"en": "Tiny"})],
        "level": [
            tiny("level", ground, rectangle(0, 0, 40, 20), ordinal=0, name={"en": "Ground"}),
            tiny("level", cellar, rectangle(0, 0, 30, 20), ordinal=-1, name={"en": "Cellar"}),
        ],
        "unit": [
            tiny(
                "unit",
                "hall",
                rectangle(0, 0, 30, 20),
                category="lobby",
                level_id=ground,
                name={"en": "Hall"},
            ),
            tiny("unit", "store", rectangle(30, 0, 40, 20), category="storage", level_id=ground),
            tiny("unit", "cellar", rectangle(0, 0, 30, 20), category="room", level_id=cellar),
        ],
        "opening": [
            tiny(
                "opening",
                "hall-store",
                LineString([(30, 9), (30, 11)]),
                category="pedestrian",
                level_id=ground,
                s4a_connects=["hall", "store"],
                s4a_width_m=2.0,
            ),
            tiny(
                "opening",
                "exit-a",
                LineString([(13, 0), (17, 0)]),
                category="pedestrian",
                level_id=ground,
                s4a_connects=["hall", "front"],
                s4a_width_m=4.0,
                s4a_exit="A",
                s4a_door_actuator="door-1",
            ),
        ],
        "relationship": [
            tiny(
                "relationship",
                "cellar-stairs",
                LineString([(5, 5), (5, 11)]),
                category="stairs",
                s4a_connects=["cellar", "hall"],
                s4a_width_m=1.5,
                s4a_stair={"riser_m": 0.17, "tread_m": 0.29, "rise_m": 3.4},
            )
        ],
        "s4a:street": [
            tiny(
                "s4a:street", "front", LineString([(-40, -6), (80, -6)]), s4a_width_m=4.0, s4a_walkable=True
            ),
        ],
        "s4a:assembly": [tiny("s4a:assembly", "assembly-east", Point(78, -8), s4a_capacity=500)],
        "s4a:sensor": [
            tiny(
                "s4a:sensor",
                "door-1",
                Point(15, 0.2),
                level_id=ground,
                s4a_family="door",
                s4a_letter="D",
                s4a_quantities=[{"name": "open"}],
                s4a_unit="hall",
                s4a_covers=["exit-a"],
            )
        ],
    }


MANIFEST: dict[str, Any] = {
    "version": "1.0.0",
    "created": "2026-01-01T00:00:00Z",
    "language": "en",
    "s4a:site": {"slug": "tiny", "anchor": [10.0, 50.0]},
}


@pytest.fixture
def tiny_site(tmp_path: Path) -> Path:
    write_folder(tmp_path / "tiny", MANIFEST, tiny_collections())
    return tmp_path / "tiny"


@pytest.fixture
def broken(tiny_site: Path) -> Break:
    """Change one feature of the tiny site in place: (file stem, slug, what to do with it)."""

    def change(stem: str, slug: str, how: Callable[[dict[str, Any]], None]) -> Path:
        file = tiny_site / f"{stem}.geojson"
        collection = json.loads(file.read_text())
        (feature,) = (each for each in collection["features"] if each["properties"]["s4a:slug"] == slug)
        how(feature)
        file.write_text(json.dumps(collection))
        return tiny_site

    return change


@pytest.fixture(scope="session")
def helsinki() -> Site:
    return load_site(HELSINKI)


@pytest.fixture(scope="session")
def helsinki_graph(helsinki: Site) -> WalkGraph:
    return build_graph(helsinki)
