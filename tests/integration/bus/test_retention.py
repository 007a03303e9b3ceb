"""Nothing stays on the bus longer, or takes more room, than the limits say: our streams and the MQTT gateway's own."""

import time

import anyio
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.integration.bus.parts import SITE, batch, fact, until

from s4allcities.bus import Bus, NatsServer, StreamLimits
from s4allcities.bus.gateway import GATEWAY_STREAMS
from s4allcities.bus.streams import RAW_PARTITIONS
from s4allcities.bus.subjects import partition_of

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

SHORT = StreamLimits(
    raw_age_s=1.0, obs_age_s=1.5, duplicate_window_s=1.0, gateway_session_age_s=1.0, gateway_message_age_s=1.0
)


async def messages(bus: Bus, stream: str) -> int:
    return (await bus.stream_state(stream)).messages


async def is_empty(bus: Bus, stream: str) -> None:
    with anyio.fail_after(10):
        while await messages(bus, stream):  # noqa: ASYNC110 - the server's own clock works
            await anyio.sleep(0.05)


def connect(server: NatsServer, client_id: str, *, clean: bool = False) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean)
    client.username_pw_set("smoke-01", "smoke-secret")
    client.connect("127.0.0.1", server.mqtt_port)
    client.loop_start()
    return client


def leave(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


def visit(server: NatsServer) -> None:
    """Do as a device: a persistent session with a subscription, a retained message, one at QoS 2."""
    client = connect(server, f"visitor-{time.monotonic_ns()}")
    try:
        client.subscribe(f"s4/{SITE}/cmd/smoke-01", 1)
        topic = f"s4/{SITE}/raw/env/smoke-01"
        for sent in (client.publish(topic, b"1", qos=1, retain=True), client.publish(topic, b"2", qos=2)):
            sent.wait_for_publish(10)
            assert sent.is_published()
    finally:
        leave(client)


async def test_old_messages_leave_every_stream(server: NatsServer, bus: Bus) -> None:
    await bus.ensure_streams(SHORT)
    await anyio.to_thread.run_sync(visit, server)
    await bus.publish_batch(batch(1))
    await bus.publish_events([fact(1)], stage="edge", ttl_s=1)
    await bus.publish_events([fact(2)], stage="edge")
    for stream in ("RAW", "OBS", "$MQTT_sess", "$MQTT_rmsgs"):
        assert await messages(bus, stream), stream
    for stream in ("RAW", "OBS", *GATEWAY_STREAMS):
        await is_empty(bus, stream)
    with anyio.fail_after(10):
        while await messages(bus, "EVENTS") != 1:  # noqa: ASYNC110 - the server's own clock works
            await anyio.sleep(0.05)


async def test_a_full_stream_drops_its_oldest_and_says_how_many(server: NatsServer, bus: Bus) -> None:
    await bus.ensure_streams(StreamLimits(raw_bytes=100_000 * RAW_PARTITIONS, obs_bytes=50_000))
    raw = bus.raw()
    await bus.publish_raw("env", "smoke-01", b"first")
    assert (await anext(raw)).message.data == b"first"
    await raw.aclose()
    await bus.publish_raws([("env", "smoke-01", bytes(1000)) for _ in range(300)])
    assert (await bus.stream_state("RAW")).bytes <= 100_000
    for number in range(400):
        await bus.publish_batch(batch(number + 1))
    state = await bus.stream_state("OBS")
    assert state.bytes <= 50_000
    assert state.last_sequence == 400
    raw = bus.raw()
    raw._partitions[
        partition_of("smoke-01", RAW_PARTITIONS)
    ]._known_last = 1  # as the reader that was stopped after the first
    await anext(raw)
    assert raw.expired == 300 - await messages(bus, "RAW")
    await raw.aclose()


async def test_a_device_cannot_fill_the_disk_with_sessions_and_retained_messages(
    server: NatsServer, bus: Bus
) -> None:
    await bus.ensure_streams(StreamLimits(gateway_bytes=20_000))

    def flood() -> None:
        for number in range(60):
            client = connect(server, f"mad-{number}")
            client.subscribe(f"s4/{SITE}/cmd/smoke-01", 1)
            sent = client.publish(f"s4/{SITE}/raw/f{number}/smoke-01", bytes(500), qos=1, retain=True)
            sent.wait_for_publish(10)
            leave(client)

    await anyio.to_thread.run_sync(flood)
    for stream in GATEWAY_STREAMS:
        assert (await bus.stream_state(stream)).bytes <= 20_000, stream
    assert (await bus.stream_state("$MQTT_rmsgs")).last_sequence >= 60
    assert await messages(bus, "RAW") == 60, "what was acknowledged is all there"
    await until(lambda: server.pid)
