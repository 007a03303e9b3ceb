"""The risk formula: R = T x V x I with an 80 % band, classes with hysteresis. Pure numbers, one cell at a time.

This is the plain form, the oracle of the arrays in `field`, and what `s4 risk explain` works out again.
"""

import tomllib
from collections.abc import Iterable
from importlib.resources import files
from math import exp, log, sqrt
from typing import get_args

import msgspec
from msgspec import Struct

from s4allcities.domain import Band, MeasureShare, RiskBasis

__all__ = (
    "BANDS",
    "EDGES",
    "SIGMA_ODDS",
    "SIGMA_V",
    "Z80",
    "Factors",
    "Threat",
    "at_odds",
    "band_of",
    "factors_of",
    "load_threats",
    "open_share",
    "settle_band",
)

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
    fade_s: float
    bare: float
    exits: float
    cameras: float
    person: float
    things: float
    service: float
    delay: float


class Factors(Struct, frozen=True, kw_only=True):
    """Threat, vulnerability, impact, their product, its 80 % band, and the product before any incident."""

    threat: float
    vulnerability: float
    impact: float
    value: float
    low: float
    high: float
    before: float


def load_threats() -> dict[str, Threat]:
    """Read the file that comes with the package."""
    text = (files(__package__) / "threats.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Threat])


def at_odds(p: float, factor: float) -> float:
    """Multiply the odds of a probability.

    >>> round(at_odds(0.5, 3.0), 2)
    0.75
    """
    return p * factor / (1 - p + p * factor)


def open_share(bare: float, measures: Iterable[MeasureShare]) -> float:
    """The vulnerability that is left: V = bare prod(1 - effect available)."""
    for measure in measures:
        bare *= 1 - measure.effect * measure.available
    return bare


def factors_of(basis: RiskBasis) -> Factors:
    """Work out the risk. It grows with every probability and with people, and falls with every working measure.

    T = 1 - (1 - base) prod(1 - w), V = bare prod(1 - effect available), I = 1 - exp(-sum of harms). The band takes the
    errors of T (its odds), V and I (the count) as independent and lognormal.
    """
    calm = 1 - basis.base
    for weight in basis.weights.values():
        calm *= 1 - weight
    present = 1 - calm
    open_ = open_share(basis.bare, basis.measures)
    harm = basis.people_harm + basis.asset_harm + basis.service_harm + basis.delay_harm
    spared = exp(-harm)
    impact = 1 - spared
    value = present * open_ * impact
    sigma_i = spared * basis.people_harm * basis.people_sigma / impact if impact > 0 else 0.0
    sigma = sqrt((SIGMA_ODDS * calm) ** 2 + SIGMA_V**2 + sigma_i**2)
    return Factors(
        threat=present,
        vulnerability=open_,
        impact=impact,
        value=value,
        low=value * exp(-Z80 * sigma),
        high=min(1.0, value * exp(Z80 * sigma)),
        before=basis.base * open_share(basis.bare, basis.measures_before) * impact,
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
