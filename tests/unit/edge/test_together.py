import asyncio
from collections.abc import Sequence

import pytest

from s4allcities.domain import Event, Rejected
from s4allcities.edge.together import Together

pytestmark = pytest.mark.anyio


class Slow:
    """Publishes when it is let, and fails when told to."""

    def __init__(self) -> None:
        self.pieces: list[list[str]] = []
        self.let = asyncio.Event()
        self.fails = False

    async def __call__(self, events: Sequence[Event]) -> None:
        self.pieces.append([event.id for event in events])
        await self.let.wait()
        if self.fails:
            raise OSError("no connection")


def event(number: int) -> Event:
    return Rejected(id=str(number), t_us=number, source="http/x", reason="no json")


async def begun(calls: int, together: Together) -> list["asyncio.Task[None]"]:
    tasks = []
    for number in range(calls):
        tasks.append(asyncio.create_task(together([event(number)])))
        await asyncio.sleep(0)
    return tasks


async def test_what_comes_while_a_piece_is_under_way_goes_out_in_one() -> None:
    publish = Slow()
    tasks = await begun(50, Together(publish))
    assert publish.pieces == [["0"]]
    publish.let.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)
    assert publish.pieces == [["0"], [str(number) for number in range(1, 50)]]


async def test_an_error_reaches_all_of_its_piece_and_no_other() -> None:
    publish = Slow()
    together = Together(publish)
    tasks = await begun(3, together)
    publish.fails = True
    publish.let.set()
    async with asyncio.timeout(5):
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [OSError, OSError, OSError]
    publish.fails = False
    await together([event(9)])
    assert publish.pieces[-1] == ["9"]


async def test_who_is_cut_off_takes_nobody_with_him() -> None:
    publish = Slow()
    together = Together(publish)
    tasks = await begun(3, together)
    tasks[0].cancel()
    async with asyncio.timeout(5):
        while len(publish.pieces) < 2:  # noqa: ASYNC110 - what the others do
            await asyncio.sleep(0)
    assert publish.pieces == [["0"], ["1", "2"]]
    tasks[1].cancel()
    publish.let.set()
    async with asyncio.timeout(5):
        await tasks[2]
    assert publish.pieces == [["0"], ["1", "2"]], "each once"
