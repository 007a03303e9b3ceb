"""The stage: readings in; facts about zones, exits, streets and sensors out."""

from collections.abc import Iterator, Mapping
from math import isfinite
from operator import itemgetter
from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ...domain import US_PER_S, Context, ObservationBatch
from ...domain.events import Event
from ...domain.observation import BAD
from ...domain.snapshots import StructSnapshots
from ...formats.network import NetworkPolicy
from .config import ContextConfig, context_config
from .traffic import Street, follow_traffic

__all__ = ("ContextStage", "ContextState", "Given", "Heard", "SensorLike")

_COLUMN = 8
"""From so many readings of a sensor in a batch on, they are judged at once."""
_NEVER_US = -(2**62)
_FOR_EVER_US = 2**62
_PER_SENSOR = {"smoke_pct_m": "%/m", "co_ppm": "ppm", "heat_c": "°C"}
_OTHERS = frozenset({"frame_hash", "people", "out_per_min", "speed_kmh", "open"})
_UNITS = {**_PER_SENSOR, "people": "people", "exit_rate": "1/min", "speed_kmh": "km/h"}


class SensorLike(Protocol):
    """The part of the site's `SensorSpec` that is used here."""

    @property
    def family(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def covers(self) -> tuple[str, ...]: ...


class Given(Struct):
    """What was last said of one subject and attribute."""

    value: Any
    t_us: int


class Heard(Struct):
    """The last count of one counter."""

    people: float
    t_us: int


class ContextState(Struct):
    """All facts given, the counters of each zone, and the streets; ``t_last_us`` by series, so that late readings
    change nothing.
    """

    given: dict[str, Given] = {}
    zones: dict[str, dict[str, Heard]] = {}
    streets: dict[str, Street] = {}
    t_last_us: dict[str, int] = {}


class ContextStage(StructSnapshots[ContextState]):
    """Turns readings into `Context` facts: ``people`` by zone, ``exit_rate`` by exit, ``speed_kmh`` and ``traffic`` by
    street, ``smoke_pct_m``, ``co_ppm``, ``heat_c``, ``camera_state`` and ``door_state`` by sensor, ``planned_scan`` by
    host.

    Limits: several counters of one zone are added, so they must not see the same people; a zone counted only by
    cameras takes the largest of their counts, which is a lower bound.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug, ``policy`` with the planned scans.
    """

    name = "context"
    inputs: tuple[str, ...] = ("obs.>",)
    heavy = False
    state_type = ContextState

    def __init__(
        self,
        config: ContextConfig | None = None,
        sensors: Mapping[str, SensorLike] | None = None,
        policy: NetworkPolicy | None = None,
    ) -> None:
        self.config = config or context_config()
        self.sensors: Mapping[str, SensorLike] = sensors or {}
        self.policy = policy or NetworkPolicy()

    def step(self, state: ContextState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in."""
        found: list[tuple[int, Event]] = []
        late = batch.t_us < now_us - round(self.config.late_s * US_PER_S)
        if len(batch) and late.all():
            return list(self._planned(state, now_us))
        matters = ~late & (batch.t_us >= self._not_before_us(state, batch)[batch.series_ix])
        for index in self._columns(batch):
            mine = batch.series_ix == index
            matters &= ~mine
            found += self._column(state, batch, index, np.flatnonzero(mine & ~late), now_us)
        places = np.flatnonzero(matters)
        for row, index, t_us, value, quality in zip(
            places.tolist(),
            batch.series_ix[places].tolist(),
            batch.t_us[places].tolist(),
            batch.value[places].tolist(),
            batch.quality[places].tolist(),
            strict=True,
        ):
            series = batch.series[index]
            if quality >= BAD or not _NEVER_US < t_us <= now_us + 60 * US_PER_S:
                continue
            key = f"{series.sensor}\x1f{series.quantity}"
            if t_us <= state.t_last_us.get(key, _NEVER_US):
                continue
            state.t_last_us[key] = t_us
            zone = self._zone(series.sensor, series.zone)
            said = self._reading(state, batch.family, series.sensor, series.quantity, zone, t_us, value)
            found += ((row, event) for event in said)
        found.sort(key=itemgetter(0))
        return [*self._planned(state, now_us), *(event for _, event in found)]

    def _columns(self, batch: ObservationBatch) -> list[int]:
        """Give the series that bring so many readings of one sensor that they are judged at once."""
        if len(batch) < _COLUMN * len(batch.series):
            return []
        counts = np.bincount(batch.series_ix, minlength=len(batch.series)).tolist()
        return [
            index
            for index, series in enumerate(batch.series)
            if counts[index] >= _COLUMN and series.quantity in _PER_SENSOR
        ]

    def _column(
        self, state: ContextState, batch: ObservationBatch, index: int, rows: NDArray[np.intp], now_us: int
    ) -> Iterator[tuple[int, Event]]:
        """Do for many readings of one quantity of one sensor what `step` does for each: most say nothing new."""
        sensor, quantity = batch.series[index].sensor, batch.series[index].quantity
        key = f"{sensor}\x1f{quantity}"
        t_us, value = batch.t_us[rows], batch.value[rows]
        usable = (batch.quality[rows] < BAD) & (t_us > _NEVER_US) & (t_us <= now_us + 60 * US_PER_S)
        rows, t_us, value = rows[usable], t_us[usable], value[usable]
        before_us = np.maximum.accumulate(np.concatenate(([state.t_last_us.get(key, _NEVER_US)], t_us)))
        state.t_last_us[key] = int(before_us[-1])
        newer = (t_us > before_us[:-1]) & np.isfinite(value)
        rows, t_us, value = rows[newer], t_us[newer], np.rint(value[newer] * 1000) / 1000
        at = 0
        while at < len(t_us):
            given = state.given.get(key)
            if given is not None:
                seconds = (t_us[at:] - given.t_us) / US_PER_S
                apart = np.abs(value[at:] - given.value)
                moved = (apart >= self.config.deadband.get(quantity, 0.0)) & (apart > 0)
                due = (seconds >= self.config.refresh_s) | (moved & (seconds >= self.config.every_s))
                first = int(due.argmax())
                if not due[first]:
                    break
                at += first
            for event in self._say(state, sensor, quantity, float(value[at]), int(t_us[at]), sensor):
                yield int(rows[at]), event
            at += 1

    def _not_before_us(self, state: ContextState, batch: ObservationBatch) -> NDArray[np.int64]:
        """Give for each series of a batch the time before which no reading of it can matter."""
        wait_us = round(min(self.config.every_s, self.config.refresh_s) * US_PER_S)
        out = np.full(len(batch.series), _NEVER_US, np.int64)
        for index, series in enumerate(batch.series):
            if series.quantity in _PER_SENSOR:
                given = state.given.get(f"{series.sensor}\x1f{series.quantity}")
                if given is not None:
                    out[index] = given.t_us + wait_us
            elif series.quantity not in _OTHERS:
                out[index] = _FOR_EVER_US
        return out

    def _reading(
        self,
        state: ContextState,
        family: str,
        sensor: str,
        quantity: str,
        zone: str,
        t_us: int,
        value: float,
    ) -> Iterator[Event]:
        if quantity == "frame_hash":
            yield from self._say(state, sensor, "camera_state", "delivering", t_us, sensor)
        if not isfinite(value):
            return
        if quantity in _PER_SENSOR:
            yield from self._say(state, sensor, quantity, round(value * 1000) / 1000, t_us, sensor)
        elif quantity == "people" and zone:
            yield from self._people(state, family, sensor, zone, t_us, value)
        elif quantity == "out_per_min":
            for exit_ in self._covered(sensor, zone):
                yield from self._say(state, exit_, "exit_rate", round(value, 2), t_us, sensor)
        elif quantity == "speed_kmh":
            for street in self._covered(sensor, zone):
                yield from self._traffic(state, street, sensor, t_us, value)
        elif quantity == "open":
            yield from self._say(
                state, sensor, "door_state", "open" if value >= 0.5 else "closed", t_us, sensor
            )

    def _people(
        self, state: ContextState, family: str, sensor: str, zone: str, t_us: int, value: float
    ) -> Iterator[Event]:
        kind = "cameras" if family == "camera" else "counters"
        heard = state.zones.setdefault(f"{zone}\x1f{kind}", {})
        heard[sensor] = Heard(value, t_us)
        if kind == "cameras" and f"{zone}\x1fcounters" in state.zones:
            return
        oldest_us = t_us - round(self.config.fresh_s * US_PER_S)
        fresh = {slug: each.people for slug, each in heard.items() if each.t_us >= oldest_us}
        people = sum(fresh.values()) if kind == "counters" else max(fresh.values())
        yield from self._say(state, zone, "people", round(people, 1), t_us, *sorted(fresh))

    def _traffic(
        self, state: ContextState, street: str, sensor: str, t_us: int, speed_kmh: float
    ) -> Iterator[Event]:
        yield from self._say(state, street, "speed_kmh", round(speed_kmh, 1), t_us, sensor)
        followed = state.streets.setdefault(street, Street())
        if t_us <= followed.t_last_us:
            return
        followed.t_last_us = t_us
        changed = follow_traffic(followed, speed_kmh, t_us, self.config)
        if followed.state != "unknown":
            reason = (
                f"{speed_kmh:.0f} km/h for {(t_us - followed.t_next_us) / US_PER_S:.0f} s" if changed else ""
            )
            yield from self._say(state, street, "traffic", followed.state, t_us, sensor, reason=reason)

    def _planned(self, state: ContextState, now_us: int) -> Iterator[Event]:
        for scan in self.policy.planned_scans:
            given = state.given.get(f"{scan.host}\x1fplanned_scan")
            new = given is None or given.value != scan.t_from_us
            if new and scan.covers(now_us):
                state.given[f"{scan.host}\x1fplanned_scan"] = Given(scan.t_from_us, now_us)
                yield Context(
                    id="",
                    t_us=now_us,
                    subject=scan.host,
                    attribute="planned_scan",
                    value=True,
                    reason=scan.reason or "announced in the network policy",
                    source="network policy",
                    t_until_us=scan.t_until_us,
                )

    def _say(
        self,
        state: ContextState,
        subject: str,
        attribute: str,
        value: Any,
        t_us: int,
        *sources: str,
        reason: str = "",
    ) -> Iterator[Event]:
        """Give a fact if it is due, and remember that it was given."""
        key = f"{subject}\x1f{attribute}"
        given = state.given.get(key)
        if given is not None and not self._due(given, attribute, value, t_us):
            return
        state.given[key] = Given(value, t_us)
        yield Context(
            id="",
            t_us=t_us,
            subject=subject,
            attribute=attribute,
            value=value,
            unit=_UNITS.get(attribute, ""),
            reason=reason,
            source=sources[0],
            provenance=sources,
        )

    def _due(self, given: Given, attribute: str, value: Any, t_us: int) -> bool:
        seconds = (t_us - given.t_us) / US_PER_S
        if seconds >= self.config.refresh_s:
            return True
        if isinstance(value, str):
            return bool(value != given.value)
        moved = abs(value - given.value) >= self.config.deadband.get(attribute, 0.0) and value != given.value
        return moved and seconds >= self.config.every_s

    def _zone(self, sensor: str, zone: str) -> str:
        spec = self.sensors.get(sensor)
        return (spec.zone if spec is not None else "") or zone

    def _covered(self, sensor: str, zone: str) -> tuple[str, ...]:
        """Give the exits or streets that a sensor speaks about; the sensor itself where the site does not know."""
        spec = self.sensors.get(sensor)
        covered = tuple(each for each in spec.covers if each != zone) if spec is not None else ()
        return covered or (sensor,)
