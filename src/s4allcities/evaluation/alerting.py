"""How soon and how often: time to alert with those never alerted counted, false incidents a day."""

from math import ceil, inf, isnan

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

__all__ = ("Delays", "delays", "per_day")

S_PER_DAY = 86_400.0


class Delays(Struct, frozen=True, kw_only=True):
    """Seconds from the beginning of an act to its alert. None where so many were never alerted that there is no such
    quantile; ``missed`` of ``acts`` never were.
    """

    acts: int
    missed: int
    p50_s: float | None
    p95_s: float | None


def delays(seconds: ArrayLike) -> Delays:
    """Summarise delays (N,) in seconds; infinity stands for an act that was never alerted.

    Quantiles are the smallest delay that at least so large a share does not exceed (Hyndman, Fan, Am. Stat. 50, 1996,
    definition 1): values that occurred, and right when some are infinite. Misses are not left out, as that would make
    a system that finds only the easy half look quick.

    :raises ValueError: a delay is not a number.

    >>> delays([3.0, 1.0, float("inf"), 2.0])
    Delays(acts=4, missed=1, p50_s=2.0, p95_s=None)
    """
    values = np.sort(np.asarray(seconds, np.float64).ravel())
    if np.isnan(values).any():
        raise ValueError("a delay is not a number; infinity is what stands for never")
    missed = int(np.isinf(values).sum())
    return Delays(
        acts=len(values), missed=missed, p50_s=_at(values.tolist(), 0.5), p95_s=_at(values.tolist(), 0.95)
    )


def _at(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    value = ordered[max(ceil(round(share * len(ordered), 9)) - 1, 0)]
    return None if value == inf else value


def per_day(count: float, observed_s: float) -> float:
    """Turn a count over a time observed into one a day.

    :raises ValueError: nothing was observed, or the count is negative.

    >>> per_day(2, 43_200)
    4.0
    """
    if not observed_s > 0 or isnan(count) or count < 0:
        raise ValueError(f"{count} in {observed_s} s: needed are a time above 0 and a count of 0 or more")
    return count * S_PER_DAY / observed_s
