"""Waiting for the answer to an operator's action: the next version of the alert, or the refusal."""

import asyncio
from collections.abc import Iterable

from s4allcities.domain import Alert, Event, Refusal

__all__ = ("Replies",)


class Replies:
    """Matches actions that went out with the records that answer them."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Alert | Refusal]] = {}

    def expect(self, action_id: str) -> "asyncio.Future[Alert | Refusal]":
        """Say that an answer to ``action_id`` will come; call before the action goes out."""
        future: asyncio.Future[Alert | Refusal] = asyncio.get_running_loop().create_future()
        self._waiting[action_id] = future
        return future

    def forget(self, action_id: str) -> None:
        """Stop waiting."""
        self._waiting.pop(action_id, None)

    def take(self, events: Iterable[Event]) -> None:
        """Look through records for answers."""
        for event in events:
            action = event.changed_by if isinstance(event, Alert) else getattr(event, "action_id", "")
            future = self._waiting.pop(action, None) if action else None
            if future is not None and not future.done() and isinstance(event, Alert | Refusal):
                future.set_result(event)
