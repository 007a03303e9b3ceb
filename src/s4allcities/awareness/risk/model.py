"""The risk formula: R = T x V x I with an 80 % band, classes with hysteresis. Pure numbers."""

import tomllib
from importlib.resources import files
from math import exp, log, sqrt
from typing import get_args

import msgspec
from msgspec import Struct

from s4allcities.domain import Band

__all__ = ("BANDS", "Exposure", "Factors", "Threat", "band_of", "factors_of", "load_threats", "settle_band")

BANDS: tuple[Band, ...] = get_args(Band)
EDGES = (0.05, 0.15, 0.35, 0.6)
"""Where one class ends and the next begins."""
MARGIN = 0.1
Z80 = 1.2816
"""Standard deviations from the middle to either end of an 80 % band."""
SIGMA_ODDS = 0.4
"""How far off the log-odds of an incident may be, one sigma, in nats."""
SIGMA_V = 0.08
"""Relative error of the vulnerability, one sigma."""


class Threat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures of one threat; the data file says what they mean."""

    base: float
    neighbour: float
    bare: float
    exits: float
    cameras: float
    person: float
    things: float


class Exposure(Struct, frozen=True, kw_only=True):
    """What is known of one zone now, all shares 0..1.

    ``weights`` are the probabilities of incidents of this threat, as far as they count here; ``people_sigma`` is the
    relative error of the count; ``exits_ok`` and ``cameras_ok`` the shares that can be relied on.
    """

    weights: tuple[float, ...]
    people: float
    people_sigma: float = 0.15
    exits_ok: float = 1.0
    cameras_ok: float = 1.0


class Factors(Struct, frozen=True, kw_only=True):
    """Threat, vulnerability, impact, their product and its 80 % band."""

    threat: float
    vulnerability: float
    impact: float
    value: float
    low: float
    high: float


def load_threats() -> dict[str, Threat]:
    """Read the file that comes with the package."""
    text = (files(__package__) / "threats.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Threat])


def factors_of(threat: Threat, now: Exposure) -> Factors:
    """Work out the risk. It grows with every probability and with people, and falls with every working measure.

    T = 1 - (1 - T0) prod(1 - p), V = V0 prod(1 - e available), I = 1 - exp(-(people * person + things)).
    The band takes the errors of T, V and I as independent and lognormal.
    """
    calm = 1 - threat.base
    for weight in now.weights:
        calm *= 1 - weight
    present = 1 - calm
    open_ = threat.bare * (1 - threat.exits * now.exits_ok) * (1 - threat.cameras * now.cameras_ok)
    harm = now.people * threat.person
    impact = 1 - exp(-(harm + threat.things))
    value = present * open_ * impact
    sigma_i = exp(-(harm + threat.things)) * harm * now.people_sigma / impact if impact > 0 else 0.0
    sigma = sqrt((SIGMA_ODDS * calm) ** 2 + SIGMA_V**2 + sigma_i**2)
    return Factors(
        threat=present,
        vulnerability=open_,
        impact=impact,
        value=value,
        low=value * exp(-Z80 * sigma),
        high=min(1.0, value * exp(Z80 * sigma)),
    )


def band_of(value: float) -> Band:
    """Give the class of a value.

    >>> band_of(0.78), band_of(0.04)
    ('very high', 'very low')
    """
    return BANDS[sum(value >= edge for edge in EDGES)]


def settle_band(value: float, shown: Band, other_for_s: float) -> Band:
    """Give the class with hysteresis: it changes when the edge is passed by 10 %, or after 30 s beyond it."""
    wanted = band_of(value)
    if wanted == shown:
        return shown
    here, there = BANDS.index(shown), BANDS.index(wanted)
    edge = EDGES[here] if there > here else EDGES[here - 1]
    clear = abs(log(max(value, 1e-9) / edge)) >= log(1 + MARGIN)
    return wanted if clear or other_for_s >= 30 else shown
