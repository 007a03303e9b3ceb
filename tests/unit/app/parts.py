"""The web application in this process, with stand-ins for the bus and the stores behind it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from litestar import Litestar, Request

from s4allcities.app.options import LiveOptions
from s4allcities.app.server import build_app
from s4allcities.app.usual import usual_of
from s4allcities.awareness.picture import (
    Person,
    Picture,
    PictureHub,
    PictureServices,
    ReleaseView,
    Replies,
    site_document,
)
from s4allcities.bus.envelope import Envelope, encode_events
from s4allcities.domain import Alert, AlertAction, Clock, Context, Event, Refusal, Risk, SystemClock
from s4allcities.edge.router import HttpDoor
from s4allcities.site import load_site

SITE_FOLDER = Path(__file__).parents[3] / "sites" / "helsinki-station"
SITE = load_site(SITE_FOLDER)
ALERT = Alert(
    id="01ALERT", t_us=5, version=1, level="critical", state="new", incident_id="01I", hypothesis="fire",
    zone="ticket-hall", t_annunciated_us=5, title="Fire", lines=("a",),
)  # fmt: skip


class OpenGate:
    """Everybody with a cookie is the supervisor of everything."""

    def __init__(self) -> None:
        self.refusals: list[tuple[str, str, str]] = []

    async def person(self, session: str) -> Person | None:
        return Person(name="sue", role="supervisor", csrf="token") if session == "open" else None

    def allows(self, person: Person, action: str) -> bool:
        return True

    async def refused(self, who: str, action: str, reason: str) -> None:
        self.refusals.append((who, action, reason))

    async def by_token(self, token: str) -> tuple[str, Person] | None:
        return ("open", Person(name="sue", role="supervisor", csrf="token")) if token == "right" else None

    async def by_password(self, name: str, password: str) -> tuple[str, Person] | None:
        return None

    async def end(self, session: str) -> None:
        return

    async def device(self, authorization: str) -> str | None:
        return "box-1" if authorization else None


class Desk:
    """Knows no order."""

    async def ask(self, order_id: str, by: str, role: str) -> ReleaseView:
        raise ValueError(f"there is no order {order_id}")

    async def confirm(self, release_id: str, by: str, role: str) -> ReleaseView:
        raise ValueError(f"release {release_id} is not known")

    async def refuse(self, release_id: str, by: str, role: str, reason: str) -> ReleaseView:
        raise ValueError(f"release {release_id} is not known")

    async def open(self) -> list[ReleaseView]:
        return []


class Behind:
    """What is behind the API. Every event is encoded as the bus would, shown, and refused if it is an action."""

    def __init__(self) -> None:
        self.clock: Clock = SystemClock()
        self.hub = PictureHub(Picture(SITE), epoch="e1")
        self.replies = Replies()
        self.gate = OpenGate()
        self.published: list[Event] = []
        self.raw: list[tuple[str, str, bytes]] = []
        self.disclosed: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.parts = {"bus": True}
        self.hub.picture.apply([ALERT])

    async def publish(self, event: Event) -> int:
        encode_events(Envelope(stage="api", partition=0, sequence=0, index=0, now_us=1, events=(event,)))
        self.published.append(event)
        self.hub.picture.apply([event])
        self.hub.snapshot(0)
        if isinstance(event, AlertAction):
            refusal = Refusal(id="r", t_us=1, action_id=event.id, reason="another version is current")
            asyncio.get_running_loop().call_soon(self.replies.take, [refusal])
        return len(self.published)

    async def publish_all(self, events: Sequence[Event]) -> None:
        for event in events:
            await self.publish(event)

    async def publish_raws(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        self.raw.extend(messages)

    async def _history(self, sensor: str, t_from_us: int, t_to_us: int) -> dict[str, list[tuple[int, float]]]:
        return {"heat_c": [(t_from_us, 1.0)]} if sensor == "heat-02" else {}

    async def _authenticate(self, request: Request[Any, Any, Any]) -> str | None:
        return await self.gate.device(request.headers.get("authorization", ""))

    async def _metrics(self) -> str:
        return "s4_up 1\n"

    async def _accounting(self) -> dict[str, Any]:
        return {"account": {}}

    async def _disclose(self, record: dict[str, Any], personal: dict[str, str]) -> None:
        self.disclosed.append((record, personal))

    async def _past(self, t_us: int) -> tuple[list[Risk], list[Context]]:
        return [], []

    def app(self) -> Litestar:
        services = PictureServices(
            hub=self.hub,
            replies=self.replies,
            clock=self.clock,
            publish=self.publish,
            history=self._history,
            site_json=site_document(SITE, SITE_FOLDER),
            random=Random(1),
            mode="live",
            accounting=self._accounting,
            past=self._past,
            disclose=self._disclose,
            usual=usual_of,
            plans=LiveOptions(SITE, lambda: self.hub.picture.collections, self.clock),
        )
        door = HttpDoor(self._authenticate, self.publish_raws, self.publish_all, self.clock)
        return build_app(
            services,
            self.gate,
            door,
            Desk(),
            health=lambda: self.parts,
            metrics_text=self._metrics,
            page=None,
        )
