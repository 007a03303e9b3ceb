"""The MQTT door before a real nats-server, entered by an independent MQTT client and by bare sockets."""

import asyncio
import json
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.integration.certificates import make_certificate
from tests.unit.edge.fakes import until

from s4allcities.bus import Bus, NatsServer
from s4allcities.domain import SystemClock
from s4allcities.edge.errors import EdgeError
from s4allcities.edge.ingest import EdgeNode
from s4allcities.edge.intake import Intake
from s4allcities.edge.mqtt import connect_packet
from s4allcities.edge.mqtt_door import MOST_BYTES, MqttDoor
from s4allcities.edge.redaction import redact_text
from s4allcities.edge.sources import SourceTable, built_in_sources

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

WAIT_S = 10


def make_door(server: NatsServer) -> MqttDoor:
    return MqttDoor(lambda user: (user,), SystemClock(), site="hel", broker_port=server.mqtt_port)


@asynccontextmanager
async def node_behind(bus: Bus, door: MqttDoor) -> AsyncIterator[EdgeNode]:
    intake = Intake(SourceTable(built_in_sources(max_age_s=None)), redact_text)
    node = EdgeNode(bus, intake, clock=SystemClock(), door=door)
    task = asyncio.create_task(node.run())
    try:
        yield node
        await node.stop()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def working(bus: Bus, door: MqttDoor) -> AsyncIterator[EdgeNode]:
    """Run the door and a node behind it."""
    await door.start()
    try:
        async with node_behind(bus, door) as node:
            yield node
    finally:
        await door.close()


@pytest.fixture
async def door(server: NatsServer, bus: Bus) -> AsyncIterator[MqttDoor]:
    made = make_door(server)
    async with working(bus, made):
        yield made


class Device:
    """A paho client in a thread of its own."""

    def __init__(self, port: int, name: str, password: str, keep_alive_s: int) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"door-{name}")
        self.client.username_pw_set(name, password)
        self.client.max_inflight_messages_set(1000)
        self.refused: list[object] = []
        self.gone: list[object] = []
        self.got: list[bytes] = []
        self.client.on_connect = lambda _c, _u, _f, why, _p: (
            self.refused.append(why) if why.is_failure else None
        )
        self.client.on_disconnect = lambda *_: self.gone.append(True)
        self.client.on_message = lambda _c, _u, message: self.got.append(bytes(message.payload))
        self.client.connect("127.0.0.1", port, keepalive=keep_alive_s)
        self.client.loop_start()

    def say(self, topic: str, data: bytes, qos: int = 1) -> None:
        self.client.publish(topic, data, qos=qos).wait_for_publish(WAIT_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@asynccontextmanager
async def device(
    door: MqttDoor, name: str = "co-01", password: str = "co-secret", keep_alive_s: int = 10
) -> AsyncIterator[Device]:
    made = await asyncio.to_thread(Device, door.port, name, password, keep_alive_s)
    try:
        yield made
    finally:
        await asyncio.to_thread(made.close)


def reading(number: int) -> bytes:
    return json.dumps({"t_us": SystemClock().now_us() + number, "co_ppm": number}).encode()


async def values(bus: Bus) -> list[float]:
    state = await bus.stream_state("OBS")
    found: list[float] = []
    if state.messages:
        async for message in bus.follow("OBS", ["obs.>"]):
            found += [float(value) for value in message.batch.value]
            if message.sequence >= state.last_sequence:
                break
    return found


async def all_is_read(bus: Bus) -> None:
    """Wait until stream RAW is empty."""
    async with asyncio.timeout(WAIT_S):
        while (await bus.stream_state("RAW")).messages:  # noqa: ASYNC110 - the server's state
            await asyncio.sleep(0.02)


async def test_an_acknowledged_reading_is_on_the_bus_and_never_was_in_raw(door: MqttDoor, bus: Bus) -> None:
    async with device(door) as sensor:
        for number in range(5):
            await asyncio.to_thread(sensor.say, "s4/hel/raw/env/co-01", reading(number))
            assert await values(bus) == list(range(number + 1))
    assert (await bus.stream_state("RAW")).last_sequence == 0
    await until(lambda: not door.devices)
    status = door.status()
    assert (status.taken, status.waiting) == (5, 0)


async def test_what_is_no_reading_of_its_own_is_for_the_broker_to_judge(
    door: MqttDoor, bus: Bus, server: NatsServer
) -> None:
    async with device(door) as sensor:
        await asyncio.to_thread(sensor.say, "s4/hel/raw/env/co-02", reading(1))
        await asyncio.to_thread(sensor.say, "s4/other/raw/env/co-01", reading(2))
        await until(lambda: server.refused_by_broker.get("publish", 0) == 2)
        await asyncio.to_thread(sensor.say, "s4/hel/raw/env/co-01", reading(3), 2)
        await asyncio.to_thread(sensor.say, "s4/hel/raw/env/co-01", b" " * (MOST_BYTES + 1))
        await asyncio.to_thread(sensor.say, "s4/hel/raw/env/co-01", reading(4), 0)
        await until(lambda: door.taken == 1)
    await all_is_read(bus)
    assert sorted(await values(bus)) == [3.0, 4.0]
    assert (await bus.stream_state("RAW")).last_sequence > 0
    message = await bus.last("EVENTS", "rejected.>")
    assert message is not None
    assert message.envelope.events[0].reason == "too large"  # type: ignore[union-attr]


async def test_who_may_not_come_in_is_told_by_the_broker(door: MqttDoor, server: NatsServer) -> None:
    async with device(door, "co-01", "wrong-secret") as stranger:
        await until(lambda: stranger.refused)
        await until(lambda: server.refused_by_broker.get("authentication", 0) > 0)
    await until(lambda: not door.devices)
    assert door.taken == 0


async def test_commands_come_through_between_acknowledgements(door: MqttDoor, bus: Bus) -> None:
    async with device(door, "sign-a", "sign-secret") as sign:
        await asyncio.to_thread(sign.client.subscribe, "s4/hel/cmd/sign-a", 1)
        await until(lambda: door.passed_on >= 2)
        await asyncio.sleep(0.2)
        for number in range(20):
            sign.client.publish("s4/hel/raw/env/sign-a", reading(number), qos=1)
            await bus.send_command("sign-a", b"show %d" % number)
        await until(lambda: len(sign.got) == 20 and door.taken == 20 and not door.status().waiting)
        assert sign.got == [b"show %d" % number for number in range(20)]
        assert not sign.gone


async def test_a_silent_device_is_let_go_when_it_said_and_a_speaking_one_is_kept(door: MqttDoor) -> None:
    def mute() -> bytes:
        with socket.create_connection(("127.0.0.1", door.port)) as bare:
            bare.settimeout(WAIT_S)
            bare.sendall(connect_packet("co-01", "co-secret", client="mute", keep_alive_s=1))
            assert bare.recv(4) == b"\x20\x02\0\0"
            return bare.recv(1)  # nothing more: the connection ends

    async with device(door, "sign-a", "sign-secret", keep_alive_s=1) as sign:
        began_s = asyncio.get_running_loop().time()
        ended = asyncio.create_task(asyncio.to_thread(mute))
        while not ended.done():
            await asyncio.to_thread(sign.say, "s4/hel/raw/env/sign-a", reading(0))
            await asyncio.sleep(0.1)
        assert ended.result() == b""
        assert 1.4 < asyncio.get_running_loop().time() - began_s < 6
        assert not sign.gone


async def test_a_device_may_send_all_in_one_piece_or_byte_by_byte(door: MqttDoor, bus: Bus) -> None:
    topic, data = b"s4/hel/raw/env/co-01", [reading(number) for number in range(2)]
    packets = b""
    for number, each in enumerate(data, 1):
        body = len(topic).to_bytes(2) + topic + number.to_bytes(2) + each
        packets += bytes([0x32, len(body)]) + body
    everything = connect_packet("co-01", "co-secret", client="bare") + packets

    def speak(step: int) -> bytes:
        with socket.create_connection(("127.0.0.1", door.port)) as bare:
            bare.settimeout(WAIT_S)
            for begin in range(0, len(everything), step):
                bare.sendall(everything[begin : begin + step])
            answer = b""
            while len(answer) < 12:
                answer += bare.recv(100)
            return answer

    expected = b"\x20\x02\0\0\x40\x02\0\1\x40\x02\0\2"
    assert await asyncio.to_thread(speak, len(everything)) == expected
    assert await asyncio.to_thread(speak, 1) == expected  # the same again: repetitions
    assert await values(bus) == [0.0, 1.0]


@pytest.mark.parametrize(
    "rubbish",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\xff", b"\x10\x00", b"\x32\x04\0\1ab", b"\0" * 50],
)
async def test_rubbish_ends_its_own_connection_only(door: MqttDoor, rubbish: bytes) -> None:
    def speak() -> bytes:
        with socket.create_connection(("127.0.0.1", door.port)) as bare:
            bare.settimeout(20)
            bare.sendall(rubbish)
            try:
                return bare.recv(100)
            except ConnectionResetError:
                return b""

    async with device(door) as sensor:
        assert await asyncio.to_thread(speak) == b""
        await asyncio.to_thread(sensor.say, "s4/hel/raw/env/co-01", reading(1))
        assert door.taken == 1


async def test_rubbish_after_coming_in_ends_that_connection_only(door: MqttDoor) -> None:
    def speak(rubbish: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", door.port)) as bare:
            bare.settimeout(WAIT_S)
            bare.sendall(connect_packet("sign-a", "sign-secret", client="rubbish") + rubbish)
            answer = b""
            while more := bare.recv(100):
                answer += more
            return answer

    async with device(door) as sensor:
        for rubbish in (
            b"\x32\x02\0\x09",
            b"\x32\x01\0",
            b"\x32\x04\xff\xff\0\1",
            b"\x3f\x00",
            b"\xf0\xff\xff\xff\xff\xff",
        ):
            assert await asyncio.to_thread(speak, rubbish) == b"\x20\x02\0\0"
        await asyncio.to_thread(sensor.say, "s4/hel/raw/env/co-01", reading(1))
    assert door.taken == 1


async def test_while_the_bus_does_not_take_devices_wait_and_nothing_is_lost(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s4allcities.edge.mqtt_door.MOST_WAITING", 50)
    door = make_door(server)
    await door.start()  # and no node reads what comes

    try:
        async with device(door) as sensor:
            sent = [sensor.client.publish("s4/hel/raw/env/co-01", reading(n), qos=1) for n in range(500)]
            await until(lambda: door.taken >= 50)
            await asyncio.sleep(0.2)
            assert not any(each.is_published() for each in sent)
            async with node_behind(bus, door):
                await until(lambda: door.taken == 500 and not door.status().waiting)
            await until(lambda: all(each.is_published() for each in sent))
    finally:
        await door.close()
    assert sorted(await values(bus)) == list(range(500))


async def flood(port: int, count: int, said: list[int]) -> None:
    """Say numbers one after the other as one device; ``said`` gets those that were acknowledged."""

    def speak() -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="flood", clean_session=False)
        client.username_pw_set("co-01", "co-secret")
        client.reconnect_delay_set(1, 1)
        client.max_inflight_messages_set(50)
        client.connect("127.0.0.1", port)
        client.loop_start()
        waiting = [(n, client.publish("s4/hel/raw/env/co-01", reading(n), qos=1)) for n in range(count)]
        for number, each in waiting:
            each.wait_for_publish(30)
            if each.is_published():
                said.append(number)
        client.disconnect()
        client.loop_stop()

    await asyncio.to_thread(speak)


async def test_kills_of_the_server_and_of_the_node_lose_and_double_nothing(
    server: NatsServer, bus: Bus
) -> None:
    said: list[int] = []
    door = make_door(server)
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(working(bus, door))
        speaking = asyncio.create_task(flood(door.port, 3000, said))
        await until(lambda: door.taken > 500)
        await bus.publish_raw("env", "co-02", reading(9000))  # of the same family, by the other way
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: door.taken > 1500)
        port = door.port
        await door.close()
        await node.stop()
    again = make_door(server)
    again.port = port
    async with working(bus, again):
        await speaking
    assert said == list(range(3000))
    assert sorted(await values(bus)) == [*range(3000), 9000]


async def test_over_tls_it_is_the_same(server: NatsServer, bus: Bus, tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)
    door = MqttDoor(lambda user: (user,), SystemClock(), site="hel", broker_port=server.mqtt_port, tls=tls)

    def speak() -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="door-tls")
        client.username_pw_set("co-01", "co-secret")
        client.tls_set(str(cert))
        client.connect("127.0.0.1", door.port)
        client.loop_start()
        for number in range(3):
            client.publish("s4/hel/raw/env/co-01", reading(number), qos=1).wait_for_publish(WAIT_S)
        client.disconnect()
        client.loop_stop()

    async with working(bus, door):
        await asyncio.to_thread(speak)
        assert await values(bus) == [0.0, 1.0, 2.0]
        with socket.create_connection(("127.0.0.1", door.port)) as plain:
            plain.sendall(connect_packet("co-01", "co-secret", client="plain"))
            await until(lambda: not door.devices)
        assert door.taken == 3


async def test_a_port_in_use_is_said_in_one_line(server: NatsServer, door: MqttDoor) -> None:
    second = make_door(server)
    second.port = door.port
    with pytest.raises(EdgeError, match=f"MQTT cannot listen on 127.0.0.1, port {door.port}: "):
        await second.start()
