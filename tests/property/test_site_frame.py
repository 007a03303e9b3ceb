"""The local frame: there and back again, and true distances."""

from math import hypot

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.site import Frame

metres = st.floats(-2000, 2000)
anchors = st.tuples(st.floats(-179.9, 179.9), st.floats(-85, 85))


@given(anchors, metres, metres)
def test_round_trip_within_a_centimetre(anchor: tuple[float, float], x_m: float, y_m: float) -> None:
    frame = Frame(*anchor)
    back_x, back_y = frame.to_local(*frame.to_lonlat(x_m, y_m))
    assert hypot(float(back_x) - x_m, float(back_y) - y_m) < 0.0001
    assert float(back_x) == pytest.approx(x_m, abs=0.01)


@given(anchors, metres, metres)
def test_seven_digits_lose_less_than_a_centimetre(
    anchor: tuple[float, float], x_m: float, y_m: float
) -> None:
    frame = Frame(*anchor)
    lon, lat = (round(float(part), 7) for part in frame.to_lonlat(x_m, y_m))
    back_x, back_y = frame.to_local(lon, lat)
    assert hypot(float(back_x) - x_m, float(back_y) - y_m) < 0.01


def test_known_distances() -> None:
    """A degree of latitude is 111,414.5 m long at 60 N and one of longitude 55,800.2 m (WGS 84 tables)."""
    frame = Frame(24.0, 60.0)
    _, north_m = frame.to_local([24.0, 24.0], [59.99, 60.01])
    east_m, _ = frame.to_local([23.99, 24.01], [60.0, 60.0])
    assert float(north_m[1] - north_m[0]) == pytest.approx(0.02 * 111_412, abs=0.1)
    assert float(east_m[1] - east_m[0]) == pytest.approx(0.02 * 55_800, abs=0.1)


def test_shapes_are_kept() -> None:
    frame = Frame(10.0, 50.0)
    x_m, y_m = frame.to_local(np.zeros((3, 4)) + 10.0, np.zeros((3, 4)) + 50.0)
    assert x_m.shape == y_m.shape == (3, 4)
    assert np.abs(x_m).max() < 1e-6
    assert frame.ring_to_lonlat(frame.ring_to_local([(10.001, 50.001)])) == pytest.approx(
        np.array([[10.001, 50.001]]), abs=1e-9
    )


@pytest.mark.parametrize("anchor", [(181.0, 0.0), (0.0, 90.0), (float("nan"), 0.0)])
def test_impossible_anchors(anchor: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="longitude must be"):
        Frame(*anchor)
