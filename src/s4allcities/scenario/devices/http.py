"""Devices that post their readings: ``POST /api/v1/observations`` with basic authentication."""

from collections.abc import Sequence

import httpx
import msgspec
from msgspec import Struct

from .account import Account
from .backoff import BackOff
from .outbox import Outbox, Waiting

__all__ = ("HttpDevices",)

PATH = "/api/v1/observations"
MOST_ITEMS = 50
TIMEOUT_S = 5.0


class _Rejected(Struct):
    index: int
    reason: str = ""


class _Taken(Struct):
    accepted: int = 0
    rejected: tuple[_Rejected, ...] = ()


class HttpDevices:
    """All devices that post, over one pool of connections. Use it as ``async with HttpDevices(url, account)``."""

    def __init__(
        self, url: str, account: Account, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._account = account
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        self._client = httpx.AsyncClient(
            base_url=url, timeout=TIMEOUT_S, limits=limits, trust_env=False, transport=transport
        )

    async def __aenter__(self) -> "HttpDevices":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def run(self, name: str, password: str, outbox: Outbox) -> None:
        """Post what is in a device's outbox, for ever; what got no answer is posted again."""
        auth, back_off = httpx.BasicAuth(name, password), BackOff()
        while True:
            batch = await outbox.first(MOST_ITEMS)
            if await self._post(batch, auth, outbox):
                back_off.reset()
            else:
                self._account.reconnects[name] += 1
                await back_off.wait()

    async def _post(self, batch: Sequence[Waiting], auth: httpx.BasicAuth, outbox: Outbox) -> bool:
        """Post once; True if the platform has decided about every item."""
        try:
            response = await self._client.post(
                PATH, content=_body(batch), auth=auth, headers={"content-type": "application/json"}
            )
        except httpx.HTTPError:
            return False
        if response.status_code not in (200, 201, 202, 400):
            return False
        refused = _refused(response, len(batch))
        for index, waiting in enumerate(batch):
            (outbox.refused if index in refused else outbox.acknowledged)(waiting)
        return True


def _body(batch: Sequence[Waiting]) -> bytes:
    """One object, or a list of them; names are put in front, the rest is the device's message as it is."""
    items = []
    for waiting in batch:
        names = msgspec.json.encode({"family": waiting.datum.family, "sensor": waiting.datum.sensor})
        items.append(names[:-1] + b"," + waiting.datum.payload[1:])
    return items[0] if len(items) == 1 else b"[" + b",".join(items) + b"]"


def _refused(response: httpx.Response, items: int) -> set[int]:
    if response.status_code == 400:
        return set(range(items))
    try:
        taken = msgspec.json.decode(response.content, type=_Taken)
    except msgspec.MsgspecError:
        return set()
    return {each.index for each in taken.rejected}
