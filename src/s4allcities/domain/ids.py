"""Identifiers: ULIDs, 26 characters that sort by time.

The 48-bit time part is the event's own time, never the wall clock, so that a record made again after a crash gets the
same id and downstream stores see one record, not two.
"""

from hashlib import blake2b
from random import Random

__all__ = ("derived_ulid", "random_ulid", "ulid_time_us")

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {letter: index for index, letter in enumerate(_ALPHABET)}


def _encode(t_ms: int, tail: int) -> str:
    number = ((t_ms & (1 << 48) - 1) << 80) | tail
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def derived_ulid(t_us: int, *parts: str | int) -> str:
    """Make the id that follows from an event's time and its origin, the same each time it is made.

    ``parts`` name the origin, usually stage, partition, input sequence and index; their hash fills the 80 low bits.

    >>> derived_ulid(1_700_000_000_000_000, "fusion", 0, 7, 0) == derived_ulid(1_700_000_000_000_000, "fusion", 0, 7, 0)
    True
    """
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=10).digest()
    return _encode(t_us // 1000, int.from_bytes(digest))


def random_ulid(t_us: int, random: Random) -> str:
    """Make a fresh id for something that starts with a person or a device, such as an order."""
    return _encode(t_us // 1000, random.getrandbits(80))


def ulid_time_us(ulid: str) -> int:
    """Read the time back, to the millisecond.

    :raises ValueError: not a ULID.
    """
    if len(ulid) != 26 or any(letter not in _VALUE for letter in ulid):
        raise ValueError(f"not a ULID: {ulid!r}; allowed are 26 characters of {_ALPHABET}")
    number = 0
    for letter in ulid:
        number = number << 5 | _VALUE[letter]
    return (number >> 80) * 1000
