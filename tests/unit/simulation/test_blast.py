"""The pressure fit and the stand-off table, each against the other."""

import pytest

from s4allcities.simulation.blast import STAND_OFF, overpressure_kpa, pressure_radius_m, rings, stand_off


def test_the_published_example_is_met() -> None:
    assert overpressure_kpa(10_000.0, 500.0) == pytest.approx(5.0549639655, rel=1e-3)


@pytest.mark.parametrize("row", STAND_OFF)
def test_at_every_building_distance_the_pressure_is_about_the_same(row: object) -> None:
    known = stand_off(row.device)  # type: ignore[attr-defined]
    assert 7.8 <= overpressure_kpa(known.mass_kg, known.building_m) <= 8.2


def test_pressure_falls_with_distance_and_the_radius_is_its_inverse() -> None:
    values = [overpressure_kpa(227.0, radius) for radius in (5, 10, 17, 18, 50, 140, 150, 400)]
    assert values == sorted(values, reverse=True)
    for kpa in (35.0, 14.0, 7.0, 2.0):
        radius = pressure_radius_m(227.0, kpa)
        assert overpressure_kpa(227.0, radius) == pytest.approx(kpa, rel=1e-6)


def test_rings_grow_outwards_and_polygons_hold_their_circle() -> None:
    found = rings(9.0)
    radii = [ring.radius_m for ring in found]
    assert radii == sorted(radii)
    area = found[0].polygon(3.0, 4.0)
    assert area.centroid.distance(area.exterior) >= found[0].radius_m - 1e-9


def test_what_is_no_device_or_mass_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed are pipe-bomb, vest"):
        stand_off("balloon")
    with pytest.raises(ValueError, match="above 0"):
        overpressure_kpa(0.0, 5.0)
