"""From what was said to figures: one row for a method and a part of the worlds."""

from collections.abc import Sequence
from math import inf, isinf

import msgspec
import numpy as np
from msgspec import Struct

from s4allcities.domain import BENIGN
from s4allcities.evaluation.alerting import delays, per_day
from s4allcities.evaluation.clusters import b_cubed
from s4allcities.evaluation.forecasts import (
    brier_score,
    calibrated_error,
    expected_calibration_error,
    log_loss,
)
from s4allcities.evaluation.ranking import area_under_roc, threshold_at_recall

from .forecasts import Forecast, Judged

__all__ = ("RECALL", "Figures", "act_tops", "b_cubed_of", "figures_of", "per_hypothesis", "threshold_of")

RECALL = 0.95
ORDINARY = "ordinary-day"


class Figures(Struct, frozen=True, kw_only=True):
    """Figures of one method on a part of the worlds. None where there is nothing to take the figure from.

    ``false_per_day_at_95_recall`` counts harmless incidents on ordinary days, at the threshold that 95 % of these acts
    reach; for a hypothesis those that are taken for it. ``twins_alerted`` is the share of benign twins that reach it.
    ``ece_perfect`` is the calibration error that these very forecasts would show if each of them were exactly right.
    ``alerted``, the alert's times and ``false_per_day`` are at the threshold that was set on the training worlds for
    the same recall.
    """

    worlds: int
    forecasts: int
    acts: int
    brier: float | None = None
    ece: float | None = None
    ece_perfect: float | None = None
    log_loss: float | None = None
    auc: float | None = None
    top1: float | None = None
    alerted: float | None = None
    time_to_alert_p50_s: float | None = None
    time_to_alert_p95_s: float | None = None
    false_per_day: float | None = None
    false_per_day_at_95_recall: float | None = None
    twins_alerted: float | None = None
    confirmed: float | None = None
    time_to_confirm_p50_s: float | None = None
    time_to_confirm_p95_s: float | None = None
    false_confirmed_per_day: float | None = None


def act_tops(judged: Sequence[Judged]) -> list[float]:
    """How high each dangerous act ever stood, in whatever incident was about it; minus infinity for none."""
    return [
        max((peak.top for peak in world.peaks if peak.event == event), default=-inf)
        for world in judged
        for event, _, _ in world.acts
    ]


def threshold_of(judged: Sequence[Judged], recall: float = RECALL) -> float:
    """Probability of danger that so large a share of the acts reach. Zero, which all incidents reach, if too few do.

    :raises ValueError: there is no act.
    """
    return max(threshold_at_recall(act_tops(judged), recall), 0.0)


def figures_of(judged: Sequence[Judged], threshold: float, *, taken_for: str = "") -> Figures:
    """Work out one row; ``threshold`` is that of the training worlds, ``taken_for`` which false incidents count."""
    forecasts = [each for world in judged for each in world.forecasts]
    acts = sum(len(world.acts) for world in judged)
    return Figures(
        worlds=len(judged),
        forecasts=len(forecasts),
        acts=acts,
        **_quality(forecasts),
        **_alerts(judged, threshold),
        **_false(judged, threshold, taken_for),
    )


def per_hypothesis(judged: Sequence[Judged], slug: str, threshold: float) -> Figures:
    """Work out the row of a hypothesis: its acts, its benign twins, and what is taken for it on ordinary days."""
    own = [world for world in judged if world.world in (slug, f"{slug}-twin")]
    days = [msgspec.structs.replace(world, forecasts=()) for world in judged if world.world == ORDINARY]
    return figures_of([*own, *days], threshold, taken_for=slug)


def _quality(forecasts: Sequence[Forecast]) -> dict[str, float | None]:
    if not forecasts:
        return {}
    p = np.array([each.p for each in forecasts])
    truth = np.array([each.truth for each in forecasts])
    return {
        "brier": brier_score(p, truth),
        "ece": expected_calibration_error(p, truth),
        "ece_perfect": calibrated_error(p, np.random.default_rng(len(p))),
        "log_loss": log_loss(p, truth),
        "auc": area_under_roc(1 - p[:, 0], truth > 0),
        "top1": float((p.argmax(1) == truth).mean()),
    }


def _alerts(judged: Sequence[Judged], threshold: float) -> dict[str, float | None]:
    if not any(world.acts for world in judged):
        return {}
    alerted = delays([_delay_s(w, e, t, threshold) for w in judged for e, _, t in w.acts])
    found: dict[str, float | None] = {
        "alerted": 1 - alerted.missed / alerted.acts,
        "time_to_alert_p50_s": alerted.p50_s,
        "time_to_alert_p95_s": alerted.p95_s,
    }
    confirmed = delays([_confirmed_s(w, e, t) for w in judged for e, _, t in w.acts])
    if confirmed.missed < confirmed.acts:
        found["confirmed"] = 1 - confirmed.missed / confirmed.acts
        found["time_to_confirm_p50_s"] = confirmed.p50_s
        found["time_to_confirm_p95_s"] = confirmed.p95_s
    return found


def _delay_s(world: Judged, event: str, start_us: int, threshold: float) -> float:
    reached = [peak.reached_us(threshold) for peak in world.peaks if peak.event == event]
    return min((max(t_us - start_us, 0) / 1e6 for t_us in reached if t_us is not None), default=inf)


def _confirmed_s(world: Judged, event: str, start_us: int) -> float:
    found = [peak.confirmed_us for peak in world.peaks if peak.event == event]
    return min((max(t_us - start_us, 0) / 1e6 for t_us in found if t_us is not None), default=inf)


def _false(judged: Sequence[Judged], threshold: float, taken_for: str) -> dict[str, float | None]:
    days = [world for world in judged if world.world == ORDINARY]
    twins = [world for world in judged if world.world.endswith("-twin")]
    tops = act_tops(judged)
    reached = threshold_at_recall(tops, RECALL) if tops else -inf
    found: dict[str, float | None] = {}
    if twins and not isinf(reached):
        found["twins_alerted"] = sum(_alarmed(world, reached) for world in twins) / len(twins)
    if not days:
        return found
    observed_s = sum(world.duration_s for world in days)
    peaks = [
        peak
        for world in days
        for peak in world.peaks
        if peak.hypothesis == BENIGN and taken_for in ("", peak.taken_for)
    ]
    found["false_per_day"] = per_day(sum(peak.top >= threshold for peak in peaks), observed_s)
    if not isinf(reached):
        found["false_per_day_at_95_recall"] = per_day(sum(peak.top >= reached for peak in peaks), observed_s)
    if any(peak.confirmed_us is not None for world in judged for peak in world.peaks):
        found["false_confirmed_per_day"] = per_day(
            sum(peak.confirmed_us is not None for peak in peaks), observed_s
        )
    return found


def _alarmed(world: Judged, threshold: float) -> bool:
    return any(peak.top >= threshold for peak in world.peaks if peak.event == "act")


def b_cubed_of(judged: Sequence[Judged]) -> tuple[float, float, float]:
    """Precision, recall and F of putting detections together, over all worlds; false alarms are events of their own.

    :raises ValueError: there is no detection.
    """
    truth = [(each.seed, each.law, each.world, cause) for each in judged for cause in each.truth]
    found = [(each.seed, each.law, each.world, incident) for each in judged for incident in each.found]
    result = b_cubed(truth, found)
    return result.precision, result.recall, result.f
