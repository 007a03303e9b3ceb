import asyncio
from contextlib import aclosing

import anyio
import msgspec
import pytest
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig
from tests.integration.bus.parts import SITE, batch, fact, sums, take, until

from s4allcities.bus import Bus, BusRefused, BusTimeout, NatsServer, StreamLimits, SubjectError
from s4allcities.bus.follow import Follower
from s4allcities.bus.streams import RAW_PARTITIONS, raw_stream
from s4allcities.bus.subjects import partition_of
from s4allcities.domain import Alert, Event, RawMessage, SystemClock

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


async def test_a_batch_arrives_as_it_was_with_the_publishers_time(bus: Bus) -> None:
    before_us = bus.clock.now_us()
    sequence = await bus.publish_batch(batch(5))
    (message,) = await take(bus.follow("OBS", ["obs.>"]), 1)
    assert (message.sequence, message.subject) == (sequence, "s4.helsinki.obs.env.0")
    assert before_us <= message.now_us <= bus.clock.now_us()
    assert abs(message.t_server_us - message.now_us) < 5_000_000
    assert message.batch.raw_last == (5,)


async def test_the_same_batch_is_stored_once(bus: Bus) -> None:
    assert await bus.publish_batch(batch(5)) == await bus.publish_batch(batch(5))
    assert (await bus.stream_state("OBS")).messages == 1


async def test_batches_of_http_and_files_are_never_taken_for_doubles(bus: Bus) -> None:
    anonymous = msgspec.structs.replace(batch(5), raw_last=())
    assert await bus.publish_batch(anonymous) != await bus.publish_batch(anonymous)


async def test_outputs_keep_their_order_and_get_ids(bus: Bus) -> None:
    alert = Alert(
        id="a1", t_us=1, version=1, level="high", state="new", incident_id="i", hypothesis="fire", zone="hall",
        t_annunciated_us=1, title="Fire", lines=(),
    )  # fmt: skip
    outputs: list[Event] = [fact(1), fact(2), alert, fact(3)]
    last = await bus.publish_events(outputs, stage="risk", sequence=7)
    messages = await take(bus.follow("EVENTS", ["ctx.>", "alert.>"]), 3)
    assert [one.subject for one in messages] == [
        "s4.helsinki.ctx.risk",
        "s4.helsinki.alert.risk",
        "s4.helsinki.ctx.risk",
    ]
    assert [one.envelope.index for one in messages] == [0, 2, 3]
    assert messages[-1].sequence == last
    assert len({event.id for one in messages for event in one.envelope.events}) == 4


async def test_outputs_published_again_are_stored_once_also_beside_new_ones(bus: Bus) -> None:
    for _ in range(3):
        await bus.publish_events([fact(1)], stage="risk", sequence=7)
        await bus.publish_events([fact(2)], stage="risk", sequence=8)
    assert (await bus.stream_state("EVENTS")).messages == 2
    assert await bus.publish_events([], stage="risk", sequence=9) == 0


async def test_a_new_version_of_an_alert_is_another_message_the_same_one_is_not(bus: Bus) -> None:
    alert = Alert(
        id="a1", t_us=1, version=1, level="high", state="new", incident_id="i", hypothesis="fire", zone="hall",
        t_annunciated_us=1, title="Fire", lines=(),
    )  # fmt: skip
    first = await bus.publish_event(alert)
    assert await bus.publish_event(alert) == first
    assert (
        await bus.publish_event(msgspec.structs.replace(alert, version=2, state="acknowledged")) == first + 1
    )


async def test_a_message_over_the_limit_is_cut_and_one_event_over_it_refused(bus: Bus) -> None:
    long = [msgspec.structs.replace(fact(n), reason="x" * 1_000_000) for n in range(20)]
    await bus.publish_events(long, stage="risk", sequence=1)
    messages = await take(bus.follow("EVENTS", ["ctx.>"]), 4)
    assert sum(len(one.envelope.events) for one in messages) == 20
    assert [one.envelope.index for one in messages] == [0, 5, 10, 15]
    with pytest.raises(BusRefused, match="over the 8388608 bytes"):
        await bus.publish_events([msgspec.structs.replace(fact(1), reason="x" * 9_000_000)], stage="risk")


async def test_follow_starts_after_a_sequence_and_filters(bus: Bus) -> None:
    for number in range(1, 6):
        await bus.publish_events([fact(number)], stage="a" if number % 2 else "b", sequence=number)
    assert sums(await take(bus.follow("EVENTS", ["ctx.>"], after=3), 2)) == [4, 5]
    assert sums(await take(bus.follow("EVENTS", ["ctx.a"]), 3)) == [1, 3, 5]


async def test_a_slow_reader_holds_a_bounded_number_of_messages(bus: Bus) -> None:
    follower = bus.follow("OBS", ["obs.>"])
    for start in range(1, 1001, 100):
        await asyncio.gather(*(bus.publish_batch(batch(number)) for number in range(start, start + 100)))
    async with aclosing(follower):
        first = await anext(follower)
        await anyio.sleep(0.2)
        assert first.pending == 999
        assert len(follower._reader._buffer) <= 256
        rest = await take(follower, 999)
    assert [one.sequence for one in (first, *rest)] == list(range(1, 1001))
    assert rest[-1].pending == 0


async def test_last_and_state(bus: Bus) -> None:
    assert await bus.last("OBS", "obs.env.0") is None
    await bus.publish_batch(batch(3))
    await bus.publish_batch(batch(9))
    await bus.publish_batch(batch(1, family="people"))
    last = await bus.last("OBS", "obs.env.0")
    assert last is not None
    assert (last.batch.raw_last, last.sequence) == ((9,), 2)
    assert last.now_us > 0
    state = await bus.stream_state("OBS")
    assert (state.first_sequence, state.last_sequence, state.messages) == (1, 3, 3)
    assert state.bytes > 0


async def test_device_messages_come_in_order_and_leave_when_acknowledged(bus: Bus) -> None:
    for number in range(20):
        await bus.publish_raw("env", f"smoke-{number % 5}", b'{"smoke_pct_m": %d}' % number)
    deliveries = [await anext(raw) for raw in [bus.raw()] for _ in range(20)]
    for sensor in range(5):
        said = [one.message.data for one in deliveries if one.message.sensor == f"smoke-{sensor}"]
        assert said == [b'{"smoke_pct_m": %d}' % number for number in range(sensor, 20, 5)]
    first = next(one.message for one in deliveries if one.message.sensor == "smoke-0")
    assert isinstance(first, RawMessage)
    assert (first.family, first.partition) == ("env", partition_of("smoke-0", RAW_PARTITIONS))
    assert abs(first.t_received_us - bus.clock.now_us()) < 5_000_000
    for one in deliveries[:15]:
        await one.ack()
    await _until_raw_holds(bus, 5)


async def test_keys_come_back_with_and_without_the_content(bus: Bus) -> None:
    keys = (1, 2**64 - 1)
    await bus.publish_batch(batch(1), keys=keys)
    await bus.publish_batch(batch(2))
    whole = await take(bus.follow("OBS", ["obs.>"]), 2)
    bare = await take(bus.follow("OBS", ["obs.>"], headers_only=True), 2)
    assert [one.keys for one in whole] == [one.keys for one in bare] == [keys, ()]
    assert [one.data for one in bare] == [b"", b""]


async def test_what_was_not_acknowledged_comes_first_to_the_next_reader(bus: Bus) -> None:
    for number in range(6):
        await bus.publish_raw("env", "smoke-01", str(number).encode())
    raw = bus.raw()
    deliveries = [await anext(raw) for _ in range(6)]
    for one in (deliveries[0], deliveries[2]):
        await one.ack()
    await _until_raw_holds(bus, 4)
    await bus.publish_raw("env", "smoke-01", b"6")
    await raw.aclose()
    again = bus.raw()
    assert [(await anext(again)).message.data for _ in range(5)] == [b"1", b"3", b"4", b"5", b"6"]


async def test_a_subject_no_device_should_use_becomes_a_rejected_record(bus: Bus) -> None:
    await bus._link.client.publish("$MQTT.msgs.s4.helsinki.raw.env.a//b.c", b"?")
    await bus.publish_raw("env", "good", b"1")
    raw = bus.raw()
    delivery = await anext(raw)
    assert delivery.message.sensor == "good"
    (message,) = await take(bus.follow("EVENTS", ["rejected.>"]), 1)
    (rejected,) = message.envelope.events
    assert "is not s4.<site>.raw.<family>.<sensor>" in rejected.detail  # type: ignore[union-attr]
    await delivery.ack()
    await _until_raw_holds(bus, 0)


async def test_a_nats_publisher_on_a_devices_subject_gets_the_streams_own_acknowledgement(bus: Bus) -> None:
    await bus.publish_raw("env", "smoke-01", b"1")
    raw = bus.raw()
    await anext(raw)
    ack = await bus._link.client.jetstream().publish("s4.helsinki.raw.env.smoke-02", b"2")
    # The server's mapping and ours agree on where a sensor's messages are.
    assert ack.stream == raw_stream(partition_of("smoke-02", RAW_PARTITIONS))
    assert (await anext(raw)).message.sensor == "smoke-02"


async def test_what_the_gateway_made_for_itself_is_narrowed_and_an_older_raw_keeps_what_it_holds(
    bus: Bus,
) -> None:
    streams = bus._link.client.jetstream()
    for name in (*map(raw_stream, range(RAW_PARTITIONS)), "$MQTT_msgs"):
        await streams.delete_stream(name)
    await streams.add_stream(
        StreamConfig(name="RAW", subjects=["s4.*.rawp.>"], retention=RetentionPolicy.WORK_QUEUE)
    )
    await streams.add_stream(
        StreamConfig(name="$MQTT_msgs", subjects=["$MQTT.msgs.>"], retention=RetentionPolicy.INTEREST)
    )
    await bus._link.client.publish("s4.helsinki.raw.env.smoke-01", b"before")
    await bus.ensure_streams()
    await bus.publish_raw("env", "smoke-01", b"after")
    raw = bus.raw()
    assert {(await anext(raw)).message.data for _ in range(2)} == {b"before", b"after"}


async def test_an_account_with_other_peoples_devices_is_refused(bus: Bus) -> None:
    streams = bus._link.client.jetstream()
    for name in (*map(raw_stream, range(RAW_PARTITIONS)), "$MQTT_msgs"):
        await streams.delete_stream(name)
    await streams.add_stream(
        StreamConfig(name="$MQTT_msgs", subjects=["$MQTT.msgs.>"], retention=RetentionPolicy.INTEREST)
    )
    await streams.add_consumer(
        "$MQTT_msgs", ConsumerConfig(durable_name="other", filter_subject="$MQTT.msgs.lamps.>")
    )
    with pytest.raises(BusRefused, match="an account of its own"):
        await bus.ensure_streams()


async def test_names_are_checked_before_anything_is_sent(bus: Bus) -> None:
    with pytest.raises(SubjectError):
        await bus.publish_raw("env", "smoke.01", b"")
    with pytest.raises(SubjectError):
        await bus.send_command(">", b"")
    with pytest.raises(SubjectError):
        bus.follow("OBS", ["obs env"])


async def test_a_stream_that_is_not_there_is_one_clear_error(bus: Bus) -> None:
    with pytest.raises(BusRefused, match="stream not found"):
        await bus.stream_state("NOWHERE")
    with pytest.raises(BusRefused, match="NOWHERE cannot be read"):
        await anext(bus.follow("NOWHERE", ["obs.>"]))


async def test_limits_can_be_changed_and_what_expires_unread_is_counted(bus: Bus) -> None:
    await bus.ensure_streams(StreamLimits(raw_bytes=65_536 * RAW_PARTITIONS))
    raw = bus.raw()
    await bus.publish_raw("env", "smoke-01", b"x" * 200)
    await (await anext(raw)).ack()
    sent = 1
    with anyio.fail_after(10):  # until the reader's own queue is full, it reads on and nothing is left unread
        while not raw._ready.full():
            await bus.publish_raw("env", "smoke-01", b"x" * 200)
            await asyncio.sleep(0.01)
            sent += 1
    await asyncio.gather(*(bus.publish_raw("env", "smoke-01", b"x" * 200) for _ in range(1600)))
    sent += 1600
    with anyio.fail_after(10):
        while (await anext(raw)).message.sequence < sent:
            pass
    assert raw.expired + raw.given == sent
    assert raw.expired > 100


async def test_a_server_that_cannot_store_is_waited_for_and_then_named(server: NatsServer, bus: Bus) -> None:
    hasty = await Bus.connect(
        server.url, site=SITE, clock=bus.clock, user=server.user, password=server.password, publish_wait_s=0.4
    )
    await bus._link.client.jetstream().delete_stream("OBS")
    with pytest.raises(BusTimeout, match=r"within 0.4 s \(no stream takes it"):
        await hasty.publish_batch(batch(1))
    await hasty.close()


async def test_closing_ends_every_iteration(bus: Bus) -> None:
    seen: list[int] = []

    async def drain(follower: Follower) -> None:
        async for message in follower:
            seen.append(message.sequence)  # noqa: PERF401 - looked at while it grows

    await bus.publish_batch(batch(1))
    reading = asyncio.create_task(drain(bus.follow("OBS", ["obs.>"])))
    await until(lambda: seen == [1])
    await bus.close()
    with anyio.fail_after(2):
        await reading


async def test_wrong_credentials_and_a_server_that_is_away(server: NatsServer) -> None:
    with pytest.raises(BusTimeout, match=r"within 0\.5 s"):
        await Bus.connect(server.url, site=SITE, clock=SystemClock(), user="x", password="y", wait_s=0.5)
    with pytest.raises(BusTimeout, match=r"no connection to nats://127\.0\.0\.1:1"):
        await Bus.connect("nats://127.0.0.1:1", site=SITE, clock=SystemClock(), wait_s=0.3)


async def _until_raw_holds(bus: Bus, count: int) -> None:
    with anyio.fail_after(5):
        while (await bus.stream_state("RAW")).messages != count:  # noqa: ASYNC110 - acks are not answered
            await anyio.sleep(0.01)
