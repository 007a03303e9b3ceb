"""The rules that fusion is measured against: they take the same detections, put together in the same incidents.

Each turns an incident's evidence into a score for each hypothesis at some moments; `tuning` makes these probabilities.
All know the same as fusion: a table of log-likelihood ratios, which is either fusion's own or one counted from the
training worlds, whichever served the rule better there.
"""

from collections.abc import Callable, Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from .cases import Evidence

__all__ = ("RULES", "Rule", "best_single", "dempster_shafer", "naive_bayes", "running_sum")

F8 = NDArray[np.float64]

LEVELS = (0.0, 0.2, 0.5, 0.8, 1.0)
"""Threat levels of Slips, from info to critical."""
FULL_NATS = 5.0
"""Evidence that counts as critical."""
MOST = 0.999
"""No single piece of evidence is certain: a belief of 1 could never be taken back."""

Rule = Callable[[Evidence, F8, F8, float], F8]
"""Takes evidence (N,), moments (M,) in seconds, the table (kinds, K) in nats against class 0, and a time constant or
window in seconds; gives scores (M, K), that of class 0 being 0."""


class _At(Struct, frozen=True, eq=False):
    """Evidence as seen at M moments: ``age_s`` (M, N), negative where it has not arrived."""

    age_s: F8
    nats: F8


def _seen(evidence: Evidence, at_s: F8, table: F8) -> _At:
    return _At(at_s[:, None] - evidence.t_s[None, :], evidence.confidence[:, None] * table[evidence.kind])


def _weight(age_s: F8, tau_s: float) -> F8:
    return np.where(age_s >= 0, np.exp(-np.maximum(age_s, 0.0) / tau_s), 0.0)


def naive_bayes(evidence: Evidence, at_s: F8, table: F8, tau_s: float) -> F8:
    """Sum of confidence times log-likelihood ratio, fading: every piece counts as if independent of all others."""
    seen = _seen(evidence, at_s, table)
    return np.asarray(_weight(seen.age_s, tau_s) @ seen.nats)


def best_single(evidence: Evidence, at_s: F8, table: F8, tau_s: float) -> F8:
    """What the one strongest piece of evidence says, fading: the best single sensor, fused with nothing."""
    seen = _seen(evidence, at_s, table)
    strength = _weight(seen.age_s, tau_s) * np.abs(seen.nats).max(1)[None, :]
    best = strength.argmax(1)
    faded = np.take_along_axis(_weight(seen.age_s, tau_s), best[:, None], 1)
    return np.asarray(faded * seen.nats[best])


def running_sum(evidence: Evidence, at_s: F8, table: F8, window_s: float) -> F8:
    """Sum of threat level times confidence over a window, as Slips accumulates it for a profile."""
    levels = np.asarray(LEVELS)
    share = np.clip(table / FULL_NATS, 0.0, 1.0)
    level = levels[np.abs(share[..., None] - levels).argmin(-1)]
    seen = _seen(evidence, at_s, level)
    inside = (seen.age_s >= 0) & (seen.age_s <= window_s)
    return np.asarray(inside.astype(np.float64) @ seen.nats)


def dempster_shafer(evidence: Evidence, at_s: F8, table: F8, tau_s: float) -> F8:
    """Dempster's rule over simple supports, read as pignistic log-odds against class 0.

    A piece gives mass c (1 - e^-L) to the hypotheses it speaks for, shared in proportion to e^L - 1; one that speaks
    against all gives it to class 0; the rest is ignorance. For masses on single hypotheses and the whole the rule has a
    closed form: q_h = prod (m_h + m_whole), m_h ~ q_h - q_whole (Shafer, 1976; pignistic: Smets, Kennes, 1994).
    """
    seen = _seen(evidence, at_s, table)
    pro = np.maximum(table, 0.0)
    odds = np.expm1(np.minimum(pro, 20.0))
    against = (pro.max(1) <= 0) & (table.min(1) < 0)
    odds[against, 0] = np.expm1(np.minimum(-table[against].min(1), 20.0))
    total = odds.sum(1)
    support = np.minimum(1 - 1 / (1 + odds.max(1)), MOST)
    mass = np.where(total[:, None] > 0, odds / np.maximum(total, 1e-300)[:, None], 0.0) * support[:, None]
    strength = _weight(seen.age_s, tau_s) * evidence.confidence[None, :]
    each = strength[:, :, None] * mass[evidence.kind][None, :, :]
    whole = 1 - each.sum(2)
    q_whole = np.log(np.maximum(whole, 1e-12)).sum(1)
    q = np.log(np.maximum(each + whole[:, :, None], 1e-12)).sum(1)
    top = q.max(1, keepdims=True)
    left = np.exp(q_whole[:, None] - top)
    belief = np.exp(q - top) - left
    pignistic = np.maximum(belief, 0.0) + left / table.shape[1]
    logs = np.log(np.maximum(pignistic, 1e-12))
    return np.asarray(logs - logs[:, :1])


RULES: Mapping[str, tuple[Rule, tuple[float, ...]]] = {
    "naive-bayes": (naive_bayes, (120.0, 600.0, 1e9)),
    "dempster-shafer": (dempster_shafer, (120.0, 600.0, 1e9)),
    "best-single-sensor": (best_single, (120.0, 600.0, 1e9)),
    "running-sum": (running_sum, (300.0, 900.0, 3600.0)),
}
"""Each rule with the time constants, or windows, that tuning may choose from."""
