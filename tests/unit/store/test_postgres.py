"""What only PostgreSQL does: it goes away and comes back, it is shared, it has secrets."""

from pathlib import Path

import pytest
from tests.unit.store import samples as made
from tests.unit.store.conftest import PlainChain
from tests.unit.store.postgres_server import Server
from tests.unit.store.test_history import DAY, batch

from s4allcities.domain import ManualClock
from s4allcities.store.errors import DatabaseError, HistoryError
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.postgres import PostgresDatabase, PostgresSettings, to_postgres
from s4allcities.store.postgres_history import PostgresHistory
from s4allcities.store.recorder import EventRecorder

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


async def test_a_server_that_goes_away_loses_nothing_and_is_used_again(postgres: Server) -> None:
    settings = postgres.fresh()
    database = PostgresDatabase.open(settings)
    recorder = EventRecorder(database, LedgerStore(database, PlainChain()))
    history = await PostgresHistory.open(settings, clock=ManualClock(DAY))
    await recorder.record(1, [made.alert("A1")])
    history.append(batch([DAY], [1.0]), 1)
    await history.flush()
    history.append(batch([DAY + 1], [2.0]), 2)
    postgres.stop()
    with pytest.raises(DatabaseError, match="PostgreSQL local/postgres"):
        await recorder.record(2, [made.alert("A2")])
    with pytest.raises(HistoryError, match="PostgreSQL local/postgres"):
        await history.flush()
    postgres.start()
    await recorder.record(2, [made.alert("A2")])
    assert [alert.id for alert in await recorder.open_alerts()] == ["A1", "A2"]
    assert await history.flush() == 1
    assert list((await history.query("smoke-1", "smoke_pct_m"))[1]) == [1.0, 2.0]
    assert history.last_sequence == 2
    await history.close()
    await database.close()


async def test_state_survives_and_one_platform_holds_the_schema(postgres: Server) -> None:
    settings = postgres.fresh()
    database = PostgresDatabase.open(settings, alone=True)
    await EventRecorder(database, LedgerStore(database, PlainChain())).record(1, [made.alert()])
    with pytest.raises(DatabaseError, match="in use by another platform"):
        PostgresDatabase.open(settings, alone=True)
    beside = PostgresDatabase.open(settings)
    assert len(await EventRecorder(beside, LedgerStore(beside, PlainChain())).alerts()) == 1
    await beside.close()
    await database.close()
    await database.close()
    with pytest.raises(DatabaseError, match="closed"):
        await database.read(lambda connection: connection.execute("SELECT 1"))
    PostgresDatabase.open(settings, alone=True).close_now()


def test_a_newer_schema_is_refused(postgres: Server) -> None:
    settings = postgres.fresh()
    database = PostgresDatabase.open(settings)
    database.write_now(lambda c: c.execute("INSERT INTO schema_version VALUES (999)"))
    database.close_now()
    with pytest.raises(DatabaseError, match="schema version 999"):
        PostgresDatabase.open(settings)


async def test_hostile_text_is_kept_as_far_as_it_is_text(postgres: Server) -> None:
    database = PostgresDatabase.open(postgres.fresh())
    recorder = EventRecorder(database, LedgerStore(database, PlainChain()))
    await recorder.record(1, [made.rejected("J1", reason="nul \x00 inside")])
    assert [count.reason for count in await recorder.rejected_counts()] == ["nul \ufffd inside"]
    await database.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://x", "allowed is postgresql://"),
        ("postgresql://s4:secret@localhost/s4", "password_file"),
        ("postgresql://s4@db.example/s4", "add ?sslmode=verify-full"),
        ("postgresql://s4@db.example/s4?sslmode=prefer", "add ?sslmode=verify-full"),
        ("postgresql://s4@db.example/s4?sslmode=verify-full", ""),
        ("postgresql://s4@/s4?host=/run/postgresql", ""),
    ],
)
def test_settings_that_would_be_unsafe_are_refused(url: str, says: str) -> None:
    wrong = PostgresSettings(url=url).wrong()
    assert says in wrong if says else not wrong
    assert "secret" not in wrong


def test_passwords_come_from_a_private_file_and_are_never_told(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("open sesame\n")
    path.chmod(0o604)
    settings = PostgresSettings(url="postgresql://me@localhost:1/s4", password_file=str(path))
    with pytest.raises(DatabaseError, match="others may read it"):
        settings.password()
    path.chmod(0o600)
    assert settings.password() == "open sesame"
    with pytest.raises(DatabaseError) as refused:
        PostgresDatabase.open(settings)
    assert "localhost/s4" in str(refused.value)
    assert "sesame" not in str(refused.value)
    assert "me@" not in str(refused.value)


def test_schemas_have_plain_names() -> None:
    assert "allowed are" in PostgresSettings(url="postgresql:///s4", schema='x"; DROP').wrong()
    assert (
        to_postgres("CREATE TABLE t (a INTEGER, b BLOB) WITHOUT ROWID")
        == "CREATE TABLE t (a BIGINT, b BYTEA)"
    )
