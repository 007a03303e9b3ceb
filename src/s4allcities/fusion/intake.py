"""From detections to events in line: doubles, retractions, source groups, zones, time, and what cannot be used."""

from math import isfinite

import numpy as np

from ..domain import Detection
from . import _layout as at
from .engine import Ordered
from .hypotheses import Hypotheses, Kind
from .state import FusionState
from .topology import Topology

__all__ = ("GROUND", "Intake", "Line")

ANYWHERE = "anywhere"
GROUND = 1000
"""Levels are stored from here, so that level -1 is not taken for none."""
LEAST_SIGMA_M, MOST_SIGMA_M = 0.5, 500.0
OLDEST_US = 30 * 86_400_000_000
WAITING = 1024


class Line:
    """Events made ready in one step, written to the engine's tables all at once."""

    def __init__(self) -> None:
        self.fresh: list[Ordered] = []
        self.void: list[Ordered] = []
        self.redo: list[Ordered] = []
        self.slots: list[int] = []
        self.ints: list[tuple[int, ...]] = []
        self.floats: list[tuple[float, ...]] = []
        self.groups: dict[int, int] = {}

    def put(self, slot: int, key: Ordered, ints: tuple[int, ...], floats: tuple[float, ...]) -> None:
        """Add an event; ``ints`` are the columns from OP to TARGET without SERIAL."""
        self.fresh.append(key)
        self.slots.append(slot)
        self.ints.append(ints)
        self.floats.append(floats)


COLUMNS = np.array(
    [at.OP, at.T, at.ORD, at.E_KIND, at.E_SENSOR, at.E_GROUP, at.E_WHERE, at.E_LEVEL, at.TARGET], np.int64
)
NOTHING = (0.0, 0.0, 0.0, 0.0)


class Intake:
    """Turns detections into events for the engine; holds nothing that changes."""

    def __init__(self, data: Hypotheses, topology: Topology) -> None:
        self.data = data
        self.topology = topology
        self.horizon_us = round(data.reorder.horizon_s * 1e6)

    def take(self, state: FusionState, detection: Detection, line: Line) -> None:
        """Put one detection in line, and what it retracts out of it."""
        own = state.own
        own["detections"] = own.get("detections", 0) + 1
        id_ = detection.id
        if id_ and id_ in state.engine.seen:
            state.count("duplicates")
            return
        if detection.retracts:
            self._retract(state, detection, line)
        if id_ in state.void:
            del state.void[id_]
            state.count("retracted")
            return
        kind = self.data.kinds.get(detection.kind)
        if kind is None:
            if detection.kind not in self.data.doubts:
                state.count("unknown_kind")
            return
        confidence = detection.confidence
        if not (isfinite(confidence) and confidence > 0):
            state.count("bad_confidence")
        elif kind.coverage and not self.may_say_clear(state, detection):
            state.count("clear_refused")
        else:
            self._put(state, detection, kind, min(confidence, 1.0) * kind.reliability, line)

    def may_say_clear(self, state: FusionState, detection: Detection) -> bool:
        """Only a healthy sensor that looks at a place can say that nothing is there; strangers are believed."""
        sensor = detection.sensor
        if sensor in state.known.silent or sensor in state.known.doubts:
            return False
        place = self.topology.sensors.get(sensor)
        if place is None or detection.place.zone is None:
            return True
        watched = place.covers or ((place.zone,) if place.zone else ())
        return not watched or detection.place.zone in watched

    def _put(self, state: FusionState, detection: Detection, kind: Kind, weight: float, line: Line) -> None:
        engine, place, now_us = state.engine, detection.place, state.now_us
        slot = engine.slot(detection.id)
        serial = engine.serial - 1
        t_us = min(max(detection.t_us, now_us - OLDEST_US), now_us)
        ord_us = max(t_us, now_us - self.horizon_us, engine.floor_us)
        if ord_us > t_us:
            state.count("late")
        group = self._group(state, detection, kind, serial, line)
        line.groups[serial] = group
        sensor = state.sensors.number(detection.sensor)
        where = self._where(state, detection, kind)
        level = at.NONE if place.level is None else place.level + GROUND
        x_m, y_m = place.x_m, place.y_m
        if x_m is None or y_m is None or not (isfinite(x_m) and isfinite(y_m)):
            floats = (weight, 0.0, 0.0, 0.0)
        else:
            sigma_m = place.sigma_m or kind.sigma_m
            if not LEAST_SIGMA_M < sigma_m < MOST_SIGMA_M:
                sigma_m = MOST_SIGMA_M if sigma_m >= MOST_SIGMA_M else LEAST_SIGMA_M
            floats = (weight, x_m, y_m, sigma_m)
        kind_ix = self.data.kind_index[detection.kind]
        ints = (at.DETECTION, t_us, ord_us, kind_ix, sensor, group, where, level, at.NONE)
        line.put(slot, (ord_us, detection.id or f"~{serial}", slot), ints, floats)

    def operation(self, state: FusionState, op: int, target: int, id_: str, t_us: int, line: Line) -> None:
        """Put something in line that is no detection: a tick, a retraction, an operator's word."""
        engine = state.engine
        slot = engine.slot("")
        ord_us = max(t_us, state.now_us - self.horizon_us, engine.floor_us)
        ints = (op, t_us, ord_us, at.NONE, at.NONE, at.NONE, at.NONE, at.NONE, target)
        line.put(slot, (ord_us, id_, slot), ints, NOTHING)

    def write(self, state: FusionState, line: Line) -> None:
        """Write what is in line to the engine's tables."""
        if line.slots:
            tables = state.engine.t
            slots = np.array(line.slots)
            tables.ev_i[slots[:, None], COLUMNS] = np.array(line.ints, np.int64)
            tables.ev_f[slots] = np.array(line.floats)
            tables.ev_i[slots, at.GONE] = 0
            tables.ev_i[slots, at.ROW] = at.NONE

    # --- groups ---------------------------------------------------------------------------------------

    def _group(self, state: FusionState, detection: Detection, kind: Kind, serial: int, line: Line) -> int:
        """The source group: that of a known parent, one for kinds with a common cause, else as declared."""
        if detection.parents:
            for parent in detection.parents:
                known = state.engine.seen.get(parent)
                if known is not None:
                    return self._group_of(state, known, line)
            for parent in detection.parents:
                if len(state.waiting) < WAITING:
                    state.waiting.setdefault(parent, []).append(serial)
        name = f"{detection.kind}@{ANYWHERE}" if kind.common_cause else detection.group or detection.sensor
        group = state.groups.number(name)
        if state.waiting and detection.id in state.waiting:
            self._adopt(state, state.waiting.pop(detection.id), group, line)
        return group

    def _group_of(self, state: FusionState, serial: int, line: Line) -> int:
        staged = line.groups.get(serial)
        if staged is not None:
            return staged
        return int(state.engine.t.ev_i[serial % len(state.engine.ids), at.E_GROUP])

    def _adopt(self, state: FusionState, children: list[int], group: int, line: Line) -> None:
        """A parent came after its children: they count in its group, those not yet settled from the beginning."""
        engine = state.engine
        for serial in children:
            if serial in line.groups:
                at_line = line.slots.index(serial % len(engine.ids))
                line.groups[serial] = group
                ints = line.ints[at_line]
                line.ints[at_line] = (*ints[:5], group, *ints[6:])
            elif engine.remembered(serial):
                slot = serial % len(engine.ids)
                key = engine.key(slot)
                if engine.pending(key):
                    engine.t.ev_i[slot, at.E_GROUP] = group
                    line.redo.append(key)

    # --- places ---------------------------------------------------------------------------------------

    def _where(self, state: FusionState, detection: Detection, kind: Kind) -> int:
        """The number of the zones and entities that a detection speaks about."""
        place, memo = detection.place, state.places.memo
        key = (place.zone, place.entities, detection.sensor if kind.domain == "physical" else None)
        found = memo.get(key)
        if found is None:
            found = state.places.number(self.zones(detection, kind), place.entities)
            memo[key] = found
            state.dirty |= bool(state.known.facts)
        return found

    def zones(self, detection: Detection, kind: Kind) -> tuple[str, ...]:
        """The zones a detection speaks about: its own, those its exits serve, where its devices stand."""
        topology, place = self.topology, detection.place
        found = [place.zone] if place.zone else []
        found += [zone for entity in place.entities for zone in topology.exits.get(entity, ())]
        if not found:
            devices = list(place.entities)
            if kind.domain == "physical":
                devices.append(detection.sensor)  # who hears of an intrusion is not where it happens
            found = [topology.sensors[each].zone for each in devices if each in topology.sensors]
        return tuple(dict.fromkeys(zone for zone in found if zone))

    # --- retraction -----------------------------------------------------------------------------------

    def _retract(self, state: FusionState, detection: Detection, line: Line) -> None:
        """Take detections back: what is not settled as if it had never come, what is settled by subtracting it."""
        engine = state.engine
        for gone in detection.retracts:
            serial = engine.seen.get(gone)
            if serial is None:
                state.void[gone] = None
                state.count("retraction_unmatched")
                if len(state.void) > self.data.limits.names:
                    del state.void[next(iter(state.void))]
                continue
            slot = serial % len(engine.ids)
            if serial in line.groups:
                key = line.fresh[line.slots.index(slot)]
                line.void.append(key)
                state.count("retracted")
            elif engine.pending(engine.key(slot)):
                line.void.append(engine.key(slot))
                state.count("retracted")
            else:
                self.operation(state, at.RETRACT, slot, detection.id, detection.t_us, line)
