"""How far to keep people from a suspected device: pressure with distance, and the stand-off table of the police.

Pressure: the simplified fit of Swisdak (1994) to the curves of Kingery and Bulmash for a hemispherical burst of TNT on
the ground, incident overpressure. Distances to evacuate: the bomb-threat stand-off table that the United States'
National Counterterrorism Center publishes (building: leave the buildings nearer than this; outdoor: nobody
unprotected nearer).

Limits of validity: flat open ground; no walls, streets or windows, which can double or halve pressures; fragments fly
further than the pressure matters, which is what the outdoor distance is for. The fit holds for Z from 0.2 to 198.5
m/kg^(1/3).
"""

from math import cos, exp, log, pi, sin

from msgspec import Struct
from shapely.geometry import Polygon

__all__ = (
    "RINGS_KPA",
    "STAND_OFF",
    "Ring",
    "StandOff",
    "overpressure_kpa",
    "pressure_radius_m",
    "rings",
    "stand_off",
)


class StandOff(Struct, frozen=True, kw_only=True):
    """One row of the table: kilograms of TNT, metres."""

    device: str
    mass_kg: float
    building_m: float
    outdoor_m: float


STAND_OFF = tuple(
    StandOff(device=device, mass_kg=mass, building_m=building, outdoor_m=outdoor)
    for device, mass, building, outdoor in (
        ("pipe-bomb", 2.3, 21.0, 366.0),
        ("vest", 9.0, 34.0, 518.0),
        ("briefcase", 23.0, 46.0, 564.0),
        ("car", 227.0, 98.0, 580.0),
        ("van", 454.0, 122.0, 732.0),
        ("small-truck", 1814.0, 195.0, 1159.0),
        ("water-truck", 4536.0, 263.0, 1555.0),
        ("semi-trailer", 27000.0, 479.0, 2835.0),
    )
)

RINGS_KPA = (
    (35.0, 1.0, "severe injury, walls fall"),
    (14.0, 0.8, "injury by throw and debris"),
    (7.0, 0.6, "injury by glass"),
    (2.0, 0.3, "windows break"),
)
"""Pressure, severity 0 to 1 and what it does: rounded from the injury and damage tables that publish such levels."""

_FIT: tuple[tuple[float, tuple[float, ...]], ...] = (
    (2.9, (7.2106, -2.1069, -0.3229, 0.1117, 0.0685)),
    (23.8, (7.5938, -3.0523, 0.40977, 0.0261, -0.01267)),
    (float("inf"), (6.0536, -1.4066)),
)
_Z_RANGE = (0.2, 198.5)


class Ring(Struct, frozen=True, kw_only=True):
    """Within ``radius_m`` the pressure is at least ``kpa``."""

    kpa: float
    radius_m: float
    severity: float
    effect: str

    def polygon(self, x_m: float, y_m: float, *, corners: int = 64) -> Polygon:
        """Draw the ring round a place in local metres; the polygon holds the circle."""
        reach = self.radius_m / cos(pi / corners)
        turns = [2 * pi * k / corners for k in range(corners)]
        return Polygon([(x_m + reach * cos(turn), y_m + reach * sin(turn)) for turn in turns])


def overpressure_kpa(mass_kg: float, distance_m: float) -> float:
    """Incident overpressure of ``mass_kg`` TNT on the ground; outside the range of the fit, its nearest value.

    :raises ValueError: a mass or distance that is not above 0.

    >>> round(overpressure_kpa(10_000, 500), 5)
    5.05496
    """
    if not (mass_kg > 0 and distance_m > 0):
        raise ValueError(f"mass {mass_kg} kg at {distance_m} m; allowed are values above 0")
    z = min(max(distance_m / mass_kg ** (1 / 3), _Z_RANGE[0]), _Z_RANGE[1])
    parts = next(parts for limit, parts in _FIT if z <= limit)
    exponent = 0.0
    for part in reversed(parts):
        exponent = exponent * log(z) + part
    return exp(exponent)


def pressure_radius_m(mass_kg: float, kpa: float) -> float:
    """Distance at which the pressure falls to ``kpa`` (bisection: the fit falls with distance).

    >>> round(pressure_radius_m(10_000, 5.05496), 1)
    500.0
    """
    scale = float(mass_kg ** (1 / 3))
    low, high = _Z_RANGE[0] * scale, _Z_RANGE[1] * scale
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if overpressure_kpa(mass_kg, middle) > kpa else (low, middle)
    return high


def rings(mass_kg: float) -> tuple[Ring, ...]:
    """Give the rings of `RINGS_KPA`, the innermost first."""
    return tuple(
        Ring(kpa=kpa, radius_m=pressure_radius_m(mass_kg, kpa), severity=severity, effect=effect)
        for kpa, severity, effect in RINGS_KPA
    )


def stand_off(device: str) -> StandOff:
    """Give a row of the table. :raises ValueError: no such device; the message lists those there are."""
    for row in STAND_OFF:
        if row.device == device:
            return row
    raise ValueError(f"device {device!r}; allowed are {', '.join(row.device for row in STAND_OFF)}")
