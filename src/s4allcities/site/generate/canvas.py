"""A canvas in local metres on which a generator draws a site; it becomes the features of a site folder.

Everything drawn is marked ``s4a:synthetic``: nobody has surveyed it. Sensors are numbered by family in the order
in which they are drawn, so that the same parameters give the same files, byte for byte.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from ..features import SENSOR_LETTERS, feature_id
from ..frame import Frame
from ..writer import GeoFeature, make_feature

__all__ = ("COMFORTABLE_STAIR", "Canvas", "Place", "letters", "rectangle")

Place = tuple[float, float]

COMFORTABLE_STAIR = {"riser_m": 0.17, "tread_m": 0.29}
"""Step of public stairs (DIN 18065 calls for 2 risers + tread of 590 to 650 mm: here 630 mm)."""

_QUANTITIES: dict[str, tuple[dict[str, Any], ...]] = {
    "smoke": ({"name": "smoke_pct_m", "unit": "%/m", "low": 0, "high": 100},),
    "co": ({"name": "co_ppm", "unit": "ppm", "low": 0, "high": 1000},),
    "heat": ({"name": "heat_c", "unit": "degC", "low": -40, "high": 150},),
    "camera": ({"name": "frame_hash"}, {"name": "frames_ps", "unit": "1/s", "low": 0, "high": 60}),
    "counter": (
        {"name": "people", "unit": "people", "low": 0, "high": 20_000},
        {"name": "density_pm2", "unit": "people/m2", "low": 0, "high": 9},
    ),
    "exit-counter": (
        {"name": "out_per_min", "unit": "people/min", "low": 0, "high": 1200},
        {"name": "in_per_min", "unit": "people/min", "low": 0, "high": 1200},
    ),
    "door": ({"name": "open", "unit": "", "low": 0, "high": 1},),
    "sign": ({"name": "sign_ack"},),
    "building": (
        {"name": "temperature_c", "unit": "degC", "low": -40, "high": 125},
        {"name": "humidity_pct", "unit": "%", "low": 0, "high": 100},
        {"name": "smoke_pct_m", "unit": "%/m", "low": 0, "high": 100},
        {"name": "flame", "unit": "", "low": 0, "high": 1},
        {"name": "co_ppm", "unit": "ppm", "low": 0, "high": 1000},
        {"name": "lpg_pct_lel", "unit": "%", "low": 0, "high": 100},
        {"name": "cng_pct_lel", "unit": "%", "low": 0, "high": 100},
    ),
    "sound": ({"name": "level_dba", "unit": "dB", "low": 20, "high": 140},),
    "traffic": (
        {"name": "speed_kmh", "unit": "km/h", "low": 0, "high": 130},
        {"name": "vehicles_per_min", "unit": "1/min", "low": 0, "high": 120},
    ),
    "weather": (
        {"name": "wind_mps", "unit": "m/s", "low": 0, "high": 75},
        {"name": "wind_from_deg", "unit": "deg", "low": 0, "high": 360},
    ),
}


def letters(count: int) -> list[str]:
    """Give that many exit letters: A to Z, then A1 to Z1, and so on.

    >>> letters(28)[-3:]
    ['Z', 'A1', 'B1']
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [alphabet[k % 26] + (str(k // 26) if k >= 26 else "") for k in range(count)]


def rectangle(west: float, south: float, east: float, north: float) -> Polygon:
    """Give an upright rectangle in metres."""
    return shapely.box(west, south, east, north)


class Canvas:
    """Collects what is drawn; ``collections`` gives the features by type."""

    def __init__(self, slug: str, name: str, frame: Frame) -> None:
        self.slug, self.name, self.frame = slug, name, frame
        self._features: dict[str, list[GeoFeature]] = {}
        self._areas: dict[int, list[Polygon]] = {}
        self._levels: dict[int, tuple[str, str]] = {}
        self._numbers: dict[str, int] = {}
        self._units: dict[str, tuple[Polygon, int]] = {}

    @property
    def capacity_people(self) -> int:
        """Sum of the capacities of the zones drawn so far."""
        units = self._features.get("unit", ())
        return sum(each["properties"].get("s4a:capacity", 0) for each in units)

    def _degrees(self, geometry: BaseGeometry) -> BaseGeometry:
        return shapely.transform(geometry, self.frame.ring_to_lonlat)

    def _add(
        self, feature_type: str, slug: str, geometry: BaseGeometry | None, name: str = "", **properties: Any
    ) -> None:
        placed = None if geometry is None else self._degrees(geometry)
        label = {"en": name} if name else None
        self._features.setdefault(feature_type, []).append(
            make_feature(self.slug, feature_type, slug, placed, name=label, s4a_synthetic=True, **properties)
        )

    def level(self, ordinal: int, name: str) -> None:
        """Declare a storey; its outline becomes that of its units."""
        slug = f"level-{ordinal}" if ordinal >= 0 else f"level-minus-{-ordinal}"
        self._levels[ordinal] = (slug, name)
        self._areas.setdefault(ordinal, [])

    def _level_id(self, ordinal: int) -> str:
        return feature_id(self.slug, f"level/{self._levels[ordinal][0]}")

    def unit(
        self,
        slug: str,
        name: str,
        area: Polygon,
        level: int,
        category: str,
        *,
        capacity: int = 0,
        outdoor: bool = False,
    ) -> None:
        """Draw a zone."""
        self._areas[level].append(area)
        self._units[slug] = (area, level)
        self._add(
            "unit", slug, area, name,
            category=category, level_id=self._level_id(level), s4a_outdoor=outdoor, s4a_capacity=int(capacity),
        )  # fmt: skip

    def opening(
        self,
        slug: str,
        ends: tuple[Place, Place],
        connects: tuple[str, str],
        *,
        level: int = 0,
        width_m: float | None = None,
        letter: str = "",
        name: str = "",
        step_free: bool = True,
        rise_m: float = 0.0,
        controller: str = "",
    ) -> None:
        """Draw a threshold from end to end; it is as wide as it is long unless ``width_m`` says less."""
        line = LineString(ends)
        stair = {**COMFORTABLE_STAIR, "rise_m": rise_m} if rise_m else None
        self._add(
            "opening", slug, line, name, category="pedestrian", level_id=self._level_id(level),
            s4a_connects=list(connects), s4a_width_m=round(width_m or line.length, 2), s4a_exit=letter or None,
            s4a_stair=stair, s4a_step_free=step_free and not rise_m, s4a_door_actuator=controller or None,
        )  # fmt: skip

    def link(
        self,
        slug: str,
        name: str,
        line: Sequence[Place],
        connects: tuple[str, str],
        *,
        width_m: float,
        rise_m: float,
        kind: str = "stairs",
    ) -> None:
        """Draw stairs, an escalator or a lift from the lower unit to the upper one."""
        self._add(
            "relationship", slug, LineString(line), name, category=kind, s4a_connects=list(connects),
            s4a_width_m=width_m, s4a_stair={**COMFORTABLE_STAIR, "rise_m": rise_m},
            s4a_step_free=kind == "elevator",
        )  # fmt: skip

    def street(
        self,
        slug: str,
        name: str,
        lines: Iterable[Sequence[Place]],
        width_m: float,
        *,
        walkable: bool = True,
        carriageway: bool = False,
        along: Sequence[str] = (),
    ) -> None:
        """Draw a way; ways meet where they share a position."""
        parts = [LineString(line) for line in lines]
        geometry = parts[0] if len(parts) == 1 else MultiLineString(parts)
        self._add(
            "s4a:street", slug, geometry, name, s4a_width_m=width_m, s4a_carriageway=carriageway,
            s4a_along=list(along),
        )  # fmt: skip
        self._features["s4a:street"][-1]["properties"]["s4a:walkable"] = walkable

    def assembly(self, slug: str, name: str, place: Place, capacity: int) -> None:
        """Draw a place of safety."""
        self._add("s4a:assembly", slug, Point(place), name, s4a_capacity=int(capacity))

    def background(self, kind: str, slug: str, area: BaseGeometry, name: str = "", level: int = 0) -> None:
        """Draw something that is only shown."""
        self._add("s4a:background", slug, area, name, s4a_kind=kind, s4a_level=level)

    def sensor(
        self,
        family: str,
        name: str,
        place: Place,
        *,
        unit: str = "",
        level: int | None = None,
        covers: Sequence[str] = (),
        at_exit: bool = False,
    ) -> str:
        """Draw a sensor and give its slug; without ``covers`` it speaks about its unit."""
        number = self._numbers[family] = self._numbers.get(family, 0) + 1
        slug = f"{family}-{number:02}"
        storey = self._units[unit][1] if level is None else level
        self._add(
            "s4a:sensor", slug, Point(place), name, level_id=self._level_id(storey), s4a_family=family,
            s4a_letter=SENSOR_LETTERS[family], s4a_unit=unit or None, s4a_covers=list(covers) or [unit],
            s4a_quantities=list(_QUANTITIES["exit-counter" if at_exit else family]),
        )  # fmt: skip
        return slug

    def watch(self, unit: str, name: str, *families: str) -> None:
        """Put sensors of these families into a unit, a metre apart round a point deep inside."""
        area = self._units[unit][0]
        middle = shapely.maximum_inscribed_circle(area, tolerance=0.5).coords[0]
        for k, family in enumerate(families):
            angle = 2 * np.pi * k / max(len(families), 1)
            place = (float(middle[0] + 0.5 * np.cos(angle)), float(middle[1] + 0.5 * np.sin(angle)))
            self.sensor(family, f"{name}: {family}", place, unit=unit)

    def collections(self) -> dict[str, list[GeoFeature]]:
        """Give all features by type, with venue and levels drawn round what is inside."""
        everything = shapely.union_all([area for areas in self._areas.values() for area in areas])
        outline = everything.convex_hull.buffer(2.0, join_style="mitre")
        fixed = Canvas(self.slug, self.name, self.frame)
        fixed._add("venue", "venue", outline, self.name, category="unspecified")
        for ordinal, (slug, name) in sorted(self._levels.items()):
            area = shapely.union_all(self._areas[ordinal]).convex_hull if self._areas[ordinal] else outline
            fixed._add(
                "level",
                slug,
                area,
                name,
                category="unspecified",
                short_name={"en": str(ordinal)},
                ordinal=ordinal,
            )
            fixed._features["level"][-1]["properties"]["ordinal"] = ordinal
        return {**fixed._features, **self._features}
