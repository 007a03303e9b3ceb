"""Generated sites are valid at every corner of their parameters, at their place, the same each time, and synthetic."""

from pathlib import Path
from typing import Any

import pytest

from s4allcities.site import SiteError, build_graph, load_site, reachable, validate_site
from s4allcities.site.generate import KINDS, generate_site

PLACES = {
    "stadium": (13.3811, 49.7472),
    "festival": (-2.9219, 43.2602),
    "park": (21.7679, 39.5556),
    "municipal": (21.7679, 39.5556),
    "busline": (13.3881, 49.7433),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_site_is_valid_and_synthetic(kind: str, tmp_path: Path) -> None:
    done = generate_site(kind, tmp_path / "site")
    assert done.problems == ()
    assert validate_site(tmp_path / "site") == []
    site = load_site(tmp_path / "site")
    assert (site.frame.lon, site.frame.lat) == PLACES[kind]
    assert "synthetic" in site.slug
    assert "synthetic" in site.synthetic_note
    assert all(each.synthetic for each in site.zones)
    assert all(each.synthetic for each in site.openings)
    assert all(each.synthetic for each in site.links)
    assert all(each.synthetic for each in site.streets)
    assert all(each.synthetic for each in site.sensors)
    assert len(site.exits) >= 3
    assert {sensor.family for sensor in site.sensors} >= {"counter", "camera", "door", "sign"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_parameters_give_the_same_files(kind: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate_site(kind, tmp_path / name)
    files = sorted(each.name for each in (tmp_path / "one").iterdir())
    assert files == sorted(each.name for each in (tmp_path / "two").iterdir())
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_stadium_has_its_seats(tmp_path: Path) -> None:
    done = generate_site("stadium", tmp_path / "site")
    site = load_site(tmp_path / "site")
    assert done.people == 11_700
    assert sum(zone.capacity_people for zone in site.zones if zone.category == "auditorium") == 11_700
    graph = build_graph(site)
    assert reachable(graph, graph.nodes_of_zone("upper-13"))[graph.is_sink].all()


def test_the_festival_has_a_station_below_it(tmp_path: Path) -> None:
    generate_site("festival", tmp_path / "site")
    site = load_site(tmp_path / "site")
    assert site.zone("metro-platform").level == -2
    assert {link.kind for link in site.links} == {"stairs", "escalator"}


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("stadium", {"seats": 1_000, "sectors": 8, "gates": 2, "gate_width_m": 1.0}),
        ("stadium", {"seats": 60_000, "sectors": 40, "gates": 16, "gate_width_m": 8.0}),
        ("stadium", {"seats": 4_001, "sectors": 13, "gates": 13}),
        ("festival", {"people": 500, "gates": 3, "streets": 2, "metro_exits": 1, "gate_width_m": 1.0}),
        ("festival", {"people": 40_000, "gates": 16, "streets": 9, "metro_exits": 4, "gate_width_m": 10.0}),
        ("park", {"people": 100, "columns": 2, "rows": 2, "lawn_m": 15.0, "gates": 2}),
        ("park", {"people": 30_000, "columns": 6, "rows": 6, "lawn_m": 60.0, "gates": 16, "gate_width_m": 8.0}),
        ("municipal", {"storeys": 2, "offices_per_side": 2, "people_per_office": 1}),
        ("municipal", {"storeys": 12, "offices_per_side": 16, "chamber_seats": 400}),
        ("busline", {"stops": 2, "spacing_m": 80.0, "bearing_deg": 0.0}),
        ("busline", {"stops": 12, "spacing_m": 800.0, "bearing_deg": 123.0}),
    ],
)  # fmt: skip
def test_the_corners_of_the_parameters_are_valid(
    kind: str, parameters: dict[str, Any], tmp_path: Path
) -> None:
    assert generate_site(kind, tmp_path / "site", **parameters).problems == ()


def test_elsewhere_and_by_another_name(tmp_path: Path) -> None:
    generate_site("park", tmp_path / "site", slug="my-park", lon=2.35, lat=48.85)
    site = load_site(tmp_path / "site")
    assert (site.slug, site.frame.lon, site.frame.lat) == ("my-park", 2.35, 48.85)


@pytest.mark.parametrize(
    ("kind", "parameters", "words"),
    [
        ("castle", {}, "allowed are stadium, festival"),
        ("stadium", {"seats": 10}, "stadium: seats: Expected `int` >= 1000".replace("`", "")),
        ("park", {"seats": 10}, "there is no parameter 'seats'; allowed are lon"),
        ("park", {"lat": float("nan")}, "park: lat"),
        ("park", {"people": "many"}, "park: people"),
    ],
)
def test_wrong_parameters_are_refused(
    kind: str, parameters: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(SiteError, match=words):
        generate_site(kind, tmp_path / "site", **parameters)
    assert not (tmp_path / "site").exists()


def test_a_site_is_not_overwritten(tmp_path: Path) -> None:
    generate_site("busline", tmp_path / "site")
    with pytest.raises(SiteError, match="there is a site already"):
        generate_site("park", tmp_path / "site")
    with pytest.raises(SiteError, match="small letters, digits and hyphens"):
        generate_site("park", tmp_path / "other", slug="My Park")
