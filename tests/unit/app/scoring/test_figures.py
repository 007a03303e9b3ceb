"""Figures from hand-made judgements: what counts as an act found, as a false incident, as late."""

import numpy as np
import pytest

from s4allcities.app.scoring.figures import b_cubed_of, figures_of, per_hypothesis, threshold_of
from s4allcities.app.scoring.forecasts import Forecast, Judged, Peak

T0 = 1_000_000_000
S = 1_000_000


def peak(event: str, *steps: tuple[float, float], taken_for: str = "fire", true: str = "benign") -> Peak:
    moments = tuple((T0 + round(t_s * S), p) for t_s, p in steps)
    return Peak(world="", event=event, hypothesis=true, taken_for=taken_for, steps=moments)


def judged(name: str, *peaks: Peak, acts: int = 0, duration_s: float = 43_200.0) -> Judged:
    return Judged(
        world=name,
        law="standard",
        seed=1,
        duration_s=duration_s,
        acts=tuple((f"act-{n}" if n else "act", "fire", T0) for n in range(acts)),
        forecasts=(
            Forecast(world=name, event="act", truth=min(acts, 1), after_s=1.0, p=np.array([0.25, 0.75])),
        ),
        peaks=peaks,
        truth=("a", "a", "b"),
        found=("1", "1", "1"),
    )


FOUND = judged("fire", peak("act", (10, 0.3), (40, 0.9), true="fire"), acts=1)
SPLIT = judged("fire", peak("act", (50, 0.8), true="fire"), peak("act", (20, 0.85), true="fire"), acts=1)
MISSED = judged("fire", peak("", (10, 0.99)), acts=1)
TWIN = judged("fire-twin", peak("act", (10, 0.7)))
DAY = judged(
    "ordinary-day", peak("", (5, 0.95)), peak("", (6, 0.85), taken_for="drone"), peak("other", (7, 0.1))
)


def test_an_act_is_found_by_the_first_incident_that_is_about_it() -> None:
    figures = figures_of([FOUND, SPLIT], 0.5)
    assert figures.alerted == 1
    assert (figures.time_to_alert_p50_s, figures.time_to_alert_p95_s) == (20, 40)


def test_an_alarm_about_something_else_is_no_alert_of_the_act() -> None:
    figures = figures_of([FOUND, MISSED], 0.5)
    assert figures.alerted == 0.5
    assert (figures.time_to_alert_p50_s, figures.time_to_alert_p95_s) == (40, None)


def test_false_incidents_are_counted_on_ordinary_days_only() -> None:
    figures = figures_of([FOUND, TWIN, DAY], 0.05)
    assert figures.false_per_day == 6  # three in half a day
    assert figures.false_per_day_at_95_recall == 2  # the act reached 0.9, one false incident more
    assert figures.twins_alerted == 0


def test_a_hypothesis_answers_for_what_is_taken_for_it() -> None:
    figures = per_hypothesis([FOUND, TWIN, DAY], "fire", 0.5)
    assert figures.false_per_day == 2
    assert figures.forecasts == 2


def test_recall_out_of_reach_gives_no_figure() -> None:
    figures = figures_of([MISSED, TWIN, DAY], 0.5)
    assert figures.false_per_day_at_95_recall is None
    assert figures.twins_alerted is None


def test_threshold_is_what_95_percent_of_acts_reach() -> None:
    assert threshold_of([FOUND] * 19 + [SPLIT]) == 0.9
    assert threshold_of([FOUND] * 10 + [SPLIT] * 10) == 0.85
    assert threshold_of([MISSED]) == 0


def test_quality_is_of_all_forecasts() -> None:
    figures = figures_of([FOUND, TWIN], 0.5)
    assert figures.brier == pytest.approx((2 * 0.25**2 + 2 * 0.75**2) / 2)
    assert figures.top1 == 0.5


def test_worlds_do_not_mix_in_clusters() -> None:
    precision, recall, f = b_cubed_of([FOUND])
    assert precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3) / 3)
    assert recall == 1
    other = judged("fire-twin", acts=0)
    assert b_cubed_of([FOUND, other]) == pytest.approx((precision, recall, f))
