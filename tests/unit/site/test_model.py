"""The loaded model answers by name and says what names there are."""

from pathlib import Path

import pytest

from s4allcities.site import Site, UnknownName, load_site


def test_the_tiny_site(tiny_site: Path) -> None:
    site = load_site(tiny_site)
    assert [zone.slug for zone in site.zones] == ["hall", "store", "cellar"]
    assert site.zone("hall").area_m2 == pytest.approx(600, abs=0.5)
    assert (site.zone("cellar").level, site.zone("hall").name) == (-1, "Hall")
    (exit_a,) = site.exits
    assert (exit_a.letter, exit_a.controller, exit_a.connects) == ("A", "door-1", ("hall", "front"))
    assert [exit_a.x_m, exit_a.y_m] == pytest.approx([15, 0], abs=0.01)
    found = site.zone_at(5, 5, -1)
    assert found is not None
    assert found.slug == "cellar"
    assert site.zone_at(500, 5, 0) is None


def test_an_unknown_name_lists_the_known_ones(tiny_site: Path) -> None:
    site = load_site(tiny_site)
    with pytest.raises(UnknownName, match="site 'tiny' has no zone 'attic'; allowed: cellar, hall, store"):
        site.zone("attic")


WANTED_ZONES = {
    "main-hall": 0,
    "kitchen": 0,
    "platform-concourse": 0,
    "station-square": 0,
    "ticket-hall": -1,
    "north-passage": -1,
    "east-passage": -1,
    "west-passage": -1,
    "metro-platform": -3,
}


def test_the_demo_site_has_the_places_its_story_needs(helsinki: Site) -> None:
    assert {slug: helsinki.zone(slug).level for slug in WANTED_ZONES} == WANTED_ZONES
    assert {"A", "B", "D", "E", "J", "M", "N", "P", "R"} <= {each.letter for each in helsinki.exits}
    assert helsinki.opening("exit-j").controller == "door-dc-07"
    assert helsinki.sensor("counter-04").covers == ("exit-j",)
    assert len(helsinki.assembly) >= 5
    assert "OpenStreetMap" in helsinki.attribution
    for street in ("kaivokatu", "mannerheimintie", "simonkatu", "postikatu", "keskuskatu"):
        assert helsinki.street(street).carriageway
        assert helsinki.sensor(f"loop-{street}").covers == (street,)


def test_a_fire_can_be_seen_in_every_indoor_zone(helsinki: Site) -> None:
    for zone in helsinki.zones:
        if not zone.outdoor:
            families = [each.family for each in helsinki.sensors_of(zone.slug)]
            assert families.count("smoke") >= (4 if zone.slug == "ticket-hall" else 2), zone.slug
            assert {"co", "heat", "camera", "counter"} <= set(families), zone.slug


def test_every_exit_is_counted(helsinki: Site) -> None:
    counted = {slug for each in helsinki.sensors if each.family == "counter" for slug in each.covers}
    assert {each.slug for each in helsinki.exits} | {zone.slug for zone in helsinki.zones} <= counted


def test_what_is_drawn_by_hand_says_so(helsinki: Site) -> None:
    assert all(zone.synthetic for zone in helsinki.zones if zone.slug != "compass-hall")
    assert all(each.synthetic for each in helsinki.sensors)
    assert "synthetic" in helsinki.synthetic_note


def test_the_demo_site_stays_small() -> None:
    from .conftest import HELSINKI

    assert sum(file.stat().st_size for file in HELSINKI.iterdir() if file.is_file()) < 1_500_000
