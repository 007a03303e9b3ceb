"""The stage: readings in; what cannot be true of a sensor, whatever it measures, out."""

from math import isfinite, isnan

from msgspec import Struct

from ...domain import US_PER_S, Detection, ObservationBatch
from ...domain.events import Event
from ...domain.snapshots import StructSnapshots
from ..rows import Reading, readings_of
from ..sensors import Sensors, name_of, place_of
from .config import ValidityConfig, validity_config

__all__ = ("ValidityStage", "ValidityState", "Watch")

_NEVER_US = -(2**62)


class Watch(Struct):
    """What is known of one series; times in microseconds, ``t_arrived_us`` and the window by the platform's clock."""

    sensor: str
    quantity: str
    zone: str
    t_last_us: int = _NEVER_US
    value: float = float("nan")
    t_changed_us: int = _NEVER_US
    same: int = 0
    changes: int = 0
    count: int = 0
    interval_s: float = 0.0
    t_arrived_us: int = 0
    t_window_us: int = _NEVER_US
    in_window: int = 0
    t_said_us: dict[str, int] = {}


class ValidityState(Struct):
    """All series; ``decided`` counts device messages that have been through, ``refused`` series beyond the limit."""

    series: dict[str, Watch] = {}
    decided: int = 0
    refused: int = 0


class ValidityStage(StructSnapshots[ValidityState]):
    """Says what cannot be true: ``sensor-range``, ``sensor-stuck``, ``sensor-gap``, ``sensor-rate``.

    Limits: a sensor that lies within its range and moves is not found here; a gap is noticed at the platform's next
    clock tick; a coarse sensor that repeats itself is told from a stuck one only by its moving peers.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug (their own bounds come first).
    """

    name = "validity"
    inputs: tuple[str, ...] = ("obs.>",)
    heavy = False
    state_type = ValidityState

    def __init__(self, config: ValidityConfig | None = None, sensors: Sensors | None = None) -> None:
        self.config = config or validity_config()
        self.sensors: Sensors = sensors or {}
        # So many readings in a window are never too many: most readings need no further look.
        self._rate_floor = self.config.rate_least_per_s * self.config.rate_window_s
        self._bounds = {
            (slug, quantity.name): (quantity.low, quantity.high)
            for slug, spec in self.sensors.items()
            for quantity in getattr(spec, "quantities", ())
        }

    def step(self, state: ValidityState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in; an empty one tells that time has passed, and silence is looked for."""
        if not len(batch):
            return self._gaps(state, now_us)
        state.decided += batch.n_raw
        if batch.family in self.config.leave_out_families:
            return []
        found: list[Event] = []
        for reading in readings_of(batch, now_us):
            watch = self._watch(state, reading)
            if watch is not None:
                found += self._rate(watch, reading, now_us)
                if reading.t_us > watch.t_last_us:
                    found += self._range(watch, reading)
                    self._move(watch, reading, now_us)
                    found += self._stuck(state, watch, reading)
        return found

    def _watch(self, state: ValidityState, reading: Reading) -> Watch | None:
        key = f"{reading.sensor}\x1f{reading.quantity}"
        watch = state.series.get(key)
        if watch is None:
            if len(state.series) >= self.config.series_most:
                state.refused += 1
                return None
            watch = state.series[key] = Watch(reading.sensor, reading.quantity, reading.zone)
        return watch

    def _move(self, watch: Watch, reading: Reading, now_us: int) -> None:
        if watch.count:
            seconds = min(3600.0, (reading.t_us - watch.t_last_us) / US_PER_S)
            share = 1 / watch.count if watch.count <= self.config.warm_up else 0.005
            watch.interval_s += share * (seconds - watch.interval_s)
        if reading.value == watch.value:
            watch.same += 1
        elif not isnan(reading.value):
            watch.changes += watch.count > 0
            watch.value, watch.t_changed_us, watch.same = reading.value, reading.t_us, 0
        watch.t_last_us, watch.t_arrived_us = reading.t_us, now_us
        watch.count += 1

    def _range(self, watch: Watch, reading: Reading) -> list[Event]:
        bounds = self._bounds.get((watch.sensor, watch.quantity)) or self.config.bounds.get(watch.quantity)
        if bounds is None or reading.schema or isnan(reading.value):
            return []
        low, high = bounds
        if (low is None or reading.value >= low) and (high is None or reading.value <= high):
            return []
        words = f"{reading.value:.4g} {reading.unit}".strip()
        text = f"{watch.quantity} reads {words}; it can read {_shown(low)} to {_shown(high)}"
        return self._say(watch, "sensor-range", reading.t_us, 0.9, text, reading.value, reading.unit)

    def _stuck(self, state: ValidityState, watch: Watch, reading: Reading) -> list[Event]:
        if watch.same < self.config.stuck_readings or reading.schema:
            return []
        limit_s = self.config.stuck_s.get(watch.quantity)
        if limit_s is None:
            return []
        if reading.value in self.config.still.get(watch.quantity, ()):
            return []
        seconds = (reading.t_us - watch.t_changed_us) / US_PER_S
        if seconds < limit_s or not self._due(watch, "sensor-stuck", reading.t_us):
            return []
        peers = [
            w for w in state.series.values() if w.quantity == watch.quantity and w.sensor != watch.sensor
        ]
        moving = sum(reading.t_us - peer.t_changed_us < limit_s * US_PER_S / 2 for peer in peers)
        if peers and moving < min(self.config.peers_least, len(peers)):
            return []
        if not peers and seconds < limit_s * self.config.stuck_alone_times:
            return []
        aside = f" while {moving} others of its kind moved" if moving else ""
        text = (
            f"{watch.quantity} has said {reading.value:.4g} {reading.unit}".rstrip()
            + f" for {seconds:.0f} s{aside}"
        )
        confidence = 0.8 if watch.changes and moving else 0.5
        return self._say(watch, "sensor-stuck", reading.t_us, confidence, text, reading.value, reading.unit)

    def _rate(self, watch: Watch, reading: Reading, now_us: int) -> list[Event]:
        if now_us - reading.t_us > self.config.late_s * US_PER_S:
            return []
        window_us = round(self.config.rate_window_s * US_PER_S)
        if now_us - watch.t_window_us >= window_us:
            watch.t_window_us, watch.in_window = now_us, 0
        watch.in_window += 1
        if watch.in_window <= self._rate_floor:
            return []
        usual = 1 / watch.interval_s if watch.interval_s > 0 else 0.0
        most_per_s = max(self.config.rate_least_per_s, self.config.rate_times * usual)
        if watch.in_window <= most_per_s * self.config.rate_window_s:
            return []
        within = f"{watch.in_window} readings in {self.config.rate_window_s:.0f} s"
        text = f"{watch.quantity} sent {within}, usual {usual:.2g} a second"
        t_us = min(reading.t_us, now_us)
        return self._say(watch, "sensor-rate", t_us, 0.8, text, float(watch.in_window), "readings")

    def _gaps(self, state: ValidityState, now_us: int) -> list[Event]:
        """Look for silence: a sensor is as silent as the quantity of it that was heard last."""
        freshest: dict[str, Watch] = {}
        for watch in state.series.values():
            other = freshest.get(watch.sensor)
            if other is None or watch.t_arrived_us > other.t_arrived_us:
                freshest[watch.sensor] = watch
        return [found for watch in freshest.values() for found in self._gap(watch, now_us)]

    def _gap(self, watch: Watch, now_us: int) -> list[Event]:
        if watch.count < self.config.warm_up:
            return []
        silent_s = (now_us - watch.t_arrived_us) / US_PER_S
        limit_s = max(self.config.gap_least_s, self.config.gap_intervals * watch.interval_s)
        if not limit_s <= silent_s <= self.config.gap_most_s:
            return []
        text = f"silent for {silent_s:.0f} s, usual every {watch.interval_s:.2g} s"
        return self._say(watch, "sensor-gap", now_us, 0.9, text, round(silent_s, 1), "s")

    def _due(self, watch: Watch, kind: str, t_us: int) -> bool:
        wait_s = self.config.repeat_gap_s if kind == "sensor-gap" else self.config.repeat_s
        return t_us - watch.t_said_us.get(kind, _NEVER_US) >= wait_s * US_PER_S

    def _say(
        self, watch: Watch, kind: str, t_us: int, confidence: float, text: str, value: float, unit: str
    ) -> list[Event]:
        if not self._due(watch, kind, t_us):
            return []
        watch.t_said_us[kind] = t_us
        return [
            Detection(
                id="",
                t_us=t_us,
                kind=kind,
                detector=self.name,
                sensor=watch.sensor,
                group=watch.sensor,
                place=place_of(self.sensors, watch.sensor, watch.zone, (watch.sensor,)),
                confidence=confidence,
                value=value if isfinite(value) else None,
                unit=unit,
                text=f"{name_of(self.sensors, watch.sensor)}: {text}",
                provenance=(watch.sensor,),
            )
        ]


def _shown(bound: float | None) -> str:
    return "anything" if bound is None else f"{bound:g}"
