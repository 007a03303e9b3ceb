"""The HTTP door for devices: ``POST /api/v1/observations``."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, Router, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotAuthorizedException, ValidationException
from litestar.params import FromQuery, RawBody
from msgspec import Struct

from s4allcities.domain import Clock, Event, Rejected, derived_ulid

from .http import MAX_BODY_BYTES, ParsedBody, RejectedItem, parse_body

__all__ = (
    "HttpDoor",
    "Taken",
    "observations_router",
    "take_observations",
)

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """What the route needs: ``authenticate`` gives the sensor a caller may speak for ("*" for any), or None;
    ``publish_raw`` returns when the message is durable; ``publish`` records what was rejected.
    """

    authenticate: Callable[[AnyRequest], Awaitable[str | None]]
    publish_raw: Callable[[str, str, bytes], Awaitable[int]]
    publish: Callable[[Event], Awaitable[int]]
    clock: Clock


class Taken(Struct, frozen=True, kw_only=True):
    """What became of a body: how many messages are safe with us, and which items were not taken and why."""

    accepted: int
    rejected: tuple[RejectedItem, ...] = ()


def _own(parsed: ParsedBody, sensor: str) -> ParsedBody:
    """Refuse items in the name of another sensor."""
    if sensor == "*":
        return parsed
    foreign = tuple(
        RejectedItem(item.index, f"sensor {item.sensor!r}: your credential speaks for {sensor!r} only")
        for item in parsed.accepted
        if item.sensor != sensor
    )
    own = tuple(item for item in parsed.accepted if item.sensor == sensor)
    return ParsedBody(own, tuple(sorted((*parsed.rejected, *foreign), key=lambda item: item.index)))


async def _record(door: HttpDoor, sensor: str, item: RejectedItem, number: int) -> None:
    now_us = door.clock.now_us()
    await door.publish(
        Rejected(
            id=derived_ulid(now_us, "http", sensor, item.index, number),
            t_us=now_us,
            source=f"http/{sensor}",
            reason=item.reason.partition(":")[0],
            detail=item.reason,
        )
    )


@post(
    "/observations",
    request_max_body_size=MAX_BODY_BYTES,
    raises=[ValidationException, NotAuthorizedException],
)
async def take_observations(
    request: AnyRequest,
    body: RawBody,
    door: NamedDependency[HttpDoor],
    family: FromQuery[str] = "",
    sensor: FromQuery[str] = "",
) -> Response[Taken]:
    """Take one reading, a list or NDJSON. 201: all of ``accepted`` is on disk; 400: nothing of the body was taken."""
    speaks_for = await door.authenticate(request)
    if speaks_for is None:
        raise NotAuthorizedException("Give the device's name and password (basic authorisation).")
    own = speaks_for if speaks_for != "*" else ""
    parsed = _own(parse_body(body, family=family, sensor=sensor or own), speaks_for)
    for item in parsed.accepted:
        await door.publish_raw(item.family, item.sensor, item.data)
    for number, refused in enumerate(parsed.rejected):
        await _record(door, own or "any", refused, number)
    if not parsed.accepted and not parsed.rejected:
        raise HTTPException("The body holds no reading: send an object, a list or NDJSON.", status_code=400)
    taken = Taken(accepted=len(parsed.accepted), rejected=parsed.rejected)
    return Response(taken, status_code=201 if parsed.accepted else 400)


def observations_router() -> Router:
    """Give the route under ``/api/v1``; the application provides ``door``."""
    return Router(path="/api/v1", route_handlers=[take_observations], tags=["devices"])
