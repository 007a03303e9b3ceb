"""The newest value of every sensor, coalesced between two looks of the page."""

from typing import Any

import numpy as np

from s4allcities.domain import ObservationBatch, SensorHealth, Series
from s4allcities.site import Site

__all__ = ("LiveValues",)


class LiveValues:
    """Keeps one entry a sensor and remembers which changed since they were last taken."""

    def __init__(self, site: Site) -> None:
        self._entries: dict[str, dict[str, Any]] = {
            spec.slug: {
                "id": spec.slug,
                "name": spec.name,
                "family": spec.family,
                "letter": spec.letter,
                "zone": spec.zone,
                "level": spec.level,
                "state": "unknown",
                "values": {},
                "abnormal": False,
                "incident": "",
            }
            for spec in site.sensors
        }
        self._dirty: set[str] = set()

    def sensors(self) -> list[dict[str, Any]]:
        """Give all entries."""
        return [dict(entry) for entry in self._entries.values()]

    def _entry(self, sensor: str, family: str) -> dict[str, Any]:
        return self._entries.setdefault(
            sensor,
            {"id": sensor, "name": sensor, "family": family, "letter": "", "zone": "", "level": 0,
             "state": "unknown", "values": {}, "abnormal": False, "incident": ""},
        )  # fmt: skip

    def batch(self, batch: ObservationBatch) -> None:
        """Take a batch in; later rows win, but nothing that is older than what is shown."""
        newest = np.full(len(batch.series), -1, np.int64)
        finite = np.flatnonzero(np.isfinite(batch.value))
        newest[batch.series_ix[finite]] = finite  # where a series is named again, the last one stays
        for series, row in zip(batch.series, newest.tolist(), strict=True):
            if row >= 0:
                self._show(series, batch.family, float(batch.value[row]), int(batch.t_us[row]))

    def _show(self, series: Series, family: str, value: float, t_us: int) -> None:
        entry = self._entry(series.sensor, family)
        before = entry["values"].get(series.quantity)
        if before is not None and t_us < before["t_us"]:
            return
        shown = {"value": value, "t_us": t_us, "unit": series.unit}
        entry["values"] = {**entry["values"], series.quantity: shown}
        self._dirty.add(series.sensor)

    def health(self, health: SensorHealth) -> None:
        """Note how a sensor delivers."""
        self._entry(health.sensor, health.family)["state"] = health.state
        self._dirty.add(health.sensor)

    def mark_abnormal(self, incident_of: dict[str, str]) -> None:
        """Say which sensors speak for an open incident."""
        for sensor, entry in self._entries.items():
            incident = incident_of.get(sensor, "")
            if entry["incident"] != incident:
                entry["incident"], entry["abnormal"] = incident, bool(incident)
                self._dirty.add(sensor)

    def counts(self) -> tuple[int, int]:
        """Give (sensors known, sensors on time)."""
        on_time = sum(entry["state"] == "on time" for entry in self._entries.values())
        return len(self._entries), on_time

    def take(self) -> list[dict[str, Any]]:
        """Give the entries that changed since the last call."""
        changed = [dict(self._entries[sensor]) for sensor in sorted(self._dirty)]
        self._dirty.clear()
        return changed
