"""The API's gate, made of the security room's accounts, sessions, roles and device credentials."""

import base64
from collections.abc import Awaitable, Callable

import structlog

from s4allcities.awareness.picture import Person, Throttle
from s4allcities.domain import Clock
from s4allcities.security.authorisation import may
from s4allcities.security.credentials import DeviceCredentials
from s4allcities.security.sessions import Sessions, StartedSession
from s4allcities.security.users import Users

__all__ = ("SecurityGate",)

log = structlog.get_logger(__name__)

Refuse = Callable[[str, str, str], Awaitable[None]]


class SecurityGate:
    """Satisfies `awareness.picture.Gate`. ``on_refusal`` enters a refusal in the ledger.

    Every refusal is logged and counted in ``refusals``. The ledger gets the same one (who, action, reason) once a
    minute, and at most 120 a minute: nobody can fill the disk by being refused.
    """

    def __init__(
        self,
        users: Users,
        sessions: Sessions,
        credentials: DeviceCredentials,
        on_refusal: Refuse,
        clock: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._credentials = credentials
        self._on_refusal = on_refusal
        self._clock = clock
        self._same = Throttle(most=1, window_s=60.0)
        self._all = Throttle(most=120, window_s=60.0)
        self.refusals = 0

    async def person(self, session: str) -> Person | None:
        """Give the person of a live session, or None."""
        found = await self._sessions.find(session)
        return None if found is None else Person(name=found.name, role=found.role, csrf=found.csrf)

    def allows(self, person: Person, action: str) -> bool:
        """Tell whether the person's role may do this."""
        return may(person.role, action)

    async def refused(self, who: str, action: str, reason: str) -> None:
        """Log a refusal and enter it in the ledger."""
        self.refusals += 1
        log.warning("refused", who=who[:64], action=action[:64], reason=reason)
        now_us = self._clock.now_us()
        if self._same.take(f"{who}\x1f{action}\x1f{reason}", now_us) and self._all.take("", now_us):
            await self._on_refusal(who, action, reason)

    async def by_token(self, token: str) -> tuple[str, Person] | None:
        """Open a session by a one-time link."""
        account = await self._users.log_in_with_link(token)
        return None if account is None else _opened(await self._sessions.start(account.name, account.role))

    async def by_password(self, name: str, password: str) -> tuple[str, Person] | None:
        """Open a session by name and password."""
        account = await self._users.log_in(name, password)
        return None if account is None else _opened(await self._sessions.start(account.name, account.role))

    async def end(self, session: str) -> None:
        """Close a session."""
        await self._sessions.end(session)

    async def device(self, authorization: str) -> str | None:
        """Give the device of an HTTP basic authorisation header, or None if it is wrong."""
        kind, _, encoded = authorization.partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:  # not base64, not UTF-8
            return None
        return name if self._credentials.check(name, password) else None


def _opened(started: StartedSession) -> tuple[str, Person]:
    session = started.session
    return started.id, Person(name=session.name, role=session.role, csrf=session.csrf)
