"""The kernel again in plain Python, one reading of one series at a time: the oracle that the tests compare with."""

from dataclasses import dataclass
from math import inf, isnan, nan

from ...domain import US_PER_S
from ._layout import FUTURE_US, NEVER_US, PAST_US
from .config import ValidityConfig

__all__ = ("PlainSeries",)


@dataclass
class PlainSeries:
    """One series: `step` takes each reading in order and gives the set of ``range``, ``stuck``, ``rate`` it meets.

    ``stuck`` means that it has stood still long enough to be looked at beside its peers.
    """

    config: ValidityConfig
    low: float = nan
    high: float = nan
    stuck_s: float = inf
    t_last_us: int = NEVER_US
    t_changed_us: int = NEVER_US
    t_window_us: int = NEVER_US
    in_window: int = 0
    count: int = 0
    same: int = 0
    changes: int = 0
    value: float = nan
    interval_s: float = 0.0

    def __post_init__(self) -> None:
        self.said_us = {"range": NEVER_US, "rate": NEVER_US, "stuck": NEVER_US}

    def step(self, t_us: int, value: float, quality: int, now_us: int) -> set[str]:
        """Take one reading in."""
        if quality >= 2 or not PAST_US < t_us <= now_us + FUTURE_US:
            return set()
        found = set()
        if self._too_many(t_us, now_us) and self._due("rate", min(t_us, now_us)):
            found.add("rate")
        if t_us <= self.t_last_us:
            return found
        if (value < self.low or value > self.high) and self._due("range", t_us):
            found.add("range")
        self._move(t_us, value)
        still = self.same >= self.config.stuck_readings
        if still and t_us - self.t_changed_us >= self.stuck_s * US_PER_S and self._due("stuck", t_us):
            found.add("stuck")
        return found

    def _due(self, what: str, t_us: int) -> bool:
        if t_us - self.said_us[what] < self.config.repeat_s * US_PER_S:
            return False
        self.said_us[what] = t_us
        return True

    def _too_many(self, t_us: int, now_us: int) -> bool:
        if now_us - t_us > self.config.late_s * US_PER_S:
            return False
        if now_us - self.t_window_us >= self.config.rate_window_s * US_PER_S:
            self.t_window_us, self.in_window = now_us, 0
        self.in_window += 1
        usual = 1 / self.interval_s if self.interval_s > 0 else 0.0
        most_per_s = max(self.config.rate_least_per_s, self.config.rate_times * usual)
        return self.in_window > most_per_s * self.config.rate_window_s

    def _move(self, t_us: int, value: float) -> None:
        if self.count:
            seconds = min(3600.0, (t_us - self.t_last_us) / US_PER_S)
            share = 1 / self.count if self.count <= self.config.warm_up else 0.005
            self.interval_s += share * (seconds - self.interval_s)
        if value == self.value:
            self.same += 1
        elif not isnan(value):
            self.changes += self.count > 0
            self.value, self.t_changed_us, self.same = value, t_us, 0
        self.t_last_us = t_us
        self.count += 1
