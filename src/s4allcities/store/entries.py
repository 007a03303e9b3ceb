"""What each event leaves behind: its row, its line in the log, its entry in the ledger. Pure; the recorder writes."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from s4allcities.domain import (
    Alert,
    Command,
    Context,
    CourseOfAction,
    Event,
    Incident,
    Notification,
    Order,
    Refusal,
    Risk,
    SensorHealth,
)

__all__ = ("LedgerEntry", "LogEntry", "PastEntry", "Row", "ledger_entry", "log_entry", "past_entry", "row_of")

E = TypeVar("E", bound=Event)


class Row(NamedTuple):
    """Where an event goes in table ``record``."""

    kind: str
    key: str
    version: int
    state: str = ""
    parent: str = ""


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of what happened, in plain words. Appended, never changed."""

    id: str
    t_us: int
    text: str
    actor: str = ""
    role: str = ""
    alert_id: str = ""
    order_id: str = ""
    incident_id: str = ""


class LedgerEntry(NamedTuple):
    """What the ledger keeps of an event. ``personal`` are texts by field that must stay erasable."""

    kind: str
    subject: str
    record: dict[str, Any]
    personal: dict[str, str]


class PastEntry(NamedTuple):
    """Under what a statement is kept for questions about the past; within ``thin_us`` of the one before it is not."""

    kind: str
    key: str
    thin_us: int


_ANSWERED = 1 << 40
"""Above any number of attempts: an answer is final."""


def _command_version(command: Command) -> int:
    """Order the records of one command: sent, no answer, sent again, ..., answered, whatever order they arrive in."""
    if command.state in ("acknowledged", "refused"):
        return _ANSWERED + command.attempts
    return 2 * command.attempts + (command.state == "no_answer")


def _sent_version(notice: Notification) -> int:
    """A receipt is final; until then the latest try counts."""
    return _ANSWERED if notice.state == "sent" else notice.attempts


_ROWS: dict[type, Callable[[Any], Row]] = {
    Incident: lambda e: Row("incident", e.id, e.version, e.status),
    Alert: lambda e: Row("alert", e.id, e.version, e.state, e.incident_id),
    CourseOfAction: lambda e: Row("course", e.id, e.version, "", e.incident_id),
    Order: lambda e: Row("order", e.id, 0, "", e.incident_id),
    Command: lambda e: Row("command", e.id, _command_version(e), e.state, e.order_id),
    Risk: lambda e: Row("risk", f"{e.zone}/{e.hypothesis}", e.t_us, e.band, e.incident_id),
    Context: lambda e: Row("context", f"{e.subject}/{e.attribute}", e.t_us, e.attribute, e.subject),
    Notification: lambda e: Row("notification", e.id, _sent_version(e), e.state, e.alert_id),
    SensorHealth: lambda e: Row("sensor", e.sensor, e.t_us, e.state, e.family),
}


def row_of(event: Event) -> Row | None:
    """Give the row an event replaces, None for events kept elsewhere or not at all."""
    make = _ROWS.get(type(event))
    return None if make is None else make(event)


_THIN_US = 60_000_000
_SELDOM = frozenset({"entry", "resilience", "exit_state", "camera_state", "traffic", "door_state"})
"""Facts that are kept whenever they are said; of others one a minute and subject is."""


def past_entry(event: Event) -> PastEntry | None:
    """Say under what an event is kept for questions about the past; None for all but risks and context."""
    match event:
        case Risk():
            return PastEntry("risk", f"{event.zone}/{event.hypothesis}", 0)
        case Context():
            thin_us = 0 if event.attribute in _SELDOM else _THIN_US
            return PastEntry("context", f"{event.subject}/{event.attribute}", thin_us)
        case _:
            return None


def log_entry(event: Event) -> LogEntry | None:
    """Give the line that people read about an event, None for events that are not worth one."""
    match event:
        case Alert():
            return _alert_line(event)
        case Incident(status="confirmed" | "closed"):
            zones = ", ".join(event.zones) or "an unknown place"
            return LogEntry(
                id=f"incident/{event.id}/{event.status}",
                t_us=event.t_us,
                incident_id=event.id,
                text=f"Incident {event.status}: {event.hypothesis} at {zones}",
            )
        case Order():
            note = f": {event.note}" if event.note else ""
            return LogEntry(
                id=f"order/{event.id}",
                t_us=event.t_us,
                actor=event.actor,
                role=event.role,
                order_id=event.id,
                incident_id=event.incident_id,
                text=f"Order given{note}",
            )
        case Command():
            return LogEntry(
                id=f"command/{event.id}/{_command_version(event)}",
                t_us=event.t_us,
                order_id=event.order_id,
                text=_command_line(event),
            )
        case Notification():
            how = {"sent": "told", "failed": "not reached", "waiting": "waits for an operator's word"}[
                event.state
            ]
            return LogEntry(
                id=f"notification/{event.id}/{_sent_version(event)}",
                t_us=event.t_us,
                alert_id=event.alert_id,
                text=f"{event.recipient} {how} by {event.channel}"
                + (f": {event.receipt}" if event.receipt else ""),
            )
        case Context(attribute="entry"):
            what = event.subject.removeprefix("entry/")
            return LogEntry(
                id=f"context/{event.id}",
                t_us=event.t_us,
                actor=event.source,
                text=f"Context {'withdrawn' if event.value is None else 'stated'}: {what}"
                + (f": {event.reason}" if event.reason else ""),
            )
        case Refusal():
            return LogEntry(id=f"refusal/{event.id}", t_us=event.t_us, text=f"Refused: {event.reason}")
        case _:
            return None


def _alert_line(alert: Alert) -> LogEntry | None:
    if alert.version > 1 and not alert.changed_by:
        return None  # the picture moved on by itself; only the first sight and what people do is history for people
    words = f"Alert {alert.state}" if alert.changed_by else f"Alert ({alert.level}): {alert.title}"
    return LogEntry(
        id=f"alert/{alert.id}/{alert.version}",
        t_us=alert.t_us,
        actor=alert.actor,
        role=alert.role,
        alert_id=alert.id,
        incident_id=alert.incident_id,
        text=f"{words}: {alert.reason}" if alert.reason else words,
    )


def _command_line(command: Command) -> str:
    match command.state:
        case "sent":
            again = f" (attempt {command.attempts})" if command.attempts > 1 else ""
            return f"{command.device} told to show “{command.text}”{again}"
        case "acknowledged":
            return f"{command.device} acknowledged"
        case "no_answer":
            return f"{command.device} does not answer (attempt {command.attempts})"
        case _:
            return f"{command.device} refused: {command.detail}"


def ledger_entry(event: Event) -> LedgerEntry | None:
    """Give the ledger's entry for an event: alerts (each version), orders, commands' outcomes, refusals, what people
    stated as context, receipts of notifications.
    """
    match event:
        case Alert():
            return _entry("alert", f"alert/{event.id}/{event.version}", event, ("actor", "owner", "reason"))
        case Order():
            return _entry("order", f"order/{event.id}", event, ("actor", "note"))
        case Command():
            return _entry("command", f"command/{event.id}/{_command_version(event)}", event, ())
        case Context(attribute="entry"):
            return _entry("context", f"context/{event.id}", event, ("source", "reason"))
        case Notification():
            subject = f"notification/{event.id}/{_sent_version(event)}"
            return _entry("notification", subject, event, ("recipient",))
        case Refusal():
            return _entry("refusal", f"refusal/{event.id}", event, ("reason",))
        case _:
            return None


def _entry(kind: str, subject: str, event: Event, personal: tuple[str, ...]) -> LedgerEntry:
    record: dict[str, Any] = msgspec.to_builtins(event)
    texts = {name: record.pop(name) for name in personal if record.get(name)}
    return LedgerEntry(kind, subject, record, texts)
