"""The context graph over the API: what people know of the place, stated, changed and withdrawn; and risk in the
past.
"""

from typing import Annotated, Any

import msgspec
from litestar import Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
    ValidationException,
)
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct

from s4allcities.domain import Context, Risk, random_ulid

from ..context import ContextError, ContextGraph, check_names, entry_from, entry_to, statement
from ..context.entries import Entry
from ..risk import load_checklist, load_threats
from ..risk.survey import MOST, Checklist, bare_of
from .actions import AnyRequest, publish, time_of
from .auth import person_of, requires
from .errors import Conflict, NoAnswer
from .inputs import Remark, Version
from .services import PictureServices

__all__ = (
    "EntryRequest",
    "EntryView",
    "PastView",
    "SurveyAnswers",
    "SurveyScore",
    "context_entries",
    "entries_router",
    "past_risk",
    "score_survey",
    "state_entry",
    "survey_questions",
    "withdraw_entry",
)

RAISES = [ValidationException, NotAuthorizedException, PermissionDeniedException, NoAnswer]
WRITE = "context.write"


class EntryRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry as in a context file, and the version that was seen: 0 for a new one."""

    entry: dict[str, Any]
    expected_version: Version = 0
    reason: Remark = ""


class EntryView(Struct, frozen=True, kw_only=True):
    """An entry with its version and who stated it."""

    entry: dict[str, Any]
    version: int
    stated_by: str


class SurveyAnswers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers to the checklist by question: 0 nothing in place to 4 fully in place."""

    answers: dict[str, Annotated[int, Meta(ge=0, le=MOST)]]


class SurveyScore(Struct, frozen=True, kw_only=True):
    """The vulnerability 0..1 without measures by threat, and how many of the questions have an answer."""

    answered: int
    questions: int
    vulnerability: dict[str, float]


class PastView(Struct, frozen=True, kw_only=True):
    """Risk and facts as they stood at ``t_us``."""

    t_us: int
    risks: list[Risk]
    context: list[Context]


@get("/context/entries", guards=[requires()], raises=[NotAuthorizedException])
async def context_entries(services: NamedDependency[PictureServices]) -> dict[str, Any]:
    """Give all entries, and the relations that hold now."""
    entries = services.hub.picture.collections["entries"]
    graph = ContextGraph(_entry(each) for each in entries.values())
    return {
        "entries": list(entries.values()),
        "edges": [[e.one, e.relation, e.other] for e in graph.edges(services.clock.now_us())],
    }


@put(
    "/context/entries/{key:str}",
    guards=[requires(WRITE)],
    raises=[*RAISES, Conflict],
)
async def state_entry(
    key: FromPath[str],
    data: JSONBody[EntryRequest],
    request: AnyRequest,
    services: NamedDependency[PictureServices],
) -> EntryView:
    """State an entry, or change one of which the version is the one seen."""
    try:
        entry = entry_from({"id": key, **data.entry}, "entry")
        check_names(entry, {"zones": list(services.hub.picture.collections["zones"])})
    except ContextError as error:
        raise HTTPException(str(error), status_code=400) from None
    if entry.id != key:
        raise HTTPException(f"entry has id {entry.id!r}; allowed here is {key!r}", status_code=400)
    version = _next_version(services, key, data.expected_version)
    person = person_of(request)
    await _say(services, entry, key, version, person.name, data.reason or entry.reason)
    return EntryView(entry=entry_to(entry), version=version, stated_by=person.name)


@delete(
    "/context/entries/{key:str}",
    guards=[requires(WRITE)],
    raises=[*RAISES, NotFoundException, Conflict],
    status_code=200,
)
async def withdraw_entry(
    key: FromPath[str],
    request: AnyRequest,
    services: NamedDependency[PictureServices],
    expected_version: FromQuery[int] = 0,
    reason: FromQuery[Annotated[str, Meta(max_length=500)]] = "",
) -> dict[str, Any]:
    """Take an entry back; the ledger keeps that it was there."""
    if key not in services.hub.picture.collections["entries"]:
        raise NotFoundException(f"There is no entry {key}.")
    version = _next_version(services, key, expected_version)
    await _say(services, None, key, version, person_of(request).name, reason)
    return {"id": key, "version": version}


@get("/risk/survey", guards=[requires()], raises=[NotAuthorizedException], sync_to_thread=False)
def survey_questions() -> Checklist:
    """Give the questions of the vulnerability checklist."""
    return load_checklist()


@post(
    "/risk/survey/score",
    guards=[requires()],
    raises=[NotAuthorizedException, PermissionDeniedException, ValidationException],
    status_code=200,
    sync_to_thread=False,
)
def score_survey(data: JSONBody[SurveyAnswers]) -> SurveyScore:
    """Give the vulnerability by threat that answers stand for, without measures; nothing is kept."""
    questions, threats = load_checklist().questions, list(load_threats())
    unknown = sorted(data.answers.keys() - questions.keys())
    if unknown:
        raise HTTPException(f"there is no question {unknown[0]!r}", status_code=400)
    bare = bare_of(data.answers, threats)
    return SurveyScore(
        answered=len(data.answers),
        questions=len(questions),
        vulnerability=dict(zip(threats, bare, strict=True)),
    )


@get("/risk/past", guards=[requires()], raises=[NotAuthorizedException, ValidationException])
async def past_risk(
    services: NamedDependency[PictureServices], at: FromQuery[Annotated[str, Meta(max_length=64)]]
) -> PastView:
    """Give the risk of each zone and threat and each fact as they stood at a time (RFC 3339), as far back as kept."""
    t_us = time_of(at, "at")
    risks, context = await services.past(t_us)
    return PastView(t_us=t_us, risks=risks, context=context)


def _entry(shown: dict[str, Any]) -> Entry:
    said = ("version", "stated_by", "t_us")
    times = {"t_from_us": shown.get("t_from_us", 0), "t_until_us": shown.get("t_until_us", 0)}
    made: Entry = msgspec.convert({k: v for k, v in {**shown, **times}.items() if k not in said}, Entry)
    return made


def _next_version(services: PictureServices, key: str, seen: int) -> int:
    """Give the next version of an entry. :raises Conflict: somebody has changed it since it was seen."""
    known = services.hub.picture.collections["entries"].get(key)
    version = int(known["version"]) if known else 0
    if known and seen != version:
        raise Conflict(
            f"The entry {key} has changed: it is at version {version}, you saw {seen}. Look again."
        )
    return version + 1


async def _say(
    services: PictureServices, entry: Entry | None, key: str, version: int, who: str, reason: str
) -> None:
    now_us = services.clock.now_us()
    fact = statement(
        entry,
        key,
        now_us,
        id=random_ulid(now_us, services.random),
        version=version,
        source=who,
        reason=reason,
        mode=services.mode,
        t_until_us=entry.t_until_us if entry else 0,
    )
    await publish(services, fact)


def entries_router() -> Router:
    """Give the routes under ``/api/v1``."""
    handlers = [context_entries, state_entry, withdraw_entry, survey_questions, score_survey, past_risk]
    return Router(path="/api/v1", route_handlers=handlers, tags=["context"])
