import asyncio
import logging

import pytest

from s4allcities.bus.saving import SnapshotWriter
from s4allcities.domain import ManualClock

pytestmark = pytest.mark.anyio


class Store:
    """Takes a snapshot when it is let; refuses what is named ``bad``."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, bytes]] = []
        self.let = asyncio.Event()

    async def save(self, stage: str, partition: int, sequence: int, state: bytes) -> None:
        await self.let.wait()
        if state == b"bad":
            raise OSError("no space left on device")
        self.kept.append((sequence, state))

    async def load(self, stage: str, partition: int) -> tuple[int, bytes] | None:
        return self.kept[-1] if self.kept else None


async def test_a_snapshot_counts_once_it_is_kept() -> None:
    store, clock = Store(), ManualClock(7_000_000)
    writer = SnapshotWriter(store, "fusion", 0, clock, lambda: None)
    writer.write(3, b"state")
    await asyncio.sleep(0)
    assert (writer.busy, writer.sequence, writer.t_us) == (True, 0, 0)
    store.let.set()
    await writer.settle()
    assert (writer.busy, writer.sequence, writer.t_us) == (False, 3, 7_000_000)


async def test_loading_waits_for_what_is_being_written() -> None:
    store = Store()
    writer = SnapshotWriter(store, "fusion", 0, ManualClock(0), lambda: None)
    assert await writer.load() is None
    writer.write(3, b"state")
    loading = asyncio.create_task(writer.load())
    await asyncio.sleep(0)
    assert not loading.done()
    store.let.set()
    assert await loading == (3, b"state")


async def test_one_that_is_not_kept_is_counted_and_the_one_before_it_rules(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, failures = Store(), list[int]()
    store.let.set()
    writer = SnapshotWriter(store, "fusion", 0, ManualClock(0), lambda: failures.append(1))
    writer.write(3, b"state")
    await writer.settle()
    with caplog.at_level(logging.CRITICAL):
        writer.write(4, b"bad")
        await writer.settle()
    assert (len(failures), writer.sequence, await writer.load()) == (1, 3, (3, b"state"))
