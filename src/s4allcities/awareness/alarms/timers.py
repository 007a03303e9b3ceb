"""What time does to alerts: off-delay, the end of shelving and of works, escalation when nobody takes one."""

from collections.abc import Iterator, Mapping

from s4allcities.domain import ALERT_ENDED, US_PER_S, Alert, AlertState, Event

from ..context.graph import ContextGraph
from .calling import Caller
from .moves import PLATFORM, by_platform
from .profiles import Profile, profile_of
from .settings import AlarmSettings
from .state import AlarmState, Entry

__all__ = ("Timers",)

CHAIN = ("operator", "supervisor")
"""Who is asked, one after the other, where the context names nobody."""


class Timers:
    """Looks at each alert as time passes."""

    def __init__(self, settings: AlarmSettings, profiles: Mapping[str, Profile]) -> None:
        self.settings = settings
        self.profiles = profiles

    def run(self, state: AlarmState, entry: Entry, graph: ContextGraph, caller: Caller) -> Iterator[Event]:
        """Give the versions that time makes due."""
        if entry.alert.state in ALERT_ENDED:
            return
        if entry.ended_us and self._off_for(state, entry):
            state.incidents.pop(entry.alert.incident_id, None)
            yield by_platform(
                state, entry, "resolved", "Its evidence has faded", entry.alert.incident_id, held="", group=""
            )
            return
        if entry.alert.state == "shelved" and state.now_us >= entry.alert.t_shelved_until_us > 0:
            yield self._back(state, entry, caller, entry.alert.returns_to, "Shelving has ended")
        elif entry.alert.state == "suppressed" and entry.alert.role != "supervisor":
            yield from self._works_over(state, entry, graph, caller)
        elif entry.alert.group:
            yield from self._alone_now(state, entry, caller)
        yield from self._escalate(state, entry, graph)

    def _off_for(self, state: AlarmState, entry: Entry) -> bool:
        delay_s = profile_of(self.profiles, entry.alert.hypothesis).off_delay_s
        off_s = self.settings.off_delay_s if delay_s is None else delay_s
        return state.now_us - entry.ended_us >= off_s * US_PER_S

    def _back(self, state: AlarmState, entry: Entry, caller: Caller, to: AlertState, reason: str) -> Alert:
        """An alert comes back from where it was put aside; one that nobody had taken calls again."""
        fields = {"held": "", "group": "", "t_shelved_until_us": 0, "returns_to": "new"}
        alert = by_platform(state, entry, to, reason, PLATFORM, **fields)
        if to in ("new", "reopened"):
            entry.alert = caller.call(state, entry, alert)
        return entry.alert

    def _works_over(
        self, state: AlarmState, entry: Entry, graph: ContextGraph, caller: Caller
    ) -> Iterator[Event]:
        incident = state.incidents.get(entry.alert.incident_id)
        if incident is None:
            return
        if graph.works_on(incident.hypothesis, incident.zones, incident.entities, state.now_us) is None:
            yield self._back(state, entry, caller, "new", "The announced works are over and it goes on")

    def _alone_now(self, state: AlarmState, entry: Entry, caller: Caller) -> Iterator[Event]:
        """A consequence outlives what it was a consequence of."""
        parent = state.entries.get(entry.alert.group)
        if parent is None or parent.alert.state in ALERT_ENDED:
            yield self._back(state, entry, caller, entry.alert.state, "What it was part of is over")

    def _escalate(self, state: AlarmState, entry: Entry, graph: ContextGraph) -> Iterator[Event]:
        """Hand an alert on that nobody took, one step after the other."""
        alert = entry.alert
        after_s = self.settings.escalate_after_s.get(alert.level)
        if alert.state not in ("new", "reopened", "escalated") or alert.held or after_s is None:
            return
        since_us = entry.t_unattended_us
        if not since_us or state.now_us - since_us < after_s * US_PER_S:
            return
        chain = [each.role for each in graph.responsible(alert.zone, state.now_us)] or list(CHAIN)
        step = alert.escalation_step + 1
        if step >= len(chain):
            return
        entry.t_unattended_us = state.now_us
        state.count("escalated")
        reason = f"Nobody took it for {after_s / 60:g} min: on to the {chain[step]}"
        yield by_platform(
            state, entry, "escalated", reason, PLATFORM, escalated_to=chain[step], escalation_step=step
        )
