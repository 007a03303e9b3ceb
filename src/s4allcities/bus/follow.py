"""Following a stream: every message from a sequence on, in order, none missed and none doubled."""

import struct
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from .link import Link, unique
from .messages import Message, ReadBatches, keys_of
from .pull import Delivered, PullReader
from .wire import header

__all__ = ("KEYS", "Follower", "keys_of", "keys_text", "to_message")

KEYS = "S4-Raw-Keys"
"""Header with the keys of a batch's device messages."""

_INACTIVE_S = 120.0


def keys_text(keys: Sequence[int]) -> str:
    """Write 64-bit keys as the text of a header: 8 bytes each, in base64.

    >>> keys_of(keys_text([1, 2**64 - 1]))
    (1, 18446744073709551615)
    """
    return b64encode(struct.pack(f"<{len(keys)}Q", *keys)).decode()


def to_message(delivered: Delivered, read: ReadBatches | None = None) -> Message:
    """Take the bus's own words off a delivered message."""
    now_us = header(delivered.headers, b"S4-Now")
    return Message(
        sequence=delivered.sequence,
        subject=delivered.subject.decode(),
        now_us=int(now_us) if now_us.isdigit() else 0,
        data=delivered.data,
        t_server_us=delivered.t_server_us,
        pending=delivered.pending,
        packed_keys=header(delivered.headers, KEYS.encode()),
        read=read,
    )


class Follower(AsyncIterator[Message]):
    """Iterates over a stream from ``after`` + 1 on and ends when the bus is closed.

    A broken connection or a restarted server is not seen from outside: reading goes on behind the last message given.
    """

    def __init__(
        self, link: Link, stream: str, subjects: Sequence[str], *, after: int, headers_only: bool = False
    ) -> None:
        self._link = link
        self._stream = stream
        self._subjects = list(subjects)
        self._last = after
        self._headers_only = headers_only
        self._reader = PullReader(link, stream, self._make_consumer)

    def __aiter__(self) -> "Follower":
        return self

    async def __anext__(self) -> Message:
        while True:
            delivered = await self._reader.next()
            if delivered.sequence > self._last:
                self._last = delivered.sequence
                return to_message(delivered, None if self._headers_only else self._link.read)

    async def aclose(self) -> None:
        """Stop following; without it the server forgets the reader by itself after two minutes."""
        await self._reader.aclose()

    @property
    def restarts(self) -> int:
        """How often reading went on with a new consumer."""
        return max(0, self._reader.restarts)

    async def _make_consumer(self) -> str:
        config = ConsumerConfig(
            name=f"follow-{unique()}",
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._last + 1,
            ack_policy=AckPolicy.NONE,
            filter_subjects=self._subjects,
            headers_only=self._headers_only,
            inactive_threshold=_INACTIVE_S,
            mem_storage=True,
            num_replicas=1,
            max_waiting=64,
        )
        info = await self._link.client.jetstream().add_consumer(self._stream, config=config)
        return info.name
