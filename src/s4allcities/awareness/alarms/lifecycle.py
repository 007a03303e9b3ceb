"""The life cycle of an alert after ISA-18.2: who may move it where, and clear refusals of everything else."""

import msgspec

from s4allcities.domain import Alert, AlertAction, AlertState, AlertVerb, Refusal

__all__ = ("allowed_verbs", "apply_action")

_TARGET: dict[AlertVerb, AlertState] = {
    "acknowledge": "acknowledged",
    "assign": "assigned",
    "start": "in progress",
    "resolve": "resolved",
    "close": "closed",
    "reopen": "acknowledged",
}
_ALLOWED: dict[AlertState, tuple[AlertVerb, ...]] = {
    "new": ("acknowledge", "assign"),
    "acknowledged": ("assign", "start", "resolve", "close"),
    "assigned": ("assign", "start", "resolve", "close"),
    "in progress": ("assign", "resolve", "close"),
    "resolved": ("close", "reopen"),
    "closed": ("reopen",),
}


def allowed_verbs(state: AlertState) -> tuple[AlertVerb, ...]:
    """What an operator can do to an alert in this state."""
    return _ALLOWED[state]


def apply_action(alert: Alert, action: AlertAction, now_us: int, *, moved_at: int) -> Alert | Refusal:
    """Carry out an operator's action, or say why not and what is allowed.

    ``moved_at`` is the version in which the alert last changed state or level: a person who saw that version or a
    later one knows all that matters, so a mere change of text in between does not refuse them.
    """
    reason = _objection(alert, action, moved_at)
    if reason:
        return Refusal(id="", t_us=now_us, action_id=action.id, reason=reason, mode=action.mode)
    return msgspec.structs.replace(
        alert,
        t_us=now_us,
        version=alert.version + 1,
        state=_TARGET[action.verb],
        owner=_owner(alert, action),
        changed_by=action.id,
        actor=action.actor,
        role=action.role,
        reason=action.reason.strip(),
        provenance=(action.id,),
    )


def _objection(alert: Alert, action: AlertAction, moved_at: int) -> str:
    """Why an action cannot be carried out, "" when it can."""
    if not moved_at <= action.expected_version <= alert.version:
        return (
            f"The alert has moved on: it is {alert.state} at version {alert.version},"
            f" you saw version {action.expected_version}. Look again."
        )
    if action.verb not in _ALLOWED[alert.state]:
        allowed = ", ".join(_ALLOWED[alert.state])
        return f"Cannot {action.verb} an alert that is {alert.state}; allowed now: {allowed}."
    if action.verb == "close" and not action.reason.strip():
        return "Closing needs a reason, such as: fire out, false alarm, no action needed."
    return ""


def _owner(alert: Alert, action: AlertAction) -> str:
    match action.verb:
        case "assign":
            return action.assignee or action.actor
        case "start":
            return alert.owner or action.actor
        case _:
            return alert.owner
