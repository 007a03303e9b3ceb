"""A device's memory of what it has not got an acknowledgement for."""

import asyncio
import time
from collections import deque

from msgspec import Struct

from ..world import Datum
from .account import Account

__all__ = ("MOST_WAITING", "Outbox", "Waiting")

MOST_WAITING = 600
"""Ten minutes at one message a second; a device with more to remember forgets its oldest."""


class Waiting(Struct, eq=False):
    """A message without acknowledgement; ``wall_us`` is when it was first given to the network, 0 = not yet."""

    datum: Datum
    wall_us: int = 0


class Outbox:
    """Keeps messages in order until they are acknowledged; a message that is sent again is the same to the byte."""

    def __init__(self, account: Account, *, most: int = MOST_WAITING) -> None:
        self._account = account
        self._most = most
        self._waiting: deque[Waiting] = deque()
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, datum: Datum) -> None:
        """Add a message; if there are too many, the oldest is dropped and counted."""
        while len(self._waiting) >= self._most:
            oldest = self._waiting.popleft()
            self._account.note_dropped(oldest.datum, oldest.wall_us)
        self._waiting.append(Waiting(datum))
        self._news.set()
        self._empty.clear()

    async def first(self, most: int) -> list[Waiting]:
        """Wait until there is something to send; give the oldest, at most ``most``."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        chosen = [self._waiting[index] for index in range(min(most, len(self._waiting)))]
        for waiting in chosen:
            if not waiting.wall_us:
                waiting.wall_us = time.time_ns() // 1000
                self._account.note_sent(waiting.datum)
        return chosen

    def acknowledged(self, waiting: Waiting) -> None:
        """Forget a message that the platform has. One that was dropped meanwhile stays dropped."""
        if self._forget(waiting):
            self._account.note_acknowledged(waiting.datum, waiting.wall_us)

    def refused(self, waiting: Waiting) -> None:
        """Forget a message that the platform will never take."""
        if self._forget(waiting):
            self._account.note_refused(waiting.datum, waiting.wall_us)

    async def emptied(self) -> None:
        """Wait until nothing waits."""
        await self._empty.wait()

    def leave(self) -> int:
        """Give up what is left, at the end; tell how many."""
        left = list(self._waiting)
        self._waiting.clear()
        self._empty.set()
        for waiting in left:
            self._account.note_left(waiting.datum, waiting.wall_us)
        return len(left)

    def _forget(self, waiting: Waiting) -> bool:
        try:
            self._waiting.remove(waiting)
        except ValueError:
            return False
        if not self._waiting:
            self._empty.set()
        return True
