"""Smoke outlines: where they are, where they stop, how they grow."""

from shapely.geometry import Point, Polygon, shape

from s4allcities.simulation.smoke import SmokeReading, estimate_smoke, smoke_geojson
from s4allcities.site import Frame, Zone


def hall(slug: str = "hall", *, level: int = -1, west: float = 0.0, outdoor: bool = False) -> Zone:
    """Make a room of 40 x 30 m."""
    ring = Polygon([(west, 0), (west + 40, 0), (west + 40, 30), (west, 30)])
    return Zone(
        slug=slug, id=slug, name=slug, level=level, category="room", outdoor=outdoor, polygon=ring,
        x_m=west + 20, y_m=15, area_m2=1200,
    )  # fmt: skip


def test_quiet_detectors_mean_no_smoke() -> None:
    field = estimate_smoke([SmokeReading(10, 10, -1, 0.2), SmokeReading(30, 20, -1, 2.9)], [hall()])
    assert not field


def test_smoke_is_round_the_detector_in_alarm_and_a_quiet_neighbour_bounds_it() -> None:
    readings = [SmokeReading(8, 15, -1, 9.0), SmokeReading(30, 15, -1, 0.1)]
    now = estimate_smoke(readings, [hall()]).now[-1]
    assert now.contains(Point(8, 15))
    assert not now.contains(Point(30, 15))


def test_smoke_does_not_leave_the_building_or_its_level() -> None:
    zones = [hall(), hall("square", west=40, outdoor=True), hall("above", level=0)]
    field = estimate_smoke([SmokeReading(38, 15, -1, 9.0), SmokeReading(38, 15, 0, 0.0)], zones)
    assert set(field.now) == {-1}
    assert field.now[-1].bounds[2] <= 40.31


def test_the_outline_ahead_holds_the_outline_now() -> None:
    field = estimate_smoke([SmokeReading(20, 15, -1, 9.0)], [hall()])
    assert field.later[5][-1].buffer(1e-6).covers(field.now[-1])
    assert field.later[10][-1].buffer(1e-6).covers(field.later[5][-1])
    assert field.later[10][-1].area > field.now[-1].area


def test_geojson_is_in_degrees_with_its_level() -> None:
    frame = Frame(24.9414, 60.1706)
    field = estimate_smoke([SmokeReading(20, 15, -1, 9.0)], [hall()])
    written = smoke_geojson(field.now, frame, when="now")
    (feature,) = written["features"]
    assert feature["properties"] == {"level": -1, "hazard": "smoke", "when": "now"}
    lon, lat = shape(feature["geometry"]).centroid.coords[0]
    x_m, y_m = frame.to_local(lon, lat)
    assert Point(float(x_m), float(y_m)).distance(Point(20, 15)) < 1.0
