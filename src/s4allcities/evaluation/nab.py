"""The score of the Numenta Anomaly Benchmark, from its published definition.

A detection counts once for each labelled window, earlier is better; a false one costs more the further it is past the
last window; the first 15 % of a series (of 5000 readings at most) is a time of learning and not scored. The sum over
all series is set between a detector that never speaks (0) and a perfect one (100).

A. Lavin, S. Ahmad, "Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark", ICMLA 2015.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = (
    "LOW_FALSE_ALARMS",
    "LOW_MISSES",
    "STANDARD",
    "NabProfile",
    "NabSeries",
    "nab_best",
    "nab_score",
    "probation_length",
    "scaled_sigmoid",
)

PROBATION_SHARE = 0.15
PROBATION_OF_MOST = 5000
FAR_PAST = 3.0
"""So many window lengths past a window a false detection costs its full weight."""


class NabProfile(Struct, frozen=True):
    """What finding, a false detection and missing weigh."""

    hit: float
    false: float
    miss: float


STANDARD = NabProfile(1.0, 0.11, 1.0)
LOW_FALSE_ALARMS = NabProfile(1.0, 0.22, 1.0)
LOW_MISSES = NabProfile(1.0, 0.11, 2.0)


class NabSeries(Struct, frozen=True):
    """One scored series: ``scores`` (n,) of the detector, ``windows`` pairs of first and last index, in order."""

    scores: NDArray[np.float64]
    windows: Sequence[tuple[int, int]]


def probation_length(n: int) -> int:
    """Give how many readings at the start of a series of ``n`` are not scored.

    >>> probation_length(4032), probation_length(22695)
    (604, 750)
    """
    return int(PROBATION_SHARE * min(n, PROBATION_OF_MOST))


def scaled_sigmoid(x: float) -> float:
    """Give the worth of a detection at ``x`` window lengths from a window's end (negative = inside), -1..1.

    >>> round(scaled_sigmoid(-1.0), 4), scaled_sigmoid(0.0), scaled_sigmoid(3.5)
    (0.9866, 0.0, -1.0)
    """
    return float(_sigmoids(np.array([x]))[0])


def _sigmoids(x: NDArray[np.float64]) -> NDArray[np.float64]:
    worth = 2.0 / (1.0 + np.exp(5.0 * np.minimum(x, FAR_PAST + 1.0))) - 1.0
    return np.asarray(np.where(x > FAR_PAST, -1.0, worth))


def _parts(series: NabSeries) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Give for each reading its window (-1 outside, -2 not scored) and its unweighted worth."""
    n = series.scores.size
    window, worth = np.full(n, -1, np.int64), np.full(n, -1.0)
    index = np.arange(n)
    for number, (first, last) in enumerate(series.windows):
        width = last - first + 1
        inside = slice(first, last + 1)
        window[inside] = number
        worth[inside] = _sigmoids(-(last - index[inside] + 1) / width) / scaled_sigmoid(-1.0)
        worth[last + 1 :] = _sigmoids((index[last + 1 :] - last) / max(1.0, width - 1.0))
    window[: probation_length(n)] = -2
    return window, worth


class _Tally(Struct):
    """Events of all series as (score, gain) pairs: what lowering the threshold to ``score`` adds to the sum."""

    scores: list[NDArray[np.float64]]
    gains: list[NDArray[np.float64]]
    windows: int = 0


def _tally(corpus: Iterable[NabSeries], profile: NabProfile) -> _Tally:
    tally = _Tally([], [])
    for series in corpus:
        window, worth = _parts(series)
        false = window == -1
        tally.scores.append(series.scores[false])
        tally.gains.append(profile.false * worth[false])
        for number in range(len(series.windows)):
            inside = window == number
            if inside.any():
                _window_gains(tally, series.scores[inside], profile.hit * worth[inside], profile.miss)
    return tally


def _window_gains(
    tally: _Tally, scores: NDArray[np.float64], worth: NDArray[np.float64], miss: float
) -> None:
    """A window gives its best detection: going down the scores, count what each adds to the best so far."""
    tally.windows += 1
    order = np.argsort(-scores, kind="stable")
    best = np.maximum.accumulate(worth[order])
    # The best so far at a threshold is known only after the last of equal scores; a maximum does not mind the order.
    gains = np.diff(best, prepend=-miss)
    tally.scores.append(scores[order])
    tally.gains.append(gains)


def nab_score(corpus: Sequence[NabSeries], threshold: float, profile: NabProfile = STANDARD) -> float:
    """Give the score of a corpus when a score of at least ``threshold`` is a detection: 0 = silence, 100 = perfect.

    :raises ValueError: no window is scored.
    """
    tally = _tally(corpus, profile)
    scores, gains = np.concatenate(tally.scores), np.concatenate(tally.gains)
    return _normal(float(gains[scores >= threshold].sum()), tally.windows, profile)


def nab_best(corpus: Sequence[NabSeries], profile: NabProfile = STANDARD) -> tuple[float, float]:
    """Give the best score over all thresholds, and that threshold: what the public scoreboard shows.

    :raises ValueError: no window is scored.
    """
    tally = _tally(corpus, profile)
    scores, gains = np.concatenate(tally.scores), np.concatenate(tally.gains)
    order = np.argsort(-scores, kind="stable")
    scores, sums = scores[order], np.cumsum(gains[order])
    ends = np.append(scores[1:] != scores[:-1], True)
    best = int(np.argmax(np.where(ends, sums, -np.inf)))
    if sums[best] <= 0:
        return _normal(0.0, tally.windows, profile), float("inf")
    return _normal(float(sums[best]), tally.windows, profile), float(scores[best])


def _normal(gain: float, windows: int, profile: NabProfile) -> float:
    """``gain`` is over silence, which misses every window."""
    if not windows:
        raise ValueError("no window outside the time of learning: there is nothing to score")
    return 100.0 * gain / (windows * (profile.hit + profile.miss))
