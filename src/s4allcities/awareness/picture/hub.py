"""Numbered deltas for many pages: each change is encoded once and sent to all.

A page that was away asks for what it missed by its last number; one that was away too long, or speaks of another
start of the platform (another epoch), gets the whole picture. A slow page never holds the others up: its backlog is
bounded, and beyond the bound it is sent the whole picture instead.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec

from .read_model import Change, Picture

__all__ = ("PictureHub",)

_BACKLOG = 2000
_CLIENT_BACKLOG = 500


class _Client:
    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.wake = asyncio.Event()
        self.lost = False

    def put(self, frame: bytes) -> None:
        if len(self.frames) >= _CLIENT_BACKLOG:
            self.frames.clear()
            self.lost = True
        self.frames.append(frame)
        self.wake.set()


class PictureHub:
    """Holds the picture's number and its pages. ``epoch`` names this start of the platform."""

    def __init__(self, picture: Picture, *, epoch: str) -> None:
        self.picture = picture
        self.epoch = epoch
        self.number = 0
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=_BACKLOG)
        self._clients: set[_Client] = set()
        self._encode = msgspec.msgpack.Encoder().encode

    @property
    def clients(self) -> int:
        """How many pages look at the picture."""
        return len(self._clients)

    def _frame(self, kind: str, t_us: int, **rest: Any) -> bytes:
        return self._encode({"type": kind, "epoch": self.epoch, "seq": self.number, "t_us": t_us, **rest})

    def snapshot(self, t_us: int) -> bytes:
        """Encode the whole picture under the present number."""
        return self._frame("snapshot", t_us, picture=self.picture.snapshot())

    def publish(self, t_us: int) -> list[Change]:
        """Send what changed in the picture as one delta; nothing if nothing did."""
        changes = self.picture.take_changes()
        if not changes:
            return changes
        self.number += 1
        frame = self._frame("delta", t_us, changes=[change.to_wire() for change in changes])
        self._recent.append((self.number, frame))
        for client in self._clients:
            client.put(frame)
        return changes

    def tick(self, t_us: int) -> None:
        """Tell all pages the time, so that they can see when they stop hearing from us."""
        frame = self._frame("tick", t_us)
        for client in self._clients:
            client.put(frame)

    def _catch_up(self, epoch: str, after: int, t_us: int) -> list[bytes]:
        missed = [frame for number, frame in self._recent if number > after]
        known = epoch == self.epoch and 0 < after <= self.number and len(missed) == self.number - after
        return missed if known else [self.snapshot(t_us)]

    async def frames(self, epoch: str, after: int, now_us: Callable[[], int]) -> AsyncGenerator[bytes, None]:
        """Give the frames of one page, from its last number on, for as long as it listens.

        ``now_us`` is a callable that gives the platform's time.
        """
        client = _Client()
        client.frames.extend(self._catch_up(epoch, after, now_us()))
        client.wake.set()
        self._clients.add(client)
        try:
            while True:
                await client.wake.wait()
                client.wake.clear()
                while client.lost or client.frames:
                    if client.lost:  # whatever waits is in the whole picture already
                        client.frames.clear()
                        client.lost = False
                        yield self.snapshot(now_us())
                    else:
                        yield client.frames.popleft()
        finally:
            self._clients.discard(client)
