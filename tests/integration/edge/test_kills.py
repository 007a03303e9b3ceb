"""Floods of QoS 1 messages, and kills in the middle: what was acknowledged is on the bus, once."""

import asyncio
import json
import os
import random
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.integration.edge.edge_process import DEVICES, SITE
from tests.integration.edge.test_node_on_the_bus import batches, make_node, raw_is_empty, running

from s4allcities.bus import Bus, DeviceUser, NatsServer, ServerConfig
from s4allcities.domain import SystemClock

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

MESSAGES = 400
QUICK = 3
REPEATS = [number if number < QUICK else pytest.param(number, marks=pytest.mark.slow) for number in range(10)]


class Flood:
    """Devices that send all they have at once, by QoS 1, and send again what was not acknowledged before a cut."""

    def __init__(self, mqtt_port: int, *, messages: int = MESSAGES) -> None:
        self.wanted = set(range(messages))
        self.acknowledged: set[int] = set()
        self._mqtt_port = mqtt_port
        self._clients: list[mqtt.Client] = []
        self._start_us = SystemClock().now_us() - 1_000_000

    def run(self) -> None:
        """Start sending; paho's own threads do it."""
        for place, user in enumerate(DEVICES):
            self._clients.append(self._client(user, [n for n in self.wanted if n % len(DEVICES) == place]))

    def _client(self, user: DeviceUser, numbers: list[int]) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"flood-{user.name}", clean_session=False)
        client.username_pw_set(user.name, user.password)
        client.reconnect_delay_set(1, 1)
        # paho numbers a client's messages from 1 on.
        client.on_publish = lambda _c, _u, mid, _r, _p: self.acknowledged.add(numbers[mid - 1])
        client.connect("127.0.0.1", self._mqtt_port, keepalive=10)
        client.loop_start()
        for number in numbers:
            data = json.dumps({"t_us": self._start_us + number, "co_ppm": number})
            client.publish(f"s4/{SITE}/raw/env/{user.name}", data, qos=1)
        return client

    def stop(self) -> None:
        """Disconnect."""
        for client in self._clients:
            client.disconnect()
            client.loop_stop()

    async def acknowledges(self, messages: int) -> None:
        """Wait until that many were acknowledged."""
        async with asyncio.timeout(40):
            while len(self.acknowledged) < messages:  # noqa: ASYNC110 - counted by other threads
                await asyncio.sleep(0.002)


@contextmanager
def flood(mqtt_port: int) -> Iterator[Flood]:
    made = Flood(mqtt_port)
    try:
        yield made
    finally:
        made.stop()


async def decided(bus: Bus) -> Counter[int]:
    """Count each value on stream OBS."""
    return Counter(int(value) for batch in await batches(bus) for value in batch.value)


def kill_points(repeat: int) -> list[int]:
    """Choose two counts of acknowledgements at which to kill."""
    return sorted(random.Random(repeat).sample(range(10, MESSAGES - 20), 2))


@pytest.mark.parametrize("repeat", REPEATS)
async def test_the_server_is_killed_in_a_flood(anyio_backend: str, tmp_path: Path, repeat: int) -> None:
    async with (
        NatsServer(ServerConfig(data_dir=tmp_path, site=SITE), devices=DEVICES) as server,
        connected(server) as bus,
    ):
        await bus.ensure_streams()
        with flood(server.mqtt_port) as devices:
            async with running(make_node(bus)) as node:
                await asyncio.to_thread(devices.run)
                for count in kill_points(repeat):
                    await devices.acknowledges(count)
                    await killed(server)
                await devices.acknowledges(MESSAGES)
                await raw_is_empty(bus)
        assert await decided(bus) == Counter(devices.acknowledged) == Counter(range(MESSAGES))
        assert node.status().expired == 0
        # Nothing gathers where only devices could read it.
        assert (await bus.stream_state("$MQTT_msgs")).messages == 0


async def killed(server: NatsServer) -> None:
    """Kill the server and wait until it runs again."""
    restarts = server.restarts
    os.kill(server.pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while server.restarts == restarts or not server.pid:  # noqa: ASYNC110 - what another task does
            await asyncio.sleep(0.005)


@asynccontextmanager
async def connected(server: NatsServer) -> AsyncIterator[Bus]:
    bus = await Bus.connect(
        server.url, site=SITE, clock=SystemClock(), user=server.user, password=server.password
    )
    try:
        yield bus
    finally:
        await bus.close()


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


@asynccontextmanager
async def platform(data_dir: Path, ports: list[int]) -> AsyncIterator[Callable[[], None]]:
    """Run the edge and its server as a process; gives what kills both at once, and does so at the end."""
    program = Path(__file__).with_name("edge_process.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), str(data_dir), *map(str, ports), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    server_pid = int(await asyncio.wait_for(process.stdout.readline(), 30))

    def kill() -> None:
        os.kill(server_pid, signal.SIGKILL)
        process.kill()

    try:
        yield kill
    finally:
        if process.returncode is None:
            process.kill()  # the server ends with it
        await process.wait()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("repeat", REPEATS)
async def test_platform_and_server_are_killed_in_a_flood(
    anyio_backend: str, tmp_path: Path, repeat: int
) -> None:
    ports = free_ports(2)
    with flood(ports[1]) as devices:
        for life, count in enumerate([*kill_points(repeat), MESSAGES]):
            async with platform(tmp_path, ports) as kill:
                if life == 0:
                    await asyncio.to_thread(devices.run)
                await devices.acknowledges(count)
                if count < MESSAGES:
                    kill()
        devices.stop()
    async with (
        NatsServer(ServerConfig(data_dir=tmp_path, site=SITE), devices=DEVICES) as server,
        connected(server) as bus,
        running(make_node(bus)) as node,
    ):
        await raw_is_empty(bus)
        assert node.status().expired == 0
        assert await decided(bus) == Counter(devices.acknowledged) == Counter(range(MESSAGES))
