"""The next half hour: people and risk by zone from the last hour and the calendar, with the error that such forecasts
have had.

Method: damped linear trend (Gardner and McKenzie 1985) over means of a minute, plus what the calendar expects to
change. The risk is that of so many people, all else as it is. Every forecast is compared with what came; the mean
absolute error by horizon is shown beside it, and that of "it stays as it is" for the same moments. Where the trend has
been no better, its error says so.
"""

from collections.abc import Mapping

from msgspec import Struct

__all__ = ("HORIZONS_MIN", "Crowd", "Pending", "Score", "due", "expect", "forecast", "take")

HORIZONS_MIN = (10, 20, 30)
KEPT_MIN = 60
TREND_MIN = 5
DAMPING = 0.9
MOST_PENDING = 128


class Score(Struct):
    """Errors so far at one horizon: sums of absolute errors of the forecast and of "as now", and how many; of people,
    and of the worst risk.
    """

    forecast: float = 0.0
    as_now: float = 0.0
    count: int = 0
    risk: float = 0.0
    risk_as_now: float = 0.0
    risks: int = 0

    @property
    def mae(self) -> float | None:
        """Mean absolute error of the forecasts, None before the first came due."""
        return self.forecast / self.count if self.count else None

    @property
    def mae_as_now(self) -> float | None:
        """That of taking the present figure instead."""
        return self.as_now / self.count if self.count else None

    @property
    def risk_mae(self) -> float | None:
        """Mean absolute error of the risk, None before the first came due."""
        return self.risk / self.risks if self.risks else None

    @property
    def risk_mae_as_now(self) -> float | None:
        """That of taking the present risk instead."""
        return self.risk_as_now / self.risks if self.risks else None


class Pending(Struct, array_like=True):
    """A forecast that waits to be compared; a risk below 0 is not known yet."""

    minute: int
    horizon_min: int
    forecast: float
    as_now: float
    risk: float = -1.0
    risk_as_now: float = -1.0


class Crowd(Struct):
    """What is remembered of one zone: the mean of each of the last minutes, oldest first, and forecasts not yet due."""

    minute: int = -1
    means: list[float] = []
    total: float = 0.0
    readings: int = 0
    pending: list[Pending] = []
    scores: dict[int, Score] = {}


def take(crowd: Crowd, people: float, minute: int) -> bool:
    """Take a count in; tell whether a minute has ended, so that a forecast can be made.

    Minutes without a count hold the last one.
    """
    ended = crowd.minute >= 0 and minute > crowd.minute
    if ended:
        mean = crowd.total / crowd.readings
        gap = min(minute - crowd.minute, KEPT_MIN)
        crowd.means = [*crowd.means, *([mean] * gap)][-KEPT_MIN:]
        crowd.total, crowd.readings = 0.0, 0
    if minute >= crowd.minute:
        crowd.minute = minute
        crowd.total += people
        crowd.readings += 1
    return ended


def forecast(means: list[float], horizon_min: int) -> float:
    """Give the people in ``horizon_min`` minutes by damped trend, never below 0.

    >>> round(forecast([10.0] * 10, 30), 3)
    10.0
    """
    if not means:
        return 0.0
    now = means[-1]
    if len(means) < 2 * TREND_MIN:
        return now
    late, early = means[-TREND_MIN:], means[-2 * TREND_MIN : -TREND_MIN]
    trend = (sum(late) - sum(early)) / TREND_MIN / TREND_MIN
    reach = DAMPING * (1 - DAMPING**horizon_min) / (1 - DAMPING)
    return max(0.0, now + trend * reach)


def due(crowd: Crowd, expected_change: Mapping[int, float], risk: float = -1.0) -> dict[int, float]:
    """Compare the forecasts that have come due with the last minute, make new ones of people and remember them.

    ``expected_change`` is by horizon what the calendar expects to be different by then; ``risk`` is the worst risk of
    the zone now, below 0 where it is not known. `expect` adds the risk that follows from the new forecasts.
    """
    now = crowd.means[-1] if crowd.means else 0.0
    for each in [each for each in crowd.pending if each.minute <= crowd.minute]:
        score = crowd.scores.setdefault(each.horizon_min, Score())
        score.forecast += abs(each.forecast - now)
        score.as_now += abs(each.as_now - now)
        score.count += 1
        if risk >= 0 and each.risk >= 0:
            score.risk += abs(each.risk - risk)
            score.risk_as_now += abs(each.risk_as_now - risk)
            score.risks += 1
    crowd.pending = [each for each in crowd.pending if each.minute > crowd.minute][-MOST_PENDING:]
    found = {
        horizon: max(0.0, forecast(crowd.means, horizon) + expected_change.get(horizon, 0.0))
        for horizon in HORIZONS_MIN
    }
    crowd.pending += [Pending(crowd.minute + h, h, people, now) for h, people in found.items()]
    return found


def expect(crowd: Crowd, risks: Mapping[int, float], now: float) -> None:
    """Add to the newest forecasts the worst risk of the zone by horizon, and that of now to compare them with."""
    for each in crowd.pending[-len(HORIZONS_MIN) :]:
        each.risk, each.risk_as_now = risks[each.horizon_min], now
