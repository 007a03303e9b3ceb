"""How an alert comes to call for attention, or why it does not."""

import msgspec

from s4allcities.domain import ALERT_ENDED, US_PER_S, Alert, Incident, derived_ulid

from ..context.graph import ContextGraph
from .calls import FLOOD, chatters, may_call, may_repeat, note_activation, note_call
from .level import rank
from .moves import PLATFORM, by_platform
from .profiles import Profile
from .settings import AlarmSettings
from .state import AlarmState, Entry

__all__ = ("ALERTS_KEPT", "Caller")

ALERTS_KEPT = 1000
INFORMATION = "for information"
SHADOW = "shadow: another system calls"
CALLING = ("new", "reopened", "escalated")
MINUTE_US = 60 * US_PER_S
OPERATOR = "operator"


class Caller:
    """Makes alerts and decides whether each may call; all that changes is in the state passed in."""

    def __init__(self, settings: AlarmSettings) -> None:
        self.settings = settings

    def blank(self, state: AlarmState, incident: Incident, profile: Profile, graph: ContextGraph) -> Entry:
        """Make the alert of an incident, without words yet, and keep it."""
        _make_room(state)
        opened_us = incident.t_opened_us or state.now_us
        deadline_us = -(-(opened_us + round(profile.act_within_s * US_PER_S)) // MINUTE_US) * MINUTE_US
        zone = incident.zones[0] if incident.zones else ""
        desk = next((each.role for each in graph.responsible(zone, state.now_us) if each.step == 1), OPERATOR)
        alert = Alert(
            id=derived_ulid(opened_us, "alert", incident.id),
            t_us=state.now_us,
            version=1,
            level="info",
            state="new",
            incident_id=incident.id,
            hypothesis=incident.hypothesis,
            zone=zone,
            t_annunciated_us=state.now_us,
            t_active_us=state.now_us,
            t_deadline_us=deadline_us,
            title="",
            lines=(),
            position=desk,
            mode=incident.mode,
            provenance=(incident.id,),
        )
        entry = Entry(alert, told=(incident.hypothesis,))
        state.entries[alert.id] = entry
        state.alert_of[incident.id] = alert.id
        note_activation(state, self.settings, _key(alert))
        return entry

    def first(self, state: AlarmState, entry: Entry, incident: Incident, graph: ContextGraph) -> Alert:
        """Let a new alert call, or say in ``held`` why it does not: works, consequence of another, its turn."""
        alert = entry.alert
        works = graph.works_on(incident.hypothesis, incident.zones, incident.entities, state.now_us)
        parent = self._parent(state, incident, alert)
        if works is not None:
            state.count("suppressed")
            held = f"announced works: {works.name or works.id}"
            entry.alert = msgspec.structs.replace(alert, state="suppressed", held=held)
        elif parent is not None:
            state.count("grouped")
            if not parent.alert.first_out:
                parent.alert = msgspec.structs.replace(parent.alert, first_out=True)
            held = f"part of: {parent.alert.title}"
            entry.alert = msgspec.structs.replace(alert, group=parent.alert.id, held=held)
        else:
            entry.alert = self.call(state, entry, alert)
        return entry.alert

    def again(self, state: AlarmState, entry: Entry, incident_id: str) -> Alert:
        """An alert that the platform resolved is active again; if that happens too often, it chatters and is
        shelved.
        """
        entry.ended_us, entry.called_at = 0, "info"
        state.alert_of[incident_id] = entry.alert.id
        times = note_activation(state, self.settings, _key(entry.alert))
        alert = msgspec.structs.replace(
            entry.alert, incident_id=incident_id, times=entry.alert.times + 1, t_active_us=state.now_us
        )
        entry.alert = alert
        if chatters(times, alert.level, self.settings):
            state.count("chattering")
            until_us = state.now_us + round(self.settings.chatter_shelved_s * US_PER_S)
            reason = f"chatters: {times} times in {self.settings.chatter_window_s:g} s"
            return by_platform(
                state, entry, "shelved", reason, incident_id,
                held=f"shelved: {reason}", t_shelved_until_us=until_us, returns_to="reopened",
            )  # fmt: skip
        called = by_platform(state, entry, "reopened", "Active again", incident_id, held="")
        entry.alert = self.call(state, entry, called)
        return entry.alert

    def graver(self, state: AlarmState, entry: Entry, said: Alert) -> Alert:
        """An open alert has become graver, or something else: it calls again, unless somebody is at work on it, it
        still calls, or others are more urgent; then its text changes where it stands, and it owes a call.
        """
        if _stays(said):
            entry.told = tuple(dict.fromkeys((*entry.told, said.hypothesis)))
            return said
        reason = f"Now {said.level}: {said.title}"
        if not said.held and not self._again_now(state, entry, said):
            entry.owes = True
            state.count("repeats_put_off")
            return msgspec.structs.replace(said, reason=reason)
        state_now = said.state if said.state in CALLING else "new"
        entry.moved_at = said.version
        return self.call(
            state,
            entry,
            msgspec.structs.replace(
                said, state=state_now, group="", held="", t_shelved_until_us=0, changed_by="platform",
                actor="platform", role="platform", reason=reason,
            ),
        )  # fmt: skip

    def _again_now(self, state: AlarmState, entry: Entry, said: Alert) -> bool:
        """Whether an alert that has called may call again now: at once when graver than ever, else when there is room
        and somebody has taken it, as one that nobody has taken still calls.
        """
        if rank(said.level) > rank(entry.called_at):
            return may_call(state, self.settings, said.position, said.level)
        return said.state not in CALLING and may_repeat(state, self.settings, said.position)

    def repeat(self, state: AlarmState, entry: Entry) -> Alert | None:
        """Let an alert call that owes a call, if it may now and there is still something new in it."""
        alert = entry.alert
        news = alert.hypothesis not in entry.told or rank(alert.level) > rank(entry.called_at)
        if alert.state in (*ALERT_ENDED, "in progress", "suppressed") or alert.held or not news:
            entry.owes = False
            return None
        if not self._again_now(state, entry, alert):
            return None
        to = alert.state if alert.state in CALLING else "new"
        reason = f"Now {alert.level}: {alert.title}"
        entry.alert = self.call(state, entry, by_platform(state, entry, to, reason, PLATFORM))
        return entry.alert

    @staticmethod
    def seen(entry: Entry, alert: Alert) -> None:
        """Remember what people were called for, or acted on."""
        entry.owes = False
        entry.told = tuple(dict.fromkeys((*entry.told, alert.hypothesis)))
        entry.called_at = max(entry.called_at, alert.level, key=rank)

    def release(self, state: AlarmState, entry: Entry) -> Alert:
        """Let an alert call whose turn has come."""
        reason = "Calls now: it had to wait while others were more urgent"
        alert = by_platform(state, entry, entry.alert.state, reason, PLATFORM, held="")
        entry.waits = False
        entry.alert = self.call(state, entry, alert)
        return entry.alert

    def call(self, state: AlarmState, entry: Entry, alert: Alert) -> Alert:
        """Let an alert call if its level and the budget of its position allow; else say why it does not."""
        if self.settings.shadow:
            return msgspec.structs.replace(alert, held=SHADOW)
        if alert.level == "info":
            return msgspec.structs.replace(alert, held=INFORMATION)
        if not may_call(state, self.settings, alert.position, alert.level):
            entry.waits = True
            state.count("held_by_flood")
            return msgspec.structs.replace(alert, held=f"{FLOOD}: waits for its turn")
        note_call(state, self.settings, alert.position)
        entry.waits = False
        self.seen(entry, alert)
        entry.t_unattended_us = state.now_us
        return msgspec.structs.replace(alert, held="", t_annunciated_us=state.now_us)

    def same_again(self, state: AlarmState, incident: Incident, profile: Profile) -> Entry | None:
        """Give the alert of the same kind at the same place that the platform resolved not long ago."""
        zone = incident.zones[0] if incident.zones else ""
        since_us = state.now_us - round(self.settings.rearm_s * US_PER_S)
        for entry in reversed(state.entries.values()):
            alert = entry.alert
            same = (alert.hypothesis, alert.zone) == (incident.hypothesis, zone) and zone
            if same and alert.state == "resolved" and alert.role == "platform" and alert.t_us >= since_us:
                return entry
        return None

    @staticmethod
    def _parent(state: AlarmState, incident: Incident, alert: Alert) -> Entry | None:
        """The open alert that this one is a mere consequence of: linked, graver, and itself calling.

        One that is high or critical by itself is never a mere consequence.
        """
        if rank(alert.level) >= rank("high"):
            return None
        for link in incident.links:
            entry = state.entry_of(link.incident)
            if entry is None or entry.alert.id == alert.id or entry.alert.state in ALERT_ENDED:
                continue
            if not entry.alert.held and not entry.alert.group and rank(entry.alert.level) > rank(alert.level):
                return entry
        return None


def _key(alert: Alert) -> str:
    return f"{alert.hypothesis}@{alert.zone}"


def _stays(alert: Alert) -> bool:
    """Whether an alert that changes stays quiet: suppressed, a lesser part of another, in work, or put aside."""
    if alert.group and rank(alert.level) < rank("high"):
        return True
    return alert.state in ("suppressed", "in progress") or (
        alert.state == "shelved" and alert.level != "critical"
    )


def _make_room(state: AlarmState) -> None:
    """Forget the oldest alert that is over when there are too many; open ones are never forgotten."""
    if len(state.entries) < ALERTS_KEPT:
        return
    ended = [entry.alert for entry in state.entries.values() if entry.alert.state in ALERT_ENDED]
    if not ended:
        return
    oldest = min(ended, key=lambda alert: (alert.t_us, alert.id))
    del state.entries[oldest.id]
    for incident_id in [each for each, alert_id in state.alert_of.items() if alert_id == oldest.id]:
        for known in (state.alert_of, state.incidents, state.courses):
            known.pop(incident_id, None)
    state.count("forgotten_alerts")
