"""What is read: the site, the picture and its live changes, a sensor's history, rejected input, the accounting."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

from litestar import Response, Router, WebSocket, get, websocket
from litestar.di import NamedDependency
from litestar.exceptions import (
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
    ValidationException,
    WebSocketDisconnect,
)
from litestar.params import FromPath, FromQuery
from msgspec import Meta

from s4allcities.domain import US_PER_S, json_schemas

from .auth import Gate, requires, session_of
from .services import PictureServices

__all__ = (
    "accounting",
    "assurance",
    "assurance_report",
    "live",
    "plan_options",
    "record_schemas",
    "rejected_input",
    "sensor_history",
    "sensor_usual",
    "the_picture",
    "the_site",
    "views_router",
)

MAX_MINUTES = 24 * 60
SESSION_LOOK_S = 5.0
SIGNED_OUT = 4401
AnySocket = WebSocket[Any, Any, Any]


@get("/site", guards=[requires()], raises=[NotAuthorizedException])
async def the_site(services: NamedDependency[PictureServices]) -> Response[bytes]:
    """Give the site's levels and GeoJSON collections."""
    return Response(services.site_json, media_type="application/json", headers={"cache-control": "no-cache"})


@get("/picture", guards=[requires()], raises=[NotAuthorizedException])
async def the_picture(services: NamedDependency[PictureServices]) -> dict[str, Any]:
    """Give the whole picture as the live socket would, in JSON."""
    hub = services.hub
    return {
        "type": "snapshot",
        "epoch": hub.epoch,
        "seq": hub.number,
        "t_us": services.clock.now_us(),
        "picture": hub.picture.snapshot(),
    }


@get(
    "/sensors/{sensor:str}/history",
    guards=[requires()],
    raises=[NotAuthorizedException, ValidationException],
)
async def sensor_history(
    sensor: FromPath[str], services: NamedDependency[PictureServices], minutes: FromQuery[int] = 15
) -> dict[str, list[tuple[int, float]]]:
    """Give a sensor's readings of the last minutes, by quantity."""
    now_us = services.clock.now_us()
    span_us = max(1, min(minutes, MAX_MINUTES)) * 60 * US_PER_S
    return await services.history(sensor, now_us - span_us, now_us + US_PER_S)


@get(
    "/sensors/{sensor:str}/usual",
    guards=[requires()],
    raises=[NotAuthorizedException, ValidationException],
)
async def sensor_usual(
    sensor: FromPath[str], services: NamedDependency[PictureServices], minutes: FromQuery[int] = 60
) -> dict[str, list[tuple[int, float, float | None, float | None, str]]]:
    """Give a sensor's readings of the last minutes, by quantity, each with the band of what was usual and, where
    something unusual began, why.
    """
    now_us = services.clock.now_us()
    span_us = max(1, min(minutes, MAX_MINUTES)) * 60 * US_PER_S
    found = await services.history(sensor, now_us - span_us, now_us + US_PER_S)
    return {name: await asyncio.to_thread(services.usual, rows) for name, rows in found.items()}


@get("/assurance", guards=[requires("history.read")], raises=[NotAuthorizedException, NotFoundException])
async def assurance(services: NamedDependency[PictureServices]) -> Response[bytes]:
    """Give the newest trial of the detectors on this own history: what attacks would have been missed."""
    return await _trial(services, "json", {})


@get(
    "/assurance/report", guards=[requires("history.read")], raises=[NotAuthorizedException, NotFoundException]
)
async def assurance_report(services: NamedDependency[PictureServices]) -> Response[bytes]:
    """Give the same as one HTML page to keep or to print."""
    return await _trial(
        services, "html", {"content-disposition": 'attachment; filename="detection-assurance.html"'}
    )


async def _trial(services: PictureServices, form: str, headers: dict[str, str]) -> Response[bytes]:
    found = await asyncio.to_thread(services.assurance, form)
    if found is None:
        raise NotFoundException(
            "The detectors were not tried on this history yet: `s4 assure` does it now, assure.nightly every night."
        )
    media_type = "application/json" if form == "json" else "text/html"
    return Response(found, media_type=media_type, headers={"cache-control": "no-cache", **headers})


@get("/plan/options", guards=[requires()], raises=[NotAuthorizedException, ValidationException])
async def plan_options(
    services: NamedDependency[PictureServices], closed: FromQuery[Annotated[str, Meta(max_length=500)]] = ""
) -> dict[str, Any]:
    """Give the four responses side by side, routes, words to say and exits, for what the picture shows now.

    ``closed`` names exits to do without, by letter or slug, with commas between them.
    """
    try:
        return await services.plans(closed)
    except ValueError as error:
        raise ValidationException(str(error)) from None


@get("/rejected", guards=[requires()], raises=[NotAuthorizedException])
async def rejected_input(services: NamedDependency[PictureServices]) -> dict[str, Any]:
    """Give the newest rejected input with reasons, and how often each reason came up."""
    picture = services.hub.picture
    return {"by_reason": picture.rejected_by_reason, "newest": list(picture.rejected)[::-1]}


@get("/accounting", guards=[requires()], raises=[NotAuthorizedException])
async def accounting(services: NamedDependency[PictureServices]) -> dict[str, Any]:
    """Say what became of every device message: decided, rejected, expired, in flight; and which stage lags."""
    return await services.accounting()


@get("/schemas", guards=[requires()], raises=[NotAuthorizedException])
async def record_schemas() -> dict[str, Any]:
    """Give the JSON Schema of every record."""
    return json_schemas()


@websocket("/live", guards=[requires()])
async def live(socket: AnySocket, services: NamedDependency[PictureServices]) -> None:
    """Stream the picture: a snapshot or what was missed since ``epoch`` and ``after``, then numbered deltas.

    Closed with code 4401 when the session has ended.
    """
    if not _same_origin(socket):
        raise PermissionDeniedException("The page of another site may not look at the picture.")
    await socket.accept()
    epoch = str(socket.query_params.get("epoch", ""))
    try:
        after = int(socket.query_params.get("after", 0))
    except ValueError:
        after = 0
    tasks = [
        asyncio.create_task(_send(socket, services, epoch, after)),
        asyncio.create_task(_until_gone(socket)),
        asyncio.create_task(_until_signed_out(socket)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _same_origin(socket: AnySocket) -> bool:
    """Browsers name the page's origin; other programs none."""
    origin = socket.headers.get("origin", "")
    return not origin or origin.partition("://")[2] == socket.headers.get("host", "")


async def _until_gone(socket: AnySocket) -> None:
    """Read and forget what the page says, until it is gone."""
    with suppress(WebSocketDisconnect):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass


async def _until_signed_out(socket: AnySocket) -> None:
    """Look now and then whether the session still lives; an open page counts as use of it."""
    gate: Gate = socket.app.state.gate
    while await gate.person(session_of(socket)) is not None:  # noqa: ASYNC110 - the end of a session makes no sound
        await asyncio.sleep(SESSION_LOOK_S)
    await socket.close(code=SIGNED_OUT)


async def _send(socket: AnySocket, services: PictureServices, epoch: str, after: int) -> None:
    frames = services.hub.frames(epoch, after, services.clock.now_us)
    try:
        async for frame in frames:
            await socket.send_bytes(frame)
    finally:
        await frames.aclose()


def views_router() -> Router:
    """Give the routes under ``/api/v1``."""
    handlers = [
        the_site,
        the_picture,
        sensor_history,
        sensor_usual,
        assurance,
        assurance_report,
        plan_options,
        rejected_input,
        accounting,
        record_schemas,
        live,
    ]
    return Router(path="/api/v1", route_handlers=handlers, tags=["picture"])
