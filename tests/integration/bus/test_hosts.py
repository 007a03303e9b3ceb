"""A stage in a process of its own: what it is told is counted once, whatever becomes of the process."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import uvloop
from tests.integration.bus.worker_process import Counting

from s4allcities.bus import Bus, StageRunner
from s4allcities.bus.hosts import ProcessHost, WorkerDied, WorkerFault
from s4allcities.domain import Context, Rejected

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

COMMAND = (sys.executable, str(Path(__file__).with_name("worker_process.py")))


class Memory:
    """A snapshot store in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], tuple[int, bytes]] = {}

    async def save(self, stage: str, partition: int, sequence: int, state: bytes) -> None:
        self.kept[stage, partition] = (sequence, state)

    async def load(self, stage: str, partition: int) -> tuple[int, bytes] | None:
        return self.kept.get((stage, partition))


def told(subject: str, number: int = 0) -> Context:
    return Context(id=f"{subject}-{number}", t_us=1 + number, subject=subject, attribute="x", value=1)


@asynccontextmanager
async def running(bus: Bus, host: ProcessHost) -> AsyncIterator[StageRunner[list[int]]]:
    runner = StageRunner(Counting(), bus, Memory(), host=host, snapshot_every_s=0.05)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def said(bus: Bus, count: int) -> list[str]:
    """Wait for that many outputs and give their subjects in order."""
    found: list[str] = []
    with anyio.fail_after(20):
        async for message in bus.follow("EVENTS", ["ctx.counting"]):
            found += [event.subject for event in message.envelope.events if isinstance(event, Context)]
            if len(found) >= count:
                return found
    raise AssertionError("unreachable")


async def test_the_stage_computes_in_another_process(bus: Bus) -> None:
    host = ProcessHost("counting", COMMAND)
    async with running(bus, host):
        for number in range(5):
            await bus.publish_event(told("a", number), stage="test")
        assert await said(bus, 5) == [f"seen-{number}" for number in range(1, 6)]
        assert host.pid not in (0, os.getpid())
    assert host.pid == 0


async def test_kills_at_any_moment_lose_and_double_nothing(bus: Bus) -> None:
    host = ProcessHost("counting", COMMAND)
    async with running(bus, host) as runner:
        for number in range(60):
            await bus.publish_event(told("a", number), stage="test")
            if number % 20 == 10 and host.pid:
                os.kill(host.pid, signal.SIGKILL)
        assert await said(bus, 60) == [f"seen-{number}" for number in range(1, 61)]
        with anyio.fail_after(10):
            while runner.status.processed < 60 or not runner.status.running:  # noqa: ASYNC110 - counters
                await asyncio.sleep(0.02)
    assert host.deaths >= 1


@pytest.mark.parametrize("how", ["die", "hang"])
async def test_an_input_that_kills_or_stops_the_stage_is_set_aside_and_the_rest_goes_on(
    bus: Bus, how: str
) -> None:
    host = ProcessHost("counting", COMMAND, stuck_s=1.0)
    async with running(bus, host) as runner:
        for number, subject in enumerate(("a", how, "b")):
            await bus.publish_event(told(subject, number), stage="test")
        assert await said(bus, 2) == ["seen-1", "seen-2"]
        with anyio.fail_after(10):
            message = await anext(bus.follow("EVENTS", ["rejected.counting"]))
        (record,) = message.envelope.events
        assert isinstance(record, Rejected)
        assert "died on it twice" in record.detail
        assert runner.status.errors >= 2
    assert host.deaths == 2


async def test_a_stage_that_fails_keeps_its_process(bus: Bus) -> None:
    host = ProcessHost("counting", COMMAND)
    await host.begin(None)
    pid = host.pid
    with pytest.raises(WorkerFault, match="told to fail"):
        await host.step([told("fail")], 1)
    assert [event.t_us for event in await host.step([told("a", 4)], 1)] == [5]
    assert await host.snapshot() == b"1"
    with pytest.raises(WorkerFault):
        await host.begin(b"no number")
    assert host.pid == pid
    await host.close()
    with pytest.raises(WorkerDied):
        await host.snapshot()


def test_a_process_that_dies_between_two_steps_is_missed_on_uvloop_too() -> None:
    async def run() -> None:
        host = ProcessHost("counting", COMMAND)
        await host.begin(None)
        os.kill(host.pid, signal.SIGKILL)
        await asyncio.sleep(0.5)  # long enough for the loop to close the pipe
        for ask in (lambda: host.step([], 1), host.snapshot):
            with pytest.raises(WorkerDied):
                await ask()
        await host.begin(None)
        assert host.pid
        await host.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
