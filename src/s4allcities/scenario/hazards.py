"""Smoke, CO, heat and flame at each sensor as functions of time.

The growth is that of a fast flaming fire: its heat release goes with the square of time, and so do the first seconds of
smoke and CO under the ceiling, until the layer is as dense as it gets. When the smoke reaches which detector is drawn
by the story and scaled to the zone, not computed from the room's air: the demo is to last a minute and a half.
"""

from collections.abc import Mapping, Sequence
from math import exp, hypot, inf

import numpy as np
from msgspec import Struct

from s4allcities.site import SensorSpec, Site

from .files import Fire, NuisanceSmoke

__all__ = ("AMBIENT_C", "Ramp", "Ramps", "neighbours", "part_of", "plan_fire", "plan_nuisance")

AMBIENT_C = 21.0
ALARM_DETECTORS = 4
"""So many detectors, the nearest to the fire, rise together."""
SMOKE_RISE_S = 5.5
CO_RISE_S = 5.0
SMOULDER_SHARE = 0.55
DECAY_S = 60.0


class Ramp(Struct, frozen=True, kw_only=True):
    """What a hazard adds to one sensor's reading: ``most`` units, from ``t_s`` on, along a square of time.

    ``rise_s`` is the time to 63 %; a ``linear`` ramp takes that long to its most. After ``t_end_s`` it falls with
    ``DECAY_S`` to the share ``left``.
    """

    t_s: float
    most: float
    rise_s: float
    linear: bool = False
    t_end_s: float = inf
    left: float = 0.0

    def at(self, t_s: float) -> float:
        """Give the addition at a moment.

        >>> round(Ramp(t_s=10.0, most=8.0, rise_s=5.0).at(15.0), 2)
        5.06
        """
        passed_s = (min(t_s, self.t_end_s) - self.t_s) / self.rise_s
        if passed_s <= 0:
            return 0.0
        value = self.most * (min(passed_s, 1.0) if self.linear else 1.0 - exp(-(passed_s**2)))
        if t_s > self.t_end_s:
            value *= self.left + (1.0 - self.left) * exp(-(t_s - self.t_end_s) / DECAY_S)
        return value


Ramps = Mapping[str, Ramp]
"""Sensor, or one quantity of a sensor that measures several (`part_of`) -> what it gets."""


def part_of(sensor: str, quantity: str) -> str:
    """Name one quantity of a sensor that measures several."""
    return f"{sensor}/{quantity}"


def neighbours(site: Site, zone: str) -> tuple[str, ...]:
    """Give the indoor zones that share a door, stairs or escalators with a zone."""
    pairs = [each.connects for each in site.openings] + [(link.lower, link.upper) for link in site.links]
    indoor = {each.slug for each in site.zones if not each.outdoor}
    beside = {b for a, b in pairs if a == zone} | {a for a, b in pairs if b == zone}
    return tuple(sorted(beside & indoor - {zone}))


def _sensors(site: Site, zone: str, family: str) -> list[SensorSpec]:
    return [each for each in site.sensors if each.zone == zone and each.family == family]


def _draw(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return float(rng.uniform(*bounds))


def plan_fire(
    site: Site, fire: Fire, zone: str, at_s: float, end_s: float, rng: np.random.Generator
) -> dict[str, Ramp]:
    """Plan what each sensor of the zone on fire and of its neighbours gets; ``end_s`` is when it only smoulders."""
    smoke = _nearest_first(_sensors(site, zone, "smoke"), rng)
    first_s = at_s + float(rng.uniform(1.5, 2.5))
    spread_s = _draw(rng, fire.spread_s)
    together = smoke[:ALARM_DETECTORS]
    ramps: dict[str, Ramp] = {}
    for rank, spec in enumerate(smoke):
        share = rank / max(1, len(together) - 1)
        late_s = spread_s * share if rank < ALARM_DETECTORS else spread_s + 6.0 * (rank - len(together) + 1)
        ramps[spec.slug] = Ramp(
            t_s=first_s + late_s,
            most=_draw(rng, fire.smoke_pct_m),
            rise_s=SMOKE_RISE_S,
            t_end_s=end_s,
            left=SMOULDER_SHARE,
        )
    for spec in _sensors(site, zone, "co"):
        t_s = first_s + _draw(rng, fire.co_after_s)
        ramps[spec.slug] = Ramp(
            t_s=t_s, most=_draw(rng, fire.co_ppm), rise_s=CO_RISE_S, t_end_s=end_s, left=SMOULDER_SHARE
        )
    for spec in _sensors(site, zone, "heat"):
        most_k = fire.heat_most_c - AMBIENT_C
        rise_s = 60.0 * most_k / fire.heat_k_per_min
        t_s = first_s + _draw(rng, fire.heat_after_s)
        ramps[spec.slug] = Ramp(t_s=t_s, most=most_k, rise_s=rise_s, linear=True)
    return (
        ramps
        | _beside(site, fire, zone, first_s, end_s, rng)
        | _at_nodes(site, fire, zone, first_s, end_s, rng)
    )


def _nearest_first(specs: Sequence[SensorSpec], rng: np.random.Generator) -> list[SensorSpec]:
    """Order detectors by their distance to a fire near the middle of the first two."""
    if not specs:
        return []
    x_m = float(np.mean([each.x_m for each in specs[:2]]) + rng.normal(0, 1.5))
    y_m = float(np.mean([each.y_m for each in specs[:2]]) + rng.normal(0, 1.5))
    return sorted(specs, key=lambda each: hypot(each.x_m - x_m, each.y_m - y_m))


def _beside(
    site: Site, fire: Fire, zone: str, first_s: float, end_s: float, rng: np.random.Generator
) -> dict[str, Ramp]:
    """Thin smoke in the neighbour zones, later and slower."""
    ramps = {}
    for beside in neighbours(site, zone):
        for spec in _sensors(site, beside, "smoke"):
            t_s = first_s + fire.neighbour_after_s + float(rng.uniform(0, 10))
            most = fire.neighbour_share * _draw(rng, fire.smoke_pct_m)
            ramps[spec.slug] = Ramp(t_s=t_s, most=most, rise_s=25.0, t_end_s=end_s + 60.0, left=0.5)
    return ramps


def _at_nodes(
    site: Site, fire: Fire, zone: str, first_s: float, end_s: float, rng: np.random.Generator
) -> dict[str, Ramp]:
    """Everything that burns at once, at each node that measures several quantities."""
    ramps: dict[str, Ramp] = {}
    for spec in _sensors(site, zone, "building"):
        most_k = fire.heat_most_c - AMBIENT_C
        parts = {
            "smoke_pct_m": Ramp(
                t_s=first_s + _draw(rng, fire.co_after_s), most=_draw(rng, fire.smoke_pct_m), rise_s=SMOKE_RISE_S,
                t_end_s=end_s, left=SMOULDER_SHARE,
            ),
            "co_ppm": Ramp(
                t_s=first_s + _draw(rng, fire.co_after_s), most=_draw(rng, fire.co_ppm), rise_s=CO_RISE_S,
                t_end_s=end_s, left=SMOULDER_SHARE,
            ),
            "temperature_c": Ramp(
                t_s=first_s + _draw(rng, fire.heat_after_s), most=most_k,
                rise_s=60.0 * most_k / fire.heat_k_per_min, linear=True,
            ),
            "flame": Ramp(t_s=first_s, most=float(rng.uniform(0.4, 0.9)), rise_s=8.0, t_end_s=end_s),
        }  # fmt: skip
        ramps |= {part_of(spec.slug, quantity): ramp for quantity, ramp in parts.items()}
    return ramps


def plan_nuisance(site: Site, smoke: NuisanceSmoke, zone: str, rng: np.random.Generator) -> dict[str, Ramp]:
    """Plan smoke without fire: it rises slowly, clears again, and brings no CO."""
    end_s = smoke.at_s + smoke.lasts_s
    ramps = {
        spec.slug: Ramp(
            t_s=smoke.at_s + float(rng.uniform(0, 4)),
            most=_draw(rng, smoke.smoke_pct_m),
            rise_s=9.0,
            t_end_s=end_s,
        )
        for spec in _sensors(site, zone, "smoke")[: smoke.detectors]
    }
    warm = Ramp(t_s=smoke.at_s, most=smoke.heat_k, rise_s=smoke.lasts_s, linear=True, t_end_s=end_s)
    for spec in _sensors(site, zone, "heat"):
        ramps[spec.slug] = warm
    for spec in _sensors(site, zone, "building"):
        ramps[part_of(spec.slug, "smoke_pct_m")] = Ramp(
            t_s=smoke.at_s + 2.0, most=_draw(rng, smoke.smoke_pct_m), rise_s=9.0, t_end_s=end_s
        )
        ramps[part_of(spec.slug, "temperature_c")] = warm
    return ramps
