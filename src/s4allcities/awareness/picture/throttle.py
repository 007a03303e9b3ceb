"""Counting tries: who tries too often has to wait."""

from collections import deque

__all__ = ("Throttle",)

_US = 1_000_000
_MOST_KEYS = 10_000


class Throttle:
    """Lets each key do something ``most`` times in ``window_s`` seconds. Times are microseconds, passed in.

    >>> throttle = Throttle(most=2, window_s=60)
    >>> [throttle.take("a", 0), throttle.take("a", 0), throttle.take("a", 0), throttle.wait_s("a", 0)]
    [True, True, False, 60]
    """

    def __init__(self, *, most: int, window_s: float) -> None:
        self._most = most
        self._window_us = round(window_s * _US)
        self._tries: dict[str, deque[int]] = {}

    def wait_s(self, key: str, now_us: int) -> int:
        """Give the seconds until the key may try again; 0 = now."""
        tries = self._recent(key, now_us)
        if len(tries) < self._most:
            return 0
        return max(1, -(-(tries[0] + self._window_us - now_us) // _US))

    def take(self, key: str, now_us: int) -> bool:
        """Count a try; False if it is one too many, which does not make the wait longer."""
        if self.wait_s(key, now_us):
            return False
        if key not in self._tries and len(self._tries) >= _MOST_KEYS:
            self._forget(now_us)
        self._tries.setdefault(key, deque()).append(now_us)
        return True

    def _recent(self, key: str, now_us: int) -> deque[int]:
        tries = self._tries.get(key, deque())
        while tries and tries[0] <= now_us - self._window_us:
            tries.popleft()
        return tries

    def _forget(self, now_us: int) -> None:
        """Make room: keys that may try anyway first, then all (someone makes up keys)."""
        self._tries = {key: tries for key, tries in self._tries.items() if self._recent(key, now_us)}
        if len(self._tries) >= _MOST_KEYS:
            self._tries.clear()
