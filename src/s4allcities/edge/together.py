"""Publishing together what many say at the same time: one sync to disk for all of them instead of one for each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from s4allcities.domain import Event

__all__ = ("Together",)


class _Piece:
    """What goes out at once; ``task`` publishes it, whoever began it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.task: asyncio.Task[None] | None = None


class Together:
    """Stands in for ``publish``: while one piece is under way, what comes gathers and goes out after it in one piece.

    Returns when the events are published; an error reaches everybody whose events were in the piece. A caller who is
    cut off takes nobody with him.
    """

    def __init__(self, publish: Callable[[Sequence[Event]], Awaitable[object]]) -> None:
        self._publish = publish
        self._next = _Piece()
        self._lock = asyncio.Lock()

    async def __call__(self, events: Sequence[Event]) -> None:
        """Publish. :raises Exception: what ``publish`` raised."""
        mine = self._next
        mine.events.extend(events)
        async with self._lock:
            if mine.task is None:
                self._next = _Piece()
                mine.task = asyncio.create_task(self._send(mine))
            await asyncio.wait((mine.task,))
        mine.task.result()

    async def _send(self, piece: _Piece) -> None:
        await self._publish(piece.events)
