"""The kernel again in plain Python, one reading of one series at a time: the oracle that the tests compare with."""

from dataclasses import dataclass
from math import exp, inf, isfinite

from .config import FAR, Rule, TimeseriesConfig

__all__ = ("PlainSeries",)


@dataclass
class PlainSeries:
    """One series: call `step` for each reading in order; it gives the set of ``"rise"`` and ``"fall"`` said."""

    rule: Rule
    config: TimeseriesConfig
    partner: "PlainSeries | None" = None
    usual: float = 0.0
    scale: float = 0.0
    last: float = 0.0
    t_last_us: int = 0
    count: int = 0
    t_since_us: int = 0

    def __post_init__(self) -> None:
        self.sums = {"rise": 0.0, "fall": 0.0}
        self.on = {"rise": False, "fall": False}
        self.t_said_us = {"rise": -inf, "fall": -inf}

    def step(self, t_us: int, value: float, now_us: int) -> set[str]:
        """Take one reading in."""
        if not isfinite(value) or t_us > now_us + self.config.future_s * 1e6:
            return set()
        if self.count and t_us <= self.t_last_us:
            return set()
        if not self.count:
            self.usual = self._within(value)
        dt_s = min((t_us - self.t_last_us) / 1e6, self.config.gap_most_s) if self.count else 0.0
        self.scale = max(self.scale, self.rule.floor, self.rule.floor_share * abs(self.usual))
        z = (value - self.usual) / self.scale
        holds = {"rise": self._high(value), "fall": self._low(value)}
        was_on = any(self.on.values())
        said = {name for name in holds if self._turn(name, z, holds[name], t_us)}
        if any(self.on.values()) and not was_on:
            self.t_since_us = t_us
        hold_s = self.rule.hold_s
        if any(self.on.values()) and hold_s and t_us - self.t_since_us >= hold_s * 1e6:
            self.usual = self._within(value)
            self.sums, self.on, self.count = dict.fromkeys(holds, 0.0), dict.fromkeys(holds, False), 0
        else:
            self._learn(value, dt_s)
        self.last, self.t_last_us, self.count = value, t_us, self.count + 1
        return said

    def _within(self, value: float) -> float:
        return min(self.rule.usual_most, max(self.rule.usual_least, value))

    def _high(self, value: float) -> bool:
        rise = self.rule.rise
        if rise is None:
            return False
        if rise.absolute:
            return value >= rise.least
        if rise.unless and self.partner is not None:
            other = self.partner
            if not other.count or not other.last < 0.5 * other.usual:
                return False
        elif rise.unless:
            return False
        return (
            self.count >= self.rule.warm_up
            and value >= rise.least
            and value - self.usual >= rise.above
            and (not rise.times or value >= rise.times * self.usual)
        )

    def _low(self, value: float) -> bool:
        fall = self.rule.fall
        return (
            fall is not None
            and self.count >= self.rule.warm_up
            and self.usual >= fall.usual_least
            and self.usual - value >= fall.below
            and (fall.share == FAR or value <= fall.share * self.usual)
        )

    def _turn(self, name: str, z: float, holds: bool, t_us: int) -> bool:
        """Move one cumulative sum on; tell whether something is to be said."""
        config = self.config
        absolute = name == "rise" and self.rule.rise is not None and self.rule.rise.absolute
        step = config.clip if absolute else min(config.clip, z if name == "rise" else -z)
        total = self.sums[name] + (step if holds else 0.0) - config.slack
        total = self.sums[name] = min(config.limit + config.clip, max(0.0, total))
        if total >= config.limit and not self.on[name]:
            self.on[name], self.t_said_us[name] = True, -inf
        elif total < config.limit / 2:
            self.on[name] = False
        due = self.on[name] and holds and t_us - self.t_said_us[name] >= config.repeat_s * 1e6
        if due:
            self.t_said_us[name] = t_us
        return due

    def _learn(self, value: float, dt_s: float) -> None:
        suspicious = any(self.on.values()) or max(self.sums.values()) >= self.config.limit / 2
        slow = self.config.slow if suspicious else 1.0
        residual = value - self.usual
        warming = self.count < self.rule.warm_up
        reach = inf if warming else self.rule.huber * self.scale
        residual = min(reach, max(-reach, residual))
        share = 1 - exp(-dt_s / (self.rule.tau_s * slow))
        share_scale = 1 - exp(-dt_s / (self.rule.scale_tau_s * slow))
        if warming:
            share, share_scale = max(share, 1 / (self.count + 1)), max(share_scale, 1 / (self.count + 1))
        self.usual = self._within(self.usual + share * residual)
        spread = min(abs(residual), inf if warming else 3 * self.scale) * 1.2533141373155001
        self.scale += share_scale * (spread - self.scale)
