"""What operators do: act on alerts, give orders, state facts. Each becomes a record on the bus."""

import asyncio
from typing import Annotated, Any

from litestar import Request, Router, post
from litestar.di import NamedDependency
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
    ValidationException,
)
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from s4allcities.domain import (
    Alert,
    AlertAction,
    AlertVerb,
    Context,
    CourseOfAction,
    Event,
    Order,
    Refusal,
    derived_ulid,
    from_rfc3339,
    random_ulid,
)

from .auth import person_of, requires
from .errors import Conflict, NoAnswer
from .inputs import Ident, Label, Remark, Version, check_fact
from .services import PictureServices

__all__ = (
    "ActionRequest",
    "ContextRequest",
    "OrderRequest",
    "act_on_alert",
    "actions_router",
    "give_order",
    "state_fact",
)

ANSWER_WITHIN_S = 5.0
RAISES = [ValidationException, NotAuthorizedException, PermissionDeniedException, NoAnswer]
AnyRequest = Request[Any, Any, Any]


class ActionRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Move an alert on. ``expected_version`` is the version on the operator's screen."""

    verb: AlertVerb
    expected_version: Version
    reason: Remark = ""
    assignee: Label = ""


class OrderRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Carry out a recommended course of action."""

    course_of_action_id: Ident
    note: Remark = ""


class ContextRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """State a fact: ``subject`` has ``value`` for ``attribute``, until ``until`` (RFC 3339; empty = until replaced)."""

    subject: Annotated[Label, Meta(min_length=1)]
    attribute: Annotated[Label, Meta(min_length=1)]
    value: Label | float | bool
    unit: Label = ""
    reason: Remark = ""
    until: Label = ""


@post(
    "/alerts/{alert_id:str}/actions",
    guards=[requires("alerts.act")],
    raises=[*RAISES, NotFoundException, Conflict],
)
async def act_on_alert(
    alert_id: FromPath[str],
    data: JSONBody[ActionRequest],
    request: AnyRequest,
    services: NamedDependency[PictureServices],
) -> Alert:
    """Acknowledge, assign, start, resolve, close or reopen an alert; answers with its new version."""
    if alert_id not in services.hub.picture.alerts:
        raise NotFoundException(f"There is no alert {alert_id}.")
    person = person_of(request)
    now_us = services.clock.now_us()
    action = AlertAction(
        id=random_ulid(now_us, services.random),
        t_us=now_us,
        mode=services.mode,
        alert_id=alert_id,
        verb=data.verb,
        actor=person.name,
        role=person.role,
        expected_version=data.expected_version,
        reason=data.reason,
        assignee=data.assignee,
    )
    answer = await _ask(services, action)
    if isinstance(answer, Refusal):
        raise Conflict(answer.reason)
    return answer


async def _ask(services: PictureServices, action: AlertAction) -> Alert | Refusal:
    future = services.replies.expect(action.id)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await services.publish(action)
            return await future
    except TimeoutError:
        raise NoAnswer("No answer yet; the action may still take effect: look at the alert.") from None
    finally:
        services.replies.forget(action.id)


async def _publish(services: PictureServices, event: Event) -> None:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await services.publish(event)
    except TimeoutError:
        raise NoAnswer("No answer yet; it may still take effect: look at the picture.") from None


def _course(services: PictureServices, course_id: str) -> CourseOfAction:
    course = services.hub.picture.courses.get(course_id)
    if course is None:
        raise NotFoundException(f"There is no course of action {course_id}.")
    return course


def _check_current(services: PictureServices, course: CourseOfAction) -> None:
    picture = services.hub.picture
    newer = [each for each in picture.courses.values() if each.supersedes == course.id]
    if newer:
        raise Conflict(f"The situation has changed: {newer[0].name} replaces this option.")
    incident = picture.incidents.get(course.incident_id)
    if incident is None or incident.status != "confirmed":
        raise Conflict("The incident of this option is not open any more.")


@post("/orders", guards=[requires("orders.give")], raises=[*RAISES, NotFoundException, Conflict])
async def give_order(
    data: JSONBody[OrderRequest], request: AnyRequest, services: NamedDependency[PictureServices]
) -> Order:
    """Order a course of action. Ordering the same one twice gives the same order, not a second one."""
    course = _course(services, data.course_of_action_id)
    order_id = derived_ulid(course.t_us, "order", course.id)
    known = services.hub.picture.orders.get(order_id)
    if known is not None:
        return known
    _check_current(services, course)
    person = person_of(request)
    order = Order(
        id=order_id,
        t_us=services.clock.now_us(),
        mode=services.mode,
        course_of_action_id=course.id,
        incident_id=course.incident_id,
        actor=person.name,
        role=person.role,
        note=data.note,
        provenance=(course.id, course.incident_id),
    )
    await _publish(services, order)
    return order


@post("/context", guards=[requires("context.write")], raises=RAISES)
async def state_fact(
    data: JSONBody[ContextRequest], request: AnyRequest, services: NamedDependency[PictureServices]
) -> Context:
    """State a fact about the site: an exit closed for works, an announced maintenance scan."""
    problem = check_fact(data.attribute, data.value)
    if problem:
        raise HTTPException(problem, status_code=400)
    try:
        until_us = from_rfc3339(data.until) if data.until else 0
    except (ValueError, OverflowError):
        raise HTTPException(
            f"until is {data.until!r}; allowed is an RFC 3339 time", status_code=400
        ) from None
    now_us = services.clock.now_us()
    fact = Context(
        id=random_ulid(now_us, services.random),
        t_us=now_us,
        mode=services.mode,
        subject=data.subject,
        attribute=data.attribute,
        value=data.value,
        unit=data.unit,
        reason=data.reason,
        source=person_of(request).name,
        t_until_us=until_us,
    )
    await _publish(services, fact)
    return fact


def actions_router() -> Router:
    """Give the routes under ``/api/v1``."""
    return Router(path="/api/v1", route_handlers=[act_on_alert, give_order, state_fact], tags=["actions"])
