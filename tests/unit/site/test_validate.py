"""The validator says which file, which feature, what is wrong and what is allowed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s4allcities.site import SiteError, load_site, validate_site

from .conftest import HELSINKI, Break

Feature = dict[str, Any]


def put(key: str, value: object) -> Callable[[Feature], None]:
    def change(feature: Feature) -> None:
        feature["properties"][key] = value

    return change


def drop(key: str) -> Callable[[Feature], None]:
    def change(feature: Feature) -> None:
        del feature["properties"][key]

    return change


def shift(east_deg: float) -> Callable[[Feature], None]:
    def moved(value: Any) -> Any:
        if isinstance(value[0], float | int):
            return [value[0] + east_deg, value[1]]
        return [moved(each) for each in value]

    def change(feature: Feature) -> None:
        feature["geometry"]["coordinates"] = moved(feature["geometry"]["coordinates"])

    return change


def open_ring(feature: Feature) -> None:
    feature["geometry"]["coordinates"][0].pop()


def cross_ring(feature: Feature) -> None:
    ring = feature["geometry"]["coordinates"][0]
    ring[1], ring[2] = ring[2], ring[1]


def bad_position(feature: Feature) -> None:
    feature["geometry"]["coordinates"][0] = ["east", 50.0]


def messages(folder: Path) -> list[str]:
    return [str(problem) for problem in validate_site(folder)]


def test_the_tiny_site_is_good(tiny_site: Path) -> None:
    assert messages(tiny_site) == []


def test_the_demo_site_is_good() -> None:
    assert messages(HELSINKI) == []


GOLDEN = [
    (
        ("unit", "hall", open_ring),
        "unit.geojson: 'hall': a ring is not closed; the first and the last position must be equal",
    ),
    (
        ("unit", "hall", put("category", 7)),
        "unit.geojson: 'hall': category: expected str, got int",
    ),
    (
        ("unit", "store", put("level_id", "level-9")),
        "unit.geojson: 'store': level_id 'level-9' is unknown; allowed: level-0, level-minus-1 (or their ids)",
    ),
    (
        ("unit", "store", put("s4a:slug", "hall")),
        "unit.geojson: 'hall': slug is used twice; first in unit.geojson; every slug is unique",
    ),
    (
        ("opening", "exit-a", put("s4a:width_m", 0.2)),
        "opening.geojson: 'exit-a': s4a:width_m: expected float >= 0.5",
    ),
    (
        ("opening", "exit-a", drop("s4a:connects")),
        "opening.geojson: 'exit-a': missing required field s4a:connects",
    ),
    (
        ("opening", "exit-a", put("s4a:connects", ["hall", "nowhere"])),
        (
            "opening.geojson: 'exit-a': connects 'nowhere', which is neither unit nor street; "
            "allowed: cellar, hall, store"
        ),
    ),
    (
        ("opening", "exit-a", put("s4a:connects", ["hall", "store"])),
        "opening.geojson: 'exit-a': is an exit into 'store', which is indoors; a street or an outdoor unit",
    ),
    (
        ("opening", "exit-a", put("s4a:door_actuator", "door-9")),
        "opening.geojson: 'exit-a': s4a:door_actuator 'door-9' is no door sensor; allowed: door-1",
    ),
    (
        ("opening", "exit-a", bad_position),
        "opening.geojson: 'exit-a': position ['east', 50.0] is not two numbers; [longitude, latitude] in degrees",
    ),
    (
        ("opening", "hall-store", shift(0.0001)),
        "opening.geojson: 'hall-store': is 7.2 m from unit 'hall', which it connects; at most 1.6 m",
    ),
    (
        ("opening", "exit-a", shift(0.01)),
        "opening.geojson: 'exit-a': is 702.0 m from unit 'hall', which it connects; at most 1.6 m",
    ),
    (
        ("relationship", "cellar-stairs", put("s4a:connects", ["hall", "cellar"])),
        (
            "relationship.geojson: 'cellar-stairs': goes from level 0 to level -1; "
            "the lower unit comes first in s4a:connects"
        ),
    ),
    (
        ("s4a-street", "front", put("s4a:along", ["high-street"])),
        "street.geojson: 'front': runs along 'high-street', which is no street; allowed: front",
    ),
    (
        ("s4a-street", "front", put("s4a:walkable", "yes")),
        "street.geojson: 'front': s4a:walkable: expected bool, got str",
    ),
    (
        ("sensor", "door-1", put("s4a:letter", "S")),
        "sensor.geojson: 'door-1': letter 'S' of a door sensor; is 'D'",
    ),
    (
        ("sensor", "door-1", put("s4a:unit", "attic")),
        "sensor.geojson: 'door-1': stands in 'attic', which is no unit; allowed: cellar, hall, store",
    ),
    (
        ("sensor", "door-1", shift(-0.0005)),
        "sensor.geojson: 'door-1': is 21 m outside its unit 'hall'; at most 3 m",
    ),
    (
        ("assembly", "assembly-east", shift(0.1)),
        "assembly.geojson: 'assembly-east': is 7203 m outside the venue; at most 1500 m",
    ),
]


@pytest.mark.parametrize(
    ("fault", "message"), GOLDEN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_fault_has_its_message(
    broken: Break, fault: tuple[str, str, Callable[[Feature], None]], message: str
) -> None:
    stem, slug, how = fault
    assert message in messages(broken(stem.removeprefix("s4a-"), slug, how))


def test_a_crossing_outline_is_named(broken: Break) -> None:
    (message,) = messages(broken("unit", "store", cross_ring))
    assert message.startswith("unit.geojson: 'store': polygon is not simple: Self-intersection")


def test_overlapping_rooms(broken: Break) -> None:
    found = messages(broken("unit", "store", shift(-0.00005)))
    assert "unit.geojson: 'hall': overlaps unit 'store' by 72 m2; at most 2 m2" in found


def test_a_room_without_a_way_out(tiny_site: Path) -> None:
    file = tiny_site / "opening.geojson"
    collection = json.loads(file.read_text())
    collection["features"] = [
        each for each in collection["features"] if each["properties"]["s4a:slug"] != "hall-store"
    ]
    file.write_text(json.dumps(collection))
    assert messages(tiny_site) == [
        "unit.geojson: 'store': from here nobody reaches an assembly point; join it by openings, stairs or streets"
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type": "FeatureCollection"}', "\x00\xff", "[" * 100_000])
def test_files_that_are_no_collections(tiny_site: Path, text: str) -> None:
    (tiny_site / "unit.geojson").write_text(text, encoding="latin-1")
    found = messages(tiny_site)
    assert found
    assert all(message.startswith("unit.geojson: ") for message in found)


@pytest.mark.parametrize("name", ["manifest.json", "venue.geojson", "street.geojson"])
def test_missing_files(tiny_site: Path, name: str) -> None:
    (tiny_site / name).unlink()
    assert f"{name}: the file is missing; every site has one" in messages(tiny_site)


def test_no_folder(tmp_path: Path) -> None:
    (message,) = messages(tmp_path / "nowhere")
    assert "no such folder; a site is a folder with manifest.json and *.geojson" in message


def test_loading_refuses_with_the_first_fault_and_a_count(broken: Break) -> None:
    broken("unit", "hall", open_ring)
    folder = broken("opening", "exit-a", drop("s4a:connects"))
    with pytest.raises(
        SiteError, match=r"opening\.geojson: 'exit-a': missing .* \(and 1 more: run `s4 site validate`\)"
    ):
        load_site(folder)
