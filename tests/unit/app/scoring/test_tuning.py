"""Tuning: it finds what made the data, and what it has not seen cannot move it."""

import numpy as np
import pytest

from s4allcities.app.scoring.cases import Evidence, Held
from s4allcities.app.scoring.rules import RULES
from s4allcities.app.scoring.tuning import Sample, counted_table, probabilities, tune
from s4allcities.evaluation.forecasts import log_loss

TABLE = np.array([[0.0, 2.0, -1.0], [0.0, -1.0, 2.0], [0.0, -1.5, -1.5]])


def world(seed: int, truth: int, repeats: int = 1) -> Evidence:
    """Kinds drawn as the table says they are under the truth, each stated several times."""
    rng = np.random.default_rng(seed)
    odds = np.exp(TABLE[:, truth])
    kind = np.repeat(rng.choice(3, size=4, p=odds / odds.sum()), repeats)
    return Evidence(t_s=np.zeros(len(kind)), kind=kind, confidence=np.ones(len(kind)))


def samples(repeats: int = 1) -> list[Sample]:
    return [Sample(evidence=world(seed, seed % 3, repeats), at_s=1.0, truth=seed % 3) for seed in range(300)]


def test_every_rule_is_tuned_and_beats_knowing_nothing() -> None:
    rules = tune(samples(), {"given": TABLE})
    assert [rule.name for rule in rules] == list(RULES)
    assert all(rule.train_log_loss < np.log(3) - 0.05 for rule in rules)


def test_repeats_make_naive_bayes_trust_itself_less() -> None:
    once, often = (
        next(r for r in tune(samples(n), {"given": TABLE}) if r.name == "naive-bayes") for n in (1, 6)
    )
    assert often.scale < once.scale / 3


def test_the_better_table_is_taken() -> None:
    rules = tune(samples(), {"wrong": -TABLE, "right": TABLE})
    assert {rule.knowledge for rule in rules} == {"right"}


def test_counted_ratios_come_near_those_that_made_the_data() -> None:
    held = [
        (Held(incident="", event="", hypothesis="", evidence=world(seed, seed % 3)), seed % 3)
        for seed in range(900)
    ]
    odds = np.exp(TABLE)
    true = np.log(odds / odds.sum(0)) - np.log(odds[:, :1] / odds[:, :1].sum())
    assert np.abs(counted_table(held, 3, 3) - true).max() < 0.35


def test_probabilities_add_up_and_need_no_small_numbers() -> None:
    p = probabilities(np.array([[0.0, 900.0, -900.0]]), 2.0, -3.0)
    assert p.sum() == pytest.approx(1)
    assert p[0, 1] == pytest.approx(1)


def test_the_loss_that_tuning_looks_at_is_the_metric() -> None:
    found = samples()
    rule = next(each for each in tune(found, {"given": TABLE}) if each.name == "naive-bayes")
    p = np.array([rule.forecast(each.evidence, np.array([each.at_s]))[0] for each in found])
    assert rule.train_log_loss == pytest.approx(log_loss(p, [each.truth for each in found]))


def test_without_samples_nothing_is_tuned() -> None:
    with pytest.raises(ValueError, match="no training sample"):
        tune([], {"given": TABLE})
