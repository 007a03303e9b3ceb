"""The kernel in plain Python: slow, easy to read, and what tests hold `kernel` against. Same names, same arrays."""

from math import exp, log

import numpy as np
from numpy.typing import NDArray

__all__ = ("group_evidence", "place_scores", "softmax", "story_scores")

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

NO_RELATION = -1e9
"""Score of what cannot belong together."""


def group_evidence(
    kind_ix: I8,
    group_ix: I8,
    total: F8,
    peak: F8,
    landmark_us: I8,
    tau_s: F8,
    weight: F8,
    llr: F8,
    groups: int,
    now_us: int,
    alpha: float,
) -> F8:
    """See `kernel.group_evidence`."""
    hypotheses = llr.shape[1]
    out = np.zeros((groups, hypotheses))
    for group in range(groups):
        rows = [row for row in range(len(kind_ix)) if group_ix[row] == group]
        faded = {row: weight[row] * exp(-(now_us - landmark_us[row]) / 1e6 / tau_s[row]) for row in rows}
        for h in range(hypotheses):
            pieces = [(llr[kind_ix[row], h], faded[row] * total[row], faded[row] * peak[row]) for row in rows]
            pro = [(nats * s, nats * m) for nats, s, m in pieces if nats > 0]
            con = [(-nats * s, -nats * m) for nats, s, m in pieces if nats < 0]
            out[group, h] = _saturated(pro, alpha) - _saturated(con, alpha)
    return out


def _saturated(pieces: list[tuple[float, float]], alpha: float) -> float:
    """``P^(1-a) mP^a`` with P the sum and mP the largest single piece; 0 for nothing."""
    whole = sum(s for s, _ in pieces)
    largest = max((m for _, m in pieces), default=0.0)
    return float(whole ** (1 - alpha) * largest**alpha) if whole > 0 and largest > 0 else 0.0


def softmax(z: F8) -> F8:
    """See `kernel.softmax`."""
    top = max(z)
    weights = [exp(value - top) for value in z]
    return np.array([weight / sum(weights) for weight in weights])


def place_scores(
    x_m: F8,
    y_m: F8,
    sigma_m: F8,
    age_s: F8,
    at_x_m: float,
    at_y_m: float,
    at_sigma_m: float,
    mps: float,
    gate: float,
) -> F8:
    """See `kernel.place_scores`."""
    out = np.empty(len(x_m))
    for i in range(len(x_m)):
        drift = mps * min(max(age_s[i], 0.0), 30.0)
        variance = sigma_m[i] ** 2 + at_sigma_m**2 + drift**2
        d2 = ((x_m[i] - at_x_m) ** 2 + (y_m[i] - at_y_m) ** 2) / variance
        out[i] = -d2 / 2 if d2 < gate else NO_RELATION
    return out


def story_scores(belief: F8, nats: F8) -> F8:
    """See `kernel.story_scores`."""
    return np.array([log(sum(p * exp(v) for p, v in zip(row, nats, strict=True))) for row in belief])
