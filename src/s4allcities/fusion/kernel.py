"""The read-out of one incident over plain arrays, for explanations: groups, and the softmax.

They are pure: arrays in, arrays out, no I/O, no state. `twin` says the same in plain Python and is their oracle.
"""

from math import exp

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ("group_evidence", "softmax")

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


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
    each times exp((t - landmark) / tau); ``weight`` is how far the sensor is trusted now
    (below 0 inverts it); ``llr`` (K, H) nats by kind.
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
            nats = llr[kind_ix[row], h] * faded
            if nats > 0:
                pro[group, h] += nats * total[row]
                pro_peak[group, h] = max(pro_peak[group, h], nats * peak[row])
            elif nats < 0:
                con[group, h] -= nats * total[row]
                con_peak[group, h] = max(con_peak[group, h], -nats * peak[row])
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
