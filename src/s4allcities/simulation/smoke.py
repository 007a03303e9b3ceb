"""Where smoke is, judged from point sensors, and where it may be in a few minutes.

Now: readings are interpolated over the floor of each level by inverse distance, walls and other levels cut off; cells
above a threshold of light obscuration are smoke. Later: the outline grows at a named rate inside connected rooms.

Limits of validity: a first estimate to keep people out of places, not a fire model; it knows no ventilation, no heat
and nothing between sensors. It errs on the side of a larger outline.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from shapely import box, union_all
from shapely.geometry import MultiPolygon, Point, mapping
from shapely.geometry.base import BaseGeometry

from s4allcities.site.frame import Frame
from s4allcities.site.model import Zone

__all__ = (
    "AHEAD_MIN",
    "SPREAD_MPS",
    "THRESHOLD_PCT_M",
    "SmokeField",
    "SmokeReading",
    "estimate_smoke",
    "smoke_geojson",
)

THRESHOLD_PCT_M = 3.0
"""Obscuration from which a place counts as smoke; a common alarm threshold of point detectors (EN 54-7 classes)."""
CELL_M = 2.0
LEAST_RADIUS_M = 6.0
"""Smoke is drawn at least this far round a detector in alarm."""
SPREAD_MPS = 0.03
"""Growth of the outline: 9 m in five minutes; ceiling jets run faster, the layer people walk in comes down slower."""
AHEAD_MIN = (5, 10)


@dataclass(frozen=True, slots=True)
class SmokeReading:
    """One smoke detector: where it is (metres, storey) and what it reads, in % of light lost per metre."""

    x_m: float
    y_m: float
    level: int
    value_pct_m: float


@dataclass(frozen=True, slots=True)
class SmokeField:
    """Outlines by level in local metres: ``now`` and, by minutes ahead, ``later``."""

    now: dict[int, BaseGeometry]
    later: dict[int, dict[int, BaseGeometry]]

    def __bool__(self) -> bool:
        return any(not shape.is_empty for shape in self.now.values())

    def everywhere(self) -> BaseGeometry:
        """The outline now, all levels on top of each other."""
        return union_all(list(self.now.values())) if self.now else MultiPolygon()


def _interpolate(x: Any, y: Any, readings: Sequence[SmokeReading]) -> Any:
    """Inverse-distance-squared mean of the readings at points (n,)."""
    px = np.array([r.x_m for r in readings])
    py = np.array([r.y_m for r in readings])
    value = np.array([r.value_pct_m for r in readings])
    weight = 1.0 / (1.0 + (x[:, None] - px) ** 2 + (y[:, None] - py) ** 2)
    return (weight * value).sum(1) / weight.sum(1)


def _level_now(readings: Sequence[SmokeReading], floor: BaseGeometry) -> BaseGeometry:
    alarmed = [r for r in readings if r.value_pct_m >= THRESHOLD_PCT_M]
    if not alarmed:
        return MultiPolygon()
    cores = [Point(r.x_m, r.y_m).buffer(LEAST_RADIUS_M, quad_segs=4) for r in alarmed]
    west, south, east, north = union_all(cores).buffer(2.5 * LEAST_RADIUS_M).bounds
    gx, gy = np.meshgrid(np.arange(west, east, CELL_M), np.arange(south, north, CELL_M))
    x, y = gx.ravel() + CELL_M / 2, gy.ravel() + CELL_M / 2
    near = np.min([np.hypot(x - r.x_m, y - r.y_m) for r in alarmed], axis=0) <= 2.5 * LEAST_RADIUS_M
    hot = near & (_interpolate(x, y, readings) >= THRESHOLD_PCT_M)
    half = CELL_M / 2
    cells = box(x[hot] - half, y[hot] - half, x[hot] + half, y[hot] + half)
    outline = union_all([*cells, *cores]).buffer(1.5).buffer(-1.0).simplify(0.5)
    return outline.intersection(floor)


def estimate_smoke(readings: Iterable[SmokeReading], zones: Iterable[Zone]) -> SmokeField:
    """Judge the outline now and ahead from all smoke readings, the quiet ones included: they bound it."""
    by_level: dict[int, list[SmokeReading]] = {}
    for reading in readings:
        by_level.setdefault(reading.level, []).append(reading)
    floors = {
        level: union_all(
            [zone.polygon.buffer(0.3) for zone in zones if zone.level == level and not zone.outdoor]
        )
        for level in by_level
    }
    now = {level: _level_now(found, floors[level]) for level, found in by_level.items()}
    now = {level: shape for level, shape in now.items() if not shape.is_empty}
    later: dict[int, dict[int, BaseGeometry]] = {}
    before = now
    for minutes in AHEAD_MIN:
        grown = {
            level: union_all(
                [shape.buffer(SPREAD_MPS * 60 * minutes).intersection(floors[level]), before[level]]
            )
            for level, shape in now.items()
        }
        later[minutes] = before = grown
    return SmokeField(now=now, later=later)


def smoke_geojson(shapes: dict[int, BaseGeometry], frame: Frame, **properties: Any) -> dict[str, Any]:
    """Write outlines as a GeoJSON FeatureCollection in degrees, one feature a level."""
    features = []
    for level, shape in sorted(shapes.items()):
        geometry = mapping(_to_degrees(shape, frame))
        features.append(
            {
                "type": "Feature",
                "geometry": geometry,
                "properties": {"level": level, "hazard": "smoke", **properties},
            }
        )
    return {"type": "FeatureCollection", "features": features}


def _to_degrees(shape: BaseGeometry, frame: Frame) -> BaseGeometry:
    from shapely import transform

    return transform(shape, lambda xy: np.round(frame.ring_to_lonlat(xy), 7))
