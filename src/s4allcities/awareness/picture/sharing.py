"""What a partner asks for: a sensor's last readings, as emergency call centres want, each disclosure on record."""

from typing import Annotated, Any

from litestar import Request, Router, post
from litestar.di import NamedDependency
from litestar.exceptions import (
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
    ValidationException,
)
from litestar.params import JSONBody
from msgspec import Meta, Struct

from s4allcities.domain import US_PER_S

from .auth import person_of, requires
from .inputs import Ident, Label, Remark
from .services import PictureServices

__all__ = ("DisclosureRequest", "LastReadings", "disclose_readings", "sharing_router")

LOOK_BACK_S = 24 * 3600
MOST = 500
AnyRequest = Request[Any, Any, Any]


class DisclosureRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give ``partner`` the last ``count`` readings of each quantity of a sensor.

    ``why`` is kept; ``hours`` says for how long the partner may keep them.
    """

    sensor: Ident
    partner: Annotated[Label, Meta(min_length=1)]
    why: Annotated[Remark, Meta(min_length=1)]
    count: Annotated[int, Meta(ge=1, le=MOST)] = 15
    hours: Annotated[float, Meta(gt=0, le=24 * 365)] = 24.0


class LastReadings(Struct, frozen=True, kw_only=True):
    """(t_us, value) by quantity, the oldest first, at most as many as asked for; to be deleted at ``t_until_us``."""

    sensor: str
    partner: str
    t_us: int
    t_until_us: int
    readings: dict[str, list[tuple[int, float]]]


@post(
    "/disclosures",
    guards=[requires("alerts.act")],
    raises=[ValidationException, NotAuthorizedException, PermissionDeniedException, NotFoundException],
)
async def disclose_readings(
    request: AnyRequest, data: JSONBody[DisclosureRequest], services: NamedDependency[PictureServices]
) -> LastReadings:
    """Give a partner the last readings of a sensor, of the last day at most; who, why and until when is in the ledger.

    The ledger is written first: what cannot be recorded is not disclosed.
    """
    now_us = services.clock.now_us()
    found = await services.history(data.sensor, now_us - LOOK_BACK_S * US_PER_S, now_us + US_PER_S)
    if not found:
        raise NotFoundException(f"No readings of {data.sensor} in the last day.")
    until_us = now_us + round(data.hours * 3600 * US_PER_S)
    last = {quantity: rows[-data.count :] for quantity, rows in sorted(found.items())}
    record = {
        "sensor": data.sensor,
        "partner": data.partner,
        "quantities": sorted(last),
        "readings": sum(map(len, last.values())),
        "t_until_us": until_us,
    }
    await services.disclose(record, {"who": person_of(request).name, "why": data.why})
    return LastReadings(
        sensor=data.sensor, partner=data.partner, t_us=now_us, t_until_us=until_us, readings=last
    )


def sharing_router() -> Router:
    """Give the routes under ``/api/v1``."""
    return Router(path="/api/v1", route_handlers=[disclose_readings], tags=["sharing"])
