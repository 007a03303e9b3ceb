"""Risk of all zones from all threats at once, in arrays: the same formula as `model.factors_of`, which is its oracle.

Shapes: Z zones, K threats, M measures.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .model import EDGES, MARGIN, SIGMA_ODDS, SIGMA_V, Z80

__all__ = ("F8", "Field", "FieldInputs", "bands_of", "risk_field", "settle_bands")

F8 = NDArray[np.float64]
U1 = NDArray[np.uint8]


class FieldInputs(NamedTuple):
    """What is known now. Probabilities and shares 0..1.

    ``base`` (Z, K) threat with nothing known, at the odds of the moment; ``row_zone``, ``row_threat`` (N,) and
    ``row_weight`` (N,) what incidents count where; ``bare`` (Z, K) vulnerability without measures; ``effect`` (M, K)
    and ``protects`` (Z, M); ``available`` and ``available_before`` (Z, M), now and as they would be without any
    incident; ``people_harm``, ``asset_harm``, ``service_harm``, ``delay_harm`` (Z, K); ``people_sigma`` (Z,).
    """

    base: F8
    row_zone: NDArray[np.intp]
    row_threat: NDArray[np.intp]
    row_weight: F8
    bare: F8
    effect: F8
    available: F8
    available_before: F8
    people_harm: F8
    asset_harm: F8
    service_harm: F8
    delay_harm: F8
    people_sigma: F8


class Field(NamedTuple):
    """Threat, vulnerability, impact, their product with its 80 % band, and the product before any incident: (Z, K)."""

    threat: F8
    vulnerability: F8
    impact: F8
    value: F8
    low: F8
    high: F8
    before: F8


def _open_share(bare: F8, effect: F8, available: F8) -> F8:
    """V = bare prod over measures of (1 - effect available), (Z, K)."""
    out = bare.copy()
    for number in range(effect.shape[0]):
        given = np.flatnonzero(available[:, number])
        if given.size:
            out[given] *= 1 - available[given, number, None] * effect[number]
    return out


def risk_field(now: FieldInputs) -> Field:
    """Work all cells out. Never decreasing in any weight and any harm, never increasing in any available measure."""
    calm = 1 - now.base
    np.multiply.at(calm, (now.row_zone, now.row_threat), 1 - now.row_weight)
    threat = 1 - calm
    vulnerability = _open_share(now.bare, now.effect, now.available)
    spared = np.exp(-(now.people_harm + now.asset_harm + now.service_harm + now.delay_harm))
    impact = 1 - spared
    value = threat * vulnerability * impact
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma_i = np.where(impact > 0, spared * now.people_harm * now.people_sigma[:, None] / impact, 0.0)
    spread = np.exp(Z80 * np.sqrt((SIGMA_ODDS * calm) ** 2 + SIGMA_V**2 + sigma_i**2))
    return Field(
        threat=threat,
        vulnerability=vulnerability,
        impact=impact,
        value=value,
        low=value / spread,
        high=np.minimum(1.0, value * spread),
        before=now.base * _open_share(now.bare, now.effect, now.available_before) * impact,
    )


def bands_of(value: F8) -> U1:
    """Give the class of each value, 0 very low to 4 very high."""
    return np.searchsorted(np.asarray(EDGES), value, side="right").astype(np.uint8)


def settle_bands(value: F8, shown: U1, other_for_s: F8) -> U1:
    """Give each class with hysteresis, as `model.settle_band` does for one."""
    wanted = bands_of(value)
    edges = np.asarray(EDGES)
    rising = wanted > shown
    edge = edges[np.clip(np.where(rising, shown, shown.astype(np.int16) - 1), 0, len(EDGES) - 1)]
    clear = np.abs(np.log(np.maximum(value, 1e-9) / edge)) >= np.log(1 + MARGIN)
    return np.where((wanted != shown) & (clear | (other_for_s >= 30)), wanted, shown).astype(np.uint8)
