"""What comes out of the bus."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from s4allcities.domain import ObservationBatch, RawMessage

from .batch import decode_batch
from .envelope import Envelope, decode_events

__all__ = ("Message", "RawDelivery", "StreamState", "summed")


class Message(Struct, frozen=True, kw_only=True):
    """One message of a stream.

    ``now_us`` is the publisher's clock when it sent it (0 if it did not say), ``t_server_us`` the server's wall clock
    when it stored it. ``pending`` is how many matching messages wait behind it. ``keys`` are what a batch was published
    with.
    """

    sequence: int
    subject: str
    now_us: int
    data: bytes
    t_server_us: int
    pending: int = 0
    keys: tuple[int, ...] = ()

    @property
    def batch(self) -> ObservationBatch:
        """The content as observations.

        :raises BatchError: it is none.
        """
        return decode_batch(self.data)

    @property
    def envelope(self) -> Envelope:
        """The content as events.

        :raises EnvelopeError: it is none.
        """
        return decode_events(self.data)


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
