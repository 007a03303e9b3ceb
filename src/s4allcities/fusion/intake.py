"""From detections to events in line: doubles, retractions, source groups, zones, time, and what cannot be used."""

from collections.abc import Callable, Sequence
from math import isfinite
from sys import intern

from ..domain import Detection, Event, Place
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
    """Events made ready in one step, written to the engine's tables all at once; ``first`` is the first serial."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.fresh: list[Ordered] = []
        self.void: list[Ordered] = []
        self.redo: list[Ordered] = []
        self.ints: list[tuple[int, ...]] = []
        self.floats: list[tuple[float, ...]] = []

    def put(self, key: Ordered, ints: tuple[int, ...], floats: tuple[float, ...]) -> None:
        """Add an event; ``ints`` are the columns from OP to TARGET without SERIAL."""
        self.fresh.append(key)
        self.ints.append(ints)
        self.floats.append(floats)


GROUP_AT = 5
"""Where a source group stands in what `Line.put` takes."""
NOTHING = (0.0, 0.0, 0.0, 0.0)


Other = Callable[[Event, Line], bool]


def _measured(place: Place, usual_m: float, weight: float) -> tuple[float, float, float, float]:
    """Weight, x, y and sigma; without a position all but the weight are 0."""
    x_m, y_m = place.x_m, place.y_m
    if x_m is None or y_m is None or not (isfinite(x_m) and isfinite(y_m)):
        return weight, 0.0, 0.0, 0.0
    sigma_m = place.sigma_m or usual_m
    if not LEAST_SIGMA_M < sigma_m < MOST_SIGMA_M:
        sigma_m = MOST_SIGMA_M if sigma_m >= MOST_SIGMA_M else LEAST_SIGMA_M
    return weight, x_m, y_m, sigma_m


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

    def take_all(self, state: FusionState, batch: Sequence[Event], line: Line, other: Other) -> bool:
        """Put a batch in line; what is not a plain detection of a known source goes to ``other``, like all did once.

        Gives whether ``other`` said yes to any. One look into `FusionState.sources` replaces those into five tables.
        """
        engine, sources, now_us = state.engine, state.sources, state.now_us
        seen, ids, size = engine.seen, engine.ids, engine.size
        void, waiting = state.void, state.waiting
        horizon_us, oldest_us, newest_us = now_us - self.horizon_us, now_us - OLDEST_US, state.heard_us
        yes, plain, late = False, 0, 0
        fresh, ints, floats = line.fresh.append, line.ints.append, line.floats.append
        engine.make_room(len(batch))
        for event in batch:
            if type(event) is not Detection:
                yes |= other(event, line)
                continue
            id_, place, confidence = event.id, event.place, event.confidence
            source = sources.get((event.kind, event.sensor, event.group, place.zone, place.entities))
            if (
                source is None or event.parents or event.retracts or not 0.0 < confidence <= 1.0
                or not id_ or id_ in seen or id_ in void or id_ in waiting
            ):  # fmt: skip
                yes |= other(event, line)
                continue
            kind, reliability, sigma_m, sensor, group, where = source
            serial = engine.serial
            slot = serial % size
            if serial >= size:
                seen.pop(ids[slot], None)
            engine.serial = serial + 1
            ids[slot] = id_
            seen[id_] = serial
            t_us = event.t_us
            t_us = now_us if t_us > now_us else t_us if t_us > oldest_us else oldest_us
            newest_us = t_us if t_us > newest_us else newest_us
            ord_us = t_us if t_us > horizon_us else horizon_us
            ord_us = ord_us if ord_us > engine.floor_us else engine.floor_us
            plain, late = plain + 1, late + (ord_us > t_us)
            level, weight = place.level, confidence * reliability
            level = -1 if level is None else level + GROUND
            fresh((ord_us, id_, slot))
            ints((0, t_us, ord_us, kind, sensor, group, where, level, -1))  # 0 is DETECTION, -1 NONE
            floats((weight, 0.0, 0.0, 0.0) if place.x_m is None else _measured(place, sigma_m, weight))
        state.heard_us = max(state.heard_us, newest_us)
        state.count("detections", plain)
        if late:
            state.count("late", late)
        return yes

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
        sensor = state.sensors.number(detection.sensor)
        where = self._where(state, detection, kind)
        level = at.NONE if place.level is None else place.level + GROUND
        kind_ix = self.data.kind_index[detection.kind]
        ints = (at.DETECTION, t_us, ord_us, kind_ix, sensor, group, where, level, at.NONE)
        floats = _measured(place, kind.sigma_m, weight)
        line.put((ord_us, detection.id or f"~{serial}", slot), ints, floats)
        if not (detection.parents or kind.coverage or detection.kind in self.data.doubts):
            own = (
                detection.group == detection.sensor
            )  # one string in memory, which is what a look into a table costs
            group_name = detection.sensor if own else detection.group
            zone = intern(place.zone) if place.zone else place.zone
            key = (intern(detection.kind), detection.sensor, group_name, zone, place.entities)
            if len(state.sources) < at.MOST_SENSORS:  # the next sweep makes room
                state.sources[key] = (kind_ix, kind.reliability, kind.sigma_m, sensor, group, where)

    def operation(self, state: FusionState, op: int, target: int, id_: str, t_us: int, line: Line) -> None:
        """Put something in line that is no detection: a tick, a retraction, an operator's word."""
        engine = state.engine
        slot = engine.slot("")
        ord_us = max(t_us, state.now_us - self.horizon_us, engine.floor_us)
        ints = (op, t_us, ord_us, at.NONE, at.NONE, at.NONE, at.NONE, at.NONE, target)
        line.put((ord_us, id_, slot), ints, NOTHING)

    def write(self, state: FusionState, line: Line) -> None:
        """Write what is in line to the engine's tables."""
        if line.ints:
            state.engine.write(line.ints, line.floats)

    # --- groups ---------------------------------------------------------------------------------------

    def _group(self, state: FusionState, detection: Detection, kind: Kind, serial: int, line: Line) -> int:
        """The source group: that of a known parent, one for kinds with a common cause, else as declared."""
        if detection.parents:
            parents = [parent for parent in detection.parents if parent != detection.id]
            for parent in parents:
                known = state.engine.seen.get(parent)
                if known is not None:
                    return self._group_of(state, known, line)
            for parent in parents:
                if len(state.waiting) < WAITING:
                    state.waiting.setdefault(parent, []).append(serial)
        name = f"{detection.kind}@{ANYWHERE}" if kind.common_cause else detection.group or detection.sensor
        group = state.groups.number(name)
        if state.waiting and detection.id in state.waiting:
            self._adopt(state, state.waiting.pop(detection.id), group, line)
        return group

    def _group_of(self, state: FusionState, serial: int, line: Line) -> int:
        if serial >= line.first:
            return line.ints[serial - line.first][GROUP_AT]
        return int(state.engine.t.ev_i[serial % len(state.engine.ids), at.E_GROUP])

    def _adopt(self, state: FusionState, children: list[int], group: int, line: Line) -> None:
        """A parent came after its children: they count in its group, those not yet settled from the beginning."""
        engine = state.engine
        for serial in children:
            if serial >= line.first:
                ints = line.ints[serial - line.first]
                line.ints[serial - line.first] = (*ints[:GROUP_AT], group, *ints[GROUP_AT + 1 :])
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
            if serial >= line.first:
                line.void.append(line.fresh[serial - line.first])
                state.count("retracted")
            elif engine.pending(engine.key(slot)):
                line.void.append(engine.key(slot))
                state.count("retracted")
            else:
                self.operation(state, at.RETRACT, slot, detection.id, detection.t_us, line)
