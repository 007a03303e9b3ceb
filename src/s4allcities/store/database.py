"""The SQLite file: opened, checked, migrated; one thread writes, others read, the event loop never waits on disk."""

import asyncio
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Self, TypeVar

from .errors import DatabaseError
from .sql import Connection, Work

__all__ = ("APPLICATION_ID", "Database", "migrations", "schema_version")

T = TypeVar("T")

APPLICATION_ID = 0x53344143
"""Marks a SQLite file as ours ("S4AC")."""

_READERS = 2
_BUSY_S = 10.0


def migrations() -> list[tuple[int, str]]:
    """Give (version, SQL) of every migration that this program carries, in order."""
    folder = resources.files("s4allcities.store") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), (folder / name).read_text(encoding="utf-8")) for name in names]


def schema_version(connection: Connection) -> int:
    """Give the version of the last migration applied, 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


class Database:
    """One SQLite file in WAL mode.

    `write` runs a function in the one writer thread, inside one transaction; `read` runs one in a reader thread on a
    consistent view. Both may be awaited from any event loop; ``*_now`` are the same for programs without a loop.
    The function gets the connection, must not commit, and must not keep it.

    :raises DatabaseError: the file cannot be opened, is not ours, is newer than this program, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._write_connection: sqlite3.Connection | None = None
        self._closed = False

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the file, refuse a foreign or newer one, bring the schema up to date."""
        path = Path(path)
        database = cls(path)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.parent.is_dir() and not path.is_dir():
                path.touch(
                    mode=0o600
                )  # names and password hashes are in it; its log files take the same mode
            database._writer.submit(database._open_writer).result()
        except (OSError, sqlite3.Error) as error:
            database.close_now()
            raise DatabaseError(f"{path}: cannot open the database: {error}") from error
        except DatabaseError:
            database.close_now()
            raise
        return database

    async def write(self, work: Work[T], *, durable: bool = True) -> T:
        """Run ``work`` in one transaction; all of it is kept or none.

        ``durable=False`` spares the disk flush: the transaction survives a crash of the process, and after a power
        cut the last ones may be gone (never half of one). Use it for what can be made again.
        """
        return await asyncio.wrap_future(self._submit(self._writer, lambda: self._write(work, durable)))

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on a reader's connection; it sees one consistent state and cannot change it."""
        return await asyncio.wrap_future(self._submit(self._readers, lambda: self._read(work)))

    def write_now(self, work: Work[T], *, durable: bool = True) -> T:
        """As `write`, waiting in this thread."""
        return self._submit(self._writer, lambda: self._write(work, durable)).result()

    def read_now(self, work: Work[T]) -> T:
        """As `read`, waiting in this thread."""
        return self._submit(self._readers, lambda: self._read(work)).result()

    async def check(self) -> list[str]:
        """Let SQLite examine the whole file; give what it found wrong, nothing if all is well."""
        return await self.read(_integrity)

    async def close(self) -> None:
        """Finish what is under way, fold the write-ahead log into the file, close."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """As `close`, waiting in this thread. Closing twice does nothing."""
        self._closed = True
        self._readers.shutdown()
        self._writer.shutdown()
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._write_connection = None

    def _submit(self, pool: ThreadPoolExecutor, function: Callable[[], T]) -> Future[T]:
        if self._closed:
            raise DatabaseError(f"{self.path}: the database is closed")
        return pool.submit(function)

    def _open_writer(self) -> None:
        connection = self._connect()
        _refuse_foreign(connection, self.path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, self.path)
        self._write_connection = connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self._connections.append(connection)
        return connection

    def _write(self, work: Work[T], durable: bool) -> T:
        connection = self._write_connection
        assert connection is not None
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        with self._said_clearly(), _transaction(connection, "BEGIN IMMEDIATE"):
            return work(connection)

    def _read(self, work: Work[T]) -> T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
        with self._said_clearly(), _transaction(connection, "BEGIN"):
            return work(connection)

    @contextmanager
    def _said_clearly(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # the caller's own doing, and it may want to know which constraint
        except sqlite3.DatabaseError as error:
            raise DatabaseError(f"{self.path}: {error}") from error


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    try:
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{path}: not a database of this platform, or damaged: {error}") from error
    if tables and mark != APPLICATION_ID:
        raise DatabaseError(f"{path}: a SQLite file of another program; choose another data directory")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    steps = migrations()
    found, known = schema_version(connection), steps[-1][0]
    if found > known:
        raise DatabaseError(
            f"{path}: has schema version {found}, this program knows up to {known}; use a newer program"
        )
    for version, script in steps:
        if version > found:
            _apply(connection, path, version, script)


def _apply(connection: sqlite3.Connection, path: Path, version: int, script: str) -> None:
    """Apply one migration whole or not at all: SQLite keeps schema and version number in the same transaction."""
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {script}\n{marks} COMMIT;")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise DatabaseError(f"{path}: migration {version} failed: {error}") from error


def _integrity(connection: Connection) -> list[str]:
    found = [re.sub(r"\s+", " ", str(row[0])) for row in connection.execute("PRAGMA integrity_check")]
    found = [] if found == ["ok"] else found
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    return found + [f"{table}: row without its {parent}" for table, _, parent, _ in broken]
