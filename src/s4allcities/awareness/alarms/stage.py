"""The alarm stage: one alert per confirmed incident, and the only place where operators' actions change it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import msgspec

from s4allcities.domain import (
    ALERT_ENDED,
    Alert,
    AlertAction,
    AlertLevel,
    Context,
    CourseOfAction,
    Event,
    Incident,
    Refusal,
    Risk,
)

from ..context.graph import ENTRY, ContextGraph
from .calling import Caller
from .calls import FLOOD, may_call, settle_floods
from .judging import Judgement, judge
from .level import rank
from .lifecycle import apply_action
from .moves import by_platform
from .names import Names
from .profiles import Profile, load_profiles, profile_of
from .settings import AlarmSettings, alarm_settings
from .state import AlarmState, Cell, Entry, Pending
from .timers import Timers
from .wording import Wording, write

__all__ = ("AlarmStage",)

CHANGE_P = 0.05
CHANGE_PEOPLE = 0.25
ACTIONS_KEPT = 4096
MERGED = "Merged"
"""How fusion begins the reason of the link that an incident leaves to the one it became part of."""
OF_INTEREST = ("works", "responsible")
ATTENDED = ("acknowledged", "assigned")


class AlarmStage:
    """Raises one alert for each confirmed incident and keeps its text true; tentative incidents raise none.

    A new version is published only when something material changed: level, what and where, cause, deadline passed,
    course of action, 5 % of sureness, the risk it rests on. A level rises at once and falls after a while. Operators
    act by `AlertAction`; each is answered by a version whose ``changed_by`` is its id, or by a `Refusal`. An action
    seen before is ignored.

    Whether an alert calls for attention is decided by `calling.Caller`: suppression by announced works, grouping of
    consequences, the budget of a position in a flood, chatter. What does not call is listed with the reason in
    ``held``.

    ``zone`` is the time zone of clock times in texts and of shifts, UTC if not given.

    >>> stage = AlarmStage()
    >>> stage.step(stage.start(), [], 1_700_000_000_000_000)
    []
    """

    name = "alarms"
    inputs: tuple[str, ...] = ("inc.>", "risk.>", "coa.>", "fb.>", "ctx.>")
    heavy = False

    def __init__(
        self,
        names: Names | None = None,
        *,
        zone: tzinfo | None = None,
        settings: AlarmSettings | None = None,
        profiles: Mapping[str, Profile] | None = None,
    ) -> None:
        self.names = names or Names()
        self.zone = zone
        self.settings = settings or alarm_settings()
        self.profiles = dict(profiles or load_profiles())
        self._caller = Caller(self.settings)
        self._timers = Timers(self.settings, self.profiles)

    def start(self) -> AlarmState:
        """Give the empty state."""
        return AlarmState()

    def snapshot(self, state: AlarmState) -> bytes:
        """Freeze the state."""
        return state.freeze()

    def restore(self, data: bytes) -> AlarmState:
        """Thaw what `snapshot` gave."""
        return AlarmState.thaw(data)

    def step(self, state: AlarmState, batch: Sequence[Event], now_us: int) -> list[Event]:
        """Take events in and give alerts and refusals; an empty batch lets time pass."""
        state.now_us = max(state.now_us, now_us)
        out: list[Event] = []
        for event in batch:
            match event:
                case Incident():
                    out += self._incident(state, event)
                case Risk():
                    _learn_risk(state, event)
                case CourseOfAction():
                    state.courses[event.incident_id] = _slim(event)
                case AlertAction():
                    out += self._act(state, event)
                case Context() if event.attribute == ENTRY:
                    _learn_entry(state, event)
        graph = self._graph(state)
        out += self._raise_due(state, graph)
        for entry in list(state.entries.values()):
            out += self._timers.run(state, entry, graph, self._caller)
            out += self._refresh(state, entry)
        out += self._release(state)
        settle_floods(state, self.settings, (e.alert.position for e in state.entries.values() if e.waits))
        return out

    def _graph(self, state: AlarmState) -> ContextGraph:
        graph = ContextGraph(zone=self.zone)
        for key, value in state.context.items():
            graph.learn(Context(id="", t_us=0, subject=f"{ENTRY}/{key}", attribute=ENTRY, value=value))
        return graph

    # --- incidents ------------------------------------------------------------------------------------

    def _incident(self, state: AlarmState, incident: Incident) -> list[Event]:
        known = state.incidents.get(incident.id)
        if (known is not None and incident.version < known.version) or incident.status == "tentative":
            return []
        entry = state.entry_of(incident.id)
        if incident.status == "closed":
            state.pending.pop(incident.id, None)
            return self._ended(state, incident, entry) if entry else []
        state.incidents[incident.id] = incident
        if entry is not None:
            return self._again(state, entry)
        pending = state.pending.get(incident.id)
        state.pending[incident.id] = Pending(incident, pending.since_us if pending else state.now_us)
        return []

    def _ended(self, state: AlarmState, incident: Incident, entry: Entry) -> list[Event]:
        """An incident ended by itself: part of another one, or without evidence, which the off-delay then resolves."""
        if entry.alert.state in ALERT_ENDED:
            state.incidents.pop(incident.id, None)
            return []
        merged = next((link for link in incident.links if link.reason.startswith(MERGED)), None)
        if merged is None:
            entry.ended_us = entry.ended_us or state.now_us
            return []
        state.incidents.pop(incident.id, None)
        reason = "Duplicate: part of another incident"
        other = state.alert_of.get(merged.incident, "")
        return [by_platform(state, entry, "duplicate", reason, incident.id, duplicate_of=other, held="")]

    def _again(self, state: AlarmState, entry: Entry) -> list[Event]:
        """An incident with an alert has evidence again; what the platform resolved becomes active, what people closed
        stays closed.
        """
        entry.ended_us = 0
        if entry.alert.state != "resolved" or entry.alert.role != "platform":
            return []
        return [self._caller.again(state, entry, entry.alert.incident_id)]

    def _raise_due(self, state: AlarmState, graph: ContextGraph) -> Iterator[Event]:
        """Raise what has been confirmed for its on-delay, the gravest first."""
        due = []
        for pending in state.pending.values():
            delay_s = profile_of(self.profiles, pending.incident.hypothesis).on_delay_s
            delay_us = round((self.settings.on_delay_s if delay_s is None else delay_s) * 1_000_000)
            if state.now_us - pending.since_us >= delay_us:
                judgement = judge(state, pending.incident, self.profiles)
                due.append((-rank(judgement.level), pending.since_us, pending.incident.id, judgement))
        for _, _, incident_id, judgement in sorted(due, key=lambda each: each[:3]):
            incident = state.pending.pop(incident_id).incident
            known = self._caller.same_again(state, incident, profile_of(self.profiles, incident.hypothesis))
            if known is not None:
                yield self._caller.again(state, known, incident.id)
                continue
            entry = self._caller.blank(state, incident, profile_of(self.profiles, incident.hypothesis), graph)
            entry.alert, entry.shown = self._said(state, entry.alert, incident, judgement, judgement.level)
            yield self._caller.first(state, entry, incident, graph)

    # --- operators ------------------------------------------------------------------------------------

    def _act(self, state: AlarmState, action: AlertAction) -> list[Event]:
        if action.id in state.answered:
            state.count("doubled_actions")
            return []
        state.answered[action.id] = action.t_us
        if len(state.answered) > ACTIONS_KEPT:
            del state.answered[next(iter(state.answered))]
        entry = state.entries.get(action.alert_id)
        problem = "" if entry is not None else f"There is no alert {action.alert_id}."
        if action.duplicate_of and action.duplicate_of not in state.entries:
            problem = problem or f"There is no alert {action.duplicate_of} that this one could repeat."
        if entry is None or problem:
            return [Refusal(id="", t_us=state.now_us, action_id=action.id, reason=problem, mode=action.mode)]
        answer = apply_action(
            entry.alert, action, state.now_us, moved_at=entry.moved_at, settings=self.settings
        )
        if isinstance(answer, Refusal):
            state.count("refusals")
            return [answer]
        if action.expected_version == entry.alert.version:
            self._caller.seen(entry, answer)
        entry.alert, entry.moved_at, entry.waits = answer, answer.version, False
        entry.t_unattended_us = state.now_us if answer.state in ("new", "reopened") else 0
        return [answer]

    # --- text and level -------------------------------------------------------------------------------

    def _refresh(self, state: AlarmState, entry: Entry) -> list[Event]:
        """Publish a new version of an open alert if something material has changed."""
        alert, incident = entry.alert, state.incidents.get(entry.alert.incident_id)
        if incident is None or alert.state in ALERT_ENDED:
            return []
        judgement = judge(state, incident, self.profiles)
        level = self._settled_level(state, entry, judgement.level)
        said, shown = self._said(state, alert, incident, judgement, level, entry.lower_since_us)
        if not self._material(entry, said, shown):
            return []
        graver = rank(level) > rank(alert.level) or incident.hypothesis not in entry.told
        if level != alert.level:
            entry.moved_at = alert.version + 1
        said = msgspec.structs.replace(
            said, version=alert.version + 1, t_us=state.now_us, changed_by="", actor="", role="", reason=""
        )
        entry.shown = shown
        entry.alert = self._caller.graver(state, entry, said) if graver else said
        return [entry.alert]

    @staticmethod
    def _material(entry: Entry, said: Alert, shown: tuple[str, ...]) -> bool:
        alert = entry.alert
        if shown != entry.shown or said.level != alert.level:
            return True
        if abs(said.probability - alert.probability) >= CHANGE_P:
            return True
        if abs(said.people - alert.people) >= max(10.0, CHANGE_PEOPLE * alert.people):
            return True
        now, before = (each.grounds.risk if each.grounds else None for each in (said, alert))
        return now is not None and now != before

    def _settled_level(self, state: AlarmState, entry: Entry, level: AlertLevel) -> AlertLevel:
        """The level with hysteresis: up at once, down only after a while."""
        if rank(level) >= rank(entry.alert.level):
            entry.lower_since_us = 0
            return level
        entry.lower_since_us = entry.lower_since_us or state.now_us
        if state.now_us - entry.lower_since_us < self.settings.level_falls_after_s * 1e6:
            return entry.alert.level
        entry.lower_since_us = 0
        return level

    def _said(
        self,
        state: AlarmState,
        alert: Alert,
        incident: Incident,
        judgement: Judgement,
        level: AlertLevel,
        lower_since_us: int = 0,
    ) -> tuple[Alert, tuple[str, ...]]:
        """The alert as it should read now, and the material part of that."""
        profile = profile_of(self.profiles, incident.hypothesis)
        wording = write(
            incident,
            profile,
            self.names,
            course=state.courses.get(incident.id),
            deadline_us=alert.t_deadline_us,
            overdue=state.now_us > alert.t_deadline_us,
            zone=self.zone,
        )
        said = msgspec.structs.replace(
            alert,
            level=level,
            hypothesis=incident.hypothesis,
            zone=incident.zones[0] if incident.zones else "",
            title=wording.title,
            lines=wording.lines,
            why=wording.why,
            probability=incident.probability,
            people=0.0 if profile.stake == "control" else judgement.people or 0.0,
            decisive=incident.decisive,
            grounds=msgspec.structs.replace(judgement.grounds, lower_since_us=lower_since_us),
        )
        return said, _material_text(wording, level)

    def _release(self, state: AlarmState) -> Iterator[Event]:
        """Let alerts that wait for their turn call, the gravest and then the oldest first, as the budget allows; then
        those that have called and owe another call.
        """
        waiting = sorted(
            (entry for entry in state.entries.values() if entry.waits),
            key=lambda e: (-rank(e.alert.level), e.alert.t_active_us, e.alert.id),
        )
        for entry in waiting:
            if entry.alert.state in ALERT_ENDED or not entry.alert.held.startswith(FLOOD):
                entry.waits = False
            elif may_call(state, self.settings, entry.alert.position, entry.alert.level):
                yield self._caller.release(state, entry)
        for entry in state.entries.values():
            if entry.owes and (repeated := self._caller.repeat(state, entry)) is not None:
                yield repeated


def _learn_risk(state: AlarmState, risk: Risk) -> None:
    """Keep what levels need of every cell, and the whole record of cells that an incident touches."""
    key = f"{risk.zone}/{risk.hypothesis}"
    state.cells[key] = Cell(risk.vulnerability, risk.impact, risk.people)
    if risk.incident_id:
        state.risks[key] = msgspec.structs.replace(risk, reasons=(), provenance=())
    else:
        state.risks.pop(key, None)


def _learn_entry(state: AlarmState, fact: Context) -> None:
    key = fact.subject.removeprefix(f"{ENTRY}/")
    value: Any = fact.value
    if isinstance(value, dict) and value.get("type") in OF_INTEREST:
        state.context[key] = value
    else:
        state.context.pop(key, None)


def _material_text(wording: Wording, level: AlertLevel) -> tuple[str, ...]:
    """What must differ for a text to be worth a new version: not the figures, not the order of causes."""
    return (level, wording.title, wording.lines[0], wording.lines[2], *sorted(wording.why))


def _slim(course: CourseOfAction) -> CourseOfAction:
    """A course without its drawings, which texts do not need and snapshots would carry."""
    routes = tuple(msgspec.structs.replace(each, path=(), levels=()) for each in course.routes)
    return msgspec.structs.replace(course, routes=routes, hazard={}, signs=())
