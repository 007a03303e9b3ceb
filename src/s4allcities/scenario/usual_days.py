"""Ordinary days of a site's sensors: what a history would hold if nothing happened. Simulated, and only that."""

from collections.abc import Callable, Mapping
from math import pi

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.domain import US_PER_S, Series
from s4allcities.site import SensorSpec, Site

from .families import channel_of, counts_zone
from .instruments import CALM, SPREAD
from .randomness import stream

__all__ = ("UsualSeries", "busy", "usual_days")

_F8 = NDArray[np.float64]
_DAY_S = 86_400.0
_SHARE_BUSY = 0.25
"""Of a zone's capacity that is there in the busiest hour."""
_OUT_BUSY_PER_MIN = 30.0
_HEAT_DAY_C = 1.5
_MEMORY = 0.8
"""How much of what a count is above or below its usual is left one reading later."""


class UsualSeries(Struct, frozen=True, kw_only=True):
    """One sensor's readings of one quantity: ``t_us``, ``value`` (n,), under the names that they would come with."""

    series: Series
    family: str
    t_us: NDArray[np.int64]
    value: _F8


def usual_days(
    site: Site,
    *,
    t_from_us: int,
    days: int,
    every_s: float = 300.0,
    seed: int = 0,
    slow_s: Mapping[str, float] | None = None,
    noise: Mapping[str, float] | None = None,
) -> list[UsualSeries]:
    """Make ``days`` ordinary days of the sensors that measure numbers (smoke, CO, heat, people).

    Parameters: a reading comes ``every_s`` seconds; ``slow_s`` names sensors that read at longer intervals, ``noise``
    those with so many times the ordinary noise. Limits: no hazard, no fault, no event; a week has five working days and
    two quieter ones; neighbours share nothing but the time of day.
    """
    slow, noisy = slow_s or {}, noise or {}
    zones = {zone.slug: zone for zone in site.zones}
    out: list[UsualSeries] = []
    for spec in site.sensors:
        channel = channel_of(spec, zones)
        if channel is None or (spec.family not in CALM and spec.family != "counter"):
            continue
        rng = stream(seed, f"usual-{spec.slug}")
        step_s = slow.get(spec.slug, every_s)
        t_s = rng.uniform(0, min(step_s, 60.0)) + np.arange(0.0, days * _DAY_S - 60.0, step_s)
        capacity = zones[spec.covers[0]].capacity_people if counts_zone(spec, zones) else 0
        for quantity, make in _makers(spec, float(capacity)).items():
            value = make(rng, (t_from_us / US_PER_S + t_s), noisy.get(spec.slug, 1.0))
            unit = next((each.unit for each in spec.quantities if each.name == quantity), "")
            series = Series(sensor=spec.slug, quantity=quantity, unit=unit, zone=spec.zone)
            t_us = t_from_us + np.round(t_s * US_PER_S).astype(np.int64)
            out.append(UsualSeries(series=series, family=channel.family, t_us=t_us, value=value))
    return out


_Maker = Callable[[np.random.Generator, _F8, float], _F8]


def _makers(spec: SensorSpec, capacity: float) -> dict[str, _Maker]:
    if spec.family in CALM:
        return {each.name: _calm(spec.family) for each in spec.quantities}
    if capacity:
        return {"people": _count(_SHARE_BUSY * capacity)}
    return {"out_per_min": _count(_OUT_BUSY_PER_MIN), "in_per_min": _count(_OUT_BUSY_PER_MIN)}


def busy(t_s: _F8) -> _F8:
    """Give 0..1, how busy a place is: nobody at four, most at eight and at seventeen, less on two days of the week.

    >>> quiet, morning = busy(np.array([4.0, 8.0]) * 3600)
    >>> bool(quiet < 0.05 < 0.9 < morning)
    True
    """
    hour, day = t_s / 3600 % 24, t_s // _DAY_S % 7
    peaks = np.exp(-(((hour - 8) / 2) ** 2)) + np.exp(-(((hour - 17) / 3) ** 2))
    base = 0.5 * np.clip(np.sin((hour - 5) / 18 * pi), 0, None) * (hour > 5)
    share = np.minimum(1.0, np.maximum(peaks, base)) * np.where((day == 2) | (day == 3), 0.6, 1.0)
    # 1 January 1970 was a Thursday: days 2 and 3 are Saturday and Sunday.
    return np.asarray(share, np.float64)


def _calm(family: str) -> _Maker:
    usual, sigma = CALM[family]

    def make(rng: np.random.Generator, t_s: _F8, times: float) -> _F8:
        place = usual + SPREAD[family] * float(rng.uniform(-1, 1))
        value = place + rng.normal(0.0, sigma * times, t_s.size)
        if family == "heat":
            value += _HEAT_DAY_C * np.sin((t_s / 3600 % 24 - 9) / 12 * pi)
            return np.asarray(np.round(value, 2), np.float64)
        return np.asarray(np.round(np.maximum(value, 0.0), 3 if family == "smoke" else 1), np.float64)

    return make


def _count(busiest: float) -> _Maker:
    def make(rng: np.random.Generator, t_s: _F8, times: float) -> _F8:
        mean = busiest * (0.02 + busy(t_s))
        away, shock = np.zeros(t_s.size), rng.normal(0.0, 0.08 * times, t_s.size)
        for i in range(1, t_s.size):
            away[i] = _MEMORY * away[i - 1] + shock[i]
        counted = rng.poisson(mean * np.exp(away)).astype(np.float64)
        return np.maximum(0.0, np.round(counted + rng.normal(0.0, (times - 1) * np.sqrt(mean + 1), t_s.size)))

    return make
