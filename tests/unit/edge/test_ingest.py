import asyncio
import json
from collections.abc import Callable

import pytest
from tests.unit.edge.fakes import NOW_US, FakeBus, FakeDoor, FakeState, until

from s4allcities.domain import ManualClock, Observation, Rejected
from s4allcities.edge.ingest import EdgeNode, HandedHandler
from s4allcities.edge.intake import Intake
from s4allcities.edge.redaction import redact_text
from s4allcities.edge.sources import SourceTable, built_in_sources

pytestmark = pytest.mark.anyio


def make_node(
    bus: FakeBus,
    on_handed: HandedHandler | None = None,
    *,
    door: FakeDoor | None = None,
    now_us: int = NOW_US,
) -> EdgeNode:
    intake = Intake(SourceTable(built_in_sources()), redact_text)
    return EdgeNode(
        bus, intake, clock=ManualClock(now_us), zones={"e1": "hall"}, door=door, on_handed=on_handed
    )


async def work(node: EdgeNode, holds: Callable[[], object]) -> None:
    """Run the node until something holds, then stop it."""
    task = asyncio.create_task(node.run())
    await until(holds)
    async with asyncio.timeout(10):
        await node.stop()
        await task


def env(value: float, second: int = 0) -> bytes:
    return json.dumps({"t_us": NOW_US - 1_000_000 + second, "co_ppm": value}).encode()


async def test_what_devices_say_becomes_batches_and_is_acknowledged_afterwards() -> None:
    bus = FakeBus()
    for i in range(3):
        await bus.publish_raw("env", "e1", env(i, i))
    await work(node := make_node(bus), lambda: not bus.waiting)
    assert [value for batch in bus.batches for value in batch.value] == [0.0, 1.0, 2.0]
    assert bus.batches[0].series[0].zone == "hall"
    assert bus.batches[-1].raw_last == (3,)
    assert bus.log[0].startswith("batch")
    status = node.status()
    assert (status.received, status.packed, status.in_flight, status.observations) == (3, 3, 0, 3)


async def test_a_bad_message_is_recorded_before_it_is_acknowledged() -> None:
    bus = FakeBus()
    await bus.publish_raw("env", "e1", b'{"co_ppm": NaN}')
    await work(node := make_node(bus), lambda: not bus.waiting)
    record = bus.events[0]
    assert isinstance(record, Rejected)
    assert (record.reason, record.raw_sequence, record.source) == ("not finite", 1, "env/e1")
    assert bus.log == ["event Rejected", "batch (1,)", "ack 1"]
    assert node.status().rejected == {"not finite": 1}


async def test_a_repetition_of_the_device_is_counted_and_not_packed() -> None:
    bus = FakeBus()
    for _ in range(2):
        await bus.publish_raw("env", "e1", env(4))
    await bus.publish_raw("env", "e2", env(4))
    await work(node := make_node(bus), lambda: not bus.waiting)
    assert sum(len(batch) for batch in bus.batches) == 2
    assert node.status().duplicates == 1


async def test_a_repetition_after_the_node_was_killed_is_still_one() -> None:
    bus = FakeBus()
    for i in range(3):
        await bus.publish_raw("env", "e1", env(i, i))
    task = asyncio.create_task(make_node(bus).run())
    await until(lambda: not bus.waiting)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for i in range(5):
        await bus.publish_raw("env", "e1", env(i, i))
    await work(node := make_node(bus), lambda: not bus.waiting)
    assert [value for batch in bus.batches for value in batch.value] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert node.status().duplicates == 3
    for _ in range(2):  # repetitions alone move the mark too: they do not look expired to the next run
        await bus.publish_raw("env", "e1", env(4, 4))
        await work(node := make_node(bus), lambda: not bus.waiting)
    assert (node.status().duplicates, node.status().expired) == (1, 0)
    assert sum(batch.n_raw for batch in bus.batches) == 5


async def test_messages_without_time_are_never_repetitions() -> None:
    bus = FakeBus()
    for _ in range(3):
        await bus.publish_raw("env", "e1", b'{"co_ppm": 4}')
    await work(make_node(bus), lambda: not bus.waiting)
    assert sum(len(batch) for batch in bus.batches) == 3


async def test_what_comes_in_at_the_door_is_answered_when_it_is_on_the_bus_whatever_comes_through_raw() -> (
    None
):
    bus, door = FakeBus(), FakeDoor()
    await bus.publish_raw("env", "e1", env(0))
    task = asyncio.create_task((node := make_node(bus, door=door)).run())
    await until(lambda: bus.batches)
    for number in (1, 2, 3):  # RAW stands still meanwhile: its place does not tell these batches apart
        door.bring("env", "e1", env(number, number))
        assert len(door.waiting) == 1
        await until(lambda: not door.waiting)
        assert bus.batches[-1].value.tolist() == [number]
        assert bus.batches[-1].raw_last == (1,)
    door.bring("env", "e1", b"rubbish")
    door.bring("env", "e1", env(2, 2))
    await bus.publish_raw("env", "e1", env(4, 4))
    await until(lambda: not door.waiting and not bus.waiting)
    await node.stop()
    await task
    assert door.closed
    assert [value for batch in bus.batches for value in batch.value] == [0.0, 1.0, 2.0, 3.0, 4.0]
    status = node.status()
    assert (status.received, status.packed, status.duplicates, status.in_flight) == (7, 5, 1, 0)
    (record,) = bus.events
    assert isinstance(record, Rejected)
    assert record.raw_sequence == 0


async def test_what_was_at_the_door_at_a_crash_comes_again_and_counts_once() -> None:
    bus, door = FakeBus(), FakeDoor()
    bus.crash_after_publish = True
    task = asyncio.create_task(make_node(bus, door=door).run())
    door.bring("env", "e1", env(1))
    await until(lambda: bus.batches)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(door.waiting) == 1
    bus.crash_after_publish = False
    again = FakeDoor()  # the device was not answered: it sends again, with the next reading
    again.bring("env", "e1", env(1))
    again.bring("env", "e1", env(2, 2))
    node = make_node(bus, door=again, now_us=NOW_US + 1)
    await work(node, lambda: not again.waiting)
    assert [value for batch in bus.batches for value in batch.value] == [1.0, 2.0]
    assert node.status().duplicates == 1


async def test_a_batch_from_the_door_that_is_tried_again_is_stored_once() -> None:
    bus, door = FakeBus(), FakeDoor()
    bus.failures = 1
    door.bring("env", "e1", env(1))
    await work(node := make_node(bus, door=door), lambda: not door.waiting)
    assert node.status().publish_errors == 1
    assert len(bus.batches) == len(bus.names) == 1


async def test_gaps_in_raw_count_as_expired() -> None:
    bus = FakeBus()
    for i in range(6):
        await bus.publish_raw("env", "e1", env(i, i))
    del bus.waiting[3], bus.waiting[4]
    await work(node := make_node(bus), lambda: not bus.waiting)
    assert node.status().expired == 2
    for i in range(4):
        await bus.publish_raw("env", "e1", env(i, 10 + i))
    del bus.waiting[7]  # while no edge ran
    await work(node := make_node(bus), lambda: not bus.waiting)
    assert node.status().expired == 1


async def test_after_a_crash_between_publish_and_acknowledgement_nothing_is_packed_twice() -> None:
    bus = FakeBus()
    for i in range(4):
        await bus.publish_raw("env", "e1", env(i, i))
    bus.crash_after_publish = True
    task = asyncio.create_task(make_node(bus).run())
    await until(lambda: bus.batches)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(bus.waiting) == 4
    bus.crash_after_publish = False
    await bus.publish_raw("env", "e1", env(9, 9))
    await work(node := make_node(bus), lambda: not bus.waiting)
    assert [value for batch in bus.batches for value in batch.value] == [0.0, 1.0, 2.0, 3.0, 9.0]
    assert node.status().redelivered == 4
    assert node.status().expired == 0


async def test_a_failed_publish_is_tried_again() -> None:
    bus = FakeBus()
    bus.failures = 1
    await bus.publish_raw("env", "e1", env(1))
    await work(node := make_node(bus), lambda: not bus.waiting)
    assert node.status().publish_errors == 1
    assert len(bus.batches) == 1


async def test_redaction_fails_closed() -> None:
    def broken(observation: Observation) -> Observation:
        raise RuntimeError("secret inside")

    bus = FakeBus()
    await bus.publish_raw("report", "r1", b'{"text": "my name is"}')
    intake = Intake(SourceTable(built_in_sources()), broken)
    node = EdgeNode(bus, intake, clock=ManualClock(NOW_US))
    await work(node, lambda: not bus.waiting)
    assert not any(map(len, bus.batches))
    record = bus.events[0]
    assert isinstance(record, Rejected)
    assert record.reason == "redaction failed"
    assert record.sample == ""
    assert "secret" not in record.detail


async def test_personal_text_is_masked() -> None:
    bus = FakeBus()
    await bus.publish_raw("report", "r1", b'{"text": "smoke! call +358 40 123 4567"}')
    await work(make_node(bus), lambda: not bus.waiting)
    assert bus.batches[0].payloads[0].data == "smoke! call [number]"


async def test_an_actuators_answer_is_handed_over_and_counted_once() -> None:
    answers: list[tuple[str, str, str, int]] = []

    async def take(reading: Observation) -> None:
        answers.append((reading.sensor, reading.payload["ack"], reading.payload["showing"], reading.t_us))

    bus = FakeBus()
    await bus.publish_raw("sign", "s1", b'{"ack": "01AB", "showing": "exit B"}')
    await work(node := make_node(bus, take), lambda: not bus.waiting)
    assert answers == [("s1", "01AB", "exit B", NOW_US)]
    assert [(len(batch), batch.n_raw) for batch in bus.batches] == [(0, 1)]
    assert node.status().packed == 1


async def test_everything_received_is_accounted_for() -> None:
    bus = FakeBus()
    for i in range(2000):
        data = env(i, i) if i % 7 else b"not json"
        await bus.publish_raw(("env", "people", "eve")[i % 3], f"s{i % 10}", data)
    await work(node := make_node(bus), lambda: not bus.waiting)
    status = node.status()
    assert status.received == 2000 == status.packed + sum(status.rejected.values()) + status.duplicates
    assert sum(batch.n_raw for batch in bus.batches) == status.packed
    for batch in bus.batches:
        assert len(batch) <= 500


async def test_stopping_does_not_wait_for_a_dead_bus() -> None:
    bus = FakeBus()
    bus.failures = 1_000_000
    await bus.publish_raw("env", "e1", env(1))
    node = make_node(bus)
    task = asyncio.create_task(node.run())
    await until(lambda: node.status().publish_errors)
    async with asyncio.timeout(5):
        await node.stop(within_s=0.05)
        await task
    assert list(bus.waiting) == [1]
    assert node.status().in_flight == 1


@pytest.mark.parametrize("steps", [0, 1, 3])
async def test_stopping_while_it_recovers_or_before_it_began_ends_it_too(steps: int) -> None:
    class SlowBus(FakeBus):
        async def raw_states(self) -> list[FakeState]:
            await asyncio.sleep(0.01)
            return await super().raw_states()

    bus = SlowBus()
    await bus.publish_raw("env", "e1", env(1))
    node = make_node(bus)
    task = asyncio.create_task(node.run())
    async with asyncio.timeout(5):
        for _ in range(steps):
            await asyncio.sleep(0)
        await node.stop()
        await task
    assert list(bus.waiting) == [1]
    assert node.status().received == 0


async def test_silence_of_a_sensor_is_published() -> None:
    bus, clock = FakeBus(), ManualClock(NOW_US)
    intake = Intake(SourceTable(built_in_sources()), redact_text)
    node = EdgeNode(bus, intake, clock=clock)
    task = asyncio.create_task(node.run())
    await bus.publish_raw("env", "e1", env(1))
    await until(lambda: len(bus.events) == 1)
    clock.advance(3600)
    await until(lambda: len(bus.events) == 2)
    assert [getattr(event, "state", "") for event in bus.events] == ["on time", "gone"]
    assert node.status().sensors == 1
    await node.stop()
    await task
