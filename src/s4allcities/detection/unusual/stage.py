"""The stage: readings in, detections of what is unusual for the very series out."""

from collections.abc import Mapping
from math import exp, isfinite
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from ...domain import FACTS_FAMILY, FACTS_PARTITION, US_PER_S, Detection, ObservationBatch
from ...domain.events import Event
from ..sensors import Sensors, group_of, name_of, place_of
from . import _layout as at
from .config import MONTH_S, UnusualConfig, settings_of, unusual_config, weights_of
from .kernel import observe_rows
from .quick import quick_rows
from .series import reason_text
from .state import SeriesKey, UnusualState

__all__ = ("UnusualStage", "confidence_of")

SITE = "site"
EVENT = "event"
"""The fact that an event is on in its subject, a zone or the whole site."""
FOR_EVER_US = 1 << 62
_NEVER = (0, 0)
WINDOW_US = 300 * US_PER_S
"""What is said within such a window of the platform's time is judged together for false discoveries."""


def confidence_of(excess: float) -> float:
    """Give 0.2 at the bar, more the rarer a reading is beyond it; never more than 0.8, for unusual is not dangerous.

    >>> confidence_of(0.0), confidence_of(4.0) > 0.5, confidence_of(100.0)
    (0.2, True, 0.8)
    """
    return round(0.8 - 0.6 * exp(-max(0.0, excess) / 3.0), 3)


class UnusualStage:
    """Tells unusual from usual in every numeric series.

    In plain words: each series is looked at in ten ways (its hour of the day and week, its own cycle, its level,
    ...); each look learns how often it is surprised, and only a surprise that is rare for this very series is told,
    once, when it begins.

    Limits: nothing is said of a series before ``warm_up`` readings; slow changes are followed; see `judge_series`.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug, ``groups`` the kind of measurement of a
    quantity where it is not its name (``co_ppm`` is ``co``), so that fusion sees what would be wrong together.
    """

    name = "unusual"
    inputs: tuple[str, ...] = ("obs.>", f"obs.{FACTS_FAMILY}.{FACTS_PARTITION}")
    heavy = False

    def __init__(
        self,
        config: UnusualConfig | None = None,
        sensors: Sensors | None = None,
        groups: Mapping[str, str] | None = None,
    ) -> None:
        self.config = config or unusual_config()
        self.sensors: Sensors = sensors or {}
        self.groups = dict(groups or {})
        self._weights = weights_of(self.config)
        self._settings = settings_of(self.config)

    def start(self) -> UnusualState:
        """Give the state before any input; loads the compiled kernels, so that the first batch is not late."""
        state = UnusualState()
        none = np.empty(0, np.int64)
        self._look(state, none, none, np.empty(0), np.empty(0, np.uint8), now_us=0)
        quick_rows(none, np.empty(0), state.quick, np.empty(0, np.float32), np.empty(0, np.float32))
        return state

    def step(self, state: UnusualState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in."""
        if batch.family == FACTS_FAMILY:
            _learn_events(state, batch)
            return []
        if not len(batch) or batch.family in self.config.leave_out_families:
            return []
        full, quick = self._slots(state, batch)
        found = self._full(state, batch, full[batch.series_ix], now_us)
        if (quick >= 0).any():
            found += self._quick(state, batch, quick[batch.series_ix])
        return [detection for _, detection in sorted(found, key=itemgetter(0))]

    def snapshot(self, state: UnusualState) -> bytes:
        """Freeze the state."""
        return state.freeze()

    def restore(self, data: bytes) -> UnusualState:
        """Thaw what `snapshot` gave. :raises ValueError: of another version or not whole."""
        return UnusualState.thaw(data)

    def _slots(
        self, state: UnusualState, batch: ObservationBatch
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give each series of a batch its row in the state, or its column in the quick block; -1 where neither."""
        full, quick = np.full(len(batch.series), -1, np.int64), np.full(len(batch.series), -1, np.int64)
        for index in np.unique(batch.series_ix[np.isfinite(batch.value)]).tolist():
            series = batch.series[index]
            if series.quantity in self.config.leave_out_quantities:
                continue
            name = (series.sensor, series.quantity)
            full[index] = state.slot.get(name, -1)
            if full[index] < 0:
                quick[index] = state.quick_slot.get(name, -1)
            if full[index] < 0 and quick[index] < 0:
                self._add(state, (*name, batch.family, series.zone), full, quick, index)
        return full, quick

    def _add(
        self,
        state: UnusualState,
        key: SeriesKey,
        full: NDArray[np.int64],
        quick: NDArray[np.int64],
        index: int,
    ) -> None:
        if len(state) < self.config.series_most:
            full[index] = state.add(key)
        elif len(state.quick_keys) < self.config.quick_most:
            quick[index] = state.add_quick(key)
        else:
            state.refused += 1

    def _look(
        self,
        state: UnusualState,
        slots: NDArray[np.int64],
        t_us: NDArray[np.int64],
        value: NDArray[np.float64],
        quality: NDArray[np.uint8],
        now_us: int,
    ) -> tuple[
        NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8], NDArray[np.float32], NDArray[np.float64]
    ]:
        n = slots.size
        settings = self._settings.copy()
        settings[at.FUTURE_US] = now_us + self.config.future_s * 1e6
        z, bar, usual, spread = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
        begins, reasons = np.zeros(n, np.uint8), np.zeros((n, at.N_STREAMS), np.float32)
        # Copies: what comes off the wire is read-only, for which Numba would compile once more.
        state.left_out += observe_rows(
            slots, np.array(t_us, np.int64), np.array(value, np.float64), np.array(quality, np.uint8),
            state.floats, state.ints, state.patterns, self._weights, settings, z, bar, begins, reasons, usual, spread,
        )  # fmt: skip
        return z, bar, begins, reasons, usual

    def _full(
        self, state: UnusualState, batch: ObservationBatch, slots: NDArray[np.int64], now_us: int
    ) -> list[tuple[int, Event]]:
        z, bar, begins, reasons, usual = self._look(
            state, slots, batch.t_us, batch.value, batch.quality, now_us
        )
        self._open_window(state, now_us)
        tested = state.tests
        state.tests += slots.size
        found: list[tuple[int, Event]] = []
        for row in np.flatnonzero((begins > 0) & (z >= bar)).tolist():
            slot = int(slots[row])
            warm = state.ints[slot, at.COUNT] > self.config.warm_up
            if not warm or self._is_expected(state, state.keys[slot], int(batch.t_us[row])):
                continue
            excess = float(z[row] - bar[row])
            interval_s = float(state.floats[slot, at.INTERVAL_S])
            tests = max(state.tests_before, tested + row + 1, self.config.tests_least)
            if not self._discovers(state, excess, interval_s, tests):
                state.held_back += 1
                continue
            state.said += 1
            why = reason_text(reasons[row])
            found.append((row, self._detection(batch, row, state.keys[slot], float(usual[row]), excess, why)))
        return found

    @staticmethod
    def _open_window(state: UnusualState, now_us: int) -> None:
        """Start counting anew in each window; how many readings the one before tested stays known."""
        window = now_us // WINDOW_US
        if window != state.window:
            state.tests_before = state.tests if window == state.window + 1 else 0
            state.window, state.tests, state.said = window, 0, 0

    def _discovers(self, state: UnusualState, excess: float, interval_s: float, tests: int) -> bool:
        """Whether so rare a reading is a discovery among so many tests (Benjamini-Hochberg's rule, taken as they come).

        At the bar a reading is as likely as the wished-for false alarms; beyond it, e-fold rarer for each deviation.
        """
        likely = self.config.false_alarms_per_month * min(max(interval_s, 1e-3), 300.0) / MONTH_S
        return likely * exp(-excess) * tests <= self.config.false_discoveries * (state.said + 1)

    def _is_expected(self, state: UnusualState, key: SeriesKey, t_us: int) -> bool:
        sensor, quantity, _, zone = key
        spec = self.sensors.get(sensor)
        place = (spec.zone if spec is not None else "") or zone
        if quantity in self.config.event_quantities and any(
            begin <= t_us < end for begin, end in (state.events.get(each, _NEVER) for each in (place, SITE))
        ):
            return True
        return any(
            each.t_from_us <= t_us < each.t_until_us
            and (not each.zones or place in each.zones)
            and (not each.quantities or quantity in each.quantities)
            for each in self.config.expected
        )

    def _quick(
        self, state: UnusualState, batch: ObservationBatch, slots: NDArray[np.int64]
    ) -> list[tuple[int, Event]]:
        out, usual = np.zeros(slots.size, np.float32), np.zeros(slots.size, np.float32)
        usable = np.where(batch.quality < 2, slots, -1)
        quick_rows(usable, np.array(batch.value, np.float64), state.quick, out, usual)
        found: list[tuple[int, Event]] = []
        for row in np.flatnonzero(out).tolist():
            slot = int(slots[row])
            why = "far from usual for a while"
            found.append(
                (row, self._detection(batch, row, state.quick_keys[slot], float(usual[row]), 0.0, why))
            )
        return found

    def _detection(
        self, batch: ObservationBatch, row: int, key: SeriesKey, usual: float, excess: float, why: str
    ) -> Detection:
        sensor, quantity, _, zone = key
        value, unit = float(batch.value[row]), batch.series[batch.series_ix[row]].unit
        shown = f"{quantity.replace('_', ' ')} {value:.4g} {unit}".rstrip()
        return Detection(
            id="",
            t_us=int(batch.t_us[row]),
            kind="sensor-anomaly",
            detector=self.name,
            sensor=sensor,
            group=group_of(self.sensors, self.groups.get(quantity, quantity), sensor, zone),
            place=place_of(self.sensors, sensor, zone),
            confidence=confidence_of(excess),
            value=value,
            usual=round(usual, 6) if isfinite(usual) else None,
            unit=unit,
            text=f"{name_of(self.sensors, sensor)}: {shown}, usual {usual:.4g}: {why}",
            provenance=(sensor,),
        )


def _learn_events(state: UnusualState, facts: ObservationBatch) -> None:
    """Take in when an event began (value 1) or ended (0); the payload of a beginning says until when it lasts."""
    until = {each.row: int(each.data["t_until_us"]) for each in facts.payloads if each.schema == "fact/1"}
    for row, (index, t_us, value) in enumerate(
        zip(facts.series_ix.tolist(), facts.t_us.tolist(), facts.value.tolist(), strict=True)
    ):
        if facts.series[index].quantity != EVENT:
            continue
        place = facts.series[index].sensor
        if value > 0:
            state.events[place] = t_us, until.get(row, 0) or FOR_EVER_US
        elif place in state.events:
            begin, end = state.events[place]
            state.events[place] = begin, min(end, t_us)
