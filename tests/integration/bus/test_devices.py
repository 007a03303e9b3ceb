"""What a device's credential may do, seen from an independent MQTT client."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import paho.mqtt.client as mqtt
import pytest
from anyio import to_thread
from paho.mqtt.enums import CallbackAPIVersion
from tests.integration.bus.parts import batch, until

from s4allcities.bus import Bus, BusTimeout, DeviceUser, NatsServer
from s4allcities.domain import SystemClock

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


class Device:
    """A paho client with its own thread; all calls here block."""

    def __init__(self, server: NatsServer, name: str, password: str, client_id: str = "") -> None:
        self.connected = threading.Event()
        self.received: list[tuple[str, bytes]] = []
        self.granted: list[Any] = []
        self.refused = ""
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or f"test-{name}")
        self.client.username_pw_set(name, password)
        self.client.on_connect = self._on_connect
        self.client.on_message = lambda _c, _u, message: self.received.append(
            (message.topic, bytes(message.payload))
        )
        self.client.on_subscribe = lambda _c, _u, _mid, codes, _p: self.granted.extend(codes)
        self.client.connect("127.0.0.1", server.mqtt_port, keepalive=10)
        self.client.loop_start()

    def _on_connect(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self.refused = str(reason) if reason.is_failure else ""
        self.connected.set()

    def publish(self, topic: str, data: bytes, qos: int = 1) -> None:
        self.client.publish(topic, data, qos=qos).wait_for_publish(5)

    def subscribe(self, topic: str) -> bool:
        before = len(self.granted)
        self.client.subscribe(topic, qos=1)
        for _ in range(500):
            if len(self.granted) > before:
                return not self.granted[-1].is_failure
            threading.Event().wait(0.01)
        return False


@contextmanager
def device(server: NatsServer, name: str, password: str) -> Iterator[Device]:
    made = Device(server, name, password)
    try:
        made.connected.wait(5)
        yield made
    finally:
        made.client.disconnect()
        made.client.loop_stop()


async def test_a_devices_message_arrives_with_qos_0_and_1(server: NatsServer, bus: Bus) -> None:
    def send(qos: int) -> None:
        with device(server, "smoke-01", "smoke-secret") as smoke:
            smoke.publish("s4/helsinki/raw/env/smoke-01", f'{{"smoke_pct_m": 0.{qos}}}'.encode(), qos=qos)

    raw = bus.raw()
    deliveries = []
    for qos in (1, 0, 2):  # the first tells that the reader is there: QoS 0 is for whoever listens
        await to_thread.run_sync(send, qos)
        with anyio.fail_after(5):
            deliveries.append(await anext(raw))
    assert [one.message.data for one in deliveries] == [
        b'{"smoke_pct_m": 0.1}', b'{"smoke_pct_m": 0.0}', b'{"smoke_pct_m": 0.2}',
    ]  # fmt: skip
    assert {(one.message.family, one.message.sensor) for one in deliveries} == {("env", "smoke-01")}


FORBIDDEN = (
    "s4/helsinki/raw/env/sign-a",
    "s4/other/raw/env/smoke-01",
    "s4/helsinki/obs/env/0",
    "s4/helsinki/det/validity",
    "s4/helsinki/order/api",
    "s4/helsinki/cmd/sign-a",
    "s4/helsinki/cmd/smoke-01",
    "$JS/API/STREAM/DELETE/RAW",
)


async def test_a_device_can_publish_nothing_but_its_own_raw_topics(server: NatsServer, bus: Bus) -> None:
    def send() -> None:
        with device(server, "smoke-01", "smoke-secret") as smoke:
            for topic in FORBIDDEN:
                smoke.publish(topic, b"forged")

    await bus.publish_batch(batch(1))
    await to_thread.run_sync(send)
    await until(lambda: server.refused_by_broker.get("publish", 0) == len(FORBIDDEN))
    counts = {name: (await bus.stream_state(name)).messages for name in ("RAW", "OBS", "EVENTS")}
    assert counts == {"RAW": 0, "OBS": 1, "EVENTS": 0}
    refusal = server.log.refusals[0]
    assert (refusal.kind, refusal.client, refusal.subject) == (
        "publish",
        "test-smoke-01",
        "s4.helsinki.raw.env.sign-a",
    )


async def test_a_device_reads_its_own_commands_and_nothing_else(server: NatsServer, bus: Bus) -> None:
    with device(server, "sign-a", "sign-secret") as sign:
        assert await to_thread.run_sync(sign.subscribe, "s4/helsinki/cmd/sign-a")
        for topic in (
            "s4/helsinki/cmd/smoke-01",
            "s4/helsinki/cmd/#",
            "s4/helsinki/raw/#",
            "s4/helsinki/obs/#",
            "#",
        ):
            assert not await to_thread.run_sync(sign.subscribe, topic), topic
        await bus.send_command("smoke-01", b"not for the sign")
        await bus.send_command("sign-a", b'{"id": "c1", "show": "Leave by exit B"}')
        await until(lambda: len(sign.received) == 1)
    assert sign.received == [("s4/helsinki/cmd/sign-a", b'{"id": "c1", "show": "Leave by exit B"}')]
    assert server.refused_by_broker.get("subscribe", 0) >= 5


@pytest.mark.parametrize(("name", "password"), [("smoke-01", "wrong"), ("nobody", "x"), ("", "")])
async def test_wrong_credentials_are_refused_and_counted(
    server: NatsServer, bus: Bus, name: str, password: str
) -> None:
    def attempt() -> str:
        with device(server, name, password) as stranger:
            return stranger.refused

    assert await to_thread.run_sync(attempt)
    await until(lambda: server.refused_by_broker.get("authentication", 0) >= 1)


async def test_the_platforms_credential_is_not_for_mqtt_nor_a_devices_for_the_bus(server: NatsServer) -> None:
    def attempt() -> str:
        with device(server, server.user, server.password) as stranger:
            return stranger.refused

    assert await to_thread.run_sync(attempt)
    with pytest.raises(BusTimeout):
        await Bus.connect(
            server.url,
            site="helsinki",
            clock=SystemClock(),
            user="smoke-01",
            password="smoke-secret",
            wait_s=0.5,
        )


async def test_new_credentials_hold_at_once_and_withdrawn_ones_no_longer(
    server: NatsServer, bus: Bus
) -> None:
    await server.set_devices((DeviceUser(name="door-07", password="door-secret"),))

    def attempts() -> tuple[str, str]:
        with (
            device(server, "door-07", "door-secret") as door,
            device(server, "smoke-01", "smoke-secret") as gone,
        ):
            door.publish("s4/helsinki/raw/door/door-07", b'{"open": 1}')
            return door.refused, gone.refused

    accepted, withdrawn = await to_thread.run_sync(attempts)
    assert not accepted
    assert withdrawn
    raw = bus.raw()
    with anyio.fail_after(5):
        assert (await anext(raw)).message.sensor == "door-07"
    assert bus.connected
    assert bus.reconnects == 0


async def test_what_a_device_was_told_is_received_is_there_after_a_kill(server: NatsServer, bus: Bus) -> None:
    acknowledged: set[int] = set()  # paho's own message numbers: 1, 2, 3 ...

    def send(smoke: Device, first: int, last: int) -> None:
        for number in range(first, last + 1):
            smoke.client.publish("s4/helsinki/raw/env/smoke-01", str(number).encode(), qos=1)

    with device(server, "smoke-01", "smoke-secret") as smoke:
        smoke.client.reconnect_delay_set(1, 1)
        smoke.client.on_publish = lambda _c, _u, mid, _r, _p: acknowledged.add(mid)
        await to_thread.run_sync(send, smoke, 1, 300)
        await until(lambda: len(acknowledged) >= 150)
        os.kill(server.pid, signal.SIGKILL)
        await to_thread.run_sync(send, smoke, 301, 400)
        await until(lambda: len(acknowledged) == 400)
    raw = bus.raw()
    received: set[int] = set()
    with anyio.fail_after(10):
        while len(received) < 400:
            received.add(int((await anext(raw)).message.data))
    assert received == acknowledged == set(range(1, 401))
