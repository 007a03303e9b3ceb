"""What detectors know of the sensors of a site: where one stands and what its readings speak about."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from ..domain import Place

__all__ = ("SensorLike", "Sensors", "entities_of", "group_of", "name_of", "place_of", "zone_of")


class SensorLike(Protocol):
    """The part of the site's `SensorSpec` that detectors use."""

    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def level(self) -> int: ...
    @property
    def x_m(self) -> float: ...
    @property
    def y_m(self) -> float: ...
    @property
    def covers(self) -> tuple[str, ...]: ...


Sensors = Mapping[str, SensorLike]


def place_of(sensors: Sensors, sensor: str, zone: str = "", entities: Sequence[str] = ()) -> Place:
    """Give a sensor's place: point, level and zone from the site file, else the zone that its series carries."""
    spec = sensors.get(sensor)
    if spec is None:
        return Place(zone=zone or None, entities=tuple(entities))
    return Place(
        x_m=spec.x_m, y_m=spec.y_m, level=spec.level, zone=spec.zone or zone or None, entities=tuple(entities)
    )


def zone_of(sensors: Sensors, sensor: str, zone: str = "") -> str:
    """Give the zone that the site file or the series names, or ``""``."""
    spec = sensors.get(sensor)
    return (spec.zone if spec is not None else "") or zone


_SHORT = re.compile(r"[A-Za-z-]+-\d+")


def name_of(sensors: Sensors, sensor: str) -> str:
    """Give the name that people read: the label on the device where its slug is one, else what the site calls it.

    >>> name_of({}, "co-31"), name_of({}, "occupancy-main-hall")
    ('CO-31', 'occupancy-main-hall')
    """
    if _SHORT.fullmatch(sensor):
        return sensor.upper()
    spec = sensors.get(sensor)
    return (spec.name if spec is not None else "") or sensor


def entities_of(sensors: Sensors, sensor: str) -> tuple[str, ...]:
    """Give the sensor and what it watches beside its own zone, such as the exit behind which it counts."""
    spec = sensors.get(sensor)
    return (sensor, *(each for each in spec.covers if each != spec.zone)) if spec is not None else (sensor,)


def group_of(sensors: Sensors, what: str, sensor: str, zone: str = "") -> str:
    """Name the group that would be wrong together: one kind of measurement in one zone (``smoke@ticket-hall``)."""
    return f"{what}@{zone_of(sensors, sensor, zone) or sensor}"
