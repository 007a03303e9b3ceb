"""Who asks: the session cookie becomes a person, every change needs the session's token, every refusal is logged."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

__all__ = (
    "COOKIE",
    "CSRF_HEADER",
    "Gate",
    "Person",
    "SessionMiddleware",
    "person_of",
    "requires",
    "session_of",
)

COOKIE = "s4_session"
SECURE_COOKIE = "__Host-s4_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Person(Struct, frozen=True, kw_only=True):
    """A signed-in account, as far as the API needs to know it."""

    name: str
    role: str
    csrf: str = ""


class Gate(Protocol):
    """What the API asks `security`."""

    async def person(self, session: str) -> Person | None:
        """Give the person of a live session, or None."""

    def allows(self, person: Person, action: str) -> bool:
        """Tell whether the person's role may do this."""

    async def refused(self, who: str, action: str, reason: str) -> None:
        """Log a refusal."""

    async def by_token(self, token: str) -> tuple[str, Person] | None:
        """Open a session by a one-time link: (session id, person)."""

    async def by_password(self, name: str, password: str) -> tuple[str, Person] | None:
        """Open a session by name and password."""

    async def end(self, session: str) -> None:
        """Close a session."""

    async def device(self, authorization: str) -> str | None:
        """Give the device of an HTTP basic authorisation header, or None."""


def person_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Person:
    """Give who asks.

    :raises NotAuthorizedException: nobody is signed in, or the session has ended.
    """
    person = connection.scope.get("user")
    if not isinstance(person, Person):
        raise NotAuthorizedException("Not signed in, or the session has ended: sign in again.")
    return person


Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


def requires(action: str = "") -> Guard:
    """Make a guard: someone is signed in, a change carries the session's token, and the role may do ``action``."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        gate: Gate = connection.app.state.gate
        person = connection.scope.get("user")
        if not isinstance(person, Person):
            await gate.refused("nobody", action or connection.url.path, "not signed in or session ended")
            raise NotAuthorizedException("Not signed in, or the session has ended: sign in again.")
        method = connection.scope.get("method", "GET")
        if method not in _SAFE and not _csrf_holds(connection, person):
            await gate.refused(person.name, action or connection.url.path, "no or wrong CSRF token")
            raise PermissionDeniedException(
                f"The header {CSRF_HEADER} is missing or wrong: load the page again."
            )
        if action and not gate.allows(person, action):
            await gate.refused(person.name, action, f"role {person.role} may not")
            raise PermissionDeniedException(f"Your role ({person.role}) may not do this ({action}).")

    return guard


def _csrf_holds(connection: ASGIConnection[Any, Any, Any, Any], person: Person) -> bool:
    given = connection.headers.get(CSRF_HEADER, "")
    return bool(person.csrf) and hmac.compare_digest(given.encode(), person.csrf.encode())


def session_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Give the session id in the cookie, or nothing."""
    return connection.cookies.get(SECURE_COOKIE) or connection.cookies.get(COOKIE) or ""


class SessionMiddleware:
    """Puts the `Person` of the session cookie into the request."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Resolve the cookie, then go on."""
        if scope["type"] in ("http", "websocket"):
            session = session_of(ASGIConnection[Any, Any, Any, Any](scope))
            scope["user"] = await self._gate.person(session) if session else None
        await self._app(scope, receive, send)
