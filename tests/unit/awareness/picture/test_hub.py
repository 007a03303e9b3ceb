"""Numbered deltas: what each page gets, when it comes, comes back, or is slow."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from s4allcities.awareness.picture import Picture, PictureHub
from s4allcities.awareness.picture import hub as hub_module
from s4allcities.site import load_site

pytestmark = pytest.mark.anyio

SITE = load_site(Path(__file__).parents[4] / "sites" / "helsinki-station")


@pytest.fixture
def hub() -> PictureHub:
    return PictureHub(Picture(SITE), epoch="e1")


def change(hub: PictureHub, number: int) -> None:
    hub.picture.set_platform(number=number)
    hub.publish(number)


def frames(hub: PictureHub, epoch: str = "", after: int = 0) -> AsyncGenerator[bytes, None]:
    return hub.frames(epoch, after, lambda: 7)


async def take(source: AsyncGenerator[bytes, None], count: int) -> list[dict[str, Any]]:
    with anyio.fail_after(5):
        return [msgspec.msgpack.decode(await anext(source)) for _ in range(count)]


async def test_a_page_gets_the_picture_then_numbered_deltas(hub: PictureHub) -> None:
    change(hub, 1)
    page = frames(hub)
    (snapshot,) = await take(page, 1)
    assert (snapshot["type"], snapshot["epoch"], snapshot["seq"], snapshot["t_us"]) == (
        "snapshot",
        "e1",
        1,
        7,
    )
    assert snapshot["picture"]["platform"]["now"]["number"] == 1
    change(hub, 2)
    change(hub, 3)
    deltas = await take(page, 2)
    assert [each["seq"] for each in deltas] == [2, 3]
    assert deltas[1]["changes"] == [{"in": "platform", "id": "now", "value": {"id": "now", "number": 3}}]
    await page.aclose()
    assert hub.clients == 0


async def test_nothing_changed_is_no_delta(hub: PictureHub) -> None:
    change(hub, 1)
    assert hub.publish(9) == []
    change(hub, 1)
    assert hub.number == 1


async def test_a_page_that_was_away_gets_what_it_missed(hub: PictureHub) -> None:
    for number in range(1, 6):
        change(hub, number)
    page = frames(hub, "e1", 3)
    assert [(each["type"], each["seq"]) for each in await take(page, 2)] == [("delta", 4), ("delta", 5)]
    await page.aclose()


async def test_a_page_that_missed_nothing_gets_nothing_old(hub: PictureHub) -> None:
    change(hub, 1)
    page = frames(hub, "e1", 1)
    task_frames: list[dict[str, Any]] = []

    async def read() -> None:
        task_frames.extend(await take(page, 1))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        assert task_frames == []
        hub.tick(50)
    assert [(each["type"], each["seq"], each["t_us"]) for each in task_frames] == [("tick", 1, 50)]
    await page.aclose()


@pytest.mark.parametrize(("epoch", "after"), [("other", 3), ("", 3), ("e1", 0), ("e1", -4), ("e1", 99)])
async def test_another_start_or_an_impossible_number_gives_the_whole(
    hub: PictureHub, epoch: str, after: int
) -> None:
    for number in range(1, 6):
        change(hub, number)
    page = frames(hub, epoch, after)
    assert [each["type"] for each in await take(page, 1)] == ["snapshot"]
    await page.aclose()


async def test_away_for_too_long_gives_the_whole(hub: PictureHub) -> None:
    for number in range(hub_module._BACKLOG + 10):
        change(hub, number)
    page = frames(hub, "e1", 3)
    assert [(each["type"], each["seq"]) for each in await take(page, 1)] == [("snapshot", hub.number)]
    await page.aclose()


async def test_a_slow_page_is_given_the_whole_and_never_a_gap(hub: PictureHub) -> None:
    slow, quick = frames(hub), frames(hub)
    await take(slow, 1)
    await take(quick, 1)
    change(hub, -1)
    await take(slow, 1)  # it is in the middle of its backlog when that is thrown away
    for number in range(hub_module._CLIENT_BACKLOG + 5):
        change(hub, number)
        if number % 100 == 0:
            await take(quick, 1)
    got = await take(slow, 1)
    assert got[0]["type"] == "snapshot"
    assert got[0]["seq"] == hub.number
    change(hub, 12345)
    after = await take(slow, 1)
    assert (after[0]["type"], after[0]["seq"]) == ("delta", hub.number)
    await slow.aclose()
    await quick.aclose()


async def test_one_frame_is_encoded_for_all(hub: PictureHub) -> None:
    pages = [frames(hub) for _ in range(3)]
    for page in pages:
        await take(page, 1)
    assert hub.clients == 3
    change(hub, 1)
    got = [await anext(page) for page in pages]
    assert got[0] is got[1] is got[2]
    for page in pages:
        await page.aclose()
