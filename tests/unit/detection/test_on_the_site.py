"""The detectors know the sensors of the demonstration site."""

from pathlib import Path

import pytest
from tests.unit.detection.feeds import Row, at, batch_of

from s4allcities.detection.access import guards_of
from s4allcities.detection.timeseries import TimeseriesStage
from s4allcities.detection.validity import ValidityStage
from s4allcities.domain import Detection
from s4allcities.site import Site, load_site

SITE = Path(__file__).parents[3] / "sites" / "helsinki-station"


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(SITE)


def test_controllers_find_their_counters(site: Site) -> None:
    guards = {guard.exit: guard for guard in guards_of({spec.slug: spec for spec in site.sensors})}
    assert guards["exit-b"].controller == "door-dc-02"
    assert guards["exit-b"].counter == "counter-02"
    assert set(guards) == {opening.slug for opening in site.exits if opening.controller}


def test_a_reading_is_placed_and_bounded_by_the_site(site: Site) -> None:
    sensors = {spec.slug: spec for spec in site.sensors}
    stage = ValidityStage(sensors=sensors)
    (found,) = stage.step(stage.start(), batch_of([("co-31", "co_ppm", 0.0, 1500.0)], zone=""), at(1))
    assert isinstance(found, Detection)
    assert found.text == "CO-31: co_ppm reads 1500; it can read 0 to 1000"
    assert (found.place.zone, found.place.level) == ("ticket-hall", -1)


def test_a_packed_hall_is_said_with_its_exit_free_place(site: Site) -> None:
    stage = TimeseriesStage(
        sensors={spec.slug: spec for spec in site.sensors},
        zone_area_m2={zone.slug: zone.area_m2 for zone in site.zones},
    )
    rows: list[Row] = [("occupancy-kitchen", "people", float(t), 2000.0) for t in range(0, 12, 2)]
    found = stage.step(stage.start(), batch_of(rows, "people", zone=""), at(12))
    assert {(d.kind, d.place.zone) for d in found if isinstance(d, Detection)} == {
        ("crowd-density", "kitchen")
    }
