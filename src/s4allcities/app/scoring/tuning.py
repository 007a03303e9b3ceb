"""Tuning of the rules on training worlds: which table, which time constant, and how scores become probabilities."""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from .cases import Evidence, Held
from .rules import RULES, Rule

__all__ = ("Sample", "TunedRule", "counted_table", "probabilities", "tune")

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

SMOOTHING = 0.5
SCALES = np.geomspace(0.05, 3.0, 14)
OFFSETS = np.linspace(-8.0, 4.0, 17)


class Sample(Struct, frozen=True, kw_only=True, eq=False):
    """A training forecast to be made: evidence, the moment in seconds, the index of the true hypothesis."""

    evidence: Evidence
    at_s: float
    truth: int


class TunedRule(Struct, frozen=True, kw_only=True, eq=False):
    """A rule with what tuning chose: ``table`` (kinds, K) in nats; p = softmax(scale z + offset).

    The offset is added to all classes but the first.
    """

    name: str
    knowledge: str
    time_s: float
    scale: float
    offset: float
    train_log_loss: float
    table: F8

    def forecast(self, evidence: Evidence, at_s: F8) -> F8:
        """Give probabilities (M, K) at moments (M,) in seconds."""
        rule, _ = RULES[self.name]
        return probabilities(rule(evidence, at_s, self.table, self.time_s), self.scale, self.offset)


def probabilities(scores: F8, scale: float, offset: float) -> F8:
    """Softmax of scaled scores (M, K); ``offset`` is added to all classes but the first."""
    z = scale * scores
    z[:, 1:] += offset
    z -= z.max(1, keepdims=True)
    e = np.exp(z)
    return np.asarray(e / e.sum(1, keepdims=True))


def counted_table(held: Sequence[tuple[Held, int]], kinds: int, classes: int) -> F8:
    """Log-likelihood ratios (kinds, K) against class 0, counted from incidents with the index of their true class.

    How often a detection is of a kind, by class, with half a detection of every kind added (Jeffreys' prior).
    """
    counts = np.full((kinds, classes), SMOOTHING)
    for each, truth in held:
        np.add.at(counts[:, truth], each.evidence.kind, each.evidence.confidence)
    share = counts / counts.sum(0)
    return np.asarray(np.log(share) - np.log(share[:, :1]))


def tune(samples: Sequence[Sample], tables: dict[str, F8]) -> tuple[TunedRule, ...]:
    """Choose for every rule what gives the least log loss on the samples.

    :raises ValueError: there is no sample.
    """
    if not samples:
        raise ValueError("no training sample: training worlds gave no event that any sensor noticed")
    truth = np.array([each.truth for each in samples], np.int64)
    return tuple(
        min(_tries(name, samples, truth, tables), key=lambda each: each.train_log_loss) for name in RULES
    )


def _tries(name: str, samples: Sequence[Sample], truth: I8, tables: dict[str, F8]) -> Iterator[TunedRule]:
    rule, times_s = RULES[name]
    for knowledge, table in tables.items():
        for time_s in times_s:
            scores = _scores(rule, samples, table, time_s)
            loss, scale, offset = _calibrate(scores, truth)
            yield TunedRule(
                name=name,
                knowledge=knowledge,
                time_s=time_s,
                scale=scale,
                offset=offset,
                train_log_loss=loss,
                table=table,
            )


def _scores(rule: Rule, samples: Sequence[Sample], table: F8, time_s: float) -> F8:
    rows = [rule(each.evidence, np.array([each.at_s]), table, time_s)[0] for each in samples]
    return np.array(rows)


def _calibrate(scores: F8, truth: I8) -> tuple[float, float, float]:
    """Least log loss over a grid of scale and offset, then once more on a finer grid about it."""
    loss, scale, offset = _least(scores, truth, SCALES, OFFSETS)
    finer = scale * np.geomspace(0.75, 1.33, 7), offset + np.linspace(-0.6, 0.6, 7)
    return min((loss, scale, offset), _least(scores, truth, *finer))


def _least(scores: F8, truth: I8, scales: F8, offsets: F8) -> tuple[float, float, float]:
    return min(
        (_loss(scale * scores, truth, float(offset)), float(scale), float(offset))
        for scale in scales
        for offset in offsets
    )


def _loss(z: F8, truth: I8, offset: float) -> float:
    """Mean of -ln p(truth) with p = softmax(z + offset), as `evaluation.forecasts.log_loss` has it."""
    others = z[:, 1:] + offset
    top = np.maximum(others.max(1), z[:, 0])
    total = np.log(np.exp(z[:, 0] - top) + np.exp(others - top[:, None]).sum(1)) + top
    own = z[np.arange(len(truth)), truth] + offset * (truth > 0)
    return float((total - own).mean())
