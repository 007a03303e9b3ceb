"""The kernel again in plain Python, one reading of one series at a time: the oracle that the tests compare with."""

from math import isnan, log, nan, sqrt

import numpy as np

from . import _layout as at
from .config import UnusualConfig, settings_of, weights_of

__all__ = ("PlainSeries",)

HOUR_US, DAY_US, WEEK_US = 3_600_000_000, 86_400_000_000, 604_800_000_000


def _single(x: float) -> float:
    """Round to single precision, as the kernel's state is kept."""
    return float(np.float32(x))


class _Mean:
    """A mean whose newest value weighs ``rate`` in the long run and all at the start."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = _single(value)

    def take(self, x: float, rate: float) -> None:
        self.value = _single(self.value + rate * (x - self.value))


class PlainSeries:
    """One series: call `step` for each reading in order; it gives z, the bar, and whether an onset begins."""

    def __init__(self, config: UnusualConfig) -> None:
        self.c = settings_of(config)
        self.weights = weights_of(config)
        self.count, self.t_last_us = 0, 0
        self.interval_s, self.bar, self.held, self.n_held = 0.0, 0.0, 0.0, 0
        self.quantile, self.size = 0.0, _Mean()
        self.centres = [0.0] * at.N_STREAMS
        self.spreads = [0.0] * at.N_STREAMS
        self.streams = [0.0] * at.N_STREAMS
        self.usual = self.spread = nan

    def _begin(self, x: float) -> None:
        self.mean, self.scale, self.fast = _Mean(x), _Mean(), _Mean(x)
        self.previous = self.low = self.high = _single(x)
        self.jump_fast, self.jump_slow, self.season_residual = _Mean(), _Mean(), _Mean()
        self.novelty = _Mean(0.3)
        self.weights_lag = [0.5] + [0.0] * (at.N_LAGS - 1)
        self.lags = [0.0] * at.N_LAGS
        self.hours: dict[int, float] = {}
        self.hour_counts: dict[int, float] = {}
        self.week: dict[int, float] = {}
        self.seen: set[tuple[int, int, int]] = set()
        self.symbols = (0, 0)
        self.side, self.cycles, self.period_s, self.period_var, self.phase_s = 0, 0, 0.0, 0.0, 0.0
        self.profile = [0.0] * at.N_BINS
        self.judged = 0

    def step(self, t_us: int, x: float) -> tuple[float, float, bool] | None:
        """Take one reading in; None when it is left out."""
        if not abs(x) < 1e30 or not -9e18 < t_us <= self.c[at.FUTURE_US]:
            return None
        dt_s = 0.0
        if self.count == 0:
            self._begin(x)
        elif t_us <= self.t_last_us:
            return None
        else:
            dt_s = min((t_us - self.t_last_us) * 1e-6, 86400.0)
            rate = max(0.02, 1 / self.count)
            self.interval_s = _single(self.interval_s + rate * (dt_s - self.interval_s))
        self.count, self.t_last_us = self.count + 1, t_us
        self.spread = self.quantile * self.scale.value if self.count > 1 else 0.0
        features = self._look(t_us, x, dt_s)
        z = self._unusual(features)
        bar = self.c[at.BAR_LEAST]
        if self.interval_s < self.c[at.SHORT_S]:
            bar = self.c[at.BAR_MONTH] - log(max(self.interval_s, 1e-3))
        bar += self.bar
        self.bar = _single(max(0.0, self.bar - float(self.c[at.BAR_DECAY]) * self.interval_s))
        begins = self._onset(z)
        if begins and z >= bar:
            self.bar = _single(min(8.0, self.bar + float(self.c[at.BAR_STEP])))
        return z, bar, begins

    def _rate(self, place: int) -> float:
        return max(float(self.c[place]), 1 / self.count)

    def _look(self, t_us: int, x: float, dt_s: float) -> list[float]:
        f = [0.0] * at.N_FEATURES
        scale = max(self.scale.value, 1e-9 * abs(self.mean.value), 1e-12)
        away = x - self.mean.value
        f[at.FORECAST] = self._forecast(away / scale)
        self.off = self._cycle(min(8.0, max(-8.0, away / scale)), dt_s) if self.count > 20 else -1.0
        jump = abs(x - self.previous)
        f[at.JUMP], f[at.LEVEL] = jump / scale, abs(away) / scale
        self.fast.take(x, self._rate(at.A_FAST))
        f[at.SHIFT] = abs(self.fast.value - self.mean.value) / scale
        residual = self._season(t_us, x)
        f[at.SEASON], f[at.SEASON_MEAN] = abs(residual) / scale, abs(self.season_residual.value) / scale
        self.jump_fast.take(jump, self._rate(at.A_VARIANCE))
        self.jump_slow.take(jump, self._rate(at.A_SLOW))
        fast, slow = self.jump_fast.value, self.jump_slow.value
        restless = log((fast + 1e-3 * scale) / (slow + 1e-3 * scale))
        f[at.VARIANCE], f[at.FLAT] = max(0.0, restless), max(0.0, -restless)
        f[at.PATTERN] = self._pattern(x)
        f[at.RANGE] = self._range(x)
        self.usual = x - residual if residual else self.mean.value
        taught = min(4 * scale, max(-4 * scale, away)) if self.count > 20 else away
        self.mean.value = _single(self.mean.value + self._rate(at.A_SLOW) * taught)
        self.scale.take(abs(taught), self._rate(at.A_SLOW))
        self.previous = _single(x)
        return f

    def _forecast(self, z: float) -> float:
        clipped = min(8.0, max(-8.0, z))
        told = sum(w * lag for w, lag in zip(self.weights_lag, self.lags, strict=True))
        power = 1.0 + sum(lag * lag for lag in self.lags)
        gain = self.c[at.STEP_FORECAST] * (clipped - told) / power
        self.weights_lag = [
            _single(w + gain * lag) for w, lag in zip(self.weights_lag, self.lags, strict=True)
        ]
        self.lags = [_single(clipped), *self.lags[:-1]]
        return abs(z - told)

    def _season(self, t_us: int, x: float) -> float:
        hour = t_us % DAY_US // HOUR_US
        piece = (t_us - 4 * DAY_US) % WEEK_US // (2 * HOUR_US)
        usual, offset = self.hours.get(hour, nan), self.week.get(piece, nan)
        count = self.hour_counts[hour] = self.hour_counts.get(hour, 0.0) + 1
        if isnan(usual):
            self.hours[hour] = _single(x)
            self.season_residual.value = _single(
                self.season_residual.value - 0.3 * self.season_residual.value
            )
            return 0.0
        residual = x - usual
        pace = self.c[at.A_SEASON] * min(1.0, self.interval_s / 300)
        self.hours[hour] = _single(usual + max(pace, 1 / count) * residual)
        if isnan(offset):
            self.week[piece] = _single(residual * self.c[at.A_WEEK])
        else:
            week_pace = self.c[at.A_WEEK] * min(1.0, self.interval_s / 7200)
            self.week[piece] = _single(offset + week_pace * (residual - offset))
            residual -= offset
        self.season_residual.take(residual, 0.3)
        return residual

    def _cycle(self, u: float, dt_s: float) -> float:
        self.phase_s = _single(self.phase_s + dt_s)
        if u > 0.25:
            if self.side < 0:
                self._cross()
            self.side = 1
        elif u < -0.25:
            self.side = -1
        if self.cycles < 2 or self.period_s <= 0:
            return -1.0
        turns = self.phase_s / self.period_s
        piece = min(at.N_BINS - 1, int(turns % 1.0 * at.N_BINS + 0.01))
        reach = min(4, 1 + int(3 * sqrt(self.period_var) / self.period_s * at.N_BINS))
        off = min(abs(u - self.profile[(piece + k) % at.N_BINS]) for k in range(-reach, reach + 1))
        rate = max(0.1, 1 / self.cycles)
        self.profile[piece] = _single(self.profile[piece] + rate * (u - self.profile[piece]))
        if not self._regular(self.cycles) or self.period_s < 6 * self.interval_s:
            self.judged = 0
            return -1.0
        return off

    def _regular(self, seen: int) -> bool:
        return seen > 12 and self.period_var < (0.1 * self.period_s) ** 2

    def _cross(self) -> None:
        took, seen = self.phase_s, self.cycles
        self.phase_s, self.cycles = 0.0, seen + 1
        if seen:
            away = took - self.period_s
            if self._regular(seen):
                most = 3 * sqrt(self.period_var) + 0.1 * self.period_s
                away = min(most, max(-most, away))
            elif abs(away) > 0.5 * self.period_s:
                self.cycles, self.period_s, self.period_var = 2, took, 0.0
                return
            rate = max(0.1, 1 / seen)
            self.period_s = _single(self.period_s + rate * away)
            self.period_var = _single(self.period_var + rate * (away * away - self.period_var))

    def _in_step(self) -> float:
        if self.off < 0:
            return 0.0
        self.judged += 1
        if self.judged == 1:
            self.centres[at.CYCLE] = self.spreads[at.CYCLE] = 0.0
        centre, spread = self.centres[at.CYCLE], self.spreads[at.CYCLE]
        away, rate = self.off - centre, max(float(self.c[at.A_NORMAL]), 1 / self.judged)
        usual = sqrt(spread) + float(self.c[at.FLOOR_NORMAL]) * centre + 0.1
        taught = min(away, 4 * usual)
        self.centres[at.CYCLE] = _single(centre + rate * taught)
        self.spreads[at.CYCLE] = _single(spread + rate * (taught * taught - spread))
        if self.judged <= 50 or self.judged * self.interval_s < 5 * self.period_s:
            return 0.0
        return away / usual

    def _pattern(self, x: float) -> float:
        width, last = self.high - self.low, at.N_SYMBOLS - 1
        if x > self.high:
            symbol = last
        elif x < self.low:
            symbol = 0
        else:
            symbol = 1 + min(last - 2, int((x - self.low) / width * (last - 1))) if width > 0 else 1
        word = (self.symbols[1], self.symbols[0], symbol)
        new = word not in self.seen
        self.seen.add(word)
        self.novelty.take(float(new), self.c[at.A_NOVELTY])
        self.symbols = (symbol, self.symbols[0])
        return -log(self.novelty.value + 1e-4) if new else 0.0

    def _range(self, x: float) -> float:
        width = max(self.high - self.low, 1e-9 * abs(self.high) + 1e-12)
        beyond = max(0.0, (x - self.high) / width, (self.low - x) / width)
        high, low = max(x, self.high), min(x, self.low)
        shrink = 0.0002 * (high - low)
        self.high, self.low = _single(high - shrink), _single(low + shrink)
        return beyond

    def _band(self, x: float) -> None:
        rate = max(float(self.c[at.A_QUANTILE]), 1 / (self.count - 30))
        size = self.size.value + rate * (x - self.size.value)
        self.size.value = _single(size)
        tail = float(self.c[at.TAIL])
        pace = 2 * rate * (size + self.quantile)
        self.quantile = _single(max(0.0, self.quantile + pace * (tail if x > self.quantile else tail - 1)))

    def _unusual(self, told: list[float]) -> float:
        if self.count <= 30:
            told, self.off = [0.0] * at.N_FEATURES, -1.0
        else:
            self._band(told[at.SEASON])
        told = [*told, (2 * told[at.SEASON] + told[at.SEASON_MEAN]) / 3]
        rate, floor = self._rate(at.A_NORMAL), float(self.c[at.FLOOR_NORMAL])
        for k, x in enumerate(told):
            centre, spread = self.centres[k], self.spreads[k]
            away = x - centre
            z = away / (sqrt(spread) + floor * centre + float(self.c[at.FLOOR_SCALE]))
            z = x if k == at.PATTERN else z
            self.streams[k] = self.weights[k] * z if self.count > 50 else 0.0
            self.centres[k] = _single(centre + rate * away)
            self.spreads[k] = _single(spread + rate * (away * away - spread))
        cycle = self._in_step()
        self.streams[at.CYCLE] = self.weights[at.CYCLE] * cycle if self.count > 50 else 0.0
        return max(0.0, *self.streams)

    def _onset(self, z: float) -> bool:
        rest = min(self.c[at.REST_MOST], self.c[at.REST_SHARE] * self.count)
        if self.count - self.n_held > rest:
            self.held = 0.0
        if z <= self.held:
            return False
        self.held, self.n_held = _single(z), self.count
        return True
