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

from .auth import Person, person_of, requires
from .errors import Conflict, NoAnswer
from .inputs import Ident, Label, Remark, Version, check_fact
from .services import PictureServices

__all__ = (
    "ActionRequest",
    "BulkAnswer",
    "BulkRequest",
    "ContextRequest",
    "OrderRequest",
    "SeenAlert",
    "acknowledge_alerts",
    "act_on_alert",
    "actions_router",
    "give_order",
    "publish",
    "state_fact",
    "time_of",
)

ANSWER_WITHIN_S = 5.0
RAISES = [ValidationException, NotAuthorizedException, PermissionDeniedException, NoAnswer]
AnyRequest = Request[Any, Any, Any]


class ActionRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Move an alert on. ``expected_version`` is the version on the operator's screen; ``until`` (RFC 3339) ends a
    shelving; ``duplicate_of`` is the id of the alert that this one repeats.
    """

    verb: AlertVerb
    expected_version: Version
    reason: Remark = ""
    assignee: Label = ""
    until: Label = ""
    duplicate_of: Label = ""


class SeenAlert(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert and the version of it that the operator saw."""

    alert_id: Ident
    expected_version: Version


class BulkRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Acknowledge several alerts at once."""

    alerts: Annotated[tuple[SeenAlert, ...], Meta(min_length=1, max_length=200)]


class BulkAnswer(Struct, frozen=True, kw_only=True):
    """What became of each: acknowledged, or by id why not."""

    acknowledged: tuple[str, ...]
    refused: dict[str, str]


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
    """Move an alert on in its life cycle; answers with its new version."""
    if alert_id not in services.hub.picture.alerts:
        raise NotFoundException(f"There is no alert {alert_id}.")
    answer = await _ask(services, _action(alert_id, data, person_of(request), services))
    if isinstance(answer, Refusal):
        raise Conflict(answer.reason)
    return answer


@post("/alerts/acknowledge", guards=[requires("alerts.act")], raises=RAISES)
async def acknowledge_alerts(
    data: JSONBody[BulkRequest], request: AnyRequest, services: NamedDependency[PictureServices]
) -> BulkAnswer:
    """Acknowledge several alerts; each is answered by itself, so that one that moved on holds up none."""
    person = person_of(request)
    asked = [each for each in data.alerts if each.alert_id in services.hub.picture.alerts]
    wishes = (ActionRequest(verb="acknowledge", expected_version=each.expected_version) for each in asked)
    answers = await asyncio.gather(
        *(
            _ask(services, _action(each.alert_id, wish, person, services))
            for each, wish in zip(asked, wishes, strict=True)
        )
    )
    refused = {
        each.alert_id: answer.reason
        for each, answer in zip(asked, answers, strict=True)
        if isinstance(answer, Refusal)
    }
    known = {each.alert_id for each in asked}
    refused |= {
        each.alert_id: "There is no such alert." for each in data.alerts if each.alert_id not in known
    }
    done = tuple(each.alert_id for each in asked if each.alert_id not in refused)
    return BulkAnswer(acknowledged=done, refused=refused)


def time_of(text: str, name: str) -> int:
    """Read a time that a person gave, 0 for none. :raises HTTPException: it is none."""
    try:
        return from_rfc3339(text) if text else 0
    except (ValueError, OverflowError):
        raise HTTPException(f"{name} is {text!r}; allowed is an RFC 3339 time", status_code=400) from None


def _action(alert_id: str, data: ActionRequest, person: Person, services: PictureServices) -> AlertAction:
    now_us = services.clock.now_us()
    return AlertAction(
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
        t_until_us=time_of(data.until, "until"),
        duplicate_of=data.duplicate_of,
    )


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


async def publish(services: PictureServices, event: Event) -> None:
    """Put an event on the bus. :raises NoAnswer: the bus did not take it in time."""
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
    await publish(services, order)
    return order


@post("/context", guards=[requires("context.write")], raises=RAISES)
async def state_fact(
    data: JSONBody[ContextRequest], request: AnyRequest, services: NamedDependency[PictureServices]
) -> Context:
    """State a fact about the site: an exit closed for works, an announced maintenance scan."""
    problem = check_fact(data.attribute, data.value)
    if problem:
        raise HTTPException(problem, status_code=400)
    until_us = time_of(data.until, "until")
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
    await publish(services, fact)
    return fact


def actions_router() -> Router:
    """Give the routes under ``/api/v1``."""
    return Router(
        path="/api/v1",
        route_handlers=[act_on_alert, acknowledge_alerts, give_order, state_fact],
        tags=["actions"],
    )
