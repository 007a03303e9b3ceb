"""The detector over one whole series at once, as a file or a graph needs it; strictly causal all the same."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from . import _layout as at
from .config import UnusualConfig, settings_of, unusual_config, weights_of
from .kernel import observe_rows

__all__ = ("REASONS", "Judged", "judge_series", "reason_text", "score_of")

REASONS = {
    at.SEASONAL: "far from usual at this hour",
    at.FORECAST: "not as the readings before foretold",
    at.JUMP: "a sudden step",
    at.CYCLE: "out of step with its own cycle",
    at.LEVEL: "far from its long-run level",
    at.SHIFT: "its recent mean has moved",
    at.VARIANCE: "more restless than usual",
    at.FLAT: "calmer than usual",
    at.PATTERN: "a sequence not seen before",
    at.RANGE: "beyond all seen before",
}
"""What each stream says, in plain words."""


class Judged(Struct, frozen=True):
    """What the detector says of n readings, in columns of length n.

    ``score`` is 0..1, at least 0.5 where ``alert``; ``reasons`` (n, streams) is how much each way of looking says, in
    standard deviations; ``usual`` and ``spread`` are the middle and half the width of the 95 % band.
    """

    score: NDArray[np.float64]
    alert: NDArray[np.bool_]
    reasons: NDArray[np.float32]
    usual: NDArray[np.float64]
    spread: NDArray[np.float64]


def score_of(
    z: NDArray[np.float64], bar: NDArray[np.float64], begins: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Map z to 0..1 so that the bar is 0.5; what goes on from an onset that was told counts half.

    >>> score_of(np.array([0.0, 4.0, 12.0]), np.full(3, 4.0), np.array([0, 1, 1], np.uint8)).tolist()
    [0.0, 0.5, 0.75]
    """
    score = np.divide(z, z + bar, out=np.zeros_like(z), where=bar > 0)
    return np.where(begins > 0, score, score / 2)


def reason_text(reasons: NDArray[np.float32], most: int = 2) -> str:
    """Say in plain words what speaks most for a reading being unusual; ``""`` when nothing does.

    >>> row = np.zeros(at.N_STREAMS, np.float32)
    >>> row[at.JUMP], row[at.RANGE] = 5.0, 3.0
    >>> reason_text(row)
    'a sudden step; beyond all seen before'
    """
    order = [k for k in np.argsort(-reasons, kind="stable").tolist() if k in REASONS and reasons[k] > 0]
    if not order:
        return ""
    half = reasons[order[0]] / 2
    return "; ".join(REASONS[k] for k in order[:most] if reasons[k] >= half)


def judge_series(
    t_us: NDArray[np.int64], value: NDArray[np.float64], config: UnusualConfig | None = None
) -> Judged:
    """Say of each reading of a series how unusual it was when it came, from those before it alone.

    In plain words: a reading is unusual when it is far from what this hour, the last readings, the long-run level or
    the usual restlessness make likely, measured against how often this very series does such things.

    Limits: nothing is said of the first 50 readings; what has been unusual from the start is taken as usual; a change
    slower than about a thousand readings is followed, not told; the season is known after two days.

    Parameters: ``t_us`` and ``value`` (n,), in order of time. Readings that are no numbers, or not later than the one
    before, are left out: score 0.

    >>> t_us = np.arange(400, dtype=np.int64) * 300_000_000
    >>> value = np.sin(np.arange(400) * 2.1)
    >>> value[350] = 30.0
    >>> np.flatnonzero(judge_series(t_us, value).alert).tolist()
    [350]
    """
    config = config or unusual_config()
    n = len(t_us)
    z, bar, usual, spread = np.zeros(n), np.zeros(n), np.full(n, np.nan), np.full(n, np.nan)
    begins, reasons = np.zeros(n, np.uint8), np.zeros((n, at.N_STREAMS), np.float32)
    observe_rows(
        np.zeros(n, np.int64),
        np.array(t_us, np.int64),
        np.array(value, np.float64),
        np.zeros(n, np.uint8),
        np.zeros((1, at.N_FLOATS), np.float32),
        np.zeros((1, at.N_INTS), np.int64),
        np.zeros((1, at.N_PATTERN_BYTES), np.uint8),
        weights_of(config),
        settings_of(config),
        z,
        bar,
        begins,
        reasons,
        usual,
        spread,
    )
    score = score_of(z, bar, begins)
    return Judged(score, score >= 0.5, reasons, usual, spread)
