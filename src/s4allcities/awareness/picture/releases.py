"""Public warnings: one person asks, a second one decides; nothing public leaves before that."""

from typing import Any, Protocol, runtime_checkable

from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, ValidationException
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from .auth import Gate, person_of, requires
from .errors import Conflict
from .inputs import Ident, Remark

__all__ = (
    "Decision",
    "ReleaseDesk",
    "ReleaseRequest",
    "ReleaseView",
    "ask_release",
    "confirm_release",
    "open_releases",
    "refuse_release",
    "releases_router",
)

RAISES = [ValidationException, NotAuthorizedException, PermissionDeniedException, Conflict]
AnyRequest = Request[Any, Any, Any]


class ReleaseRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask that the message of an order be made public."""

    order_id: Ident


class Decision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a release is refused."""

    reason: Remark


class ReleaseView(Struct, frozen=True, kw_only=True):
    """A release as it stands; ``file`` is the public message once there is one."""

    id: str
    order_id: str
    state: str
    asked_by: str
    decided_by: str = ""
    reason: str = ""
    file: str = ""


@runtime_checkable  # the web framework checks what it is given
class ReleaseDesk(Protocol):
    """Runs releases. Each method raises ValueError with one line when it must not be."""

    async def ask(self, order_id: str, by: str, role: str) -> ReleaseView:
        """Ask."""

    async def confirm(self, release_id: str, by: str, role: str) -> ReleaseView:
        """Confirm as a second person; writes the public message."""

    async def refuse(self, release_id: str, by: str, role: str, reason: str) -> ReleaseView:
        """Refuse as a second person."""

    async def open(self) -> list[ReleaseView]:
        """Give those that wait."""


async def _refused(request: AnyRequest, action: str, error: ValueError) -> Conflict:
    gate: Gate = request.app.state.gate
    await gate.refused(person_of(request).name, action, str(error))
    return Conflict(str(error))


@get(
    "/releases", guards=[requires("picture.read")], raises=[NotAuthorizedException, PermissionDeniedException]
)
async def open_releases(desk: NamedDependency[ReleaseDesk]) -> list[ReleaseView]:
    """List the releases that wait for a second person."""
    return await desk.open()


@post("/releases", guards=[requires("releases.ask")], raises=RAISES)
async def ask_release(
    data: JSONBody[ReleaseRequest], request: AnyRequest, desk: NamedDependency[ReleaseDesk]
) -> ReleaseView:
    """Ask that an order's message be made public; a second person must confirm."""
    person = person_of(request)
    try:
        return await desk.ask(data.order_id, person.name, person.role)
    except ValueError as error:
        raise await _refused(request, "releases.ask", error) from None


@post("/releases/{release_id:str}/confirm", guards=[requires("releases.confirm")], raises=RAISES)
async def confirm_release(
    release_id: FromPath[str], request: AnyRequest, desk: NamedDependency[ReleaseDesk]
) -> ReleaseView:
    """Confirm as a second person: the public message is written."""
    person = person_of(request)
    try:
        return await desk.confirm(release_id, person.name, person.role)
    except ValueError as error:
        raise await _refused(request, "releases.confirm", error) from None


@post("/releases/{release_id:str}/refuse", guards=[requires("releases.confirm")], raises=RAISES)
async def refuse_release(
    release_id: FromPath[str],
    data: JSONBody[Decision],
    request: AnyRequest,
    desk: NamedDependency[ReleaseDesk],
) -> ReleaseView:
    """Refuse as a second person."""
    person = person_of(request)
    try:
        return await desk.refuse(release_id, person.name, person.role, data.reason)
    except ValueError as error:
        raise await _refused(request, "releases.confirm", error) from None


def releases_router() -> Router:
    """Give the routes under ``/api/v1``; the application provides ``desk``."""
    handlers = [open_releases, ask_release, confirm_release, refuse_release]
    return Router(path="/api/v1", route_handlers=handlers, tags=["releases"])
