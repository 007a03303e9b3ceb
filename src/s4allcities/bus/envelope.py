"""Events on their way: one envelope a message, all events in it of one kind."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec
from msgspec import Struct

from s4allcities.domain import Event, kind_of

from .errors import EnvelopeError

__all__ = ("ENVELOPE_VERSION", "Envelope", "by_kind", "decode_events", "encode_events")

ENVELOPE_VERSION = 1


class Envelope(Struct, frozen=True, kw_only=True):
    """Events of one kind, and where they come from.

    ``stage`` and ``partition`` made them from the input message ``sequence`` (0: from no input message, as in the API
    or the edge); ``index`` is the place of the first event among all outputs of that input. ``epoch`` tells one life of
    the input stream from the next. ``now_us`` is the publisher's clock.
    """

    stage: str
    partition: int
    sequence: int
    index: int
    now_us: int
    events: tuple[Event, ...]
    epoch: int = 0
    v: int = ENVELOPE_VERSION


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Envelope)


def encode_events(envelope: Envelope) -> bytes:
    """Write an envelope.

    :raises EnvelopeError: an event holds what msgpack cannot.
    """
    try:
        return _encoder.encode(envelope)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise EnvelopeError(f"events of {envelope.stage!r} cannot be written: {error}") from error


def decode_events(data: bytes | memoryview) -> Envelope:
    """Read an envelope.

    :raises EnvelopeError: anything but what `encode_events` wrote, whatever is wrong with it.
    """
    try:
        envelope = _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise EnvelopeError(f"not an envelope of events: {error}") from error
    if envelope.v != ENVELOPE_VERSION:
        raise EnvelopeError(f"envelope version is {envelope.v}; this reader knows {ENVELOPE_VERSION}")
    return envelope


def by_kind(events: Sequence[Event], at_most: int = 500) -> Iterator[tuple[str, int, tuple[Event, ...]]]:
    """Cut a step's outputs into runs of one kind, order kept: (kind, index of the first, events)."""
    index = 0
    for kind, group in groupby(events, key=kind_of):
        run = tuple(group)
        for start in range(0, len(run), at_most):
            yield kind, index + start, run[start : start + at_most]
        index += len(run)
