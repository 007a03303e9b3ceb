"""The stage: readings in; what cannot be true of a sensor, whatever it measures, out."""

from math import inf, isfinite, nan

import numpy as np
from numpy.typing import NDArray

from ...domain import US_PER_S, Detection, ObservationBatch
from ...domain.events import Event
from ...domain.observation import BAD
from ..sensors import Sensors, name_of, place_of
from . import _layout as layout
from .config import ValidityConfig, validity_config
from .kernel import step_rows
from .state import ValidityState

__all__ = ("ValidityStage",)


class ValidityStage:
    """Says what cannot be true: ``sensor-range``, ``sensor-stuck``, ``sensor-gap``, ``sensor-rate``.

    Limits: a sensor that lies within its range and moves is not found here; a gap is noticed at the platform's next
    clock tick; a coarse sensor that repeats itself is told from a stuck one only by its moving peers.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug (their own bounds come first).
    """

    name = "validity"
    inputs: tuple[str, ...] = ("obs.>",)
    heavy = False

    def __init__(self, config: ValidityConfig | None = None, sensors: Sensors | None = None) -> None:
        self.config = c = config or validity_config()
        self.sensors: Sensors = sensors or {}
        self._bounds = {
            (slug, quantity.name): (quantity.low, quantity.high)
            for slug, spec in self.sensors.items()
            for quantity in getattr(spec, "quantities", ())
        }
        self._shared = np.zeros(layout.N_SHARED)
        self._shared[layout.LATE_US] = c.late_s * US_PER_S
        self._shared[layout.WINDOW_S] = c.rate_window_s
        self._shared[layout.RATE_LEAST], self._shared[layout.RATE_TIMES] = c.rate_least_per_s, c.rate_times
        self._shared[layout.WARM_UP_N], self._shared[layout.STUCK_LEAST] = c.warm_up, c.stuck_readings
        self._shared[layout.REPEAT_US] = c.repeat_s * US_PER_S

    def start(self) -> ValidityState:
        """Give the state before any input; loads the compiled kernel, so that the first batch is not late."""
        state = ValidityState()
        self._run(state, np.empty(0, np.int64), _NO_ROWS, 0)
        return state

    def step(self, state: ValidityState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in; an empty one tells that time has passed, and silence is looked for."""
        if not len(batch):
            return self._gaps(state, now_us)
        state.decided += batch.n_raw
        if batch.family in self.config.leave_out_families:
            return []
        slots = self._rows(state, batch, now_us)
        seen = self._run(state, slots, batch, now_us)
        found: list[Event] = []
        for i in np.flatnonzero(seen.marks).tolist():
            row, mark = int(slots[batch.series_ix[i]]), int(seen.marks[i])
            t_us, value, unit = (
                int(batch.t_us[i]),
                float(batch.value[i]),
                batch.series[batch.series_ix[i]].unit,
            )
            if mark & layout.RATE:
                found.append(self._rate(state, row, min(t_us, now_us), seen, i))
            if mark & layout.RANGE:
                found.append(self._range(state, row, t_us, value, unit))
            if mark & layout.STUCK:
                found += self._stuck(state, row, t_us, value, unit, seen, i)
        return found

    def snapshot(self, state: ValidityState) -> bytes:
        """Freeze the state."""
        return state.freeze()

    def restore(self, data: bytes) -> ValidityState:
        """Thaw what `snapshot` gave. :raises ValueError: of another version or not whole."""
        state = ValidityState.thaw(data)
        for row in range(len(state)):
            self._set_up(state, row)
        return state

    def _run(
        self, state: ValidityState, slots: NDArray[np.int64], batch: ObservationBatch, now_us: int
    ) -> "_Seen":
        shared, seen = self._shared.copy(), _Seen(len(batch))
        shared[layout.NOW_US], shared[layout.T_MOST_US] = now_us, now_us + layout.FUTURE_US
        told = np.zeros(len(batch), np.uint8)
        for payload in batch.payloads:
            told[payload.row] = 1
        state.refused += step_rows(
            slots,
            # Copies: what comes off the wire is read-only, for which Numba would compile once more.
            np.array(batch.series_ix, np.uint32),
            np.array(batch.t_us, np.int64),
            np.array(batch.value, np.float64),
            np.array(batch.quality, np.uint8),
            told,
            state.ints,
            state.floats,
            state.params,
            state.kinds,
            len(state),
            shared,
            seen.marks,
            seen.in_window,
            seen.usual_s,
            seen.still_s,
            seen.peers,
        )
        return seen

    def _rows(self, state: ValidityState, batch: ObservationBatch, now_us: int) -> NDArray[np.int64]:
        """Give the state's row of each series of a batch, making new ones; -1 where there is no room."""
        known = state.known_table(batch.series)
        if known is not None:
            return known
        usable = (batch.quality < BAD) & (batch.t_us > layout.PAST_US)
        usable &= batch.t_us <= now_us + layout.FUTURE_US
        heard, first = np.unique(batch.series_ix[usable], return_index=True)
        rows = np.full(len(batch.series), -1, np.int64)
        for index in heard[
            np.argsort(first)
        ].tolist():  # numbered as they first speak, however they are packed
            series = batch.series[index]
            row = state.row.get((series.sensor, series.quantity), -1)
            if row < 0 and len(state) < self.config.series_most:
                row = state.add(series.sensor, series.quantity, series.zone)
                self._set_up(state, row)
            rows[index] = row
        if (rows >= 0).all():
            state.keep_table(batch.series, rows)
        return rows

    def _set_up(self, state: ValidityState, row: int) -> None:
        """Fill the parameters of a row from settings and site."""
        sensor, quantity, _ = state.names[row]
        low, high = self._limits(sensor, quantity)
        stuck_us = self.config.stuck_s.get(quantity, inf) * US_PER_S
        state.params[row] = (nan if low is None else low, nan if high is None else high, stuck_us)

    def _limits(self, sensor: str, quantity: str) -> tuple[float | None, float | None]:
        return self._bounds.get((sensor, quantity)) or self.config.bounds.get(quantity) or (None, None)

    def _range(self, state: ValidityState, row: int, t_us: int, value: float, unit: str) -> Detection:
        sensor, quantity, _ = state.names[row]
        low, high = self._limits(sensor, quantity)
        words = f"{value:.4g} {unit}".strip()
        text = f"{quantity} reads {words}; it can read {_shown(low)} to {_shown(high)}"
        return self._say(state, row, "sensor-range", t_us, 0.9, text, value, unit)

    def _rate(self, state: ValidityState, row: int, t_us: int, seen: "_Seen", i: int) -> Detection:
        in_window, usual_s = float(seen.in_window[i]), float(seen.usual_s[i])
        within = f"{in_window:.0f} readings in {self.config.rate_window_s:.0f} s"
        usual = 1 / usual_s if usual_s > 0 else 0.0
        text = f"{state.names[row][1]} sent {within}, usual {usual:.2g} a second"
        return self._say(state, row, "sensor-rate", t_us, 0.8, text, in_window, "readings")

    def _stuck(
        self, state: ValidityState, row: int, t_us: int, value: float, unit: str, seen: "_Seen", i: int
    ) -> list[Event]:
        quantity, seconds = state.names[row][1], float(seen.still_s[i])
        there, moving = seen.peers[i].tolist()
        if value in self.config.still.get(quantity, ()):
            return []
        if there and moving < min(self.config.peers_least, there):
            return []
        if not there and seconds < self.config.stuck_s[quantity] * self.config.stuck_alone_times:
            return []
        aside = f" while {moving} others of its kind moved" if moving else ""
        text = f"{quantity} has said {value:.4g} {unit}".rstrip() + f" for {seconds:.0f} s{aside}"
        confidence = 0.8 if state.ints[row, layout.CHANGES] and moving else 0.5
        return [self._say(state, row, "sensor-stuck", t_us, confidence, text, value, unit)]

    def _gaps(self, state: ValidityState, now_us: int) -> list[Event]:
        """Look for silence: a sensor is as silent as the quantity of it that was heard last."""
        used, c = len(state), self.config
        arrived, interval_s = state.ints[:used, layout.T_ARRIVED], state.floats[:used, layout.INTERVAL_S]
        silent_s = (now_us - arrived) / US_PER_S
        silent = silent_s >= np.maximum(c.gap_least_s, c.gap_intervals * interval_s)
        silent &= (silent_s <= c.gap_most_s) & (state.ints[:used, layout.COUNT] >= c.warm_up)
        if not silent.any():
            return []
        sensor_of = state.kinds[:used, 1]
        newest = np.full(len(state.sensors), layout.NEVER_US, np.int64)
        np.maximum.at(newest, sensor_of, arrived)
        freshest = np.flatnonzero(arrived == newest[sensor_of])
        _, first = np.unique(sensor_of[freshest], return_index=True)
        rows = np.sort(freshest[first])
        due_us = now_us - round(c.repeat_gap_s * US_PER_S)
        rows = rows[silent[rows] & (state.ints[rows, layout.SAID_GAP] <= due_us)]
        return [self._gap(state, int(row), now_us, float(silent_s[row])) for row in rows]

    def _gap(self, state: ValidityState, row: int, now_us: int, silent_s: float) -> Detection:
        state.ints[row, layout.SAID_GAP] = now_us
        text = f"silent for {silent_s:.0f} s, usual every {state.floats[row, layout.INTERVAL_S]:.2g} s"
        return self._say(state, row, "sensor-gap", now_us, 0.9, text, round(silent_s, 1), "s")

    def _say(
        self,
        state: ValidityState,
        row: int,
        kind: str,
        t_us: int,
        confidence: float,
        text: str,
        value: float,
        unit: str,
    ) -> Detection:
        sensor, _, zone = state.names[row]
        return Detection(
            id="",
            t_us=t_us,
            kind=kind,
            detector=self.name,
            sensor=sensor,
            group=sensor,
            place=place_of(self.sensors, sensor, zone, (sensor,)),
            confidence=confidence,
            value=value if isfinite(value) else None,
            unit=unit,
            text=f"{name_of(self.sensors, sensor)}: {text}",
            provenance=(sensor,),
        )


class _Seen:
    """What the kernel writes about n readings."""

    __slots__ = ("in_window", "marks", "peers", "still_s", "usual_s")

    def __init__(self, n: int) -> None:
        self.marks = np.zeros(n, np.uint8)
        self.in_window, self.usual_s, self.still_s = np.zeros(n), np.zeros(n), np.zeros(n)
        self.peers = np.zeros((n, 2), np.int64)


_NO_ROWS = ObservationBatch(
    family="none",
    partition=0,
    series=(),
    series_ix=np.empty(0, np.uint32),
    t_us=np.empty(0, np.int64),
    value=np.empty(0, np.float64),
    quality=np.empty(0, np.uint8),
)


def _shown(bound: float | None) -> str:
    return "anything" if bound is None else f"{bound:g}"
