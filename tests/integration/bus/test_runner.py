import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import Any

import anyio
import msgspec
import pytest
from tests.integration.bus.parts import MemoryStore, Summing, batch, fact, sums, take, until
from tests.integration.bus.test_crash import kill

from s4allcities.bus import Bus, Envelope, NatsServer, StageRunner, StreamLimits, Ticker, encode_events
from s4allcities.domain import (
    FACTS_FAMILY,
    FACTS_PARTITION,
    Context,
    Detection,
    Event,
    ManualClock,
    ObservationBatch,
    Place,
    Rejected,
    Stage,
)
from s4allcities.domain.ids import ulid_time_us

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


@asynccontextmanager
async def running(runner: StageRunner[Any]) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def publish(bus: Bus, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await bus.publish_batch(batch(number))


async def outputs(bus: Bus, count: int) -> list[int]:
    return sums(await take(bus.follow("EVENTS", ["ctx.summing"]), count))


async def test_a_stage_gets_batches_and_its_outputs_arrive(bus: Bus) -> None:
    runner = StageRunner(Summing(), bus, MemoryStore(), mode="simulation")
    async with running(runner):
        await publish(bus, 1, 20)
        messages = await take(bus.follow("EVENTS", ["ctx.summing"]), 20)
    assert sums(messages) == list(accumulate(range(1, 21)))
    events = [event for one in messages for event in one.envelope.events]
    assert {event.mode for event in events} == {"simulation"}
    assert ulid_time_us(events[0].id) == events[0].t_us
    status = runner.status
    assert (status.sequence, status.lag, status.processed, status.decided_raw) == (20, 0, 20, 20)
    assert (status.errors, status.published, status.running) == (0, 20, False)


async def test_facts_among_the_readings_reach_only_a_stage_that_names_them(bus: Bus) -> None:
    wanting = Summing("wanting", ("obs.>", f"obs.{FACTS_FAMILY}.{FACTS_PARTITION}"))
    facts = msgspec.structs.replace(batch(5), family=FACTS_FAMILY, partition=FACTS_PARTITION)
    async with (
        running(StageRunner(Summing(), bus, MemoryStore())),
        running(StageRunner(wanting, bus, MemoryStore())),
    ):
        await publish(bus, 1, 2)
        await bus.publish_batch(facts)
        await publish(bus, 3, 3)
        assert sums(await take(bus.follow("EVENTS", ["ctx.summing"]), 3)) == [1, 3, 6]
        assert sums(await take(bus.follow("EVENTS", ["ctx.wanting"]), 4)) == [1, 3, 8, 11]


async def test_a_clean_stop_and_a_new_runner_go_on(bus: Bus) -> None:
    store = MemoryStore()
    for first in (1, 11):
        async with running(StageRunner(Summing(), bus, store)):
            await publish(bus, first, first + 9)
            await outputs(bus, first + 9)
    assert await outputs(bus, 20) == list(accumulate(range(1, 21)))
    assert store.kept["summing", 0][0] == 20


async def test_after_a_crash_without_a_last_snapshot_outputs_are_neither_lost_nor_doubled(bus: Bus) -> None:
    store = MemoryStore()
    async with running(StageRunner(Summing(), bus, store, snapshot_every_s=0.0)):
        await publish(bus, 1, 30)
        await outputs(bus, 30)
        store.broken = True  # from here on, a crash: what was said is out, the state is not kept
        await publish(bus, 31, 60)
        await outputs(bus, 60)
    assert store.kept["summing", 0][0] < 60
    store.broken = False
    await publish(bus, 61, 80)
    runner = StageRunner(Summing(), bus, store)
    async with running(runner):
        assert await outputs(bus, 80) == list(accumulate(range(1, 81)))
        await until(lambda: runner.status.sequence == 80)
    assert (await bus.stream_state("EVENTS")).messages == 80
    assert runner.status.processed == 80


async def test_a_replay_long_after_the_servers_window_doubles_nothing(bus: Bus) -> None:
    await bus.ensure_streams(StreamLimits(duplicate_window_s=0.1))
    await publish(bus, 1, 10)
    for _ in range(2):
        runner = StageRunner(Summing(), bus, MemoryStore())
        async with running(runner):
            await until(lambda one=runner: one.status.sequence == 10)
        await anyio.sleep(0.3)
    stored = (await bus.stream_state("EVENTS")).messages
    assert stored in (10, 11)  # the last step's outputs may be there again; whoever reads them knows them
    reader = StageRunner(Summing("reader", ("ctx.summing",)), bus, MemoryStore())
    async with running(reader):
        await until(lambda: reader.status.processed == stored)
    last = await bus.last("EVENTS", "ctx.reader")
    assert last is not None
    assert sums([last]) == [sum(accumulate(range(1, 11)))]


async def test_doubles_that_the_server_no_longer_knows_are_dropped_by_the_reader(bus: Bus) -> None:
    for number in (1, 2, 3, 2, 3, 4):
        await bus.publish_events([fact(number)], stage="upstream", sequence=number)
        # The same origin again without its message id, as after the server's window.
        envelope = Envelope(
            stage="upstream", partition=0, sequence=number, index=0, now_us=0, events=(fact(number, "x"),)
        )
        await bus._link.client.jetstream().publish("s4.helsinki.ctx.upstream", encode_events(envelope))
    runner = StageRunner(Summing(inputs=("ctx.upstream",)), bus, MemoryStore())
    async with running(runner):
        assert await outputs(bus, 4) == [1, 3, 6, 10]
        await until(lambda: runner.status.lag == 0 and runner.status.processed == 10)
    assert runner.status.dropped == 6


async def test_a_stage_that_raises_is_reported_and_goes_on(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Summing()
    stage.fail_on = 3
    runner = StageRunner(stage, bus, MemoryStore())
    with caplog.at_level(logging.CRITICAL):
        async with running(runner):
            await publish(bus, 1, 5)
            assert await outputs(bus, 4) == [1, 3, 7, 12]
    assert (runner.status.errors, runner.status.decided_raw, runner.status.rejected_raw) == (1, 4, 1)
    (message,) = await take(bus.follow("EVENTS", ["rejected.>"]), 1)
    (rejected,) = message.envelope.events
    assert isinstance(rejected, Rejected)
    assert (rejected.source, rejected.reason) == ("stage/summing", "stage failed")
    assert rejected.detail == "OBS 3 on s4.helsinki.obs.env.0: RuntimeError: cannot stand 3"


async def test_bytes_that_are_no_batch_are_set_aside(bus: Bus) -> None:
    await bus._link.client.jetstream().publish(
        "s4.helsinki.obs.env.0", b"not a batch, but long enough for one"
    )
    runner = StageRunner(Summing(), bus, MemoryStore())
    async with running(runner):
        await publish(bus, 1, 2)
        assert await outputs(bus, 2) == [1, 3]
    (message,) = await take(bus.follow("EVENTS", ["rejected.>"]), 1)
    assert "does not start with S4B" in message.envelope.events[0].detail  # type: ignore[union-attr]


async def test_a_runner_works_on_through_a_kill_of_the_server(server: NatsServer, bus: Bus) -> None:
    runner = StageRunner(Summing(), bus, MemoryStore())
    async with running(runner):
        publishing = asyncio.create_task(publish(bus, 1, 200))
        await until(lambda: runner.status.processed > 50)
        await kill(server)
        await publishing
        assert await outputs(bus, 200) == list(accumulate(range(1, 201)))
    assert (await bus.stream_state("EVENTS")).messages == 200


async def test_heavy_steps_leave_the_event_loop_free(bus: Bus) -> None:
    threads: set[int] = set()

    class Planning(Summing):
        def step(
            self, state: dict[str, int], given: ObservationBatch | Sequence[Event], now_us: int
        ) -> list[Event]:
            threads.add(threading.get_ident())
            time.sleep(0.2)
            return super().step(state, given, now_us)

    slowest = 0.0
    async with running(StageRunner(Planning(heavy=True), bus, MemoryStore())):
        await publish(bus, 1, 3)
        waiting = asyncio.create_task(outputs(bus, 3))
        while not waiting.done():
            started = time.perf_counter()
            await asyncio.sleep(0.01)
            slowest = max(slowest, time.perf_counter() - started)
        assert waiting.result() == [1, 3, 6]
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert slowest < 0.15


async def test_time_reaches_every_stage_as_an_empty_input(bus: Bus) -> None:
    from_obs, from_events = Summing("a"), Summing("b", ("ctx.>",))
    ticker = Ticker(bus)
    one, two = (StageRunner(stage, bus, MemoryStore()) for stage in (from_obs, from_events))
    async with running(one), running(two):
        for _ in range(3):
            await ticker.tick()
        await until(lambda: from_obs.ticks == 3 and from_events.ticks == 3)
    assert ticker.ticks == 3


async def test_the_ticker_keeps_to_the_full_seconds_of_its_clock(server: NatsServer, bus: Bus) -> None:
    clock = ManualClock(1_700_000_000_400_000)
    manual = await Bus.connect(
        server.url, site="helsinki", clock=clock, user=server.user, password=server.password
    )
    ticking = asyncio.create_task(Ticker(manual).run())
    ticks = await take(bus.follow("EVENTS", ["health.clock"]), 3)
    assert [one.now_us for one in ticks] == [1_700_000_001_000_000 + n * 1_000_000 for n in range(3)]
    await manual.close()
    with anyio.fail_after(5):
        await ticking


async def test_a_stage_never_hears_itself(bus: Bus) -> None:
    runner = StageRunner(Summing(inputs=("ctx.>",)), bus, MemoryStore())
    async with running(runner):
        await bus.publish_event(fact(5))
        await bus.publish_event(fact(6))
        await until(lambda: runner.status.processed >= 4)
    assert await outputs(bus, 2) == [5, 11]
    assert (await bus.stream_state("EVENTS")).messages == 4


async def test_two_stages_in_a_row_after_both_crash_at_different_places(bus: Bus) -> None:
    class Passing(Summing):
        def step(self, state: dict[str, int], given: Any, now_us: int) -> list[Event]:
            place = Place(zone="hall")
            return [
                made
                for event in given
                if isinstance(event, Context)
                for made in (
                    Detection(
                        id="", t_us=event.t_us, kind="k", detector="d", sensor="s", group="g", place=place
                    ),
                    msgspec.structs.replace(event, id=""),
                )
            ]

    first_store, second_store = MemoryStore(), MemoryStore()

    def pair() -> tuple[StageRunner[Any], StageRunner[Any]]:
        second: Stage[Any] = Passing("passing", ("ctx.summing",))
        return StageRunner(Summing(), bus, first_store, snapshot_every_s=0), StageRunner(
            second, bus, second_store
        )

    for last in (20, 40):
        one, two = pair()
        async with running(one), running(two):
            await publish(bus, last - 19, last)
            messages = await take(bus.follow("EVENTS", ["ctx.passing"]), last)
            assert sums(messages) == list(accumulate(range(1, last + 1)))
            first_store.broken = second_store.broken = True
    assert (await bus.stream_state("EVENTS")).messages == 120


async def test_a_runner_on_a_bus_that_closes_ends_with_its_last_snapshot(bus: Bus) -> None:
    store = MemoryStore()
    runner = StageRunner(Summing(), bus, store)
    task = asyncio.create_task(runner.run())
    await publish(bus, 1, 5)
    await until(lambda: runner.status.sequence == 5)
    await bus.close()
    with anyio.fail_after(5):
        await task
    assert store.kept["summing", 0][0] == 5


async def test_a_snapshot_that_cannot_be_read_costs_a_replay_and_no_doubles(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    async with running(StageRunner(Summing(), bus, store)):
        await publish(bus, 1, 5)
        await outputs(bus, 5)
    store.kept["summing", 0] = (5, b"torn")
    with caplog.at_level(logging.CRITICAL):
        async with running(StageRunner(Summing(), bus, store)):
            await publish(bus, 6, 9)
            assert await outputs(bus, 9) == list(accumulate(range(1, 10)))
    assert (await bus.stream_state("EVENTS")).messages == 9


async def test_a_store_that_fails_does_not_stop_the_stage(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    class Full(MemoryStore):
        async def save(self, stage: str, partition: int, sequence: int, state: bytes) -> None:
            raise OSError("no space left on device")

    runner = StageRunner(Summing(), bus, Full(), snapshot_every_s=0)
    with caplog.at_level(logging.CRITICAL):
        async with running(runner):
            await publish(bus, 1, 3)
            assert await outputs(bus, 3) == [1, 3, 6]
            await until(lambda: runner.status.errors >= 1)


async def test_a_slow_store_does_not_hold_the_stage_up(bus: Bus) -> None:
    begun, let_go = asyncio.Event(), asyncio.Event()

    class Slow(MemoryStore):
        async def save(self, stage: str, partition: int, sequence: int, state: bytes) -> None:
            begun.set()
            await let_go.wait()
            await super().save(stage, partition, sequence, state)

    store = Slow()
    async with running(StageRunner(Summing(), bus, store, snapshot_every_s=0)):
        await publish(bus, 1, 1)
        await begun.wait()
        await publish(bus, 2, 4)
        assert await outputs(bus, 4) == [1, 3, 6, 10]
        assert not store.kept
        let_go.set()
    assert store.kept["summing", 0][0] == 4


async def test_a_step_cut_off_by_closing_the_bus_is_done_again_by_the_next_runner(
    server: NatsServer, bus: Bus
) -> None:
    store = MemoryStore()
    own = await Bus.connect(
        server.url, site="helsinki", clock=bus.clock, user=server.user, password=server.password
    )

    class Closing(Summing):
        def step(self, state: dict[str, int], given: Any, now_us: int) -> list[Event]:
            made = super().step(state, given, now_us)
            if state["count"] == 3:
                own._link.closed = True
            return made

    task = asyncio.create_task(StageRunner(Closing(), own, store, snapshot_every_s=0).run())
    await publish(bus, 1, 5)
    with anyio.fail_after(5):
        await task
    assert store.kept["summing", 0][0] in (1, 2)
    own._link.closed = False
    await own.close()
    async with running(StageRunner(Summing(), bus, store)):
        assert await outputs(bus, 5) == [1, 3, 6, 10, 15]


def test_a_stage_needs_a_name_that_can_be_published() -> None:
    with pytest.raises(ValueError, match="stage 'a stage' cannot be part of a subject"):
        StageRunner(Summing("a stage"), None, MemoryStore())  # type: ignore[arg-type]
