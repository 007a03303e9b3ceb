"""Sessions kept by the server: a random id in a cookie, its hash in the store, a token against forged requests."""

import hmac
from collections.abc import Callable
from hashlib import sha256
from secrets import token_urlsafe
from typing import Protocol

import msgspec

from s4allcities.domain import Clock

__all__ = ("Session", "SessionStore", "Sessions", "StartedSession")

_US = 1_000_000
_TOUCH_EVERY = 20
"""A session's last use is written at most this often in an idle period, to spare the disk."""


class SessionStore(Protocol):
    """Keeps sessions by the hash of their id."""

    async def put_session(self, id_hash: bytes, name: str, t_us: int) -> None:
        """Keep a session that starts now."""

    async def session(self, id_hash: bytes) -> tuple[str, str, int, int] | None:
        """Give (name, role, start, last seen) of an enabled account's session, or None."""

    async def touch_session(self, id_hash: bytes, t_us: int) -> None:
        """Note that a session is in use."""

    async def drop_session(self, id_hash: bytes) -> bool:
        """End one session."""

    async def drop_sessions_before(self, t_seen_us: int, t_start_us: int) -> int:
        """Remove sessions last seen or started before these times."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. ``csrf`` must come in header ``x-csrf-token`` with every change of state."""

    name: str
    role: str
    csrf: str
    t_start_us: int
    t_expires_us: int

    def __repr__(self) -> str:  # the token never reaches a log
        return f"Session(name={self.name!r}, role={self.role!r})"


class StartedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A new session and its id: for the cookie only, never kept or logged."""

    id: str
    session: Session

    def __repr__(self) -> str:  # ids never reach a log
        return f"StartedSession(name={self.session.name!r})"


class Sessions:
    """Starts, finds and ends sessions. They end ``idle_s`` after the last use and ``absolute_s`` after the start."""

    def __init__(
        self,
        store: SessionStore,
        clock: Clock,
        *,
        idle_s: float = 2 * 3600.0,
        absolute_s: float = 12 * 3600.0,
        new_id: Callable[[], str] = lambda: token_urlsafe(32),
    ) -> None:
        self._store = store
        self._clock = clock
        self._idle_us = round(idle_s * _US)
        self._absolute_us = round(absolute_s * _US)
        self._new_id = new_id

    async def start(self, name: str, role: str) -> StartedSession:
        """Start a session for someone who has just logged in. Always a new id: none that came from outside is used."""
        now_us = self._clock.now_us()
        id = self._new_id()
        await self._store.put_session(_hashed(id), name, now_us)
        return StartedSession(id=id, session=self._session(id, name, role, now_us, now_us))

    async def find(self, id: str) -> Session | None:
        """Give the session behind a cookie and count this as use; None if unknown, ended or expired.

        The role is the account's present one.
        """
        hashed = _hashed(id)
        row = await self._store.session(hashed)
        if row is None:
            return None
        name, role, start_us, seen_us = row
        session, now_us = self._session(id, name, role, start_us, seen_us), self._clock.now_us()
        if now_us >= session.t_expires_us:
            await self._store.drop_session(hashed)
            return None
        if now_us - seen_us > self._idle_us // _TOUCH_EVERY:
            await self._store.touch_session(hashed, now_us)
            return self._session(id, name, role, start_us, now_us)
        return session

    async def end(self, id: str) -> bool:
        """Log out; False if there was no such session."""
        return await self._store.drop_session(_hashed(id))

    async def sweep(self) -> int:
        """Remove what has expired; give how many."""
        now_us = self._clock.now_us()
        return await self._store.drop_sessions_before(now_us - self._idle_us, now_us - self._absolute_us)

    @staticmethod
    def csrf_holds(session: Session, token: str) -> bool:
        """Tell whether a request's token is the session's own, in a time that does not tell where they differ."""
        return hmac.compare_digest(session.csrf.encode(), token.encode())

    def _session(self, id: str, name: str, role: str, start_us: int, seen_us: int) -> Session:
        expires_us = min(seen_us + self._idle_us, start_us + self._absolute_us)
        return Session(name=name, role=role, csrf=_csrf(id), t_start_us=start_us, t_expires_us=expires_us)


def _hashed(id: str) -> bytes:
    return sha256(id.encode()).digest()


def _csrf(id: str) -> str:
    """Derive the token from the id: who does not have the cookie cannot make it, and nothing more need be kept."""
    return hmac.new(id.encode(), b"s4-csrf/1", sha256).hexdigest()
