"""Passwords: argon2id, off the event loop, two at a time so that log-ins cannot fill the memory."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ("MIN_LENGTH", "Passwords", "weakness")

T = TypeVar("T")
MIN_LENGTH = 12
_LONGEST = 256
_COMMON = (
    "password",
    "passwort",
    "123456",
    "qwerty",
    "letmein",
    "admin",
    "s4allcities",
    "operator",
    "supervisor",
)


def weakness(password: str, name: str = "") -> str:
    """Say why a password is too weak, in words for people; empty if it will do.

    >>> weakness("short")
    'the password has 5 characters; allowed are 12 to 256'
    """
    if not MIN_LENGTH <= len(password) <= _LONGEST:
        return f"the password has {len(password)} characters; allowed are {MIN_LENGTH} to {_LONGEST}"
    if len(set(password)) < 5:
        return "the password repeats a few characters; use more different ones"
    rest = password.casefold()
    for word in (*_COMMON, name.casefold()):
        rest = rest.replace(word, "") if word else rest
    if len(rest) < MIN_LENGTH // 2:
        return "the password is a common word or the name with little added; choose another"
    return ""


class Passwords:
    """Hashes and checks passwords in two threads of its own.

    The default costs 64 MiB and some tenths of a second each, which is the point.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="passwords")
        self._decoy = ""

    async def hash(self, password: str) -> str:
        """Give the hash to keep."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, kept: str, password: str) -> bool:
        """Tell whether the password is the one. An empty ``kept`` is never right and takes as long as any other."""
        return await self._run(lambda: self._verify(kept, password))

    def needs_rehash(self, kept: str) -> bool:
        """Tell whether the hash was made with weaker settings than now."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _verify(self, kept: str, password: str) -> bool:
        if not kept:
            self._decoy = self._decoy or self._hasher.hash("nobody")
        try:
            self._hasher.verify(kept or self._decoy, password[: 4 * _LONGEST])
            return bool(kept)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
