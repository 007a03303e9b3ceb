"""How good alarms are, for each operator position: rates, floods, chatter, mix, times and nuisance.

The measures are those of EEMUA 191, ISA-18.2 and IEC 62682 as public summaries give them: alerts in windows of ten
minutes (never averages alone), a flood from more than 10 in ten minutes until fewer than 5, chattering from three
activations in a minute, stale after a day, the share of the ten most frequent sources, the mix of priorities.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil
from typing import get_args

from msgspec import Struct

from s4allcities.domain import ALERT_ENDED, ALERT_OVER, US_PER_S, Alert, AlertLevel

__all__ = (
    "GOALS",
    "AlarmKpis",
    "AlarmMonitor",
    "Quantiles",
    "SourceShare",
    "flood_spans",
    "quantile",
    "rates_per_window",
)

WINDOW_US = 600 * US_PER_S
FLOOD_AT, FLOOD_OVER = 10, 5
CHATTER_TIMES, CHATTER_US = 3, 60 * US_PER_S
STALE_US = 24 * 3600 * US_PER_S
BAD_ACTORS = 10
KEPT = 5000
KEPT_US = 8 * 24 * 3600 * US_PER_S
LEVELS: tuple[AlertLevel, ...] = get_args(AlertLevel)
NO_ACTION = ("false alarm", "no action")
"""How the reason of a closed alert begins, or what it contains, when nothing had to be done."""
GOALS = {
    "median_per_10min": "<= 1",
    "peak_per_10min": "<= 10",
    "flood_share": "< 0.01",
    "chattering": "0",
    "stale": "< 5",
    "bad_actor_share": "<= 0.05",
    "nuisance_rate": "<= 0.1",
    "unexplained": "0",
}
"""Yardsticks; priority mix 5/15/80 is one too, but says little on a quiet day."""


class Quantiles(Struct, frozen=True, kw_only=True):
    """Seconds: the median, the 95th percentile, and of how many."""

    p50_s: float | None = None
    p95_s: float | None = None
    count: int = 0


class SourceShare(Struct, frozen=True, kw_only=True):
    """One kind of alert at one place, and its share of all calls."""

    source: str
    count: int
    share: float


class AlarmKpis(Struct, frozen=True, kw_only=True):
    """The figures of one position over ``hours``; ``now_per_10min`` is the last ten minutes.

    ``held`` counts open alerts that are listed without calling. Shares are fractions; None where nothing was counted.
    """

    position: str
    hours: float
    called: int
    now_per_10min: int
    median_per_10min: float
    p99_per_10min: float
    peak_per_10min: int
    per_hour: float
    flood: bool
    flood_share: float
    chattering: int
    stale: int
    held: int
    bad_actor_share: float | None
    bad_actors: tuple[SourceShare, ...]
    priority_mix: dict[str, float]
    to_acknowledge: dict[str, Quantiles]
    to_assign: dict[str, Quantiles]
    to_close: dict[str, Quantiles]
    nuisance_rate: float | None
    unexplained: int


class _Life(Struct):
    """What is remembered of one alert."""

    position: str
    source: str
    level: AlertLevel
    state: str
    t_active_us: int
    held: bool
    explained: bool
    t_annunciated_us: int = 0
    t_called_us: int = 0
    t_acknowledged_us: int = 0
    t_assigned_us: int = 0
    t_closed_us: int = 0
    nuisance: bool = False


def quantile(values: Sequence[float], q: float) -> float | None:
    """Give the nearest-rank quantile, None without values.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(q * len(ordered)) - 1)] if ordered else None


def rates_per_window(
    times_us: Sequence[int], from_us: int, to_us: int, window_us: int = WINDOW_US
) -> list[int]:
    """Count calls in each whole window from ``from_us`` on; a last part of a window counts as one."""
    windows = max(1, ceil((to_us - from_us) / window_us))
    counts = [0] * windows
    for t_us in times_us:
        if from_us <= t_us <= to_us:
            counts[min((t_us - from_us) // window_us, windows - 1)] += 1
    return counts


def flood_spans(times_us: Sequence[int], now_us: int) -> list[tuple[int, int]]:
    """Give the floods as (from, to): from the eleventh call in ten minutes until fewer than five are in ten minutes."""
    spans: list[tuple[int, int]] = []
    ordered = sorted(times_us)
    start = 0
    since_us: int | None = None
    for number, t_us in enumerate(ordered):
        while ordered[start] <= t_us - WINDOW_US:
            start += 1
            if since_us is not None and number - start < FLOOD_OVER:
                spans.append((since_us, ordered[start - 1] + WINDOW_US))
                since_us = None
        if since_us is None and number - start + 1 > FLOOD_AT:
            since_us = t_us
    if since_us is not None:
        last = ordered[-(FLOOD_OVER)] + WINDOW_US
        spans.append((since_us, min(now_us, last)))
    return spans


class AlarmMonitor:
    """Takes alert versions in as they come and gives the figures; the newest 5,000 alerts are remembered.

    It reads only what alerts say of themselves, so that a replay of the record gives the same figures.
    """

    def __init__(self) -> None:
        self._lives: dict[str, _Life] = {}
        self._calls: dict[str, list[tuple[int, str, AlertLevel]]] = {}
        self._chatter: dict[str, list[int]] = {}
        self._chattering: dict[str, int] = {}
        self._t_first_us = 0

    @property
    def positions(self) -> tuple[str, ...]:
        """The positions that had any alert."""
        return tuple(sorted({*self._calls, *(life.position for life in self._lives.values())}))

    def take(self, alert: Alert) -> None:
        """Take one version in, in the order of versions."""
        self._t_first_us = min(self._t_first_us or alert.t_us, alert.t_us)
        life = self._lives.get(alert.id)
        if life is None:
            life = self._lives[alert.id] = _Life(
                alert.position,
                f"{alert.hypothesis}, {alert.zone or 'no place'}",
                alert.level,
                "",
                0,
                True,
                False,
            )
            if len(self._lives) > KEPT:
                del self._lives[next(iter(self._lives))]
        self._activation(life, alert)
        self._call(life, alert)
        self._people(life, alert)
        life.level, life.state, life.held = alert.level, alert.state, bool(alert.held)
        life.position = alert.position

    def _activation(self, life: _Life, alert: Alert) -> None:
        if alert.t_active_us <= life.t_active_us:
            return
        life.t_active_us = alert.t_active_us
        times = [t for t in self._chatter.get(life.source, []) if t > alert.t_active_us - CHATTER_US]
        self._chatter[life.source] = [*times, alert.t_active_us]

    def _call(self, life: _Life, alert: Alert) -> None:
        """A call is what had not called and calls now, or calls again; what waited and is taken by hand never calls."""
        newer = alert.t_annunciated_us > life.t_annunciated_us
        life.t_annunciated_us = max(life.t_annunciated_us, alert.t_annunciated_us)
        if alert.held or not newer:
            return
        life.t_called_us = alert.t_annunciated_us
        life.explained = bool(alert.why) and len(alert.lines) == 3 and alert.grounds is not None
        calls = self._calls.setdefault(alert.position, [])
        calls.append((alert.t_annunciated_us, life.source, alert.level))
        while calls[0][0] < alert.t_annunciated_us - KEPT_US:
            del calls[0]
        if len(self._chatter.get(life.source, ())) >= CHATTER_TIMES:
            self._chattering[alert.position] = self._chattering.get(alert.position, 0) + 1

    @staticmethod
    def _people(life: _Life, alert: Alert) -> None:
        by_person = alert.role not in ("", "platform")
        taken = alert.state not in ("new", "shelved", "suppressed", "escalated", "reopened")
        if by_person and taken and not life.t_acknowledged_us:
            life.t_acknowledged_us = alert.t_us
        if by_person and alert.owner and not life.t_assigned_us:
            life.t_assigned_us = alert.t_us
        if alert.state in ALERT_OVER and not life.t_closed_us:
            life.t_closed_us = alert.t_us
            said = alert.reason.lower()
            life.nuisance = alert.state == "false" or any(words in said for words in NO_ACTION)

    def kpis(self, position: str, now_us: int, hours: float = 24.0) -> AlarmKpis:
        """Give the figures of a position for the last ``hours``, or since the first alert if that is less."""
        from_us = max(self._t_first_us, now_us - round(hours * 3600 * US_PER_S))
        calls = [call for call in self._calls.get(position, []) if call[0] >= from_us]
        times = [t_us for t_us, _, _ in calls]
        rates = rates_per_window(times, from_us, max(now_us, from_us))
        lives = [life for life in self._lives.values() if life.position == position]
        closed = [life for life in lives if life.t_closed_us >= from_us and life.t_closed_us]
        floods = flood_spans(times, now_us)
        span_us = max(now_us - from_us, 1)
        return AlarmKpis(
            position=position,
            hours=span_us / US_PER_S / 3600,
            called=len(calls),
            now_per_10min=sum(t_us > now_us - WINDOW_US for t_us in times),
            median_per_10min=float(quantile([float(rate) for rate in rates], 0.5) or 0.0),
            p99_per_10min=float(quantile([float(rate) for rate in rates], 0.99) or 0.0),
            peak_per_10min=_peak(times),
            per_hour=len(calls) / max(span_us / US_PER_S / 3600, 1 / 6),
            flood=bool(floods) and floods[-1][1] >= now_us,
            flood_share=sum(to - start for start, to in floods) / span_us,
            chattering=self._chattering.get(position, 0),
            stale=sum(_open(life) and now_us - life.t_active_us > STALE_US for life in lives),
            held=sum(_open(life) and life.held for life in lives),
            bad_actor_share=_top_share(calls),
            bad_actors=_top(calls),
            priority_mix=_mix(calls),
            to_acknowledge=_times(lives, from_us, "t_acknowledged_us"),
            to_assign=_times(lives, from_us, "t_assigned_us"),
            to_close=_times(lives, from_us, "t_closed_us"),
            nuisance_rate=sum(life.nuisance for life in closed) / len(closed) if closed else None,
            unexplained=sum(not life.explained for life in lives if life.t_called_us >= from_us),
        )


def _open(life: _Life) -> bool:
    return life.state not in ALERT_ENDED


def _peak(times_us: Sequence[int]) -> int:
    """The most calls in any ten minutes."""
    ordered, start, most = sorted(times_us), 0, 0
    for number, t_us in enumerate(ordered):
        while ordered[start] <= t_us - WINDOW_US:
            start += 1
        most = max(most, number - start + 1)
    return most


def _top(calls: Sequence[tuple[int, str, AlertLevel]]) -> tuple[SourceShare, ...]:
    counts = Counter(source for _, source, _ in calls)
    return tuple(
        SourceShare(source=source, count=count, share=count / len(calls))
        for source, count in counts.most_common(BAD_ACTORS)
    )


def _top_share(calls: Sequence[tuple[int, str, AlertLevel]]) -> float | None:
    """The share of the ten most frequent sources; None where there are not more than ten."""
    if len({source for _, source, _ in calls}) <= BAD_ACTORS:
        return None
    return sum(each.share for each in _top(calls))


def _mix(calls: Iterable[tuple[int, str, AlertLevel]]) -> dict[str, float]:
    counts = Counter(level for _, _, level in calls)
    whole = sum(counts.values())
    return {level: counts[level] / whole for level in reversed(LEVELS)} if whole else {}


def _times(lives: Iterable[_Life], from_us: int, field: str) -> dict[str, Quantiles]:
    """Seconds from the call until something was done, by level."""
    found: dict[str, list[float]] = {}
    for life in lives:
        t_us: int = getattr(life, field)
        if t_us >= from_us and life.t_called_us and t_us >= life.t_called_us:
            found.setdefault(life.level, []).append((t_us - life.t_called_us) / US_PER_S)
    return {
        level: Quantiles(p50_s=quantile(values, 0.5), p95_s=quantile(values, 0.95), count=len(values))
        for level, values in found.items()
    }
