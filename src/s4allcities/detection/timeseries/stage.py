"""The stage: readings in, detections of what is far from usual out."""

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ...domain import Detection, ObservationBatch
from ...domain.events import Event
from ..sensors import Sensors, entities_of, group_of, name_of, place_of
from . import _layout as layout
from .config import Fall, Rise, Rule, TimeseriesConfig, timeseries_config
from .kernel import step_rows
from .state import SeriesKey, TimeseriesState

__all__ = ("TimeseriesStage", "confidence")

_UNPROVEN = 0.3


class TimeseriesStage:
    """Watches every numeric series against its own past.

    In plain words: each series has a usual value and a scale of ordinary noise, learnt slowly and robustly. A reading
    that meets the rule of its quantity (high enough, far enough above usual) adds its distance to a sum, others take
    from it; when about three clear readings have come in, a `Detection` is given, and again every 5 s while it lasts.

    Limits: a hazard that grows more slowly than the usual is learnt is seen only by its absolute bounds; a sensor that
    reads every minute needs three minutes; counters are judged by their last minutes, not by the hour of the week.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug, ``zone_area_m2`` the areas of zones
    whose head count shall be watched as a density.
    """

    name = "timeseries"
    inputs: tuple[str, ...] = ("obs.>",)
    heavy = False

    def __init__(
        self,
        config: TimeseriesConfig | None = None,
        sensors: Sensors | None = None,
        zone_area_m2: Mapping[str, float] | None = None,
    ) -> None:
        self.config = config or timeseries_config()
        self.sensors: Sensors = sensors or {}
        self.zone_area_m2 = dict(zone_area_m2 or {})
        c = self.config
        self._shared = np.array([c.slack, c.limit, c.clip, c.slow, c.repeat_s * 1e6, c.gap_most_s, 0.0])

    def start(self) -> TimeseriesState:
        """Give the state before any input; loads the compiled kernel, so that the first batch is not late."""
        state = TimeseriesState()
        none = np.empty(0, np.int64)
        self._run(state, none, none, np.empty(0), np.empty(0, np.uint8), now_us=0)
        return state

    def step(self, state: TimeseriesState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in."""
        if not len(batch) or batch.family in self.config.leave_out_families:
            return []
        columns = self._columns(state, batch)
        slots = columns[batch.series_ix]
        said, z, usual = self._run(state, slots, batch.t_us, batch.value, batch.quality, now_us)
        return [
            detection
            for row in np.flatnonzero(said)
            for detection in self._say(state, batch, int(row), int(slots[row]), said[row], z[row], usual[row])
        ]

    def snapshot(self, state: TimeseriesState) -> bytes:
        """Freeze the state."""
        return state.freeze()

    def restore(self, data: bytes) -> TimeseriesState:
        """Thaw what `snapshot` gave. :raises ValueError: of another version or not whole."""
        state = TimeseriesState.thaw(data)
        for column in range(len(state)):
            self._set_up(state, column)
        return state

    def _run(
        self,
        state: TimeseriesState,
        slots: NDArray[np.int64],
        t_us: NDArray[np.int64],
        value: NDArray[np.float64],
        quality: NDArray[np.uint8],
        now_us: int,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
        shared = self._shared.copy()
        shared[layout.T_MOST_US] = now_us + self.config.future_s * 1e6
        said, z, usual = np.zeros(slots.size, np.uint8), np.zeros(slots.size), np.zeros(slots.size)
        state.left_out += step_rows(
            slots,
            # Copies: what comes off the wire is read-only, for which Numba would compile once more.
            np.array(t_us, np.int64),
            np.array(value, np.float64),
            np.array(quality, np.uint8),
            state.floats,
            state.ints,
            state.params,
            state.partners,
            shared,
            said,
            z,
            usual,
        )
        return said, z, usual

    def _columns(self, state: TimeseriesState, batch: ObservationBatch) -> NDArray[np.int64]:
        """Give the state's column of each series of a batch, making new ones; -1 leaves a series out."""
        columns = np.full(len(batch.series), -1, np.int64)
        with_numbers = np.unique(batch.series_ix[np.isfinite(batch.value)])
        for index in with_numbers:
            series = batch.series[index]
            if series.quantity in self.config.leave_out_quantities:
                continue
            column = state.column.get((series.sensor, series.quantity), -1)
            if column < 0 and len(state) < self.config.series_most:
                column = state.add((series.sensor, series.quantity, batch.family, series.zone))
                self._set_up(state, column)
            state.refused += int(column < 0)
            columns[index] = column
        return columns

    def _rule(self, key: SeriesKey) -> Rule:
        sensor, quantity, family, zone = key
        rule = self.config.quantities.get(quantity, self.config.unknown)
        area_m2 = self.zone_area_m2.get(self._zone(sensor, zone), 0.0)
        if quantity != "people" or family != "people" or area_m2 <= 0:
            return rule
        density = self.config.density
        crowd = Rise(
            kind=density.kind,
            least=density.least * area_m2,
            absolute=True,
            confidence_from=(density.confidence_from[0] * area_m2, density.confidence_from[1]),
            confidence_to=(density.confidence_to[0] * area_m2, density.confidence_to[1]),
        )
        return _with_rise(rule, crowd)

    def _zone(self, sensor: str, zone: str) -> str:
        spec = self.sensors.get(sensor)
        return (spec.zone if spec is not None else "") or zone

    def _set_up(self, state: TimeseriesState, column: int) -> None:
        """Fill the parameters of a column from its rule, and tie it to the quantity it depends on."""
        sensor, quantity, *_ = key = state.keys[column]
        rule = self._rule(key)
        state.params[:, column] = _parameters(rule)
        if rule.rise is not None and rule.rise.unless:
            self._tie(state, column, state.column.get((sensor, rule.rise.unless), -1))
        for other in [c for (s, _), c in state.column.items() if s == sensor and c != column]:
            rise = self._rule(state.keys[other]).rise
            if rise is not None and rise.unless == quantity:
                self._tie(state, other, column)

    def _tie(self, state: TimeseriesState, column: int, partner: int) -> None:
        state.partners[column] = partner
        state.params[layout.RISE_ON, column] = float(partner >= 0)

    def _say(
        self,
        state: TimeseriesState,
        batch: ObservationBatch,
        row: int,
        column: int,
        said: int,
        z: float,
        usual: float,
    ) -> list[Detection]:
        key, value, t_us = state.keys[column], float(batch.value[row]), int(batch.t_us[row])
        rule, unit = self._rule(key), batch.series[batch.series_ix[row]].unit
        sides: list[Rise | Fall] = []
        if said & layout.RISES and rule.rise is not None:
            sides.append(rule.rise)
        if said & layout.FALLS and rule.fall is not None:
            sides.append(rule.fall)
        return [self._detection(key, rule, side, t_us, value, float(z), float(usual), unit) for side in sides]

    def _detection(
        self,
        key: SeriesKey,
        rule: Rule,
        side: Rise | Fall,
        t_us: int,
        value: float,
        z: float,
        usual: float,
        unit: str,
    ) -> Detection:
        sensor, quantity, _, zone = key
        unit = rule.unit or unit
        what = quantity if rule is self.config.unknown else rule.group
        measured = "" if rule.unit or rule.said else f" {quantity.replace('_', ' ')}"
        shown = f" {rule.said or unit}" if rule.said or unit else ""
        sure = confidence(side, value, usual, z)
        if isinstance(side, Rise) and not side.absolute and usual >= rule.usual_most:
            # Never seen within its bounds: as likely a sensor that lies as a hazard older than the platform.
            sure, shown = round(sure * _UNPROVEN, 3), f"{shown}, never low since first heard"
        return Detection(
            id="",
            t_us=t_us,
            kind=side.kind,
            detector=self.name,
            sensor=sensor,
            group=group_of(self.sensors, what, sensor, zone),
            place=place_of(
                self.sensors, sensor, zone, entities_of(self.sensors, sensor) if rule.entities else ()
            ),
            confidence=sure,
            value=value,
            usual=round(usual, 3),
            unit=unit,
            text=f"{name_of(self.sensors, sensor)}:{measured} {value:.3g}{shown}, usual {usual:.2g}",
            provenance=(sensor,),
        )


def _with_rise(rule: Rule, rise: Rise) -> Rule:
    return replace(rule, rise=rise)


def _parameters(rule: Rule) -> list[float]:
    """Give a column of the parameter block."""
    rise, fall = rule.rise or Rise(kind=""), rule.fall or Fall(kind="")
    return [
        rule.floor,
        rule.floor_share,
        rule.tau_s,
        rule.scale_tau_s,
        rule.huber,
        rule.usual_least,
        rule.usual_most,
        rule.hold_s,
        rule.warm_up,
        float(rule.rise is not None),
        rise.least,
        rise.above,
        rise.times,
        float(rise.absolute),
        float(rule.fall is not None),
        fall.usual_least,
        fall.below,
        fall.share,
    ]


def confidence(side: Rise | Fall, value: float, usual: float, z: float) -> float:
    """Give 0..1: how high the level is by the rule's own scale, times how clearly it stands out of the noise.

    >>> rise = Rise(kind="smoke", confidence_from=(1.0, 0.15), confidence_to=(6.0, 0.95))
    >>> confidence(rise, 6.0, 0.2, 50.0), confidence(rise, 1.2, 0.2, 10.0)
    (0.95, 0.176)
    """
    z = abs(z)
    if side.of == "z":
        x = z
    elif side.of == "rise":
        x = value - usual
    elif side.of == "share":
        x = 1 - value / usual if usual else 0.0
    else:
        x = value
    (x_from, low), (x_to, high) = side.confidence_from, side.confidence_to
    along = min(1.0, max(0.0, (x - x_from) / (x_to - x_from))) if x_to != x_from else 1.0
    clear = 1.0 if isinstance(side, Rise) and side.absolute else 1.0 - 2.0 ** (-z / 2.0)
    return round((low + along * (high - low)) * clear, 3)
