"""The numbers of fusion as compiled functions over arrays: read-out of evidence, softmax, association scores.

They are pure: arrays in, arrays out, no I/O, no state. `twin` says the same in plain Python and is their oracle.
"""

from math import exp, log

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ("group_evidence", "place_scores", "softmax", "story_scores")

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

NO_RELATION = -1e9
"""Score of what cannot belong together."""


@njit(cache=True)
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
    r"""Read out the evidence of each source group for each hypothesis, shape (groups, H), in nats.

    .. math:: P^{1-a}\,mP^{a} - Q^{1-a}\,mQ^{a}

    with P, Q the decayed sums of positive and negative evidence and mP, mQ the largest single piece of each: n equal
    repeats of L read n^(1-a) L, every piece for a hypothesis raises it, and all fades exactly with the decay.

    The (R,) rows are one sensor and kind each: ``total`` and ``peak`` are the sum and the largest of the confidences,
    each times exp((t - landmark) / tau); ``weight`` is how far the sensor is trusted now; ``llr`` (K, H) nats by kind.
    """
    rows = kind_ix.shape[0]
    hypotheses = llr.shape[1]
    pro = np.zeros((groups, hypotheses))
    con = np.zeros((groups, hypotheses))
    pro_peak = np.zeros((groups, hypotheses))
    con_peak = np.zeros((groups, hypotheses))
    for row in range(rows):
        faded = weight[row] * exp(-(now_us - landmark_us[row]) / 1e6 / tau_s[row])
        group = group_ix[row]
        for h in range(hypotheses):
            nats = llr[kind_ix[row], h]
            if nats > 0:
                pro[group, h] += nats * faded * total[row]
                pro_peak[group, h] = max(pro_peak[group, h], nats * faded * peak[row])
            elif nats < 0:
                con[group, h] -= nats * faded * total[row]
                con_peak[group, h] = max(con_peak[group, h], -nats * faded * peak[row])
    out = np.zeros((groups, hypotheses))
    for group in range(groups):
        for h in range(hypotheses):
            if pro_peak[group, h] > 0:
                out[group, h] += pro[group, h] ** (1 - alpha) * pro_peak[group, h] ** alpha
            if con_peak[group, h] > 0:
                out[group, h] -= con[group, h] ** (1 - alpha) * con_peak[group, h] ** alpha
    return out


@njit(cache=True)
def softmax(z: F8) -> F8:
    """Turn log-odds (H,) into probabilities (H,) that sum to 1."""
    weights = np.exp(z - z.max())
    out: F8 = weights / weights.sum()
    return out


@njit(cache=True)
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
    """Log-likelihood (n,) that a thing at one place is each of n things seen ``age_s`` ago, 0 at no distance.

    What is seen may have moved at ``mps`` for at most 30 s; beyond ``gate`` (squared Mahalanobis distance) it
    cannot be.
    """
    out = np.empty(x_m.shape[0])
    for i in range(x_m.shape[0]):
        drift = mps * min(max(age_s[i], 0.0), 30.0)
        variance = sigma_m[i] ** 2 + at_sigma_m**2 + drift**2
        d2 = ((x_m[i] - at_x_m) ** 2 + (y_m[i] - at_y_m) ** 2) / variance
        out[i] = -d2 / 2 if d2 < gate else NO_RELATION
    return out


@njit(cache=True)
def story_scores(belief: F8, nats: F8) -> F8:
    """How well a detection fits what n incidents are about: log sum_h belief(h) exp(nats(h)), shape (n,).

    ``belief`` (n, H) are probabilities given that something is going on; ``nats`` (H,) what the detection says.
    """
    out = np.empty(belief.shape[0])
    for i in range(belief.shape[0]):
        whole = 0.0
        for h in range(belief.shape[1]):
            whole += belief[i, h] * exp(nats[h])
        out[i] = log(whole)
    return out
