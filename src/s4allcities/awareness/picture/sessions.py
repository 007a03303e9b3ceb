"""Signing in and out."""

from typing import Annotated, Any

from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
    ValidationException,
)
from litestar.params import JSONBody
from msgspec import Meta, Struct

from .auth import COOKIE, SECURE_COOKIE, Gate, Person, person_of, requires, session_of
from .errors import TooMany
from .services import PictureServices
from .throttle import Throttle

__all__ = (
    "SignIn",
    "sessions_router",
    "sign_in",
    "sign_out",
    "who_am_i",
)

AnyRequest = Request[Any, Any, Any]
Short = Annotated[str, Meta(max_length=256)]


class SignIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either the token of a one-time link, or name and password."""

    token: Short = ""
    name: Short = ""
    password: Annotated[str, Meta(max_length=1024)] = ""


@get("/session", raises=[NotAuthorizedException])
async def who_am_i(request: AnyRequest) -> Person:
    """Tell who is signed in, and the token that changes must carry."""
    return person_of(request)


@post("/session", raises=[ValidationException, NotAuthorizedException, TooMany])
async def sign_in(
    data: JSONBody[SignIn], request: AnyRequest, services: NamedDependency[PictureServices]
) -> Response[Person]:
    """Open a session by a one-time link or by name and password. Too many failures from one address have to wait."""
    gate: Gate = request.app.state.gate
    if bool(data.token) == bool(data.name):
        raise HTTPException("Give either token, or name and password.", status_code=400)
    _check_tries(request, services)
    found = await (gate.by_token(data.token) if data.token else gate.by_password(data.name, data.password))
    if found is None:
        failures: Throttle = request.app.state.failures
        failures.take(_address(request), services.clock.now_us())
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


@delete("/session", guards=[requires()], raises=[NotAuthorizedException, PermissionDeniedException])
async def sign_out(request: AnyRequest) -> None:
    """End the session."""
    gate: Gate = request.app.state.gate
    await gate.end(session_of(request))


def _address(request: AnyRequest) -> str:
    return request.client.host if request.client else ""


def _check_tries(request: AnyRequest, services: PictureServices) -> None:
    failures: Throttle = request.app.state.failures
    wait_s = failures.wait_s(_address(request), services.clock.now_us())
    if wait_s:
        raise TooMany(
            f"Too many failed sign-ins from this address: try again in {wait_s} s.",
            headers={"retry-after": str(wait_s)},
        )


def sessions_router() -> Router:
    """Give the routes under ``/api/v1``."""
    return Router(path="/api/v1", route_handlers=[who_am_i, sign_in, sign_out], tags=["session"])
