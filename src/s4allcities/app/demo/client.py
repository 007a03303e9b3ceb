"""A client of the public API, as any page or partner could write one: sign in, act, follow the live picture."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import websockets
from msgspec import Struct
from websockets.asyncio.client import connect

__all__ = ("ApiClient", "ApiRefused", "Seen")

RETRY_S = 0.2


class ApiRefused(Exception):
    """The API said no; ``status`` is the HTTP status and the message its one line."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Seen(Struct, frozen=True):
    """One change of the picture and the wall-clock moment (microseconds) at which it reached this client."""

    wall_us: int
    collection: str
    id: str
    value: Any


class ApiClient:
    """Signed in as one person."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=10.0, trust_env=False)
        self._csrf = ""
        self.epochs: set[str] = set()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def sign_in(self, token: str) -> str:
        """Use a one-time link; give the account's role."""
        person = await self.post("/api/v1/session", {"token": token})
        self._csrf = person["csrf"]
        return str(person["role"])

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send a change. :raises ApiRefused: it was not taken."""
        response = await self._http.post(path, json=body, headers={"x-csrf-token": self._csrf})
        return _content(response)

    async def get(self, path: str) -> Any:
        """Read. :raises ApiRefused: not allowed or not there."""
        return _content(await self._http.get(path))

    async def follow(self) -> AsyncIterator[Seen]:
        """Give every change of the picture for ever; after a lost connection, what was missed."""
        epoch, number = "", 0
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException, TimeoutError):
                address = f"{self._url.replace('http', 'ws', 1)}/api/v1/live?epoch={epoch}&after={number}"
                async with connect(
                    address, additional_headers={"cookie": self._cookie()}, max_size=None, proxy=None
                ) as socket:
                    while True:
                        frame = await socket.recv(decode=False)
                        wall_us = time.time_ns() // 1000
                        message = msgspec.msgpack.decode(frame)
                        epoch, number = message["epoch"], message["seq"]
                        self.epochs.add(epoch)
                        for change in _changes(message):
                            yield Seen(wall_us, *change)
            await asyncio.sleep(RETRY_S)

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())


def _changes(message: dict[str, Any]) -> list[tuple[str, str, Any]]:
    if message["type"] == "delta":
        return [(change["in"], change["id"], change["value"]) for change in message["changes"]]
    if message["type"] == "snapshot":
        picture = message["picture"]
        return [(name, key, value) for name, entries in picture.items() for key, value in entries.items()]
    return []


def _content(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json() if response.content else None
    try:
        detail = str(response.json().get("detail", response.text))
    except (ValueError, AttributeError):
        detail = response.text[:200]
    raise ApiRefused(response.status_code, detail)
