"""Alerts: what an operator is asked to look at. Acknowledgement belongs to the alert alone (ISA-18.2 life cycle)."""

from typing import Literal

from msgspec import Struct

from .context import Band, RiskBasis
from .incident import Term
from .records import Record

__all__ = (
    "ALERT_ENDED",
    "ALERT_LEVELS",
    "ALERT_OVER",
    "Alert",
    "AlertAction",
    "AlertLevel",
    "AlertRisk",
    "AlertState",
    "AlertVerb",
    "Grounds",
    "Notification",
    "NotificationState",
    "Refusal",
)

AlertLevel = Literal["info", "low", "medium", "high", "critical"]
ALERT_LEVELS: tuple[AlertLevel, ...] = ("info", "low", "medium", "high", "critical")
AlertState = Literal[
    "new",
    "acknowledged",
    "assigned",
    "escalated",
    "in progress",
    "resolved",
    "closed",
    "shelved",
    "suppressed",
    "false",
    "duplicate",
    "reopened",
]
ALERT_OVER: frozenset[AlertState] = frozenset({"closed", "false", "duplicate"})
"""Nobody has to do anything about it any more."""
ALERT_ENDED: frozenset[AlertState] = ALERT_OVER | {"resolved"}
"""What it was about is over, or never was; a resolved one is still to be closed by a person."""
AlertVerb = Literal[
    "acknowledge",
    "assign",
    "escalate",
    "start",
    "resolve",
    "close",
    "reopen",
    "shelve",
    "unshelve",
    "suppress",
    "unsuppress",
    "false",
    "duplicate",
]


class AlertRisk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The risk of the alert's zone from its hypothesis when this version was made, with what it was worked out from."""

    zone: str
    value: float
    low: float
    high: float
    threat: float
    vulnerability: float
    impact: float
    band: Band
    before: float = 0.0
    people: float = 0.0
    basis: RiskBasis | None = None


class Grounds(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the figures of one version of an alert come from.

    ``hypotheses`` and ``terms`` are fusion's: the terms add up to the log-odds of the hypothesis against benign.
    ``consequence`` 0..1 is what not acting would add to the risk: probability x vulnerability x impact of the worst
    zone of the incident; ``act_within_s`` the time there is; ``floor`` says which rule kept the level from being
    lower: ``counted`` people (None where nobody counts) or ``danger``, the level of the gravest danger to life that
    it is linked to. ``lower_since_us`` says since when a lower level would do, which a level that falls slowly waits
    for.
    """

    consequence: float
    act_within_s: float
    stake: Literal["life", "control", "watch"]
    counted: float | None = None
    danger: AlertLevel | Literal[""] = ""
    floor: str = ""
    lower_since_us: int = 0
    hypotheses: dict[str, float] = {}
    terms: tuple[Term, ...] = ()
    risk: AlertRisk | None = None


class Alert(Record, frozen=True, kw_only=True, tag="alert", omit_defaults=True):
    """One version of an alert; a later version with the same ``id`` replaces it.

    ``lines`` are at most three: what and where; how sure and why; what to do by when. ``why`` are short causes for
    the queue. ``t_deadline_us`` is when acting becomes too late (0 = none). ``changed_by`` is the action that made
    this version, ``reason`` what the person gave.

    ``held`` says why it does not call for attention (shelved, suppressed, part of another, flood), "" when it does;
    ``group`` is the alert that it is a consequence of, ``first_out`` marks the first of a group. ``position`` is the
    desk that it goes to. ``times`` counts how often it became active. ``returns_to`` is the state before shelving.
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
    held: str = ""
    group: str = ""
    first_out: bool = False
    position: str = "operator"
    times: int = 1
    t_active_us: int = 0
    t_shelved_until_us: int = 0
    returns_to: AlertState = "new"
    duplicate_of: str = ""
    escalated_to: str = ""
    escalation_step: int = 0
    grounds: Grounds | None = None


class AlertAction(Record, frozen=True, kw_only=True, tag="alert-action", omit_defaults=True):
    """An operator's wish to move an alert on. ``expected_version`` guards against acting on an old picture.

    ``t_until_us`` ends a shelving; ``duplicate_of`` names the alert that this one repeats.
    """

    alert_id: str
    verb: AlertVerb
    actor: str
    role: str
    expected_version: int
    reason: str = ""
    assignee: str = ""
    t_until_us: int = 0
    duplicate_of: str = ""


class Refusal(Record, frozen=True, kw_only=True, tag="refusal", omit_defaults=True):
    """Why an operator's action was not carried out: what was asked, and what is allowed."""

    action_id: str
    reason: str


NotificationState = Literal["sent", "failed", "waiting"]


class Notification(Record, frozen=True, kw_only=True, tag="notification", omit_defaults=True):
    """The receipt of one alert version, handed to a recipient by a channel. A later one with the same ``id``
    replaces it.

    ``sent`` means that the other side took it (SMTP 250, HTTP 2xx, a stream that accepted the bytes); ``receipt`` is
    what it answered. ``waiting`` needs an operator's word first.
    """

    alert_id: str
    alert_version: int
    channel: str
    recipient: str
    state: NotificationState
    attempts: int = 1
    receipt: str = ""
