"""Exactly once from at least once: what was taken from stream RAW, and what a device sent twice."""

from collections import OrderedDict

__all__ = ("Memory", "RawLedger")


class Memory:
    """Remembers the last ``size`` keys.

    >>> memory = Memory(2)
    >>> [memory.seen(key) for key in ("a", "b", "a", "c", "b")]
    [False, False, True, False, False]
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._keys: OrderedDict[object, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._keys)

    def seen(self, key: object) -> bool:
        """Tell whether the key was seen, and remember it; being seen again makes it young again."""
        if key in self._keys:
            self._keys.move_to_end(key)
            return True
        self._keys[key] = None
        if len(self._keys) > self.size:
            self._keys.popitem(last=False)
        return False


class RawLedger:
    """Which places of stream RAW were delivered, are being packed, or expired before they could be.

    The bus delivers in order and leaves nothing out that is still there, so a gap is what expired. ``floor`` is the
    highest place known to be accounted for before this process started: gaps up to it are no news.

    >>> ledger = RawLedger(floor=2)
    >>> [ledger.take(sequence) for sequence in (1, 5, 5)], ledger.expired
    ([True, True, False], 2)
    """

    def __init__(self, floor: int = 0) -> None:
        self.floor = floor
        self.highest = 0
        self.expired = 0
        self.pending: set[int] = set()

    def take(self, sequence: int) -> bool:
        """Take a delivery; False when it was delivered to this process before."""
        if sequence <= self.highest:
            return False
        self.expired += max(0, sequence - max(self.highest, self.floor) - 1)
        self.highest = sequence
        self.pending.add(sequence)
        return True

    def done(self, sequence: int) -> None:
        """Note that a delivery is accounted for and acknowledged."""
        self.pending.discard(sequence)
