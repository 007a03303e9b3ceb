"""The stage: readings in; which sensors should not be believed, and why, out."""

import numpy as np
from numpy.typing import NDArray

from ...domain import US_PER_S, Detection, ObservationBatch
from ...domain.events import Event
from ..sensors import Sensors, name_of, place_of
from .config import IntegrityConfig, integrity_config
from .kernel import APART, DRIFT, REPLAY, check_rows
from .state import IntegrityState

__all__ = ("IntegrityStage",)

_KINDS = {REPLAY: "sensor-tampered", DRIFT: "sensor-drift", APART: "sensor-integrity"}
_CONFIDENCE = {REPLAY: 0.9, DRIFT: 0.6, APART: 0.7}
_PAST_US = -(2**61)


class IntegrityStage:
    """Says which sensor should not be believed: its readings are a copy of earlier ones, or leave its neighbours.

    In plain words: the last 64 readings of a series are laid over every stretch of its last two thousand; steps that
    are alike as no two stretches of this series ever were are a replay. Where a zone has three or more sensors of one
    quantity, each one's distance from the median of the others is followed: a slow move is a drift, a clear one means
    that it does not fit. Each lowers the sensor's reliability in fusion for a while.

    Limits: a replay of fewer than 64 readings, or of a stretch older than 2048, is not found, nor one in a series that
    repeats itself anyway; a local event at one of several neighbours looks like a sensor apart; a sensor alone in its
    zone is not checked for drift. Stuck, silent, flooding and out-of-range sensors are the `validity` stage's.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug.
    """

    name = "integrity"
    inputs: tuple[str, ...] = ("obs.>",)
    heavy = False

    def __init__(self, config: IntegrityConfig | None = None, sensors: Sensors | None = None) -> None:
        self.config = config or integrity_config()
        self.sensors: Sensors = sensors or {}
        c = self.config
        self._settings = np.array(
            [c.alike, c.alike_margin, c.drift_sigmas, c.apart_sigmas, c.repeat_s * US_PER_S]
        )

    def start(self) -> IntegrityState:
        """Give the state before any input; loads the compiled kernel, so that the first batch is not late."""
        state = IntegrityState()
        self._run(state, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        return state

    def step(self, state: IntegrityState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in."""
        if not len(batch) or batch.family in self.config.leave_out_families:
            return []
        slots = self._slots(state, batch)[batch.series_ix]
        usable = (batch.quality < 2) & (batch.t_us <= now_us + 60 * US_PER_S) & (batch.t_us > _PAST_US)
        said, told = self._run(state, np.where(usable, slots, -1), batch.t_us, batch.value)
        return [
            self._detection(state, batch, row, int(slots[row]), int(said[row]), told[row])
            for row in np.flatnonzero(said).tolist()
        ]

    def snapshot(self, state: IntegrityState) -> bytes:
        """Freeze the state."""
        return state.freeze()

    def restore(self, data: bytes) -> IntegrityState:
        """Thaw what `snapshot` gave. :raises ValueError: of another version or not whole."""
        return IntegrityState.thaw(data)

    def _slots(self, state: IntegrityState, batch: ObservationBatch) -> NDArray[np.int64]:
        slots = np.full(len(batch.series), -1, np.int64)
        for index in np.unique(batch.series_ix[np.isfinite(batch.value)]).tolist():
            series = batch.series[index]
            if series.quantity in self.config.leave_out_quantities:
                continue
            slot = state.slot.get((series.sensor, series.quantity), -1)
            if slot < 0 and len(state.keys) < self.config.series_most:
                spec = self.sensors.get(series.sensor)
                zone = (spec.zone if spec is not None else "") or series.zone
                alone = series.quantity in self.config.local_quantities
                slot = state.add((series.sensor, series.quantity, batch.family, zone), alone=alone)
            state.refused += slot < 0
            slots[index] = slot
        return slots

    def _run(
        self,
        state: IntegrityState,
        slots: NDArray[np.int64],
        t_us: NDArray[np.int64],
        value: NDArray[np.float64],
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        said, told = np.zeros(slots.size, np.uint8), np.zeros((slots.size, 2))
        # Copies: what comes off the wire is read-only, for which Numba would compile once more.
        check_rows(
            slots, np.array(t_us, np.int64), np.array(value, np.float64), state.past, state.last, state.floats,
            state.ints, state.next_of, self._settings, said, told,
        )  # fmt: skip
        return said, told

    def _detection(
        self,
        state: IntegrityState,
        batch: ObservationBatch,
        row: int,
        slot: int,
        mark: int,
        told: NDArray[np.float64],
    ) -> Detection:
        sensor, quantity, _, zone = state.keys[slot]
        what = quantity.replace("_", " ")
        if mark == REPLAY:
            text = f"{what} repeats its readings of {int(told[1])} readings ago (correlation {told[0]:.2f})"
        else:
            verb = "has drifted" if mark == DRIFT else "does not fit"
            text = f"{what} {verb}: {told[0]:+.3g} from the median of its neighbours, usually {told[1]:+.3g}"
        return Detection(
            id="",
            t_us=int(batch.t_us[row]),
            kind=_KINDS[mark],
            detector=self.name,
            sensor=sensor,
            group=sensor,
            place=place_of(self.sensors, sensor, zone, (sensor,)),
            confidence=_CONFIDENCE[mark],
            value=float(batch.value[row]),
            unit=batch.series[batch.series_ix[row]].unit,
            text=f"{name_of(self.sensors, sensor)}: {text}",
            provenance=(sensor,),
        )
