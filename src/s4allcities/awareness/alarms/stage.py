"""The alarm stage: one alert per confirmed incident, and the only place where operators' actions change it."""

from collections.abc import Sequence
from datetime import tzinfo

import msgspec

from s4allcities.domain import (
    US_PER_S,
    Alert,
    AlertAction,
    AlertLevel,
    CourseOfAction,
    Event,
    Incident,
    Refusal,
    Risk,
    derived_ulid,
)

from .level import Stakes, level_of, rank
from .lifecycle import apply_action
from .names import Names
from .profiles import Profile, load_profiles, profile_of
from .state import AlarmState, Entry
from .wording import Wording, write

__all__ = ("AlarmStage",)

FALL_AFTER_US = 60 * US_PER_S
"""A level falls only when a lower one has been right for so long."""
CHANGE_P = 0.05
CHANGE_PEOPLE = 0.25
ALERTS_KEPT = 1000
ACTIONS_KEPT = 4096
MERGED = "Merged"
"""How fusion begins the reason of the link that an incident leaves to the one it became part of."""


class AlarmStage:
    """Raises one alert for each confirmed incident and keeps its text true; tentative incidents raise none.

    A new version is published only when something material changed: level, what and where, cause, deadline passed,
    course of action, or 5 % of sureness. A level rises at once and falls after 60 s. Operators act by `AlertAction`;
    each is answered by a version whose ``changed_by`` is its id, or by a `Refusal`. An action seen before is ignored.

    ``zone`` is the time zone of clock times in texts, UTC if not given.

    >>> stage = AlarmStage()
    >>> stage.step(stage.start(), [], 1_700_000_000_000_000)
    []
    """

    name = "alarms"
    inputs: tuple[str, ...] = ("inc.>", "risk.>", "coa.>", "fb.>")
    heavy = False

    def __init__(self, names: Names | None = None, *, zone: tzinfo | None = None) -> None:
        self.names = names or Names()
        self.zone = zone
        self.profiles = load_profiles()

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
                case Risk() if event.incident_id:
                    state.people.setdefault(event.incident_id, {})[event.zone] = float(event.people)
                case CourseOfAction():
                    state.courses[event.incident_id] = _slim(event)
                case AlertAction():
                    out += self._act(state, event)
        for entry in list(state.entries.values()):
            out += self._refresh(state, entry)
        return out

    # --- incidents ------------------------------------------------------------------------------------

    def _incident(self, state: AlarmState, incident: Incident) -> list[Event]:
        known = state.incidents.get(incident.id)
        if known is not None and incident.version < known.version:
            return []
        if incident.status == "tentative":
            return []
        entry = state.entries.get(state.alert_of.get(incident.id, ""))
        if incident.status == "closed":
            return self._ended(state, incident, entry) if entry else []
        state.incidents[incident.id] = incident
        return [] if entry else [self._raise(state, incident)]

    def _raise(self, state: AlarmState, incident: Incident) -> Alert:
        """Make the alert of an incident that has just been confirmed."""
        self._make_room(state)
        profile = profile_of(self.profiles, incident.hypothesis)
        opened_us = incident.t_opened_us or state.now_us
        minute_us = 60 * US_PER_S
        deadline_us = -(-(opened_us + round(profile.act_within_s * US_PER_S)) // minute_us) * minute_us
        blank = Alert(
            id=derived_ulid(opened_us, "alert", incident.id),
            t_us=state.now_us,
            version=1,
            level="info",
            state="new",
            incident_id=incident.id,
            hypothesis=incident.hypothesis,
            zone="",
            t_annunciated_us=state.now_us,
            t_deadline_us=deadline_us,
            title="",
            lines=(),
            mode=incident.mode,
            provenance=(incident.id,),
        )
        level = self._level(state, incident, profile)
        alert, shown = self._said(state, blank, incident, level)
        state.entries[alert.id] = Entry(alert, shown=shown)
        state.alert_of[incident.id] = alert.id
        return alert

    def _ended(self, state: AlarmState, incident: Incident, entry: Entry) -> list[Event]:
        """An incident ended by itself: part of another one (closed) or without evidence (resolved); people close."""
        state.incidents.pop(incident.id, None)
        if entry.alert.state in ("resolved", "closed"):
            return []
        merged = next((link for link in incident.links if link.reason.startswith(MERGED)), None)
        reason = "Duplicate: part of another incident" if merged else "Its evidence has faded"
        alert = msgspec.structs.replace(
            entry.alert,
            t_us=state.now_us,
            version=entry.alert.version + 1,
            state="closed" if merged else "resolved",
            changed_by=incident.id,
            actor="platform",
            role="platform",
            reason=reason,
        )
        entry.alert, entry.moved_at = alert, alert.version
        return [alert]

    def _make_room(self, state: AlarmState) -> None:
        """Forget the oldest closed alert when there are too many; open ones are never forgotten."""
        if len(state.entries) < ALERTS_KEPT:
            return
        closed = [entry.alert for entry in state.entries.values() if entry.alert.state == "closed"]
        if closed:
            oldest = min(closed, key=lambda alert: (alert.t_us, alert.id))
            del state.entries[oldest.id]
            for known in (state.alert_of, state.incidents, state.people, state.courses):
                known.pop(oldest.incident_id, None)
            state.count("forgotten_alerts")

    # --- operators ------------------------------------------------------------------------------------

    def _act(self, state: AlarmState, action: AlertAction) -> list[Event]:
        if action.id in state.answered:
            state.count("doubled_actions")
            return []
        state.answered[action.id] = action.t_us
        if len(state.answered) > ACTIONS_KEPT:
            del state.answered[next(iter(state.answered))]
        entry = state.entries.get(action.alert_id)
        if entry is None:
            reason = f"There is no alert {action.alert_id}."
            return [Refusal(id="", t_us=state.now_us, action_id=action.id, reason=reason, mode=action.mode)]
        answer = apply_action(entry.alert, action, state.now_us, moved_at=entry.moved_at)
        if isinstance(answer, Refusal):
            state.count("refusals")
        else:
            entry.alert, entry.moved_at = answer, answer.version
        return [answer]

    # --- text and level -------------------------------------------------------------------------------

    def _refresh(self, state: AlarmState, entry: Entry) -> list[Event]:
        """Publish a new version of an open alert if something material has changed."""
        alert, incident = entry.alert, state.incidents.get(entry.alert.incident_id)
        if incident is None or alert.state in ("resolved", "closed"):
            return []
        level = self._settled_level(state, entry, incident)
        said, shown = self._said(state, alert, incident, level)
        moved = abs(said.probability - alert.probability) >= CHANGE_P
        crowd = abs(said.people - alert.people) >= max(10.0, CHANGE_PEOPLE * alert.people)
        if shown == entry.shown and not moved and not crowd and level == alert.level:
            return []
        if level != alert.level:
            entry.moved_at = alert.version + 1
        said = msgspec.structs.replace(
            said, version=alert.version + 1, t_us=state.now_us, changed_by="", actor="", role="", reason=""
        )
        entry.alert, entry.shown = said, shown
        return [said]

    def _settled_level(self, state: AlarmState, entry: Entry, incident: Incident) -> AlertLevel:
        """The level with hysteresis: up at once, down only after a while."""
        level = self._level(state, incident, profile_of(self.profiles, incident.hypothesis))
        if rank(level) >= rank(entry.alert.level):
            entry.lower_since_us = 0
            return level
        entry.lower_since_us = entry.lower_since_us or state.now_us
        if state.now_us - entry.lower_since_us < FALL_AFTER_US:
            return entry.alert.level
        entry.lower_since_us = 0
        return level

    def _level(self, state: AlarmState, incident: Incident, profile: Profile) -> AlertLevel:
        named = set(incident.entities)
        return level_of(
            Stakes(
                stake=profile.stake,
                people=self._people(state, incident),
                act_within_s=profile.act_within_s,
                on_opening=bool(named & (set(self.names.exits) | set(self.names.doors))),
                linked_to_danger=any(self._is_danger(state, link.incident) for link in incident.links),
            )
        )

    def _is_danger(self, state: AlarmState, incident_id: str) -> bool:
        """Whether an incident that is still open threatens people's lives."""
        other = state.incidents.get(incident_id)
        entry = state.entries.get(state.alert_of.get(incident_id, ""))
        over = entry is not None and entry.alert.state in ("resolved", "closed")
        return other is not None and not over and profile_of(self.profiles, other.hypothesis).stake == "life"

    def _people(self, state: AlarmState, incident: Incident) -> float | None:
        """People in the incident's zones as the risk stage counts them; None where nobody has counted yet."""
        counted = state.people.get(incident.id, {})
        found = [counted[zone] for zone in incident.zones if zone in counted]
        return sum(found) if found else None

    def _said(
        self, state: AlarmState, alert: Alert, incident: Incident, level: AlertLevel
    ) -> tuple[Alert, tuple[str, ...]]:
        """The alert as it should read now, and the material part of that."""
        overdue = state.now_us > alert.t_deadline_us
        profile = profile_of(self.profiles, incident.hypothesis)
        wording = write(
            incident,
            profile,
            self.names,
            course=state.courses.get(incident.id),
            deadline_us=alert.t_deadline_us,
            overdue=overdue,
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
            people=0.0 if profile.stake == "control" else self._people(state, incident) or 0.0,
            decisive=incident.decisive,
        )
        return said, _material(wording, level)


def _material(wording: Wording, level: AlertLevel) -> tuple[str, ...]:
    """What must differ for a text to be worth a new version: not the figures, not the order of causes."""
    return (level, wording.title, wording.lines[0], wording.lines[2], *sorted(wording.why))


def _slim(course: CourseOfAction) -> CourseOfAction:
    """A course without its drawings, which texts do not need and snapshots would carry."""
    routes = tuple(msgspec.structs.replace(each, path=(), levels=()) for each in course.routes)
    return msgspec.structs.replace(course, routes=routes, hazard={}, signs=())
