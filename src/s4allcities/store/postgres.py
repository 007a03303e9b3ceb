"""PostgreSQL in the place of the SQLite file, by asyncpg.

The stores' functions are synchronous and run in threads of their own; each statement goes to asyncpg on a loop of its
own and comes back. One connection writes, two read, as with SQLite. A connection that breaks is made anew for the next
transaction: what was under way is refused, and whoever insists on it tries again.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import msgspec

from .database import migrations
from .errors import DatabaseError
from .sql import Work

__all__ = ("PostgresDatabase", "PostgresSettings", "connect_postgres", "to_postgres")

T = TypeVar("T")

_READERS = 2
_STATEMENT_S = 60.0
_CONNECT_S = 10.0
_LOCK = 0x53344143
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,40}")
_TYPES = (("INTEGER", "BIGINT"), ("BLOB", "BYTEA"), (" WITHOUT ROWID", ""))
_CASTS = re.compile(r"CAST\((\w+) AS (?:BLOB|BYTEA|BIGINT|INTEGER)\)")


class PostgresSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a PostgreSQL server is found, and which schema is ours.

    ``url`` holds no password: that is the content of ``password_file``. ``history`` puts the readings there too.
    """

    url: str = ""
    password_file: str = ""
    schema: str = "s4"
    history: bool = False

    def wrong(self) -> str:
        """Say in one line what cannot be, empty if nothing."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("postgresql", "postgres"):
            return "postgres.url: allowed is postgresql://user@host:port/database"
        if parts.password:
            return "postgres.url holds a password; put it in a file and name that in postgres.password_file"
        if not _SCHEMA.fullmatch(self.schema):
            return f"postgres.schema is {self.schema!r}; allowed are a to z, 0 to 9 and _, up to 41"
        local = (parts.hostname or "") in ("", "localhost", "127.0.0.1", "::1")
        if not local and not re.search(r"sslmode=(require|verify-ca|verify-full)", parts.query):
            return f"postgres.url: {parts.hostname} is another machine; add ?sslmode=verify-full"
        return ""

    def password(self) -> str | None:
        """Read the password; None without a file.

        :raises DatabaseError: the file cannot be read, or others may read it.
        """
        if not self.password_file:
            return None
        path = Path(self.password_file)
        try:
            if path.stat().st_mode & 0o007:
                raise DatabaseError(
                    f"postgres.password_file {path}: others may read it; run `chmod o-rwx {path}`"
                )
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise DatabaseError(f"postgres.password_file {path}: cannot be read: {error}") from None

    def shown(self) -> str:
        """Give the address for people: without user and password."""
        parts = urlsplit(self.url)
        return f"PostgreSQL {parts.hostname or 'local'}{parts.path}, schema {self.schema}"


async def connect_postgres(settings: PostgresSettings) -> Any:
    """Open a connection whose search path is our schema, which is made when needed.

    :raises DatabaseError: asyncpg is not installed, or the server cannot be used.
    """
    try:
        import asyncpg
    except ImportError:
        raise DatabaseError("PostgreSQL needs the package asyncpg: install s4allcities[pg]") from None
    try:
        connection = await asyncpg.connect(
            settings.url,
            password=settings.password(),
            timeout=_CONNECT_S,
            command_timeout=_STATEMENT_S,
            server_settings={"search_path": settings.schema, "application_name": "s4allcities"},
        )
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {settings.schema}")
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseError(f"{settings.shown()}: cannot be used: {_line(error)}") from None
    return connection


@lru_cache(maxsize=512)
def to_postgres(sql: str) -> str:
    """Write a statement of the stores as PostgreSQL takes it.

    >>> to_postgres("SELECT CAST(kind AS BLOB) FROM ledger WHERE sequence > ? LIMIT ?")
    'SELECT kind FROM ledger WHERE sequence > $1 LIMIT $2'
    """
    for ours, theirs in _TYPES:
        sql = sql.replace(ours, theirs)
    pieces = _CASTS.sub(r"\1", sql).split("?")
    return "".join(
        piece + (f"${place}" if place < len(pieces) else "") for place, piece in enumerate(pieces, 1)
    )


class _Rows:
    """The rows of one statement, all here."""

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        self._rows = iter(rows)
        self.rowcount = rowcount

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows


class _Session:
    """One connection as the stores' functions see it, from a thread that is not the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: PostgresSettings) -> None:
        self._loop = loop
        self._settings = settings
        self._connection: Any = None
        self._statements: dict[str, Any] = {}

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> _Rows:
        return self._wait(self._execute(to_postgres(sql), [_clean(value) for value in parameters]))

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]], /) -> _Rows:
        values = [[_clean(value) for value in row] for row in rows]
        return self._wait(self._execute_many(to_postgres(sql), values))

    def transaction(self, work: Work[T], begin: str) -> T:
        """Run work between ``begin`` and COMMIT.

        :raises DatabaseError: the server is away, or does not do it.
        """
        import asyncpg

        try:
            self._wait(self._begin(begin))
            try:
                found = work(self)
            except BaseException:
                self._wait(self._run("ROLLBACK"))
                raise
            self._wait(self._run("COMMIT"))
        except asyncpg.IntegrityConstraintViolationError:
            raise  # the caller's own doing, and it may want to know which constraint
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            self._drop()
            raise DatabaseError(f"{self._settings.shown()}: {_line(error)}") from None
        return found

    def script(self, sql: str) -> None:
        self._wait(self._run(sql))

    def close(self) -> None:
        connection, self._connection = self._connection, None
        self._statements.clear()
        if connection is not None:
            self._wait(_leave(connection))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._statements.clear()
        if connection is not None:
            self._loop.call_soon_threadsafe(connection.terminate)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _begin(self, begin: str) -> None:
        if self._connection is None or self._connection.is_closed():
            self._statements.clear()
            self._connection = await connect_postgres(self._settings)
        await self._connection.execute(begin)

    async def _run(self, sql: str) -> None:
        await self._connection.execute(sql)

    async def _execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> _Rows:
        return _Rows([], sum([(await self._execute(sql, values)).rowcount for values in rows]))

    async def _execute(self, sql: str, values: Sequence[Any]) -> _Rows:
        statement = self._statements.get(sql)
        if statement is None:
            statement = self._statements[sql] = await self._connection.prepare(sql)
        rows = await statement.fetch(*values)
        changed = statement.get_statusmsg().rpartition(" ")[2]
        return _Rows([tuple(row) for row in rows], int(changed) if changed.isdigit() else -1)


class PostgresDatabase:
    """One schema of a PostgreSQL server, used as `Database` uses its file; satisfies `SqlDatabase`.

    A lock on the server keeps a second platform out of the same schema; commands beside a platform take no lock.

    :raises DatabaseError: the server cannot be used, the schema is newer than this program, or in use by a platform.
    """

    def __init__(self, settings: PostgresSettings) -> None:
        self.settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres", daemon=True)
        self._thread.start()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="postgres-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="postgres-reader")
        self._writing = _Session(self._loop, settings)
        self._lock: Any = None
        self._local = threading.local()
        self._sessions = [self._writing]
        self._closed = False

    @classmethod
    def open(cls, settings: PostgresSettings, *, alone: bool = False) -> Self:
        """Connect, and bring the schema up to date; ``alone``: as the platform, of which there is one."""
        database = cls(settings)
        try:
            if alone:
                database._take_lock()
            database.write_now(lambda _: database._migrate())
        except BaseException:
            database.close_now()
            raise
        return database

    async def write(self, work: Work[T], *, durable: bool = True) -> T:
        """Run ``work`` in one transaction; all of it is kept or none."""
        return await asyncio.wrap_future(self._submit(self._writer, lambda: self._write(work, durable)))

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on one consistent view; it cannot change anything."""
        return await asyncio.wrap_future(self._submit(self._readers, lambda: self._read(work)))

    def write_now(self, work: Work[T], *, durable: bool = True) -> T:
        """As `write`, waiting in this thread."""
        return self._submit(self._writer, lambda: self._write(work, durable)).result()

    def read_now(self, work: Work[T]) -> T:
        """As `read`, waiting in this thread."""
        return self._submit(self._readers, lambda: self._read(work)).result()

    async def check(self) -> list[str]:
        """Give what is wrong: PostgreSQL looks after its own files, so only that it answers is asked."""
        await self.read(lambda connection: connection.execute("SELECT 1").fetchone())
        return []

    async def close(self) -> None:
        """Finish what is under way and close."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """As `close`, waiting in this thread. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        self._readers.shutdown()
        self._writer.shutdown()
        for session in self._sessions:
            session.close()
        if self._lock is not None:
            asyncio.run_coroutine_threadsafe(_leave(self._lock), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _submit(self, pool: ThreadPoolExecutor, function: Callable[[], T]) -> Future[T]:
        if self._closed:
            raise DatabaseError(f"{self.settings.shown()}: the database is closed")
        return pool.submit(function)

    def _write(self, work: Work[T], durable: bool) -> T:
        begin = "BEGIN" if durable else "BEGIN; SET LOCAL synchronous_commit = off"
        return self._writing.transaction(work, begin)

    def _read(self, work: Work[T]) -> T:
        session: _Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _Session(self._loop, self.settings)
            self._sessions.append(session)
        return session.transaction(work, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def _take_lock(self) -> None:
        async def take() -> bool:
            self._lock = await connect_postgres(self.settings)
            sql = "SELECT pg_try_advisory_lock($1, hashtext($2))"
            return bool(await self._lock.fetchval(sql, _LOCK, self.settings.schema))

        if not asyncio.run_coroutine_threadsafe(take(), self._loop).result():
            raise DatabaseError(f"{self.settings.shown()}: in use by another platform")

    def _migrate(self) -> None:
        """Bring the schema up to date, inside the writer's transaction: PostgreSQL can undo changes of tables too."""
        session = self._writing
        session.execute("SELECT pg_advisory_xact_lock(?, 1)", (_LOCK,))
        session.script("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        done = {version for (version,) in session.execute("SELECT version FROM schema_version")}
        steps = migrations()
        if max(done, default=0) > steps[-1][0]:
            raise DatabaseError(
                f"{self.settings.shown()}: has schema version {max(done)}, this program knows up to {steps[-1][0]};"
                " use a newer program"
            )
        for version, script in steps:
            if version not in done:
                session.script(to_postgres(script.replace("?", "")))
                session.execute("INSERT INTO schema_version VALUES (?)", (version,))


async def _leave(connection: Any) -> None:
    try:
        await connection.close(timeout=2)
    except Exception:  # whatever is wrong with it, it is not used any more
        connection.terminate()


def _clean(value: Any) -> Any:
    """PostgreSQL's text holds neither NUL nor half characters, which hostile devices send."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return value


def _line(error: BaseException) -> str:
    return re.sub(r"\s+", " ", str(error)) or type(error).__name__
