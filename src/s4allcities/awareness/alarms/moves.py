"""How the platform itself moves an alert, as a person would: a new version with its reason."""

from typing import Any

import msgspec

from s4allcities.domain import Alert, AlertState

from .state import AlarmState, Entry

__all__ = ("PLATFORM", "by_platform")

PLATFORM = "platform"


def by_platform(
    state: AlarmState, entry: Entry, to: AlertState, reason: str, cause: str, **changes: Any
) -> Alert:
    """Move an alert by the platform itself: a new version with the reason, and ``cause`` as what changed it."""
    alert = entry.alert
    moved = msgspec.structs.replace(
        alert,
        t_us=state.now_us,
        version=alert.version + 1,
        state=to,
        changed_by=cause,
        actor=PLATFORM,
        role=PLATFORM,
        reason=reason,
        **changes,
    )
    entry.alert, entry.moved_at = moved, moved.version
    return moved
