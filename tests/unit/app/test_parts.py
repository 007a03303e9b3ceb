# ruff: noqa: ASYNC240 - small local files, and nothing else waits
"""The small parts of the composition root, each on its own."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.unit.app.parts import SITE, SITE_FOLDER

from s4allcities.app import recording as recording_module
from s4allcities.app.config import EveFile
from s4allcities.app.desk import CapReleaseDesk
from s4allcities.app.doctor import examine
from s4allcities.app.eve_files import EveFollower
from s4allcities.app.gate import SecurityGate
from s4allcities.app.recording import Recording
from s4allcities.awareness.picture import Picture, PictureHub, Replies, Throttle
from s4allcities.bus import Message
from s4allcities.bus.envelope import Envelope, encode_events
from s4allcities.domain import Clock, Context, Event, Order
from s4allcities.edge.sources.border import MAX_EVE_BYTES
from s4allcities.exchange.cap import CapWriter
from s4allcities.security.credentials import DeviceCredentials
from s4allcities.security.ledger import LedgerChain
from s4allcities.security.passwords import Passwords
from s4allcities.security.sessions import Sessions
from s4allcities.security.two_person import Releases
from s4allcities.security.users import Users
from s4allcities.store.accounts import SqliteAccounts
from s4allcities.store.database import Database
from s4allcities.store.errors import DatabaseError
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder

pytestmark = pytest.mark.anyio


class Hands:
    """A clock moved by hand."""

    def __init__(self, t_us: int = 1_800_000_000_000_000) -> None:
        self.t_us = t_us

    def now_us(self) -> int:
        return self.t_us

    async def sleep(self, seconds: float) -> None:
        self.t_us += round(seconds * 1e6)


# --- tries ----------------------------------------------------------------------------------------


def test_tries_come_back_one_after_the_other() -> None:
    throttle = Throttle(most=2, window_s=10)
    assert [throttle.take("a", t) for t in (0, 4_000_000, 5_000_000)] == [True, True, False]
    assert throttle.wait_s("a", 5_000_000) == 5
    assert throttle.wait_s("b", 5_000_000) == 0
    assert throttle.take("a", 10_000_000)
    assert not throttle.take("a", 10_000_001)


def test_made_up_names_do_not_fill_the_memory() -> None:
    throttle = Throttle(most=1, window_s=10)
    for number in range(25_000):
        throttle.take(str(number), number)
    assert len(throttle._tries) <= 10_000


# --- the gate -------------------------------------------------------------------------------------


async def test_the_gate_enters_a_refusal_once_a_minute(tmp_path: Path) -> None:
    entered: list[tuple[str, str, str]] = []

    async def enter(who: str, action: str, reason: str) -> None:
        entered.append((who, action, reason))

    clock, database, passwords = Hands(), Database.open(tmp_path / "s4.sqlite"), Passwords()
    accounts = SqliteAccounts(database)
    credentials = DeviceCredentials(tmp_path / "devices.json", clock)
    password = credentials.make("box-1").password
    gate = SecurityGate(
        Users(accounts, passwords, clock), Sessions(accounts, clock), credentials, enter, clock
    )
    for _ in range(3):
        await gate.refused("anna", "orders.give", "role auditor may not")
    assert len(entered) == 1
    clock.t_us += 61_000_000
    await gate.refused("anna", "orders.give", "role auditor may not")
    assert len(entered) == 2
    for number in range(500):
        await gate.refused("nobody", f"/sensors/{number}", "not signed in")
    assert len(entered) <= 122
    assert gate.refusals == 504

    def basic(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    assert await gate.device(basic(f"box-1:{password}")) == "box-1"
    for wrong in (basic("box-1:x"), basic("box-2:" + password), basic("box-1"), "Basic ü", "", "Digest x"):
        assert await gate.device(wrong) is None
    passwords.close()
    await database.close()


# --- the record -----------------------------------------------------------------------------------


def fact(number: int) -> Context:
    return Context(id=f"f{number}", t_us=number, subject="ticket-hall", attribute="people", value=number)


class Stream:
    """A bus that gives some messages and then waits, or ends."""

    def __init__(self, data: list[bytes]) -> None:
        self.data = data
        self.asked_after = -1

    async def follow(self, stream: str, filters: list[str], *, after: int = 0) -> AsyncIterator[Message]:
        self.asked_after = after
        for sequence, data in enumerate(self.data[after:], after + 1):
            yield Message(sequence=sequence, subject="s", now_us=1, data=data, t_server_us=1)


def envelope(*events: Event) -> bytes:
    return encode_events(Envelope(stage="x", partition=0, sequence=0, index=0, now_us=1, events=events))


@asynccontextmanager
async def recorded(
    tmp_path: Path, data: list[bytes], **more: Any
) -> AsyncIterator[tuple[Recording, EventRecorder]]:
    database = Database.open(tmp_path / "s4.sqlite")
    recorder = EventRecorder(database, LedgerStore(database, LedgerChain()))
    hub = PictureHub(Picture(SITE), epoch="e")
    stream: Any = Stream(data)
    clock: Clock = Hands()
    try:
        yield Recording(stream, recorder, hub, Replies(), clock, **more), recorder
    finally:
        await database.close()


async def test_a_backlog_is_recorded_in_few_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recorded(tmp_path, [envelope(fact(number)) for number in range(1, 601)]) as (
        recording,
        recorder,
    ):
        calls: list[int] = []
        plain = recorder.record_all

        async def counted(messages: Any) -> None:
            calls.append(len(messages))
            await plain(messages)

        monkeypatch.setattr(recorder, "record_all", counted)
        await recording.run()
        assert (sum(calls), len(calls) < 20) == (600, True)
        assert await recorder.last_sequence() == recording.sequence == 600


async def test_what_cannot_be_read_or_recorded_is_passed_over(tmp_path: Path) -> None:
    huge = Context(id="huge", t_us=1 << 63, subject="x", attribute="y", value=1)
    data = [envelope(fact(1)), b"\xc1 nonsense", envelope(huge), envelope(fact(2))]
    async with recorded(tmp_path, data) as (recording, recorder):
        await recording.run()
        assert recording.unreadable == 2
        assert await recorder.last_sequence() == 4


async def test_a_full_disk_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "RETRY_S", 0.01)
    async with recorded(tmp_path, [envelope(fact(1))]) as (recording, recorder):
        plain, seen = recorder.record_all, []

        async def failing(messages: Any) -> None:
            seen.append(recording.failing)
            if len(seen) < 3:
                raise DatabaseError("database or disk is full")
            await plain(messages)

        monkeypatch.setattr(recorder, "record_all", failing)
        await recording.run()
        assert seen == [False, True, True]
        assert not recording.failing
        assert await recorder.last_sequence() == 1


async def test_a_follower_that_fails_stops_nothing(tmp_path: Path) -> None:
    told: list[int] = []

    async def fails(events: Any) -> None:
        raise RuntimeError

    async def hears(events: Any) -> None:
        told.append(len(events))

    async with recorded(tmp_path, [envelope(fact(1), fact(2))], followers=(fails, hears)) as (recording, _):
        await recording.run()
        assert (told, recording.follower_errors) == ([2], 1)


# --- the release desk -----------------------------------------------------------------------------

ORDER = Order(id="01ORDER", t_us=5, course_of_action_id="c", incident_id="i", actor="anna", role="supervisor")


async def test_who_ordered_may_not_confirm_and_a_crash_is_made_good(tmp_path: Path) -> None:
    clock, database = Hands(), Database.open(tmp_path / "s4.sqlite")
    ledger = LedgerStore(database, LedgerChain())
    releases = Releases(SqliteAccounts(database), clock)
    writer = CapWriter(tmp_path / "cap", SITE)
    writer.remember(ORDER)
    desk = CapReleaseDesk(releases, writer, ledger, clock, {ORDER.id: ORDER}.get)
    asked = await desk.ask(ORDER.id, "otto", "operator")
    with pytest.raises(ValueError, match="anna gave the order"):
        await desk.confirm(asked.id, "anna", "supervisor")
    assert [each.id for each in await desk.open()] == [asked.id]
    await releases.confirm(asked.id, by="sue", role="supervisor")  # and then the power fails
    public = tmp_path / "cap" / f"{ORDER.id}-public.xml"
    assert not public.exists()
    assert await desk.resume() == 0
    assert public.exists()
    assert await desk.resume() == 0
    assert (await ledger.tail()).sequence == 1
    await database.close()


# --- EVE logs -------------------------------------------------------------------------------------


class Raw:
    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.away = 0

    async def publish(self, family: str, sensor: str, data: bytes) -> int:
        if self.away:
            self.away -= 1
            raise ConnectionError
        assert (family, sensor) == ("eve", "ids-9")
        self.lines.append(data)
        return len(self.lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "eve.json"


def follower(log: Path, raw: Raw) -> EveFollower:
    made = EveFollower(EveFile(path=str(log), sensor="ids-9"), log.parent / "places", raw.publish)
    made._place = made._first_place()
    return made


async def test_old_lines_are_no_news_and_new_ones_are(log: Path) -> None:
    log.write_bytes(b"old\n")
    raw = Raw()
    tail = follower(log, raw)
    await tail.look()
    with log.open("ab") as file:
        file.write(b"one\ntwo\nhal")
    await tail.look()
    assert raw.lines == [b"one", b"two"]
    with log.open("ab") as file:
        file.write(b"f\n\n")
    await tail.look()
    assert raw.lines == [b"one", b"two", b"half"]
    tail._close()


async def test_after_a_restart_it_goes_on_where_it_was(log: Path) -> None:
    raw = Raw()
    tail = follower(log, raw)
    await tail.look()
    log.write_bytes(b"one\npart")
    await tail.look()
    tail._close()
    with log.open("ab") as file:
        file.write(b"ly\nthree\n")
    again = follower(log, raw)
    await again.look()
    assert raw.lines == [b"one", b"partly", b"three"]
    assert json.loads((log.parent / "places" / "ids-9.json").read_text())["offset"] == log.stat().st_size
    again._close()


async def test_rotation_and_truncation(log: Path) -> None:
    raw = Raw()
    tail = follower(log, raw)
    log.write_bytes(b"one\n")
    await tail.look()
    log.rename(log.with_suffix(".1"))
    with log.with_suffix(".1").open("ab") as file:
        file.write(b"late\n")
    await tail.look()
    log.write_bytes(b"new\n")
    await tail.look()
    log.write_bytes(b"x\n")
    await tail.look()
    assert raw.lines == [b"one", b"late", b"new", b"x"]
    tail._close()


async def test_a_line_without_end_is_cut(log: Path) -> None:
    raw = Raw()
    tail = follower(log, raw)
    log.write_bytes(b"a" * (3 * MAX_EVE_BYTES) + b"\nnext\n")
    await tail.look()
    assert [len(line) for line in raw.lines] == [MAX_EVE_BYTES + 1, 4]
    place = json.loads((log.parent / "places" / "ids-9.json").read_text())
    assert place["offset"] == log.stat().st_size
    tail._close()


async def test_a_bus_that_is_away_is_waited_for(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s4allcities.app.eve_files.RETRY_S", 0.0)
    raw = Raw()
    raw.away = 2
    tail = follower(log, raw)
    log.write_bytes(b"one\n")
    running = asyncio.create_task(tail.run())
    for _ in range(200):
        await asyncio.sleep(0.01)
        if raw.lines:
            break
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert raw.lines in ([b"one"], [])  # what was there when it began is no news


# --- the doctor -----------------------------------------------------------------------------------


def states(data: Path, site: Path = SITE_FOLDER) -> dict[str, str]:
    return {check.name: check.state for check in examine(data, site).checks}


async def test_the_doctor_finds_what_is_wrong(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert states(data)["data directory"] == "note"
    assert states(data, tmp_path)["site"] == "fault"
    data.mkdir(mode=0o755)
    assert states(data)["permissions"] == "fault"
    data.chmod(0o700)
    found = states(data)
    assert (found["permissions"], found["platform"], found["python"]) == ("ok", "note", "ok")
    (data / "s4.sqlite").write_bytes(b"not a database at all, surely")
    (data / "s4.sqlite").chmod(0o600)
    assert states(data)["keys"] == "fault"
    from s4allcities.security.keys import InstallationKey

    InstallationKey.open(data / "keys")
    report = examine(data, SITE_FOLDER)
    assert not report.ok
    assert {check.name: check.state for check in report.checks}["database"] == "fault"
