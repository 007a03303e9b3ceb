import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from s4allcities.domain import SnapshotStore
from s4allcities.store.database import Database, migrations, schema_version
from s4allcities.store.errors import DatabaseError
from s4allcities.store.snapshots import SqliteSnapshots
from s4allcities.store.sql import Connection, SqlDatabase

pytestmark = pytest.mark.anyio


def add(connection: Connection) -> None:
    connection.execute("INSERT INTO counter VALUES ('a', 1)")


async def test_a_new_file_has_all_migrations_and_opens_again(tmp_path: Path) -> None:
    for _ in range(2):
        database = Database.open(tmp_path / "deep" / "s4.sqlite")
        assert await database.read(schema_version) == migrations()[-1][0]
        assert await database.check() == []
        await database.close()


def test_only_the_owner_may_read_the_files(database: Database) -> None:
    database.write_now(add)
    assert {path.stat().st_mode & 0o777 for path in database.path.parent.glob("s4.sqlite*")} == {0o600}


def test_migrations_have_numbers_of_their_own_in_rising_order() -> None:
    numbers = [version for version, _ in migrations()]
    assert numbers == sorted(set(numbers))


async def test_a_transaction_is_kept_whole_or_not_at_all(store: SqlDatabase) -> None:
    def fail(connection: Connection) -> None:
        add(connection)
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        await store.write(fail)
    assert await store.read(lambda c: c.execute("SELECT count(*) FROM counter").fetchone()) == (0,)
    await store.write(add)
    assert await store.read(lambda c: c.execute("SELECT count(*) FROM counter").fetchone()) == (1,)


async def test_readers_cannot_write(store: SqlDatabase) -> None:
    with pytest.raises(DatabaseError, match=r"read-?only"):
        await store.read(add)


async def test_wal_and_full_synchronous_where_asked(database: Database) -> None:
    def synchronous(connection: Connection) -> int:
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    assert await database.write(synchronous) == 2
    assert await database.write(synchronous, durable=False) == 1
    assert await database.read(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0]) == "wal"


async def test_a_slow_transaction_does_not_hold_the_loop(store: SqlDatabase) -> None:
    def slow(_: Connection) -> None:
        time.sleep(0.2)

    task = asyncio.create_task(store.write(slow))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 5


def test_foreign_newer_and_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    with pytest.raises(DatabaseError, match="another program"):
        Database.open(foreign)
    newer = tmp_path / "newer.sqlite"
    Database.open(newer).close_now()
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(DatabaseError, match="schema version 999"):
        Database.open(newer)
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"not a database at all" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        Database.open(damaged)
    with pytest.raises(DatabaseError, match="cannot open"):
        Database.open(tmp_path)


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "s4.sqlite")
    await database.close()
    await database.close()
    with pytest.raises(DatabaseError, match="closed"):
        await database.write(add)


async def test_snapshots_keep_state_and_sequence_together(store: SqlDatabase) -> None:
    snapshots = SqliteSnapshots(store)
    assert isinstance(snapshots, SnapshotStore)
    assert await snapshots.load("fusion", 0) is None
    await snapshots.save("fusion", 0, 7, b"seven")
    await snapshots.save("fusion", 1, 3, b"three")
    await snapshots.save("fusion", 0, 9, b"nine")
    assert await snapshots.load("fusion", 0) == (9, b"nine")
    assert await snapshots.forget("risk") == 0
    assert await snapshots.forget() == 2
    assert await snapshots.load("fusion", 1) is None
