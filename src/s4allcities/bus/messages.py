"""What comes out of the bus."""

import struct
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from s4allcities.domain import ObservationBatch, RawMessage

from .batch import decode_batch
from .envelope import Envelope, decode_events

__all__ = ("Message", "RawDelivery", "ReadBatches", "StreamState", "keys_of", "summed")


class Message(Struct, frozen=True, kw_only=True):
    """One message of a stream.

    ``now_us`` is the publisher's clock when it sent it (0 if it did not say), ``t_server_us`` the server's wall clock
    when it stored it. ``pending`` is how many matching messages wait behind it.
    """

    sequence: int
    subject: str
    now_us: int
    data: bytes
    t_server_us: int
    pending: int = 0
    packed_keys: str = ""
    read: "ReadBatches | None" = None

    @property
    def keys(self) -> tuple[int, ...]:
        """The keys that a batch was published with; none where they cannot be read."""
        return keys_of(self.packed_keys)

    @property
    def batch(self) -> ObservationBatch:
        """The content as observations; all that follow a stream on one connection are given the same one.

        :raises BatchError: it is none.
        """
        return decode_batch(self.data) if self.read is None else self.read.batch(self)

    @property
    def envelope(self) -> Envelope:
        """The content as events.

        :raises EnvelopeError: it is none.
        """
        return decode_events(self.data)


def keys_of(text: str) -> tuple[int, ...]:
    """Read 64-bit keys from the text of a header; none from what cannot be read.

    >>> keys_of("AQAAAAAAAAA="), keys_of("?")
    ((1,), ())
    """
    try:
        packed = b64decode(text, validate=True)
        return struct.unpack(f"<{len(packed) // 8}Q", packed)
    except (ValueError, struct.error):
        return ()


class ReadBatches:
    """The newest batches that were read from a stream: the stages follow one another through it, and each is read once.

    Batches are frozen and their columns read-only, so nobody can change what another reads.
    """

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._batches: dict[tuple[str, int, int], ObservationBatch] = {}

    def batch(self, message: Message) -> ObservationBatch:
        """Give the batch of a message. :raises BatchError: it is none."""
        key = (message.subject, message.sequence, message.t_server_us)
        known = self._batches.get(key)
        if known is None:
            known = decode_batch(message.data)
            if len(self._batches) >= self._size:
                del self._batches[next(iter(self._batches))]
            self._batches[key] = known
        return known


class RawDelivery(Struct, frozen=True):
    """A device message and the call that removes it from stream RAW: make it once what became of it is durable."""

    message: RawMessage
    ack: Callable[[], Awaitable[None]]


class StreamState(Struct, frozen=True, kw_only=True):
    """What a stream holds. ``created_us`` tells one life of the stream from the next; ``t_first_us`` is when its oldest
    message was stored by the server's clock, 0 when it is empty.
    """

    first_sequence: int
    last_sequence: int
    messages: int
    bytes: int
    created_us: int
    t_first_us: int = 0


def summed(states: Sequence[StreamState]) -> StreamState:
    """Add up what the partitions of a stream hold; their sequences too, which so count messages."""
    return StreamState(
        first_sequence=sum(state.first_sequence for state in states),
        last_sequence=sum(state.last_sequence for state in states),
        messages=sum(state.messages for state in states),
        bytes=sum(state.bytes for state in states),
        created_us=min(state.created_us for state in states),
        t_first_us=min((state.t_first_us for state in states if state.messages), default=0),
    )
