"""A light stage that does not come back: it is found, moved out of the way, and the others never wait for it."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.integration.bus.parts import MemoryStore, Summing, sums, take
from tests.integration.bus.test_hosts import COMMAND, said, told
from tests.integration.bus.worker_process import Counting

from s4allcities.bus import Bus, StageRunner
from s4allcities.bus.hosts import ProcessHost
from s4allcities.bus.stuck import StageStuck, StepWatch, WatchedHost
from s4allcities.domain import Event, Rejected

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


class Light(Counting):
    """As `Counting`, on the event loop; ``spins`` in Python instead of waiting in a call of the system."""

    heavy = False

    def __init__(self, *, spins: bool = False) -> None:
        self.spins = spins

    def step(self, state: list[int], batch: Any, now_us: int) -> list[Event]:
        try:
            while self.spins and any(getattr(event, "subject", "") == "hang" for event in batch):
                pass
        except Exception:
            return []  # a stage that swallows every error
        return super().step(state, batch, now_us)


@pytest.mark.parametrize("spins", [False, True])
async def test_a_stuck_stage_costs_its_input_and_nothing_else(bus: Bus, spins: bool) -> None:
    stage = Light(spins=spins)
    with StepWatch() as watch:
        host = WatchedHost(stage, watch, ProcessHost("counting", COMMAND, stuck_s=1.5), stuck_s=0.3)
        runners: list[StageRunner[Any]] = [
            StageRunner(stage, bus, MemoryStore(), host=host, snapshot_every_s=0.05),
            StageRunner(Summing("healthy", ("ctx.>",)), bus, MemoryStore()),
        ]
        running = [asyncio.create_task(runner.run()) for runner in runners]
        try:
            for number, subject in enumerate(["a", "b", "hang", "c", "d"]):
                await bus.publish_event(told(subject, number), stage="test")
            began = time.monotonic()
            healthy = await take(bus.follow("EVENTS", ["ctx.healthy"]), 5)
            assert time.monotonic() - began < 10
            assert sums(healthy)[:5] == [1, 2, 3, 4, 5]
            assert await said(bus, 4) == ["seen-1", "seen-2", "seen-3", "seen-4"]
            assert host.isolated
            with anyio.fail_after(10):
                while runners[0].status.lag:  # noqa: ASYNC110 - another task's progress
                    await asyncio.sleep(0.05)
            assert runners[0].status.running
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
    last = await bus.last("EVENTS", "rejected.counting")
    assert last is not None
    [aside] = last.envelope.events
    assert isinstance(aside, Rejected)
    assert aside.source == "stage/counting"
    assert "died on it twice" in aside.detail


def test_only_a_step_over_its_time_is_hit() -> None:
    with StepWatch() as watch:
        for _ in range(20):
            with watch.step(5.0):
                pass
        time.sleep(0.3)
        with pytest.raises(StageStuck), watch.step(0.05):
            time.sleep(5)
        time.sleep(0.3)


def test_the_worker_is_where_it_is_looked_for() -> None:
    assert COMMAND[0] == sys.executable
    assert Path(COMMAND[1]).is_file()
