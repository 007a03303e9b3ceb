"""Who people are: free speed by age, when they set off, who stays together.

Speeds by age: the table of IMO MSC.1/Circ.1533 for level ground, uniform within each class; shares of the classes are
those of a general public and can be given. Setting off: lognormal, as measured times before movement are skewed to
the right (PD 7974-6). Groups: sizes by a truncated Poisson law (J. James, American Sociological Review 18, 1953).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .arrays import F8, I4

__all__ = (
    "AGE_CLASSES",
    "PUBLIC_SHARES",
    "AgeClass",
    "draw_groups",
    "draw_speeds",
    "premovement",
    "speed_of_age",
)


@dataclass(frozen=True, slots=True)
class AgeClass:
    """Free speed between two bounds, in metres a second."""

    low_mps: float
    high_mps: float


AGE_CLASSES: dict[str, AgeClass] = {
    "women under 30": AgeClass(0.93, 1.55),
    "women 30 to 50": AgeClass(0.71, 1.19),
    "women over 50": AgeClass(0.56, 0.94),
    "men under 30": AgeClass(1.11, 1.85),
    "men 30 to 50": AgeClass(0.97, 1.62),
    "men over 50": AgeClass(0.84, 1.40),
    "impaired": AgeClass(0.43, 0.71),
}

PUBLIC_SHARES: dict[str, float] = {
    "women under 30": 0.19,
    "women 30 to 50": 0.16,
    "women over 50": 0.13,
    "men under 30": 0.21,
    "men 30 to 50": 0.18,
    "men over 50": 0.11,
    "impaired": 0.02,
}


def draw_speeds(count: int, rng: np.random.Generator, shares: Mapping[str, float] | None = None) -> F8:
    """Draw free speeds (count,) for a public of these shares of the age classes.

    :raises ValueError: a class is unknown, or the shares are negative or all zero.

    >>> speeds = draw_speeds(1000, np.random.default_rng(0))
    >>> bool(1.0 < speeds.mean() < 1.3)
    True
    """
    given = dict(PUBLIC_SHARES if shares is None else shares)
    unknown = sorted(set(given) - set(AGE_CLASSES))
    if unknown:
        raise ValueError(f"there is no age class {unknown[0]!r}; allowed are {', '.join(AGE_CLASSES)}")
    weight = np.array(list(given.values()), np.float64)
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.sum() > 0):
        raise ValueError("shares of age classes must be 0 or above, at least one above 0")
    classes = [AGE_CLASSES[name] for name in given]
    which = rng.choice(len(classes), count, p=weight / weight.sum())
    low = np.array([each.low_mps for each in classes])[which]
    high = np.array([each.high_mps for each in classes])[which]
    drawn: F8 = low + (high - low) * rng.random(count)
    return drawn


def premovement(count: int, rng: np.random.Generator, median_s: float, log_sigma: float = 0.5) -> F8:
    """Draw the moments (count,) at which people set off; a median of 0 means at once."""
    if median_s < 0 or log_sigma < 0:
        raise ValueError(f"premovement {median_s} s, sigma {log_sigma}: allowed are 0 and above")
    drawn: F8 = median_s * np.exp(log_sigma * rng.standard_normal(count))
    return drawn


def draw_groups(count: int, rng: np.random.Generator, share: float, mean_size: float = 2.6) -> I4:
    """Number the groups of people in the order in which they stand; -1 for those alone. ``share`` belong to groups."""
    if not 0 <= share <= 1:
        raise ValueError(f"share of people in groups is {share}; allowed are 0 to 1")
    group = np.full(count, -1, np.int32)
    at, number = 0, 0
    while at < count:
        if rng.random() < share / (share + (1 - share) * mean_size) if share < 1 else True:
            size = 2 + int(rng.poisson(mean_size - 2))
            group[at : at + size] = number
            number += 1
            at += size
        else:
            at += 1
    return group


def speed_of_age(age_years: F8) -> F8:
    """Free speed on the level by age: the mean curve of Weidmann (1993), by its values at 5, 20, 30, 50 and 80 years.

    >>> [round(float(v), 2) for v in speed_of_age(np.array([20.0, 40.0, 80.0]))]
    [1.61, 1.48, 0.68]
    """
    speed: F8 = np.interp(age_years, (5.0, 20.0, 30.0, 50.0, 80.0), (0.58, 1.61, 1.54, 1.41, 0.68))
    return speed
