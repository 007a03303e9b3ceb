"""A reader with a simulated token on MQTT, the edge, the verifier and a real database: from token to access event."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.edge.test_node_on_the_bus import batches, running
from tests.unit.edge.fakes import until

from s4allcities.bus import Bus, NatsServer
from s4allcities.domain import SystemClock
from s4allcities.edge.actuators.locks import LockDesk
from s4allcities.edge.ingest import EdgeNode
from s4allcities.edge.intake import Intake
from s4allcities.edge.sources import SourceTable, built_in_sources
from s4allcities.privacy.pseudonyms import Pseudonyms
from s4allcities.privacy.redaction import Redactor
from s4allcities.scenario.devices.mqtt import Broker
from s4allcities.scenario.lock import LockSettings, run_lock, token_of
from s4allcities.scenario.randomness import stream
from s4allcities.security.puf_verifier import PufVerifier
from s4allcities.store.database import Database
from s4allcities.store.locks import SqliteLocks

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

PASSWORD = "lock-secret"


async def test_a_token_is_let_in_and_an_attackers_copy_is_not(
    server: NatsServer, bus: Bus, tmp_path: Path
) -> None:
    clock, names = SystemClock(), Pseudonyms()
    store = SqliteLocks(Database.open(tmp_path / "locks.sqlite"))
    pairs = token_of("t-042", 1).enrol(60, stream(1, "enrolment"))
    await store.enrol("t-042", "cleaner", pairs, clock.now_us())
    desk = LockDesk(bus, PufVerifier(store, clock), {"lock-01": PASSWORD}.get)
    redactor = Redactor(pseudonym=lambda name: names.of(name, clock.now_us()))
    intake = Intake(SourceTable(built_in_sources()), redactor.redact)
    settings = LockSettings(
        name="lock-01",
        password=PASSWORD,
        broker=Broker("127.0.0.1", server.mqtt_port, "hel"),
        log=tmp_path / "sent.jsonl",
        token="t-042",
        tries=3,
        every_s=0.0,
    )
    async with running(EdgeNode(bus, intake, clock=clock, on_handed=desk.take)) as node:
        genuine = await run_lock(settings, clock, asyncio.Event())
        copy = await run_lock(settings, clock, asyncio.Event(), respond=lambda _challenge: pairs[0][1])
        await until(lambda: node.status().packed == 18 and node.status().in_flight == 0)
    assert (genuine.opened, genuine.forged) == (3, 0)
    assert (copy.opened, [word for word, _ in copy.verdicts]) == (0, ["refused"] * 3)
    rows = [
        each.data
        for batch in await batches(bus)
        if batch.family == "access"
        for each in sorted(batch.payloads, key=lambda each: each.row)
    ]
    assert [row["result"] for row in rows] == ["granted"] * 3 + ["denied"] * 3
    assert {row["badge"] for row in rows} == {names.of("t-042", clock.now_us())}
    assert [row["left"] for row in rows] == [59, 58, 57, 56, 55, 54]
    sent = repr(await batches(bus))
    assert "t-042" not in sent  # neither the token's name nor what it answered is on the bus
    assert pairs[0][1].hex() not in sent
