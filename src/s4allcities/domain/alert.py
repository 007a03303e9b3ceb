"""Alerts: what an operator is asked to look at. Acknowledgement belongs to the alert alone (ISA-18.2 life cycle)."""

from typing import Literal

from .records import Record

__all__ = ("ALERT_LEVELS", "Alert", "AlertAction", "AlertLevel", "AlertState", "AlertVerb", "Refusal")

AlertLevel = Literal["info", "low", "medium", "high", "critical"]
ALERT_LEVELS: tuple[AlertLevel, ...] = ("info", "low", "medium", "high", "critical")
AlertState = Literal["new", "acknowledged", "assigned", "in progress", "resolved", "closed"]
AlertVerb = Literal["acknowledge", "assign", "start", "resolve", "close", "reopen"]


class Alert(Record, frozen=True, kw_only=True, tag="alert", omit_defaults=True):
    """One version of an alert; a later version with the same ``id`` replaces it.

    ``lines`` are at most three: what and where; how sure and why; what to do by when. ``why`` are short causes for
    the queue. ``t_deadline_us`` is when acting becomes too late (0 = none). ``changed_by`` is the action that made
    this version, ``reason`` what the person gave.
    """

    version: int
    level: AlertLevel
    state: AlertState
    incident_id: str
    hypothesis: str
    zone: str
    t_annunciated_us: int
    title: str
    lines: tuple[str, ...]
    why: tuple[str, ...] = ()
    probability: float = 0.0
    people: float = 0.0
    owner: str = ""
    t_deadline_us: int = 0
    changed_by: str = ""
    actor: str = ""
    role: str = ""
    reason: str = ""
    decisive: str = ""


class AlertAction(Record, frozen=True, kw_only=True, tag="alert-action", omit_defaults=True):
    """An operator's wish to move an alert on. ``expected_version`` guards against acting on an old picture."""

    alert_id: str
    verb: AlertVerb
    actor: str
    role: str
    expected_version: int
    reason: str = ""
    assignee: str = ""


class Refusal(Record, frozen=True, kw_only=True, tag="refusal", omit_defaults=True):
    """Why an operator's action was not carried out: what was asked, and what is allowed."""

    action_id: str
    reason: str
