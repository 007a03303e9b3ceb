"""`s4 plan`: the document, what it refuses, and pictures."""

import json
from pathlib import Path
from typing import Any

import pytest

from s4allcities.cli import make_app

SITE = Path(__file__).parents[3] / "sites" / "helsinki-station"


def run(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run `s4 plan`: exit code, stdout, stderr."""
    code = make_app()(["plan", *map(str, arguments)], result_action="return_value")
    out, err = capsys.readouterr()
    return int(code), out, err


def document(*arguments: object, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code, out, err = run(SITE, *arguments, "--json", capsys=capsys)
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_the_document_says_who_goes_where_and_why_no_plan_is_quicker(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    counts = write(
        tmp_path / "people.json", {"main-hall": 400, "metro-platform": 350, "moon": 3, "kitchen": -1}
    )
    plot = tmp_path / "plan.svg"
    found = document("--occupancy", counts, "--closed", "V,exit-j", "--plot", plot, capsys=capsys)
    assert found["clearance_s"]["p50"] <= found["clearance_s"]["p95"]
    assert found["certificate"]["proven"]
    assert found["certificate"]["at_most"] < found["certificate"]["people"]
    assert found["bottleneck"]
    assert not {"exit-v", "exit-j"} & {route["exit"] for route in found["routes"]}
    assert sum(route["people"] for route in found["routes"]) == found["people"]
    assert {each["exit"]: each["state"] for each in found["exits"]}["exit-v"] == "unusable"
    assert [each["response"] for each in found["alternatives"]] == [
        "evacuate",
        "invacuate",
        "lockdown",
        "hold",
    ]
    assert any(each["change"] == "open exit-v" and each["saves_s"] >= 0 for each in found["what_if"])
    assert set(found["give_out"]["texts"]) == {"en", "el", "es", "eu", "cs"}
    assert len(found["give_out"]["plan"]["sentences"]) <= 6
    assert any("moon" in note for note in found["notes"])
    assert any("kitchen" in note for note in found["notes"])
    assert found["unreachable_zones"] == []
    assert "<polyline" in plot.read_text()


def test_the_same_counts_in_another_order_give_the_same_plan(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    people = {"main-hall": 300, "ticket-hall": 90, "east-passage": 60}
    first = write(tmp_path / "a.json", people)
    rows = "".join(f"{zone},{count}\n" for zone, count in reversed(people.items()))
    second = write(tmp_path / "b.csv", f"zone,people\n{rows}")
    plans = [
        document("--occupancy", file, "--closed", closed, capsys=capsys)
        for file, closed in ((first, "J,K"), (second, "K,J"))
    ]
    for plan in plans:
        plan.pop("compute_ms")
    assert plans[0] == plans[1]


def test_a_hazard_is_kept_out_of_and_a_device_has_cordons(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from shapely.geometry import LineString, Polygon, mapping, shape

    from s4allcities.site import load_site

    site = load_site(SITE)
    hall = site.zone("main-hall")
    ring = site.frame.ring_to_lonlat(
        [(hall.x_m + dx, hall.y_m + dy) for dx, dy in ((-6, -6), (6, -6), (6, 6), (-6, 6))]
    )
    area = mapping(Polygon(ring))
    fire = {"type": "Feature", "geometry": area, "properties": {"level": 0, "severity": 0.9}}
    hazard = write(tmp_path / "fire.geojson", {"type": "FeatureCollection", "features": [fire]})
    found = document("--hazard", hazard, capsys=capsys)
    for route in found["routes"]:
        if set(route["levels"]) == {0}:
            assert not LineString(route["path"]).intersects(shape(area)), route["from_zone"]
    evacuate, _, lockdown, hold = found["alternatives"]
    assert evacuate["exposure_person_s"] < hold["exposure_person_s"]
    assert lockdown["exposure_person_s"] == hold["exposure_person_s"]
    bag = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": list(ring[0])},
        "properties": {"device": "briefcase"},
    }
    cordon = write(tmp_path / "bag.geojson", bag)
    found = document("--hazard", cordon, capsys=capsys)
    assert found["people"] > 0
    assert {"unusable"} <= {each["state"] for each in found["exits"]}


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--occupancy", "[1, 2]", "allowed is an object of counts by zone"),
        ("--occupancy", "{", "no JSON"),
        ("--hazard", "{}", "allowed is a GeoJSON"),
        ("--hazard", {"type": "FeatureCollection", "features": [{"type": "Feature"}]}, "feature 0: has no geometry"),
        ("--hazard", {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[25, 60], [25.1, 60],
         [25.1, 60.1], [25, 60]]]}, "properties": {"severity": 7}}, "severity is 7; allowed are 0 to 1"),
        ("--hazard", {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[25, 60], [25.1, 60],
         [25.1, 60.1], [25, 60]]]}, "properties": {"from_s": 60, "until_s": 20}}, "not after its start"),
        ("--hazard", {"type": "Feature", "geometry": {"type": "Point", "coordinates": [25, 60]},
         "properties": {"device": "balloon"}}, "allowed are pipe-bomb"),
    ],
)  # fmt: skip
def test_bad_files_are_one_clear_line(
    option: str, content: object, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = write(tmp_path / "input.json", content)
    code, out, err = run(SITE, option, file, "--json", capsys=capsys)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--closed", "A,moon"], "exits are A (exit-a)"),
        (["--plot", "plan.doc"], "allowed are files that end in .svg or .png"),
        (["--language", "la"], "allowed are en, el, es, eu, cs"),
    ],
)
def test_wrong_use_is_one_clear_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(SITE, *arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert said in err


def test_people_can_read_it_and_a_picture_is_drawn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plot = tmp_path / "plan.png"
    code, out, _ = run(SITE, "--language", "es", "--plot", plot, capsys=capsys)
    assert code == 0
    assert "no plan is quicker" in out
    assert "salgan por" in out
    assert plot.read_bytes().startswith(b"\x89PNG")
