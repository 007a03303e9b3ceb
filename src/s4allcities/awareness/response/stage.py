"""The plan stage: keeps a course of action up to date for each confirmed incident that a playbook knows."""

import copy
import dataclasses
from collections.abc import Sequence

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from s4allcities.domain import US_PER_S, Context, CourseOfAction, Event, Incident, Order
from s4allcities.planning.monitor import CHANGE_EVERY_S
from s4allcities.simulation.smoke import THRESHOLD_PCT_M, SmokeField

from .evacuate import EvacuatePlaybook
from .exits import ExitPatrol, Shut
from .options import Curve
from .routes import Told
from .situation import Situation, fold
from .watch import Watch, begin_watch, calibrate, count, fresh_zones, off_exits, told_exits, watch_fact

__all__ = ("PlanStage", "PlanState", "Planned")

LEAST_INTERVAL_US = 4_000_000
"""A changed situation is planned anew at most this often; a first plan is made at once."""

LOOK_EVERY_US = 1_000_000
"""The smoke outline is judged anew at most this often."""


class Planned(Struct):
    """The last plan of an incident: its course, when and for what it was made, and whether it was ordered.

    ``planned`` and ``capacity_ps`` are what each exit should let through; ``made_for`` is kept until the options that
    stand beside the course are out.
    """

    course: CourseOfAction
    t_us: int
    basis: str
    ordered: bool = False
    planned: dict[str, Curve] = {}
    capacity_ps: dict[str, float] = {}
    made_for: Situation | None = None
    told: Told | None = None


class PlanState(Struct):
    """Everything the stage remembers; ``watches`` are the courses that were ordered, by incident, ``shut`` the exits
    whose doors say closed.
    """

    situation: Situation = field(default_factory=Situation)
    open: dict[str, Incident] = field(default_factory=dict)
    planned: dict[str, Planned] = field(default_factory=dict)
    hazard_basis: str = ""
    t_looked_us: int = 0
    watches: dict[str, Watch] = field(default_factory=dict)
    shut: dict[str, Shut] = field(default_factory=dict)


class PlanStage:
    """Reads incidents, context, detections and orders; writes courses of action, what stands beside them, how the plan
    is kept, the hazard outline, and, with a ``patrol``, exits that are shut and what that costs.

    A new course replaces the last one only when what closes ways has changed: smoke on another detector, an exit, a
    street; and what was advised before stays while it is within 10 % of the best. After an order a new course comes
    only if a used exit became unusable, a route touches smoke, or exits are off the plan by more than 10 % and another
    plan saves more than that; a zone that was told something less than a minute ago keeps it while it is safe.
    """

    name = "plan"
    inputs: tuple[str, ...] = ("inc.>", "ctx.>", "det.>", "order.>", "health.clock")
    heavy = True

    def __init__(
        self, playbook: EvacuatePlaybook, exits: frozenset[str], patrol: ExitPatrol | None = None
    ) -> None:
        self._playbook = playbook
        self._exits = exits
        self._patrol = patrol

    def start(self) -> PlanState:
        """Begin with nothing known; has the kernels ready, so that the first plan is not late."""
        self._playbook.warm_up()
        return PlanState()

    def snapshot(self, state: PlanState) -> bytes:
        """Freeze the state."""
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> PlanState:
        """Thaw what `snapshot` gave."""
        self._playbook.warm_up()
        return msgspec.msgpack.decode(data, type=PlanState)

    def step(self, state: PlanState, batch: Sequence[Event], now_us: int) -> list[Event]:
        """Fold the events in and plan where a plan is missing or out of date."""
        fold(state.situation, batch, self._exits)
        for event in batch:
            self._note(state, event, now_us)
        out = self._patrolled(state, batch, now_us)
        waiting = any(incident not in state.planned for incident in state.open)
        if not state.open or (now_us - state.t_looked_us < LOOK_EVERY_US and not waiting):
            return out
        state.t_looked_us = now_us
        smoke = self._playbook.smoke(state.situation)
        for watch in state.watches.values():
            calibrate(watch, state.situation, now_us)
        for incident in state.open.values():
            new = self._plan(state, incident, smoke, now_us)
            out += new or self._options(state, incident, now_us)
            out += self._follow(state, incident, now_us)
        return out + self._hazard(state, smoke, now_us)

    def _patrolled(self, state: PlanState, batch: Sequence[Event], now_us: int) -> list[Event]:
        """Watch the doors of exits."""
        if self._patrol is None:
            return []
        self._patrol.note(state.shut, batch)
        return self._patrol.step(state.shut, state.situation, now_us) if state.shut else []

    def _options(self, state: PlanState, incident: Incident, now_us: int) -> list[Event]:
        """Work out, a step after a course, what stands beside it: the course does not wait for that."""
        known = state.planned[incident.id]
        if known.made_for is None:
            return []
        advice = self._playbook.advise(incident, known.made_for, known.t_us, told=known.told)
        found = self._playbook.options(
            dataclasses.replace(advice, course=known.course), incident, known.made_for
        )
        known.made_for = None
        return [
            Context(
                id="", t_us=now_us, subject=f"options/{incident.id}", attribute="options",
                value=msgspec.to_builtins(found), source=self.name, provenance=(known.course.id,),
            )
        ]  # fmt: skip

    def _follow(self, state: PlanState, incident: Incident, now_us: int) -> list[Event]:
        """Compare what was ordered with what is counted."""
        watch = state.watches.get(incident.id)
        if watch is None:
            return []
        fact = watch_fact(watch, incident.id, state.situation, now_us)
        return [] if fact is None else [fact]

    def _note(self, state: PlanState, event: Event, now_us: int) -> None:
        if isinstance(event, Incident):
            if event.status == "confirmed" and event.hypothesis in self._playbook.hypotheses:
                state.open[event.id] = event
            else:
                state.open.pop(event.id, None)
                state.watches.pop(event.id, None)
        elif isinstance(event, Order):
            for incident_id, planned in state.planned.items():
                if planned.course.id == event.course_of_action_id and not planned.ordered:
                    planned.ordered = True
                    state.watches[incident_id] = begin_watch(
                        planned.course, planned.planned, planned.capacity_ps, now_us,
                        state.watches.get(incident_id),
                    )  # fmt: skip
        elif isinstance(event, Context) and event.attribute == "exit_rate":
            for watch in state.watches.values():
                count(watch, event)

    def _plan(
        self, state: PlanState, incident: Incident, smoke: SmokeField, now_us: int
    ) -> list[CourseOfAction]:
        known = state.planned.get(incident.id)
        basis = _basis(state.situation)
        watch = state.watches.get(incident.id)
        if known is not None and not self._outdated(known, basis, state.situation, smoke, watch, now_us):
            return []
        told = None if known is None else self._told(known, state.situation, smoke, watch, now_us)
        advice = self._playbook.advise(incident, state.situation, now_us, told=told)
        course = advice.course
        if known is not None:
            stays = (
                known.ordered
                and advice.as_told
                and not self._playbook.unsafe(known.course, state.situation, smoke)
            )
            if stays or _same_advice(course, known.course):
                state.planned[incident.id] = replace(known, t_us=now_us, basis=basis)
                return []
            course = replace(course, supersedes=known.course.id, version=known.course.version + 1)
        capacity = {arc.exit: arc.capacity_ps for arc in advice.parts[0].scene.graph.arcs if arc.exit}
        state.planned[incident.id] = Planned(
            course, now_us, basis, planned=advice.planned, capacity_ps=capacity,
            made_for=copy.deepcopy(state.situation), told=told,
        )  # fmt: skip
        return [course]

    def _told(
        self, known: Planned, situation: Situation, smoke: SmokeField, watch: Watch | None, now_us: int
    ) -> Told:
        """What stays if it is nearly as good: what people were told or, before an order, what was proposed."""
        if watch is None:
            return Told(told_exits(known.course))
        unsafe = self._playbook.unsafe_zones(known.course, situation, smoke)
        return Told(watch.told, tuple(zone for zone in fresh_zones(watch, now_us) if zone not in unsafe))

    def _outdated(
        self,
        known: Planned,
        basis: str,
        situation: Situation,
        smoke: SmokeField,
        watch: Watch | None,
        now_us: int,
    ) -> bool:
        if now_us - known.t_us < LEAST_INTERVAL_US:
            return False
        if self._playbook.unsafe(known.course, situation, smoke):
            return True
        if not known.ordered:
            return basis != known.basis
        # Planned anew at most once a minute while people are on their way.
        late = now_us - known.t_us >= round(CHANGE_EVERY_S * US_PER_S)
        return watch is not None and late and bool(off_exits(watch, now_us))

    def _hazard(self, state: PlanState, smoke: SmokeField, now_us: int) -> list[Event]:
        basis = repr([(level, round(shape.area, 0)) for level, shape in smoke.now.items()])
        if basis == state.hazard_basis:
            return []
        state.hazard_basis = basis
        value = self._playbook.hazards(smoke)
        return [
            Context(id="", t_us=now_us, subject="smoke", attribute="hazard", value=value, source=self.name)
        ]


def _same_advice(new: CourseOfAction, old: CourseOfAction) -> bool:
    """Tell whether people and signs would be told the same: then the option on the operator's screen stays."""

    def advice(course: CourseOfAction) -> tuple[object, ...]:
        ways = frozenset((route.from_zone, route.exit, route.path) for route in course.routes)
        return ways, frozenset(course.signs), course.unreachable_zones

    return advice(new) == advice(old)


def _basis(situation: Situation) -> str:
    """What a plan depends on, coarse enough that it stays put while nothing closes or opens."""
    smoky = sorted(slug for slug, value in situation.smoke_pct_m.items() if value >= THRESHOLD_PCT_M)
    exits = sorted((slug, doubt.unusable) for slug, doubt in situation.exits.items())
    return repr((smoky, exits, sorted(situation.jams), sorted(situation.people)))
