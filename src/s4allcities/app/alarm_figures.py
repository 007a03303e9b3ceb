"""How good the alarms are, live: for the page, for Prometheus, by operator position."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric

from s4allcities.domain import Alert, Clock, Event
from s4allcities.evaluation.alarm_kpis import AlarmKpis, AlarmMonitor

__all__ = ("AlarmFigures", "alarm_metrics")

OPERATOR = "operator"
_SHOWN = {
    "now_per_10min": "Alerts that called in the last ten minutes",
    "median_per_10min": "Median of alerts in ten minutes, over a day",
    "p99_per_10min": "99th percentile of alerts in ten minutes, over a day",
    "peak_per_10min": "Most alerts in any ten minutes of a day",
    "per_hour": "Alerts an hour, over a day",
    "flood_share": "Share of a day in flood",
    "chattering": "Calls of chattering alerts",
    "stale": "Open alerts that have been active for more than a day",
    "held": "Open alerts that are listed without calling",
    "unexplained": "Alerts that called without evidence or reason",
    "nuisance_rate": "Share of closed alerts that were false or needed nothing",
    "bad_actor_share": "Share of the ten most frequent sources",
}


class AlarmFigures:
    """Follows the record and works the figures of the last day out when asked.

    After a restart it knows of earlier alerts only their newest version: times to acknowledge are missing then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._monitor = AlarmMonitor()

    async def follow(self, events: Sequence[Event]) -> None:
        """Take records in."""
        self.take(events)

    def take(self, events: Iterable[Event]) -> None:
        """Take records in, in order of versions."""
        for event in events:
            if isinstance(event, Alert):
                self._monitor.take(event)

    def kpis(self) -> list[AlarmKpis]:
        """Give the figures of every position; the operator's in any case."""
        now_us = self._clock.now_us()
        return [self._monitor.kpis(each, now_us) for each in sorted({OPERATOR, *self._monitor.positions})]

    def shown(self) -> dict[str, dict[str, Any]]:
        """Give them as plain data by position."""
        return {each.position: msgspec.to_builtins(each) for each in self.kpis()}


def alarm_metrics(kpis: Sequence[AlarmKpis]) -> list[Metric]:
    """Give the figures as Prometheus families ``s4_alarms_*`` by position, level and quantile."""
    families: list[Metric] = []
    for name, text in _SHOWN.items():
        family = GaugeMetricFamily(f"s4_alarms_{name}", text, labels=("position",))
        for each in kpis:
            value = getattr(each, name)
            if value is not None:
                family.add_metric((each.position,), float(value))
        families.append(family)
    mix = GaugeMetricFamily("s4_alarms_mix", "Share of calls by level", labels=("position", "level"))
    for each in kpis:
        for level, share in each.priority_mix.items():
            mix.add_metric((each.position, level), share)
    times = GaugeMetricFamily(
        "s4_alarms_seconds",
        "Seconds from the call until something was done",
        labels=("position", "level", "what", "q"),
    )
    for each in kpis:
        for what in ("acknowledge", "assign", "close"):
            for level, found in getattr(each, f"to_{what}").items():
                for q, value in (("0.5", found.p50_s), ("0.95", found.p95_s)):
                    if value is not None:
                        times.add_metric((each.position, level, what, q), value)
    return [*families, mix, times]
