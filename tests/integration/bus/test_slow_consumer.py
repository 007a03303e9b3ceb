"""Somebody reads slowly: all comes to him, in order, and neither the others nor the server wait for him."""

import asyncio
import time

import anyio
import pytest
from tests.integration.bus.parts import batch, take

from s4allcities.awareness.picture import Picture, PictureHub
from s4allcities.bus import Bus, Message, NatsServer
from s4allcities.site import load_site

pytestmark = [pytest.mark.anyio, pytest.mark.integration]
COUNT = 1_500


async def slowly(bus: Bus) -> list[Message]:
    found = []
    async for message in bus.follow("OBS", ["obs.>"]):
        found.append(message)
        if len(found) % 100 == 0:
            await asyncio.sleep(0.1)
        if len(found) == COUNT:
            break
    return found


async def test_a_slow_reader_gets_all_and_holds_nobody_up(server: NatsServer, bus: Bus) -> None:
    slow = asyncio.create_task(slowly(bus))
    quick = asyncio.create_task(take(bus.follow("OBS", ["obs.>"]), COUNT, within_s=60))
    for number in range(1, COUNT + 1):
        await bus.publish_batch(batch(number))
    assert [one.sequence for one in await quick] == list(range(1, COUNT + 1))
    assert not slow.done()
    with anyio.fail_after(60):
        assert [one.sequence for one in await slow] == list(range(1, COUNT + 1))
    assert bus.reconnects == 0
    assert server.restarts == 0


async def test_a_page_that_does_not_read_costs_a_bounded_backlog(anyio_backend: str) -> None:
    hub = PictureHub(Picture(load_site("sites/helsinki-station")), epoch="e")
    frames = hub.frames("", 0, lambda: 0)
    await anext(frames)
    began = time.monotonic()
    for _ in range(20_000):
        hub.tick(0)
    assert time.monotonic() - began < 20
    [client] = hub._clients
    assert len(client.frames) <= 500
    assert (await anext(frames))[:1], "it is given the whole picture instead of what it missed"
    await frames.aclose()
