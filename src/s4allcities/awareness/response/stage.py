"""The plan stage: keeps a course of action up to date for each confirmed incident that a playbook knows."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from s4allcities.domain import Context, CourseOfAction, Event, Incident, Order
from s4allcities.simulation.smoke import THRESHOLD_PCT_M, SmokeField

from .evacuate import EvacuatePlaybook
from .situation import Situation, fold

__all__ = ("PlanStage", "PlanState", "Planned")

LEAST_INTERVAL_US = 4_000_000
"""A changed situation is planned anew at most this often; a first plan is made at once."""

LOOK_EVERY_US = 1_000_000
"""The smoke outline is judged anew at most this often."""


class Planned(Struct):
    """The last plan of an incident: its course, when and for what it was made, and whether it was ordered."""

    course: CourseOfAction
    t_us: int
    basis: str
    ordered: bool = False


class PlanState(Struct):
    """Everything the stage remembers."""

    situation: Situation = field(default_factory=Situation)
    open: dict[str, Incident] = field(default_factory=dict)
    planned: dict[str, Planned] = field(default_factory=dict)
    hazard_basis: str = ""
    t_looked_us: int = 0


class PlanStage:
    """Reads incidents, context, detections and orders; writes courses of action and the hazard outline.

    A new course replaces the last one only when what closes ways has changed: smoke on another detector, an exit, a
    street. After an order it does so only if a used exit became unusable or a route touches smoke, so that advice
    given to people stays put.
    """

    name = "plan"
    inputs: tuple[str, ...] = ("inc.>", "ctx.>", "det.>", "order.>", "health.clock")
    heavy = True

    def __init__(self, playbook: EvacuatePlaybook, exits: frozenset[str]) -> None:
        self._playbook = playbook
        self._exits = exits

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
            self._note(state, event)
        waiting = any(incident not in state.planned for incident in state.open)
        if not state.open or (now_us - state.t_looked_us < LOOK_EVERY_US and not waiting):
            return []
        state.t_looked_us = now_us
        smoke = self._playbook.smoke(state.situation)
        out: list[Event] = []
        for incident in state.open.values():
            out.extend(self._plan(state, incident, smoke, now_us))
        return out + self._hazard(state, smoke, now_us)

    def _note(self, state: PlanState, event: Event) -> None:
        if isinstance(event, Incident):
            if event.status == "confirmed" and event.hypothesis in self._playbook.hypotheses:
                state.open[event.id] = event
            else:
                state.open.pop(event.id, None)
        elif isinstance(event, Order):
            for planned in state.planned.values():
                if planned.course.id == event.course_of_action_id:
                    planned.ordered = True

    def _plan(
        self, state: PlanState, incident: Incident, smoke: SmokeField, now_us: int
    ) -> list[CourseOfAction]:
        known = state.planned.get(incident.id)
        basis = _basis(state.situation)
        if known is not None and not self._outdated(known, basis, state.situation, smoke, now_us):
            return []
        courses = self._playbook.propose(incident, state.situation, now_us)[:1]
        if known is not None and courses and _same_advice(courses[0], known.course):
            state.planned[incident.id] = replace(known, t_us=now_us, basis=basis)
            return []
        for index, course in enumerate(courses):
            if known is not None:
                course = replace(course, supersedes=known.course.id, version=known.course.version + 1)
            courses[index] = course
            state.planned[incident.id] = Planned(course, now_us, basis)
        return courses

    def _outdated(
        self, known: Planned, basis: str, situation: Situation, smoke: SmokeField, now_us: int
    ) -> bool:
        if now_us - known.t_us < LEAST_INTERVAL_US:
            return False
        if self._playbook.unsafe(known.course, situation, smoke):
            return True
        return basis != known.basis and not known.ordered

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
