"""The forecast of the next half hour, and that it is scored against what came."""

from typing import Any

import pytest

from s4allcities.awareness.context import entry_from, statement
from s4allcities.awareness.risk import RiskStage
from s4allcities.awareness.risk.forecast import HORIZONS_MIN, Crowd, due, expect, forecast, take
from s4allcities.domain import Context, to_rfc3339

from .alarm_stories import T0_US, S
from .test_risk import ZONES, fact


def test_a_steady_crowd_stays_and_a_rising_one_rises_less_and_less() -> None:
    assert forecast([50.0] * 20, 30) == pytest.approx(50.0)
    rising = [10.0 * n for n in range(20)]
    ahead = [forecast(rising, horizon) for horizon in HORIZONS_MIN]
    assert ahead[0] > rising[-1]
    assert ahead[1] - ahead[0] > ahead[2] - ahead[1] > 0
    assert forecast([100.0 - 10 * n for n in range(11)], 30) == 0.0
    assert forecast([7.0], 30) == 7.0
    assert forecast([], 30) == 0.0


def test_minutes_are_means_and_gaps_hold_the_last() -> None:
    crowd = Crowd()
    assert not take(crowd, 10, 0)
    assert not take(crowd, 20, 0)
    assert take(crowd, 40, 1)
    assert crowd.means == [15.0]
    assert take(crowd, 40, 4)
    assert crowd.means == [15.0, 40.0, 40.0, 40.0]


def test_forecasts_are_compared_with_what_came() -> None:
    crowd = Crowd()
    for minute in range(45):
        if take(crowd, 100.0 + 2.0 * minute, minute):
            due(crowd, {})
    score = crowd.scores[10]
    assert score.count > 20
    assert score.mae is not None
    assert score.mae_as_now is not None
    assert score.mae_as_now == pytest.approx(20.0)
    assert score.mae < score.mae_as_now, "a steady rise is better followed than ignored"


class Watching:
    def __init__(self, *first: Context) -> None:
        self.stage = RiskStage(ZONES)
        self.state = self.stage.start()
        self.stage.step(self.state, list(first), T0_US)

    def minute(self, number: int, people: float) -> list[dict[str, Any]]:
        t_us = T0_US + number * 60 * S
        out = self.stage.step(self.state, [fact("ticket-hall", "people", people)], t_us)
        found = [each for each in out if isinstance(each, Context) and each.attribute == "forecast"]
        return list(found[0].value["ahead"]) if found else []


def test_the_stage_publishes_it_each_minute_with_its_error() -> None:
    watching = Watching()
    assert watching.minute(0, 100) == []
    rows: list[dict[str, Any]] = []
    for number in range(1, 40):
        rows = watching.minute(number, 100 + 5 * number)
    assert [row["minutes"] for row in rows] == [10, 20, 30]
    assert rows[0]["people"] > 295
    assert rows[0]["scored"] > 20
    assert rows[0]["mae"] < rows[0]["mae_as_now"]
    assert rows[2]["risk"] >= rows[0]["risk"] > 0
    assert rows[0]["risk_scored"] == rows[0]["scored"]
    assert rows[0]["risk_mae"] < rows[0]["risk_mae_as_now"], (
        "more people are more risk, and they were foreseen"
    )
    thawed = watching.stage.restore(watching.stage.snapshot(watching.state))
    assert thawed.kept.crowds == watching.state.kept.crowds


def test_the_calendar_is_part_of_it() -> None:
    event = entry_from(
        {"type": "event", "id": "match", "zones": ["ticket-hall"], "people": 500,
         "from": to_rfc3339(T0_US + 35 * 60 * S), "until": to_rfc3339(T0_US + 90 * 60 * S)}
    )  # fmt: skip
    watching = Watching(statement(event, "match", T0_US))
    rows: list[dict[str, Any]] = []
    for number in range(20):
        rows = watching.minute(number, 100)
    assert rows[0]["people"] == pytest.approx(100)
    assert rows[1]["people"] == pytest.approx(600), "in 20 minutes the match has begun"


def test_the_risk_is_compared_where_it_was_known() -> None:
    crowd = Crowd()
    for minute in range(40):
        if take(crowd, 100.0, minute):
            due(crowd, {}, 0.5 if minute < 30 else 0.8)
            if minute != 5:
                expect(crowd, dict.fromkeys(HORIZONS_MIN, 0.6), 0.5)
    score = crowd.scores[10]
    assert score.risks == score.count - 1
    assert score.risk_mae == pytest.approx((18 * 0.1 + 10 * 0.2) / 28)
    assert score.risk_mae_as_now == pytest.approx(10 * 0.3 / 28)
