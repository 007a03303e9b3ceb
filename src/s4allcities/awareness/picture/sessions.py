"""Signing in and out."""

from typing import Any

from litestar import Request, Response, Router, delete, get, post
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.params import JSONBody
from msgspec import Struct

from .auth import COOKIE, SECURE_COOKIE, Gate, Person, person_of, requires

__all__ = ("SignIn", "sessions_router")

AnyRequest = Request[Any, Any, Any]


class SignIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either the token of a one-time link, or name and password."""

    token: str = ""
    name: str = ""
    password: str = ""


@get("/session")
async def who_am_i(request: AnyRequest) -> Person:
    """Tell who is signed in, and the token that changes must carry."""
    return person_of(request)


@post("/session")
async def sign_in(data: JSONBody[SignIn], request: AnyRequest) -> Response[Person]:
    """Open a session by a one-time link or by name and password."""
    gate: Gate = request.app.state.gate
    if bool(data.token) == bool(data.name):
        raise HTTPException("Give either token, or name and password.", status_code=400)
    found = await (gate.by_token(data.token) if data.token else gate.by_password(data.name, data.password))
    if found is None:
        await gate.refused(data.name or "one-time link", "sign-in", "unknown, used or expired")
        raise NotAuthorizedException("Unknown, used or expired: ask for a new link or check the password.")
    session, person = found
    response = Response(person, status_code=201)
    secure = request.url.scheme == "https"
    response.set_cookie(
        key=SECURE_COOKIE if secure else COOKIE,
        value=session,
        httponly=True,
        samesite="strict",
        secure=secure,
        path="/",
    )
    return response


@delete("/session", guards=[requires()])
async def sign_out(request: AnyRequest) -> None:
    """End the session."""
    gate: Gate = request.app.state.gate
    await gate.end(request.cookies.get(SECURE_COOKIE) or request.cookies.get(COOKIE) or "")


def sessions_router() -> Router:
    """Give the routes under ``/api/v1``."""
    return Router(path="/api/v1", route_handlers=[who_am_i, sign_in, sign_out], tags=["session"])
