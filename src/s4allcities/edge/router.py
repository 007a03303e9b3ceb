"""The HTTP door for devices: ``POST /api/v1/observations``."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from litestar import Request, Response, Router, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotAuthorizedException, ValidationException
from litestar.params import FromQuery, RawBody
from msgspec import Struct

from s4allcities.domain import Clock, Event, Rejected, derived_ulid

from .http import MAX_BODY_BYTES, ParsedBody, RejectedItem, parse_body

__all__ = (
    "AT_ONCE",
    "HttpDoor",
    "Taken",
    "batched",
    "observations_router",
    "take_observations",
)

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")

AT_ONCE = 500
"""Messages on their way to the bus at once: a body of thousands takes as long as its bytes, not as its round trips."""


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """What the route needs: ``authenticate`` gives the sensor a caller may speak for ("*" for any), or None;
    ``publish_raws`` takes (family, sensor, data) and returns when all are durable; ``publish`` records what was
    rejected.
    """

    authenticate: Callable[[AnyRequest], Awaitable[str | None]]
    publish_raws: Callable[[Sequence[tuple[str, str, bytes]]], Awaitable[None]]
    publish: Callable[[Sequence[Event]], Awaitable[None]]
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


def _records(door: HttpDoor, sensor: str, items: Sequence[RejectedItem]) -> list[Event]:
    now_us = door.clock.now_us()
    return [
        Rejected(
            id=derived_ulid(now_us, "http", sensor, item.index, number),
            t_us=now_us,
            source=f"http/{sensor}",
            reason=item.reason.partition(":")[0],
            detail=item.reason,
        )
        for number, item in enumerate(items)
    ]


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most ``size``.

    >>> list(batched("abc", 2))
    ['ab', 'c']
    """
    return (items[begin : begin + size] for begin in range(0, len(items), size))


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
    for part in batched(parsed.accepted, AT_ONCE):
        await door.publish_raws([(item.family, item.sensor, item.data) for item in part])
    for refused in batched(parsed.rejected, AT_ONCE):
        await door.publish(_records(door, own or "any", refused))
    if not parsed.accepted and not parsed.rejected:
        raise HTTPException("The body holds no reading: send an object, a list or NDJSON.", status_code=400)
    taken = Taken(accepted=len(parsed.accepted), rejected=parsed.rejected)
    return Response(taken, status_code=201 if parsed.accepted else 400)


def observations_router() -> Router:
    """Give the route under ``/api/v1``; the application provides ``door``."""
    return Router(path="/api/v1", route_handlers=[take_observations], tags=["devices"])
