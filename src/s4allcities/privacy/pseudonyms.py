"""Pseudonyms: a keyed hash whose salt lives in memory only and changes, so that nobody can be followed for long."""

import hmac
import os
from collections.abc import Callable
from hashlib import sha256

__all__ = ("Pseudonyms",)

_US = 1_000_000


class Pseudonyms:
    """Gives the same name to the same thing within one period, another in the next.

    The salt (32 random bytes) is never written: after the period, or a restart, nothing leads back, not even with the
    list of all possible inputs.

    >>> names = Pseudonyms(rotate_s=3600, random_bytes=lambda n: bytes(n))
    >>> names.of("aa:bb:cc", 0) == names.of("aa:bb:cc", 3_599_000_000)
    True

    :raises ValueError: a period of a day or more, or none.
    """

    def __init__(
        self, *, rotate_s: float = 3600.0, random_bytes: Callable[[int], bytes] = os.urandom
    ) -> None:
        if not 0 < rotate_s <= 86_400:
            raise ValueError(f"rotate_s is {rotate_s}; allowed is above 0, up to 86400 (a day)")
        self._period_us = round(rotate_s * _US)
        self._random_bytes = random_bytes
        self._period: int | None = None
        self._salt = b""

    def of(self, text: str, now_us: int) -> str:
        """Give the pseudonym: ``p-`` and 16 hex digits. ``now_us`` is the platform's time, which does not go back."""
        period = now_us // self._period_us
        if self._period is None or period > self._period:
            self._period, self._salt = period, self._random_bytes(32)
        return "p-" + hmac.new(self._salt, text.encode(), sha256).hexdigest()[:16]
