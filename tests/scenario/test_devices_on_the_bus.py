"""The simulated sensors against a real nats-server: what they hold acknowledged is there, also after kill -9."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import anyio
import pytest

from s4allcities.bus import Bus, DeviceUser, NatsServer, ServerConfig
from s4allcities.domain import SystemClock
from s4allcities.scenario.devices.mqtt import Broker
from s4allcities.scenario.run import Settings, play
from s4allcities.scenario.sign import SignSettings, run_sign

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

HELSINKI = Path(__file__).parents[2] / "sites" / "helsinki-station"
DEVICES = (
    "smoke-21",
    "smoke-22",
    "co-31",
    "heat-33",
    "camera-12",
    "door-dc-07",
    "counter-04",
    "ids-1",
    "vms-08",
)
CREDENTIALS = {name: f"secret-of-{name}" for name in DEVICES}


def server(folder: Path) -> NatsServer:
    users = [DeviceUser(name=name, password=password) for name, password in CREDENTIALS.items()]
    return NatsServer(ServerConfig(data_dir=folder, site="helsinki-station"), devices=users)


async def connect(running: NatsServer) -> Bus:
    bus = await Bus.connect(
        running.url,
        site="helsinki-station",
        clock=SystemClock(),
        user=running.user,
        password=running.password,
    )
    await bus.ensure_streams()
    return bus


def settings(running: NatsServer, out: Path) -> Settings:
    return Settings(
        site=HELSINKI,
        scenario="station-fire",
        mqtt_host="127.0.0.1",
        mqtt_port=running.mqtt_port,
        http="http://127.0.0.1:1",
        credentials=CREDENTIALS,
        out=out,
        speed=10.0,
    )


async def lines(path: Path, count: int) -> None:
    """Wait until a log has so many lines."""
    with anyio.fail_after(40):
        while len(read(path)) < count:  # noqa: ASYNC110 - looks at what another task writes
            await anyio.sleep(0.05)


async def told(path: Path) -> None:
    """Wait until the truth says that people leave."""
    with anyio.fail_after(20):
        while not any(row.get("leaving") for row in read(path)):  # noqa: ASYNC110
            await anyio.sleep(0.05)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(tmp_path: Path) -> None:
    async with server(tmp_path / "nats") as running:
        bus = await connect(running)
        stop = asyncio.Event()
        playing = asyncio.create_task(play(settings(running, tmp_path / "out"), stop))
        log = tmp_path / "out" / "sent.jsonl"
        await lines(log, 100)
        os.kill(running.pid, signal.SIGKILL)
        await lines(log, 250)
        stop.set()
        with anyio.fail_after(30):
            summary = await playing
        kept = (await bus.stream_state("RAW")).messages
        await bus.close()
    sent = read(log)
    assert running.restarts == 1
    assert summary["reconnects"] >= len(DEVICES)
    assert summary["dropped_by_device"] == {}
    assert summary["acknowledged"] == sum(row["acknowledged"] for row in sent) > 150
    assert kept >= summary["acknowledged"]
    assert len({(row["sensor"], row["t_us"]) for row in sent}) == len(sent)
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    truth = read(tmp_path / "out" / "truth.jsonl")
    assert truth[0]["kind"] == "story"
    assert {row["kind"] for row in truth} == {"story", "event", "state"}


async def test_signs_of_the_world_answer_commands(tmp_path: Path) -> None:
    async with server(tmp_path / "nats") as running:
        bus = await connect(running)
        stop = asyncio.Event()
        playing = asyncio.create_task(play(settings(running, tmp_path / "out"), stop))
        assert await ask(bus, "LEAVE BY EXIT A") == "LEAVE BY EXIT A"
        # The truth is written once a second, the answer may come sooner.
        await told(tmp_path / "out" / "truth.jsonl")
        stop.set()
        await playing
        await bus.close()


async def test_a_sign_alone(tmp_path: Path) -> None:
    async with server(tmp_path / "nats") as running:
        bus = await connect(running)
        stop = asyncio.Event()
        alone = SignSettings(
            name="vms-08",
            password=CREDENTIALS["vms-08"],
            broker=Broker("127.0.0.1", running.mqtt_port, "helsinki-station"),
            log=tmp_path / "sent.jsonl",
        )
        signing = asyncio.create_task(run_sign(alone, SystemClock(), stop))
        assert await ask(bus, "EXIT J CLOSED") == "EXIT J CLOSED"
        stop.set()
        assert (await signing).showing == "EXIT J CLOSED"
        await bus.close()


async def ask(bus: Bus, text: str) -> str:
    """Tell vms-08 what to show, again and again as an actuator does, until it answers; give what it says it shows."""
    with anyio.fail_after(40):
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(tell(bus, text))
            async for delivery in bus.raw():
                await delivery.ack()
                message = json.loads(delivery.message.data)
                if delivery.message.sensor == "vms-08" and "ack" in message:
                    telling.cancel()
                    return str(message["showing"])
    raise AssertionError("the stream ended")


async def tell(bus: Bus, text: str) -> None:
    while True:
        await bus.send_command("vms-08", json.dumps({"id": "c1", "show": text}).encode())
        await anyio.sleep(0.3)
