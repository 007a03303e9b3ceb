"""Exactly once from at least once: what was taken from stream RAW, and what a device sent twice."""

from collections.abc import Hashable
from hashlib import blake2b

__all__ = ("Memory", "RawLedger", "content_key")

_UNLOCKED = 1800


def content_key(family: str, sensor: str, data: bytes) -> int:
    """Give the 64-bit number that stands for a message in every process: published with the batch, read back later.

    >>> content_key("env", "e1", b"4") == content_key("env", "e1", b"4") != content_key("env", "e14", b"")
    True
    """
    digest = blake2b(b"\0".join((family.encode(), sensor.encode(), data[:_UNLOCKED])), digest_size=8)
    # Python lets go of its lock to hash more at once, and getting it back can take longer than the hash.
    for begin in range(_UNLOCKED, len(data), _UNLOCKED):
        digest.update(data[begin : begin + _UNLOCKED])
    return int.from_bytes(digest.digest())


class Memory:
    """Remembers the last ``size`` keys, and up to twice as many: two sets, of which the older is forgotten at a time.

    A number stands for a key (its 64-bit hash): two different keys are taken for one with a chance below 1 in 10^13
    for a memory of 100,000, and what was said is not kept.

    >>> memory = Memory(2)
    >>> [memory.seen(key) for key in ("a", "b", "a", "c", "d", "e", "a")]
    [False, False, True, False, False, False, False]
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._young: set[int] = set()
        self._old: set[int] = set()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def seen(self, key: Hashable) -> bool:
        """Tell whether the key was seen, and remember it."""
        number = hash(key)
        if number in self._young or number in self._old:
            return True
        if len(self._young) >= self.size:
            self._old, self._young = self._young, set()
        self._young.add(number)
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
