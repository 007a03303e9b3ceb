"""False alarms for each sensor and month at a fixed share of injected attacks found: what operators feel."""

import numpy as np
from numpy.typing import NDArray

from s4allcities.detection.unusual import judge_series

from .results import Result, measured

__all__ = ("inject", "injected_results", "simulated_series")

INTERVAL_US = 300_000_000
DAY = 288
DAYS = 60
LEARN_DAYS = 14
RECALL = 0.8
LENGTH = 36
SEEDS = 4
SIZES = 6.0


def simulated_series(seed: int) -> list[NDArray[np.float64]]:
    """Give four kinds of series over `DAYS` days: a day with noise, counts, a slow walk that returns, heavy tails."""
    random = np.random.default_rng(seed)
    n = DAYS * DAY
    hour = np.arange(n) / 12 % 24
    busy = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None)
    walk, step = np.zeros(n), random.normal(0, 1, n)
    for i in range(1, n):
        walk[i] = 0.95 * walk[i - 1] + step[i]
    return [
        40 + 15 * busy + random.normal(0, 1, n),
        random.poisson(5 + 30 * busy).astype(np.float64),
        20 + walk,
        50 + random.standard_t(4, n),
    ]


def inject(
    value: NDArray[np.float64], random: np.random.Generator
) -> tuple[NDArray[np.float64], list[int], list[str]]:
    """Put an attack of each kind into the days after those that teach; gives the series, where, and what."""
    out, starts, kinds = value.copy(), [], []
    sigma = float(np.std(np.diff(value))) / np.sqrt(2)
    free = np.arange(LEARN_DAYS + 1, DAYS - 1)
    days = np.sort(random.choice(free[::3], size=10, replace=False))
    for number, day in enumerate(days.tolist()):
        kind = ("spike", "shift", "restless", "drop", "other hours")[number % 5]
        at = day * DAY + int(random.integers(0, DAY - LENGTH))
        span = slice(at, at + LENGTH)
        if kind == "spike":
            out[at] += 2 * SIZES * sigma
        elif kind == "shift":
            out[span] += SIZES * sigma
        elif kind == "restless":
            out[span] += random.normal(0, SIZES * sigma, LENGTH)
        elif kind == "drop":
            out[span] -= SIZES * sigma
        else:
            out[span] = value[span.start - DAY // 2 : span.stop - DAY // 2] + SIZES / 2 * sigma
        starts.append(at)
        kinds.append(kind)
    return out, starts, kinds


def injected_results() -> list[Result]:
    """Give false alarms a sensor-month at a threshold that finds 80 % of the attacks, and both at the defaults."""
    found_at: list[float] = []
    false: list[float] = []
    months = 0.0
    for seed in range(SEEDS):
        for number, value in enumerate(simulated_series(seed)):
            made, starts, _ = inject(value, np.random.default_rng([seed, number]))
            score = judge_series(np.arange(made.size, dtype=np.int64) * INTERVAL_US, made).score
            mask = np.arange(made.size) >= LEARN_DAYS * DAY
            for at in starts:
                found_at.append(float(score[at : at + LENGTH].max()))
                mask[at : at + 2 * LENGTH] = False
            false += score[mask].tolist()
            months += mask.sum() / DAY / 30
    scores = np.array(false)
    threshold = float(np.quantile(found_at, 1 - RECALL))
    how = (
        f"{4 * SEEDS} simulated series of {DAYS} days every five minutes (a day with noise, counts, a slow walk, heavy "
        f"tails), 10 attacks in each (spike, shift, restless, drop, other hours; {SIZES:g} sigmas, 3 h); simulated"
    )
    return [
        measured("timeseries.false_alarms_month_at_recall_80", [float((scores >= threshold).sum() / months)],
                 "1/month", how=f"a sensor and month, at the threshold that finds 80 % of the attacks: {how}"),
        measured("timeseries.false_alarms_month_default", [float((scores >= 0.5).sum() / months)], "1/month",
                 how=f"a sensor and month, at the defaults: {how}"),
        measured("timeseries.recall_injected_default", [float(np.mean(np.array(found_at) >= 0.5))], "share",
                 how=f"attacks found within 3 h, at the defaults: {how}"),
    ]  # fmt: skip
