"""The local east-north frame of a site: longitude, latitude <-> metres, in numpy alone."""

from math import cos, radians, sin, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .arrays import F8

__all__ = ("Frame",)

# WGS 84 (NIMA TR8350.2, third edition): semi-major axis and flattening.
_A_M = 6_378_137.0
_F = 1 / 298.257223563
_E2 = _F * (2 - _F)


def _ecef(lon_deg: F8, lat_deg: F8) -> F8:
    """Earth-centred metres of points on the ellipsoid, shape (3, ...)."""
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    normal = _A_M / np.sqrt(1 - _E2 * np.sin(lat) ** 2)
    return np.stack(
        [
            normal * np.cos(lat) * np.cos(lon),
            normal * np.cos(lat) * np.sin(lon),
            normal * (1 - _E2) * np.sin(lat),
        ]
    )


def _dot(axis: F8, away: F8) -> F8:
    """Written out, because a library's product may differ in the last bit from one call to the next."""
    total: F8 = axis[0] * away[0] + axis[1] * away[1] + axis[2] * away[2]
    return total


class _Axes(NamedTuple):
    origin: F8
    east: F8
    north: F8
    up: F8


class Frame:
    """A plane that touches the WGS 84 ellipsoid at an anchor; x points east, y north, in metres.

    Both directions are closed forms, so a round trip is exact to micrometres. Distances in the plane
    differ from those on the ground by less than 1 mm within 5 km of the anchor; do not use one frame for
    a whole country.

    :raises ValueError: the anchor is no place on earth or within 1 degree of a pole.

    >>> frame = Frame(24.9414, 60.1706)
    >>> x_m, y_m = frame.to_local(24.9424, 60.1706)
    >>> round(float(x_m), 1), round(float(y_m), 3)
    (55.5, 0.0)
    """

    __slots__ = ("_axes", "lat", "lon")

    def __init__(self, lon: float, lat: float) -> None:
        if not (-180 <= lon <= 180 and -89 <= lat <= 89):
            raise ValueError(f"anchor {lon}, {lat}: longitude must be -180..180 and latitude -89..89 degrees")
        self.lon, self.lat = float(lon), float(lat)
        sin_lon, cos_lon = sin(radians(lon)), cos(radians(lon))
        sin_lat, cos_lat = sin(radians(lat)), cos(radians(lat))
        self._axes = _Axes(
            origin=_ecef(np.float64(lon), np.float64(lat)),  # type: ignore[arg-type]
            east=np.array([-sin_lon, cos_lon, 0.0]),
            north=np.array([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat]),
            up=np.array([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]),
        )

    def __repr__(self) -> str:
        return f"Frame(lon={self.lon}, lat={self.lat})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frame) and (self.lon, self.lat) == (other.lon, other.lat)

    def __hash__(self) -> int:
        return hash((self.lon, self.lat))

    def to_local(self, lon: ArrayLike, lat: ArrayLike) -> tuple[F8, F8]:
        """Give x_m east and y_m north of places in degrees; arrays of one shape in, of the same shape out."""
        place = _ecef(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
        away = place - self._axes.origin.reshape((3,) + (1,) * (place.ndim - 1))
        return _dot(self._axes.east, away), _dot(self._axes.north, away)

    def to_lonlat(self, x_m: ArrayLike, y_m: ArrayLike) -> tuple[F8, F8]:
        """Give longitude and latitude in degrees of local metres; the inverse of ``to_local``."""
        x, y = np.asarray(x_m, np.float64), np.asarray(y_m, np.float64)
        origin, east, north, up = (axis.reshape((3,) + (1,) * x.ndim) for axis in self._axes)
        flat = origin + east * x + north * y
        place = flat + up * self._height_m(flat, up)
        lon = np.degrees(np.arctan2(place[1], place[0]))
        lat = np.degrees(np.arctan2(place[2], (1 - _E2) * np.hypot(place[0], place[1])))
        return lon, lat

    @staticmethod
    def _height_m(flat: F8, up: F8) -> F8:
        """How far along ``up`` the ellipsoid lies from points of the plane: the small root of a quadratic."""
        scale = np.array([1 / _A_M, 1 / _A_M, 1 / (_A_M * sqrt(1 - _E2))]).reshape(
            (3,) + (1,) * (flat.ndim - 1)
        )
        p, u = flat * scale, up * scale
        a, b, c = (u * u).sum(0), 2 * (p * u).sum(0), (p * p).sum(0) - 1
        root: F8 = -2 * c / (b + np.sqrt(b * b - 4 * a * c))
        return root

    def ring_to_local(self, lonlat: ArrayLike) -> F8:
        """Give the (N, 2) x_m, y_m of (N, 2) longitude, latitude."""
        degrees = np.asarray(lonlat, np.float64).reshape(-1, 2)
        return np.column_stack(self.to_local(degrees[:, 0], degrees[:, 1]))

    def ring_to_lonlat(self, xy_m: ArrayLike) -> F8:
        """Give the (N, 2) longitude, latitude of (N, 2) x_m, y_m."""
        metres = np.asarray(xy_m, np.float64).reshape(-1, 2)
        return np.column_stack(self.to_lonlat(metres[:, 0], metres[:, 1]))
