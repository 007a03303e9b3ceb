"""Which outputs of which stage have been seen: the exact end of doubles, however late they come."""

from msgspec import Struct

from .envelope import Envelope

__all__ = ("Origins", "Watermark")


class Watermark(Struct, array_like=True):
    """How far one (stage, partition) has been seen: its last input sequence, and which outputs of that input."""

    epoch: int
    sequence: int
    indices: set[int]


class Origins:
    """Remembers one watermark for each (stage, partition).

    A stage publishes the outputs of one input before it takes the next, so anything at or below the watermark has been
    here. Envelopes without an input sequence (API, edge) are not watched: the server knows them by their ids.
    """

    def __init__(self, marks: dict[str, Watermark] | None = None) -> None:
        self.marks = marks or {}
        self.dropped = 0

    def first_seen(self, envelope: Envelope) -> bool:
        """Tell whether an envelope is new, and remember it."""
        if envelope.sequence <= 0:
            return True
        key = f"{envelope.stage}.{envelope.partition}"
        mark = self.marks.get(key)
        if mark is None or mark.epoch != envelope.epoch or envelope.sequence > mark.sequence:
            self.marks[key] = Watermark(envelope.epoch, envelope.sequence, {envelope.index})
            return True
        if envelope.sequence < mark.sequence or envelope.index in mark.indices:
            self.dropped += 1
            return False
        mark.indices.add(envelope.index)
        return True
