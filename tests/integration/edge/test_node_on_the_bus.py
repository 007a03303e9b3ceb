"""The edge node against a real nats-server, fed by an independent MQTT client."""

import asyncio
import json
import operator
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.unit.edge.fakes import until

from s4allcities.bus import Bus, NatsServer
from s4allcities.domain import (
    Clearance,
    CourseOfAction,
    Observation,
    ObservationBatch,
    Order,
    Rejected,
    SignSetting,
    SystemClock,
    to_rfc3339,
)
from s4allcities.edge.actuators import SignActuator
from s4allcities.edge.ingest import EdgeNode, HandedHandler
from s4allcities.edge.intake import Intake
from s4allcities.edge.redaction import redact_text
from s4allcities.edge.replay import replay
from s4allcities.edge.sources import SourceTable, built_in_sources

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


def make_node(bus: Bus, on_handed: HandedHandler | None = None) -> EdgeNode:
    intake = Intake(SourceTable(built_in_sources(max_age_s=None)), redact_text)
    return EdgeNode(bus, intake, clock=SystemClock(), on_handed=on_handed)


@asynccontextmanager
async def running(node: EdgeNode) -> AsyncIterator[EdgeNode]:
    task = asyncio.create_task(node.run())
    try:
        yield node
        await node.stop()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def batches(bus: Bus) -> list[ObservationBatch]:
    state = await bus.stream_state("OBS")
    found = []
    if state.messages:
        async for message in bus.follow("OBS", ["obs.>"]):
            found.append(message.batch)
            if message.sequence >= state.last_sequence:
                break
    return found


async def held(bus: Bus, stream: str, fits: Callable[[int], bool]) -> None:
    """Wait until a stream holds a fitting number of messages."""
    async with asyncio.timeout(20):
        while not fits((await bus.stream_state(stream)).messages):  # noqa: ASYNC110 - the server's state
            await asyncio.sleep(0)


async def raw_is_empty(bus: Bus) -> None:
    await held(bus, "RAW", lambda messages: messages == 0)


def device(server: NatsServer, name: str, password: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"edge-{name}")
    client.username_pw_set(name, password)
    client.connect("127.0.0.1", server.mqtt_port, keepalive=10)
    client.loop_start()
    return client


async def test_from_an_mqtt_device_to_an_observation(server: NatsServer, bus: Bus) -> None:
    def speak() -> None:
        client = device(server, "co-01", "co-secret")
        good = json.dumps({"t": to_rfc3339(SystemClock().now_us()), "co_ppm": 4})
        for content in (good, "no json"):
            client.publish("s4/hel/raw/env/co-01", content, qos=1).wait_for_publish(5)
        client.disconnect()
        client.loop_stop()

    async with running(make_node(bus)) as node:
        await asyncio.to_thread(speak)
        await until(lambda: node.status().packed == 1 and node.status().rejected)
        await raw_is_empty(bus)
    (batch,) = await batches(bus)
    assert (batch.series[0].sensor, batch.series[0].quantity, batch.value[0]) == ("co-01", "co_ppm", 4.0)
    message = await bus.last("EVENTS", "rejected.>")
    assert message is not None
    record = message.envelope.events[0]
    assert isinstance(record, Rejected)
    assert record.reason == "not JSON"


async def fill(bus: Bus, n: int) -> None:
    now_us = SystemClock().now_us()
    data = [json.dumps({"t_us": now_us - n + i, "x": i}).encode() for i in range(n)]
    for start in range(0, n, 500):
        families = ("env", "people", "door")
        await asyncio.gather(
            *(
                bus.publish_raw(families[i % 3], f"s{i % 7}", data[i])
                for i in range(start, min(n, start + 500))
            )
        )


async def test_a_node_killed_again_and_again_loses_and_doubles_nothing(bus: Bus) -> None:
    await fill(bus, 4000)
    for _ in range(3):
        before = (await bus.stream_state("OBS")).messages
        task = asyncio.create_task(make_node(bus).run())
        await held(bus, "OBS", partial(operator.lt, before))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with running(node := make_node(bus)):
        await raw_is_empty(bus)
    found = await batches(bus)
    values = [int(value) for batch in found for value in batch.value]
    assert sorted(values) == list(range(4000))
    assert sum(batch.n_raw for batch in found) == 4000
    assert node.status().expired == 0
    said: dict[tuple[str, str], list[int]] = {}
    for batch in found:
        for ix, value in zip(batch.series_ix, batch.value, strict=True):
            said.setdefault((batch.family, batch.series[ix].sensor), []).append(int(value))
    assert all(own == sorted(own) for own in said.values())  # order kept for each sensor


async def test_a_killed_server_loses_and_doubles_nothing(server: NatsServer, bus: Bus) -> None:
    await fill(bus, 3000)
    async with running(make_node(bus)) as node:
        await until(lambda: node.status().packed > 0)
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: node.status().packed >= 3000)
        await raw_is_empty(bus)
    values = [int(value) for batch in await batches(bus) for value in batch.value]
    assert sorted(values) == list(range(3000))


async def test_a_file_goes_through_raw(bus: Bus, tmp_path: Path) -> None:
    path = tmp_path / "hall.csv"
    path.write_text("timestamp,value\n2014-04-01 00:00:00,1.5\nnonsense,2\n2014-04-01 00:05:00,2.5\n")
    async with running(make_node(bus)) as node:
        sources = SourceTable(built_in_sources(max_age_s=None))
        report = await replay(path, sources=sources, clock=SystemClock(), publish=bus.publish_raw)
        await until(lambda: node.status().packed == 2)
    assert (report.lines, report.accepted, report.rejected, report.sent) == (3, 2, 1, 2)
    (first, *_) = await batches(bus)
    assert (first.family, first.series[0].sensor) == ("series", "hall")


async def test_a_sign_is_told_and_answers_over_mqtt(server: NatsServer, bus: Bus) -> None:
    clock = SystemClock()
    actuator = SignActuator(bus, clock)
    now_us = clock.now_us()
    plan = CourseOfAction(
        id="C1",
        t_us=now_us,
        name="leave",
        incident_id="I1",
        routes=(),
        exits_not_used=(),
        clearance_s=Clearance(p50=None, p95=None, runs=0),
        signs=(SignSetting(device="sign-a", text="exit B"),),
    )
    order = Order(
        id="O1", t_us=now_us, course_of_action_id="C1", incident_id="I1", actor="ada", role="operator"
    )

    def sign() -> mqtt.Client:
        client = device(server, "sign-a", "sign-secret")

        def obey(client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
            told = json.loads(message.payload)
            answer = json.dumps({"ack": told["id"], "showing": told["show"]})
            client.publish("s4/hel/raw/sign/sign-a", answer, qos=1)

        subscribed: list[bool] = []
        client.on_message = obey
        client.on_subscribe = lambda *_: subscribed.append(True)
        while not client.is_connected():
            time.sleep(0.01)
        client.subscribe("s4/hel/cmd/sign-a", qos=1)
        while not subscribed:
            time.sleep(0.01)
        return client

    async def take(said: Observation) -> None:
        await actuator.answer(said.sensor, said.payload["ack"], said.payload["showing"], said.t_us)

    client = await asyncio.to_thread(sign)
    try:
        async with running(make_node(bus, take)):
            await actuator.see(plan)
            await actuator.see(order)
            await until(lambda: actuator.commands[0].state == "acknowledged")
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
    message = await bus.last("EVENTS", "order.>")
    assert message is not None
    assert message.envelope.events == actuator.commands
