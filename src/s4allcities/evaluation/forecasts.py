"""How good are probabilities: Brier score, logarithmic loss, calibration error.

All take ``p`` (N, K), the probability that each of N forecasts gave to each of K classes, and ``truth`` (N,), the
index of the class that was the case. ``weight`` (N,) counts a forecast more or less; None counts all the same.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

__all__ = (
    "ReliabilityBin",
    "brier_score",
    "calibrated_error",
    "expected_calibration_error",
    "log_loss",
    "reliability",
)

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

TOLERANCE = 1e-6
LEAST_P = 1e-12
"""Probabilities below it count as this much in the logarithm, as one certain error would else outweigh all others."""


class ReliabilityBin(Struct, frozen=True, kw_only=True):
    """Forecasts of about the same confidence: their number, mean confidence, and how often they were right."""

    low: float
    high: float
    weight: float
    confidence: float
    accuracy: float


def brier_score(p: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean over forecasts of sum_k (p_k - y_k)^2, y the truth as 0 and 1: 0 is perfect, 2 the worst.

    The original form for several classes (Brier, Monthly Weather Review 78, 1950). For two classes it is twice the
    form that looks at one class only. It rewards calibration and sharpness together.

    :raises ValueError: the shapes do not fit, a probability is outside 0..1, or rows do not add up to 1.

    >>> round(brier_score([[0.8, 0.2], [0.4, 0.6]], [0, 0]), 3)
    0.4
    """
    rows, index, w = _checked(p, truth, weight)
    outcome = np.zeros_like(rows)
    outcome[np.arange(len(index)), index] = 1.0
    return float(((rows - outcome) ** 2).sum(1) @ w)


def log_loss(p: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean of -ln p(truth), in nats: 0 is perfect, ln K what knows nothing gets. (Good, J. Roy. Stat. Soc. B 14, 1952.)

    Probabilities below 1e-12 count as 1e-12.

    :raises ValueError: as `brier_score`.

    >>> round(log_loss([[0.5, 0.5], [1.0, 0.0]], [0, 0]), 4)
    0.3466
    """
    rows, index, w = _checked(p, truth, weight)
    return float(-np.log(np.maximum(rows[np.arange(len(index)), index], LEAST_P)) @ w)


def expected_calibration_error(
    p: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None, *, bins: int = 15
) -> float:
    """Mean gap between how sure the forecasts were of their first choice and how often it was right; 0..1.

    Bins of equal width in confidence, gaps weighted by how many forecasts a bin has (Naeini, Cooper, Hauskrecht, AAAI
    2015; Guo et al., ICML 2017). It is biased upwards for few forecasts: with N spread over 15 bins a perfectly
    calibrated forecaster still shows about sqrt(15 / N) / 3. It says nothing on sharpness: look at the Brier score too.

    :raises ValueError: as `brier_score`, or ``bins`` is below 1.

    >>> round(expected_calibration_error([[0.9, 0.1], [0.9, 0.1]], [0, 1]), 3)
    0.4
    """
    return float(
        sum(
            each.weight * abs(each.confidence - each.accuracy)
            for each in reliability(p, truth, weight, bins=bins)
        )
    )


def calibrated_error(p: ArrayLike, rng: np.random.Generator, *, draws: int = 200, bins: int = 15) -> float:
    """Give the expected calibration error that these forecasts show on average if each of them is exactly right.

    That is the noise of the measure at this number of forecasts: an error below it says nothing against them. Over
    ``draws`` truths, each drawn from the forecasts themselves.

    :raises ValueError: as `expected_calibration_error`, or ``draws`` is below 1.

    >>> round(calibrated_error([[0.5, 0.5]], np.random.default_rng(1)), 3)
    0.5
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}; allowed is 1 or more")
    rows = np.asarray(p, np.float64)
    sums = rows.cumsum(1) / rows.sum(1, keepdims=True)
    errors = []
    for _ in range(draws):
        truth = np.minimum((sums < rng.random((len(rows), 1))).sum(1), rows.shape[1] - 1)
        errors.append(expected_calibration_error(rows, truth, bins=bins))
    return float(np.mean(errors))


def reliability(
    p: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None, *, bins: int = 15
) -> tuple[ReliabilityBin, ...]:
    """Give the bins of a reliability diagram that hold any forecast; their weights add up to 1.

    :raises ValueError: as `expected_calibration_error`.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}; allowed is 1 or more")
    rows, index, w = _checked(p, truth, weight)
    confidence = rows.max(1)
    right = (rows.argmax(1) == index).astype(np.float64)
    slot = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    return tuple(_bin(each, bins, confidence, right, w, slot) for each in np.unique(slot))


def _bin(number: int, bins: int, confidence: F8, right: F8, w: F8, slot: I8) -> ReliabilityBin:
    held = slot == number
    total = float(w[held].sum())
    share = w[held] / total if total > 0 else w[held]
    return ReliabilityBin(
        low=float(number / bins),
        high=float((number + 1) / bins),
        weight=total,
        confidence=float(confidence[held] @ share),
        accuracy=float(right[held] @ share),
    )


def _checked(p: ArrayLike, truth: ArrayLike, weight: ArrayLike | None) -> tuple[F8, I8, F8]:
    rows = np.asarray(p, np.float64)
    index = np.asarray(truth, np.int64)
    if rows.ndim != 2 or index.shape != rows.shape[:1] or not len(index):
        raise ValueError(f"p is (N, K) and truth (N,), N > 0; given are {rows.shape} and {index.shape}")
    if not (np.all(rows >= -TOLERANCE) and np.all(np.abs(rows.sum(1) - 1) <= TOLERANCE)):
        raise ValueError("each row of p must be probabilities that add up to 1")
    if index.min() < 0 or index.max() >= rows.shape[1]:
        raise ValueError(f"truth holds {index.min()}..{index.max()}; allowed are 0..{rows.shape[1] - 1}")
    w = np.ones(len(index)) if weight is None else np.asarray(weight, np.float64)
    if w.shape != index.shape or np.any(w < 0) or not w.sum() > 0:
        raise ValueError("weight is (N,), not negative, and not all zero")
    return rows, index, w / w.sum()
