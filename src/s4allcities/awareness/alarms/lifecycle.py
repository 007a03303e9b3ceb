"""The life cycle of an alert after ISA-18.2: who may move it where, and clear refusals of everything else."""

import msgspec

from s4allcities.domain import US_PER_S, Alert, AlertAction, AlertState, AlertVerb, Refusal

from .settings import AlarmSettings, alarm_settings

__all__ = ("SUPERVISED", "allowed_verbs", "apply_action")

_TARGET: dict[AlertVerb, AlertState] = {
    "acknowledge": "acknowledged",
    "assign": "assigned",
    "escalate": "escalated",
    "start": "in progress",
    "resolve": "resolved",
    "close": "closed",
    "reopen": "reopened",
    "shelve": "shelved",
    "suppress": "suppressed",
    "unsuppress": "new",
    "false": "false",
    "duplicate": "duplicate",
}
"""`unshelve` goes back to where it was shelved from."""
_DENY: tuple[AlertVerb, ...] = ("shelve", "suppress", "false", "duplicate")
_ALLOWED: dict[AlertState, tuple[AlertVerb, ...]] = {
    "new": ("acknowledge", "assign", "escalate", *_DENY),
    "reopened": ("acknowledge", "assign", "escalate", "start", "resolve", "close", *_DENY),
    "acknowledged": ("assign", "escalate", "start", "resolve", "close", *_DENY),
    "assigned": ("assign", "escalate", "start", "resolve", "close", *_DENY),
    "escalated": ("acknowledge", "assign", "start", "resolve", "close", "false", "duplicate"),
    "in progress": ("assign", "escalate", "resolve", "close", "false", "duplicate"),
    "resolved": ("close", "reopen"),
    "closed": ("reopen",),
    "false": ("reopen",),
    "duplicate": ("reopen",),
    "shelved": ("unshelve", "false", "duplicate"),
    "suppressed": ("unsuppress",),
}
SUPERVISED: frozenset[AlertVerb] = frozenset({"suppress", "unsuppress"})
"""What a supervisor alone may do."""
_NEEDS_REASON: dict[AlertVerb, str] = {
    "close": "Closing needs a reason, such as: fire out, false alarm, no action needed.",
    "shelve": "Shelving needs a reason, such as: known fault, works under way.",
    "suppress": "Suppressing needs a reason, such as: planned works until 18:00.",
    "false": "Calling an alert false needs a reason: what was it really?",
}


def allowed_verbs(state: AlertState) -> tuple[AlertVerb, ...]:
    """What people can do to an alert in this state; some of it only as a supervisor."""
    return _ALLOWED[state]


def apply_action(
    alert: Alert, action: AlertAction, now_us: int, *, moved_at: int, settings: AlarmSettings | None = None
) -> Alert | Refusal:
    """Carry out an operator's action, or say why not and what is allowed.

    ``moved_at`` is the version in which the alert last changed state or level: a person who saw that version or a
    later one knows all that matters, so a mere change of text in between does not refuse them.
    """
    reason = _objection(alert, action, now_us, moved_at, settings or alarm_settings())
    if reason:
        return Refusal(id="", t_us=now_us, action_id=action.id, reason=reason, mode=action.mode)
    state = alert.returns_to if action.verb == "unshelve" else _TARGET[action.verb]
    shelved = action.verb == "shelve"
    return msgspec.structs.replace(
        alert,
        t_us=now_us,
        version=alert.version + 1,
        state=state,
        owner=_owner(alert, action),
        changed_by=action.id,
        actor=action.actor,
        role=action.role,
        reason=action.reason.strip(),
        held=_held(alert, action),
        t_shelved_until_us=action.t_until_us if shelved else 0,
        returns_to=alert.state if shelved else "new",
        duplicate_of=action.duplicate_of if action.verb == "duplicate" else "",
        provenance=(action.id,),
    )


def _held(alert: Alert, action: AlertAction) -> str:
    """Why it does not call for attention after this: shelved or suppressed; what people took on is not held back."""
    if action.verb in ("shelve", "suppress"):
        return f"{_TARGET[action.verb]}: {action.reason.strip()}"
    return ""


def _objection(alert: Alert, action: AlertAction, now_us: int, moved_at: int, settings: AlarmSettings) -> str:
    """Why an action cannot be carried out, "" when it can."""
    if not moved_at <= action.expected_version <= alert.version:
        return (
            f"The alert has moved on: it is {alert.state} at version {alert.version},"
            f" you saw version {action.expected_version}. Look again."
        )
    if action.verb not in _ALLOWED[alert.state]:
        allowed = ", ".join(_ALLOWED[alert.state])
        return f"Cannot {action.verb} an alert that is {alert.state}; allowed now: {allowed}."
    if action.verb in _NEEDS_REASON and not action.reason.strip():
        return _NEEDS_REASON[action.verb]
    if action.verb in SUPERVISED and action.role != "supervisor":
        return f"Only a supervisor may {action.verb} an alert; you are {action.role or 'without a role'}."
    if action.verb == "shelve":
        return _shelving_objection(alert, action, now_us, settings)
    if action.verb == "duplicate" and action.duplicate_of in ("", alert.id):
        return "A duplicate needs the alert that it repeats, and that is another one."
    return ""


def _shelving_objection(alert: Alert, action: AlertAction, now_us: int, settings: AlarmSettings) -> str:
    most_s = settings.shelve_most_s.get(action.role, 0.0)
    for_s = (action.t_until_us - now_us) / US_PER_S
    if alert.level == "critical" and action.role != "supervisor":
        return "Only a supervisor may shelve a critical alert."
    if not 0 < for_s <= most_s:
        return f"Shelving needs an end, at most {most_s / 60:g} min from now for role {action.role}."
    return ""


def _owner(alert: Alert, action: AlertAction) -> str:
    match action.verb:
        case "assign":
            return action.assignee or action.actor
        case "start":
            return alert.owner or action.actor
        case _:
            return alert.owner
