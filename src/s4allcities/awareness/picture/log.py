"""Log lines of the picture: who did what, and what the platform did in answer."""

from typing import Any

from s4allcities.domain import Alert, Command, CourseOfAction, Event, Incident, Order, Refusal

__all__ = ("PLATFORM", "log_entries")

PLATFORM = "platform"


def _entry(event: Event, text: str, actor: str = PLATFORM, role: str = "", **refs: str) -> dict[str, Any]:
    return {
        "id": f"{event.id}/{event.t_us}/{text}",
        "t_us": event.t_us,
        "actor": actor or PLATFORM,
        "role": role,
        "text": text,
        **refs,
    }


def log_entries(event: Event) -> list[dict[str, Any]]:
    """Give the log lines that a record makes: none or one."""
    match event:
        case Alert() if event.version == 1:
            return [_entry(event, f"Alert: {event.title}", alert_id=event.id)]
        case Alert() if event.changed_by:
            why = f": {event.reason}" if event.reason else ""
            owner = f" to {event.owner}" if event.state == "assigned" else ""
            return [
                _entry(
                    event,
                    f"{event.state.capitalize()}{owner}{why}",
                    event.actor,
                    event.role,
                    alert_id=event.id,
                )
            ]
        case Incident() if event.status == "closed":
            return [_entry(event, f"Incident closed: {event.hypothesis}")]
        case CourseOfAction():
            return [_entry(event, f"Recommended: {event.name}")]
        case Order():
            return [
                _entry(
                    event,
                    "Ordered the recommended course of action",
                    event.actor,
                    event.role,
                    order_id=event.id,
                )
            ]
        case Command() if event.state == "no_answer":
            text = f"{event.device} does not answer after {event.attempts} tries"
            return [_entry(event, text, order_id=event.order_id)]
        case Refusal():
            return [_entry(event, f"Refused: {event.reason}")]
        case _:
            return []
