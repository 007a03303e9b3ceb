"""What smoke does to people: slower steps by extinction, dose by gases.

Speed: the two relations in use, as a factor of the free speed. Lund: D. Purser and H. Frantzich's measurements as a
line, ``max(0.1, 1 - 0.057 K / 0.706)``. Fridolf et al. (Fire Technology 55, 2019): ``V / (V + 2)`` of the visibility
``V = C / K``. Dose: fractional effective dose of ISO 13571:2012, asphyxiant gases, exposure at constant
concentrations or in steps.
"""

from typing import Literal

import numpy as np

from .arrays import F8

__all__ = ("SmokeLaw", "dose_rate_per_min", "speed_factor", "visibility_m")

SmokeLaw = Literal["lund", "fridolf-reflecting", "fridolf-lit"]

_VISIBILITY = {"fridolf-reflecting": 3.0, "fridolf-lit": 8.0}


def visibility_m(extinction_per_m: float, constant: float = 3.0) -> float:
    """How far a sign is seen: C / K, with C 3 for reflecting and 8 for lit signs (Jin 1978)."""
    return float("inf") if extinction_per_m <= 0 else constant / extinction_per_m


def speed_factor(extinction_per_m: F8 | float, law: SmokeLaw = "fridolf-reflecting") -> F8:
    """Share of the free speed kept at an extinction coefficient K in 1/m.

    :raises ValueError: K is negative or not a number, or there is no such relation.

    >>> round(float(speed_factor(3.0, "lund")), 4), round(float(speed_factor(3.0)), 4)
    (0.7578, 0.3333)
    """
    k = np.asarray(extinction_per_m, np.float64)
    if not (k >= 0).all():
        raise ValueError(f"extinction coefficient {extinction_per_m} per metre: allowed are 0 and above")
    if law == "lund":
        return np.maximum(0.1, 1 - 0.057 * k / 0.706)
    if law not in _VISIBILITY:
        raise ValueError(f"there is no relation {law!r}; allowed are lund, {', '.join(_VISIBILITY)}")
    c = _VISIBILITY[law]
    factor: F8 = c / (c + 2 * k)
    return factor


def dose_rate_per_min(co_ppm: float = 0.0, hcn_ppm: float = 0.0, co2_percent: float = 0.0) -> float:
    """Fractional effective dose a minute (ISO 13571): CO / 35,000 ppm min and exp(HCN / 43) / 220 min, times the
    hyperventilation factor exp(CO2 / 5) where carbon dioxide is above 2 %.

    :raises ValueError: a concentration is negative or not a number.

    >>> round(30 * dose_rate_per_min(co_ppm=1000.0), 4)
    0.8571
    """
    if not (co_ppm >= 0 and hcn_ppm >= 0 and co2_percent >= 0):
        raise ValueError("a concentration is negative or not a number; allowed are 0 and above")
    hcn = np.exp(hcn_ppm / 43.0) / 220.0 if hcn_ppm > 0 else 0.0
    breath = np.exp(co2_percent / 5.0) if co2_percent > 2.0 else 1.0
    return float((co_ppm / 35_000.0 + hcn) * breath)
