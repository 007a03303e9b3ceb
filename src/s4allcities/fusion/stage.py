"""The fusion stage: detections, context, sensor health and operators' decisions in, incident versions out."""

from collections.abc import Sequence

import numpy as np

from ..domain import (
    ALERT_OVER,
    US_PER_S,
    Alert,
    Context,
    Detection,
    Event,
    Place,
    SensorHealth,
)
from . import _layout as at
from .belief import leading
from .engine import Engine
from .facts import forget_closure, learn_closure, learn_context, learn_doubt, learn_health
from .hypotheses import Hypotheses, load_hypotheses
from .intake import Intake, Line
from .names import Names, Places
from .publish import Publisher
from .reliability import learn_closing, lessons_of, unlearn_closing
from .state import FusionState, IncidentState
from .topology import Topology
from .world import fixed_parts, refresh, site_parts

__all__ = ("FusionStage",)

LONG_QUIET_S = 7200
NEVER_US = 2**62
IDLE_TICKS_US = 10 * US_PER_S
MOST_NAMES = at.MOST_SENSORS // 8 * 7
"""From here on names are swept every second: compiled code has room for few more."""


class FusionStage:
    """Fuses detections into few incidents with competing hypotheses; every probability is a sum of named terms.

    A detection joins the incident that explains it best by place, time and story, or starts a tentative one. An
    incident is confirmed when something is probably going on and independent source groups say so; it closes when
    its evidence has faded and no alert is open on it, or when an operator closes its alert. A tentative incident
    whose evidence fades disappears: its last version has status "closed" and no ``t_opened_us``.

    Detections may come in any order: those at most `Reorder.horizon_s` late are taken in as if they had come in time,
    later ones still count. Versions are published only when something material changed. Operators are heard through
    the states of alerts, because only those say whether a wish (kind fb) was carried out; the wish gives who and why.

    With ``advise`` false, versions leave out what would change our mind, which takes half of the time and nobody reads
    when worlds are scored.

    Does not work well if source groups are declared too coarse (real corroboration is lost) or too fine (one faulty
    device looks like several witnesses). All ages are those of detections' own times.

    >>> stage = FusionStage()
    >>> state = stage.start()
    >>> stage.step(state, [], 1_700_000_000_000_000)
    []
    """

    name = "fusion"
    inputs: tuple[str, ...] = ("det.>", "ctx.>", "health.>", "alert.>")
    heavy = False

    def __init__(
        self,
        topology: Topology | None = None,
        hypotheses: Hypotheses | None = None,
        *,
        advise: bool = True,
    ) -> None:
        self.topology = topology or Topology()
        self.data = hypotheses or load_hypotheses()
        self._zones, self._site = site_parts(self.topology)
        self._intake = Intake(self.data, self.topology)
        self._publisher = Publisher(self.data, self.topology, advise=advise)

    def start(self) -> FusionState:
        """Give the empty state."""
        world, record = fixed_parts(self.data, self._site)
        places = Places(world.zones, world.entities, self._zones)
        state = FusionState(Engine(self.data.limits, self.data.reorder, world, record), places, Names())
        state.kinds = tuple(self.data.kinds)
        return state

    def warm_up(self) -> None:
        """Compile everything this stage may call: two detections, the second of which comes late, and a snapshot."""
        state, t_us = self.start(), 1_700_000_000_000_000
        for late_s in (0, 1):
            place = Place(x_m=0.0, y_m=0.0, sigma_m=5.0)
            seen = Detection(
                id=f"warm-{late_s}", t_us=t_us - late_s * US_PER_S, kind=next(iter(self.data.kinds)),
                detector="", sensor="", group="", place=place,
            )  # fmt: skip
            self.step(state, [seen], t_us)
        self.restore(self.snapshot(state))

    def snapshot(self, state: FusionState) -> bytes:
        """Freeze the state."""
        return state.freeze()

    def restore(self, data: bytes) -> FusionState:
        """Thaw what `snapshot` gave."""
        state = self.start()
        engine = state.thaw(data)
        self._refresh(state)
        state.engine.thaw(engine)
        return state

    def step(self, state: FusionState, batch: Sequence[Event], now_us: int) -> list[Event]:
        """Take events in and give the incidents that changed; an empty batch lets time pass."""
        everything = self.absorb(state, batch, now_us)
        return list(self._publisher.publish(state, everything=everything))

    def absorb(self, state: FusionState, batch: Sequence[Event], now_us: int) -> bool:
        """Take events in without saying what follows; gives whether incidents beyond those touched may have moved."""
        state.now_us = max(state.now_us, now_us)
        line = Line(state.engine.serial)

        def other(event: Event, line: Line) -> bool:
            if isinstance(event, Detection):
                return self._take(state, event, line)
            return self._learn(state, event, line)

        review = self._intake.take_all(state, batch, line, other)
        review |= self._outdated(state)
        ticked = self._ticks(state, line, review)
        if state.dirty:
            self._refresh(state)
        went_back = state.engine.gone_back
        self._intake.write(state, line)
        state.engine.feed(line.fresh, state.now_us, line.void, line.redo)
        everything = review or ticked or went_back != state.engine.gone_back
        if ticked:
            self._sweep(state)
        return everything

    # --- taking things in -----------------------------------------------------------------------------

    def _take(self, state: FusionState, detection: Detection, line: Line) -> bool:
        """Put a detection in line; gives whether trust in sensors changed with it."""
        state.heard_us = max(state.heard_us, min(detection.t_us, state.now_us))
        doubts = detection.kind in self.data.doubts
        if doubts:
            learn_doubt(state.known, detection, self.data)
            state.dirty = True
        self._intake.take(state, detection, line)
        return doubts

    def _learn(self, state: FusionState, event: Event, line: Line) -> bool:
        match event:
            case SensorHealth():
                before = state.known.doubts.get(event.sensor)
                learn_health(state.known, event, self.data)
                if state.known.doubts.get(event.sensor) == before:
                    return False  # silent or heard again: neither says anything about what it has said
            case Context() if event.attribute in self.data.context:
                evicted = learn_context(state.known, event, self.data)
                if evicted:
                    state.count("evicted_facts", evicted)
            case Alert():
                return self._hear(state, event, line)
            case _:
                return False
        state.dirty = True
        return True

    def _hear(self, state: FusionState, alert: Alert, line: Line) -> bool:
        """An alert moved on: note whether it is open; closing it closes its incident and teaches, reopening undoes."""
        birth = next((number for number, id_ in state.births.items() if id_ == alert.incident_id), None)
        if birth is None:
            return False
        closed = alert.state in ALERT_OVER
        op = at.ALERT_CLOSED if closed else at.ALERT_OPEN
        self._intake.operation(state, op, birth, f"~{alert.id}", state.now_us, line)
        incident = state.incidents.get(alert.incident_id)
        if incident is None:
            return False
        if closed and incident.status == "confirmed":
            self._learn_from(state, incident, alert)
        elif not closed and incident.status == "closed" and incident.closed_by_operator:
            forget_closure(state.known, incident.id)
            unlearn_closing(state.known, incident.id)
        state.dirty = True
        return True

    def _learn_from(self, state: FusionState, incident: IncidentState, alert: Alert) -> None:
        learn_closure(state.known, incident, alert, self.data, state.now_us)
        first = leading(incident.belief)
        spoke = {
            row.sensor
            for row in incident.rows.values()
            if self.data.llr[self.data.kind_index[row.kind], first] > 0
        }
        lessons = lessons_of(alert, incident, spoke, self.data.learning)
        evicted = learn_closing(state.known, lessons, self.data.learning)
        if evicted:
            state.count("evicted_lessons", evicted)

    # --- time -----------------------------------------------------------------------------------------

    def _ticks(self, state: FusionState, line: Line, review: bool) -> bool:
        """Put the whole seconds that have passed in line; with ``review`` one more, that reads everything out."""
        before = state.ticked_us
        if not before:
            state.ticked_us = before = state.now_us - state.now_us % US_PER_S
        if not state.engine.t.g[at.LIVE]:  # nothing that time could change, but for what may still come late
            idle_us = state.now_us - state.now_us % US_PER_S - IDLE_TICKS_US
            state.ticked_us = before = max(before, idle_us)
        following = before + US_PER_S
        while following <= state.now_us:
            self._intake.operation(state, at.TICK, 0, "", following, line)
            state.ticked_us = following
            quiet_s = (following - state.heard_us) / US_PER_S
            following += US_PER_S if quiet_s < LONG_QUIET_S else 3600 * US_PER_S
        if review:
            self._intake.operation(state, at.TICK, 1, "\U0010ffff", state.now_us, line)
        return state.ticked_us != before

    def _outdated(self, state: FusionState) -> bool:
        """Drop doubts whose time is over; gives whether there were any."""
        now_us, doubts = state.now_us, state.known.doubts
        if now_us <= state.known.doubts_until_us:
            return False
        over = [
            sensor
            for sensor, held in doubts.items()
            if any(0 < each.t_until_us < now_us for each in held.values())
        ]
        for sensor in over:
            left = {slug: each for slug, each in doubts[sensor].items() if not 0 < each.t_until_us < now_us}
            if left:
                doubts[sensor] = left
            else:
                del doubts[sensor]
        limits = (each.t_until_us for held in doubts.values() for each in held.values() if each.t_until_us)
        state.known.doubts_until_us = min(limits, default=NEVER_US)
        state.dirty |= bool(over)
        return bool(over)

    def _refresh(self, state: FusionState) -> None:
        """Lay trust, facts, closures and places out anew for the compiled core."""
        refresh(state.engine.world, state, self.data)
        state.dirty = False

    def _sweep(self, state: FusionState) -> None:
        """Forget names that nobody uses any longer, and sources with them, once many came since the last time."""
        limit = min(state.swept + self.data.limits.names, MOST_NAMES)
        if state.named <= limit:
            return
        state.engine.compact()
        t = state.engine.t
        live = t.row_i[: int(t.g[at.HIGH_ROW])]
        live = live[live[:, at.OWNER] >= 0]
        saved = t.undo_row_i[: int(t.g[at.UNDO_ROW])]
        rows = np.vstack([live, saved[saved[:, at.OWNER] >= 0]])
        slots = [slot for _, _, slot in (*state.engine.order, *state.engine.pen)]
        events = t.ev_i[slots]
        events = events[events[:, at.OP] == at.DETECTION]
        for names, row, column in (
            (state.sensors, at.SENSOR, at.E_SENSOR),
            (state.groups, at.GROUP, at.E_GROUP),
        ):
            names.sweep({*rows[:, row].tolist(), *events[:, column].tolist()})
        used = set(
            zip(
                *(rows[:, column].tolist() for column in (at.KIND, at.SENSOR, at.GROUP, at.WHERE)),
                strict=True,
            )
        )
        state.sources = {
            source: known
            for source, known in state.sources.items()
            if (known[0], known[3], known[4], known[5]) in used
        }
        zones = [zone for each in state.known.closures for zone in each.zones]
        state.places.sweep({*rows[:, at.WHERE].tolist(), *events[:, at.E_WHERE].tolist()}, zones)
        state.swept = state.named
        state.dirty = True
