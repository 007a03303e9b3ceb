"""The history of readings in PostgreSQL: COPY into a partition for each family and day, BRIN indexes.

A B-tree over readings would cost more than the readings. A BRIN index keeps a summary for a few pages at a time: the
first and last time, and a Bloom filter of the series. Rows are written ordered by series within a flush, so that a few
pages hold few series and a sensor's day is found without reading the others'.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np

from s4allcities.domain import Clock

from .buffered import FOR_EVER_US, BufferedHistory, HistoryLimits, checked
from .columns import Ask, Chunk, by_day, gather, joined, merged, write_export
from .duck import connect
from .errors import DatabaseError, HistoryError
from .postgres import PostgresSettings, connect_postgres
from .segments import DAY_US, UNDATED, Columns, SeriesName, day_start_us

__all__ = ("PostgresHistory",)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS history_position (one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    sequence BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS history_family (id SMALLINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS history_series (number BIGINT PRIMARY KEY, sensor TEXT NOT NULL, quantity TEXT NOT NULL,
    unit TEXT NOT NULL, zone TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reading (family SMALLINT NOT NULL, series BIGINT NOT NULL, t_us BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL, quality SMALLINT NOT NULL, payload BYTEA) PARTITION BY LIST (family);
CREATE INDEX IF NOT EXISTS reading_by_time ON reading USING brin (t_us) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX IF NOT EXISTS reading_by_series ON reading USING brin (series int8_bloom_ops)
    WITH (pages_per_range = 16, autosummarize = on);
INSERT INTO history_position (sequence) VALUES (0) ON CONFLICT DO NOTHING;
"""
_COLUMNS = ("family", "series", "t_us", "value", "quality", "payload")
_SIGN = 1 << 63


def _signed(number: int) -> int:
    """Give a 64-bit number as PostgreSQL's BIGINT holds it."""
    return number - 2 * _SIGN if number >= _SIGN else number


class PostgresHistory(BufferedHistory):
    """A history in one schema of a PostgreSQL server; see `BufferedHistory`.

    One flush, its names and the stream position are one transaction. Questions wait for a flush under way.
    """

    def __init__(
        self, settings: PostgresSettings, *, clock: Clock, limits: HistoryLimits | None = None
    ) -> None:
        super().__init__(clock, limits)
        self._settings = settings
        self._connection: Any = None
        self._position = 0
        self._names: dict[int, SeriesName] = {}
        self._unsaved: dict[int, SeriesName] = {}
        self._families: dict[str, int] = {}
        self._partitions: set[str] = set()

    @classmethod
    async def open(
        cls, settings: PostgresSettings, *, clock: Clock, limits: HistoryLimits | None = None
    ) -> Self:
        """Connect, and make the tables when needed."""
        history = cls(settings, clock=clock, limits=limits)
        async with history._asked() as connection:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(1396982083, 2)")
                await connection.execute(_SCHEMA)
            history._position = await connection.fetchval("SELECT sequence FROM history_position")
            for number, *name in await connection.fetch(
                "SELECT number, sensor, quantity, unit, zone FROM history_series"
            ):
                history._names[number % (2 * _SIGN)] = SeriesName(*name)
        history._sequence = history._position
        return history

    @property
    def last_sequence(self) -> int:
        """The stream sequence up to which all rows are in the database."""
        return self._position

    async def compact(self) -> int:
        """Do nothing: PostgreSQL looks after its own files."""
        return 0

    def series(self) -> list[SeriesName]:
        """Give the name of every series in the history, ordered by sensor and quantity."""
        return sorted(self._names.values(), key=lambda name: (name.sensor, name.quantity))

    async def export(
        self,
        target: Path,
        *,
        sensor: str = "",
        quantity: str = "",
        t_from_us: int = 0,
        t_to_us: int = FOR_EVER_US,
    ) -> int:
        """Write readings of one sensor, one quantity, or all to ``target``; give how many."""
        wanted = {
            number: name
            for number, name in self._names.items()
            if sensor in ("", name.sensor) and quantity in ("", name.quantity)
        }
        found = await self._select(checked(Ask(tuple(wanted), t_from_us, t_to_us, False)))
        with connect() as connection:
            return write_export(connection, target, found, wanted)

    async def retain(self, now_us: int, days: Mapping[str, int], default_days: int) -> int:
        """Remove the days of each family that reach further back than its limit; give how many rows went."""
        async with self._lock, self._asked() as connection:
            gone = 0
            for name, family in await self._parts(connection):
                day = name.rpartition("_")[2]
                begin_us = day_start_us(f"{day[:4]}-{day[4:6]}-{day[6:]}" if day != UNDATED else UNDATED)
                if begin_us + days.get(family, default_days) * DAY_US < now_us:
                    gone += await connection.fetchval(f"SELECT count(*) FROM {name}")
                    await connection.execute(f"DROP TABLE {name}")
                    self._partitions.discard(name)
            return gone

    async def check(self) -> list[str]:
        """Give nothing: PostgreSQL's own checksums and tools look after its files."""
        return []

    async def _store(self, chunks: Sequence[Chunk], sequence: int) -> None:
        unsaved, self._unsaved = self._unsaved, {}
        try:
            async with self._asked() as connection, connection.transaction():
                await self._save_names(connection, unsaved)
                for family in sorted({chunk.family for chunk in chunks}):
                    columns = joined([chunk for chunk in chunks if chunk.family == family])
                    await self._copy(connection, family, columns)
                await connection.execute("UPDATE history_position SET sequence = $1", sequence)
        except HistoryError:
            self._unsaved = unsaved | self._unsaved
            self._partitions.clear()  # those of a transaction undone are gone
            self._families.clear()
            raise
        self._position = sequence

    async def _save_names(self, connection: Any, names: Mapping[int, SeriesName]) -> None:
        await connection.executemany(
            "INSERT INTO history_series VALUES ($1, $2, $3, $4, $5) ON CONFLICT (number) DO UPDATE"
            " SET unit = excluded.unit, zone = excluded.zone",
            [
                (
                    _signed(number),
                    *(text.replace("\x00", "\ufffd") for text in (n.sensor, n.quantity, n.unit, n.zone)),
                )
                for number, n in names.items()
            ],
        )

    async def _copy(self, connection: Any, family: str, columns: Columns) -> None:
        number = await self._family(connection, family)
        for day, _ in by_day(columns):
            await self._partition(connection, number, day)
        order = np.lexsort((columns["t_us"], columns["series"]))
        ordered = {name: column[order].tolist() for name, column in columns.items()}
        payloads = ordered.get("payload") or [None] * len(order)
        rows = zip(
            [number] * len(order),
            map(_signed, ordered["series"]),
            ordered["t_us"],
            ordered["value"],
            ordered["quality"],
            [payload or None for payload in payloads],
            strict=True,
        )
        await connection.copy_records_to_table("reading", records=rows, columns=_COLUMNS)

    async def _family(self, connection: Any, family: str) -> int:
        known = self._families.get(family)
        if known is None:
            known = await connection.fetchval(
                "INSERT INTO history_family (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name"
                " RETURNING id",
                family,
            )
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS reading_{known} PARTITION OF reading FOR VALUES IN ({known})"
                " PARTITION BY RANGE (t_us)"
            )
            self._families[family] = known
        return int(known)

    async def _partition(self, connection: Any, family: int, day: str) -> None:
        name = f"reading_{family}_{day.replace('-', '')}"
        if name in self._partitions:
            return
        begin_us = day_start_us(day)
        bounds = "DEFAULT" if day == UNDATED else f"FOR VALUES FROM ({begin_us}) TO ({begin_us + DAY_US})"
        await connection.execute(f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF reading_{family} {bounds}")
        self._partitions.add(name)

    async def _parts(self, connection: Any) -> list[tuple[str, str]]:
        """Give (partition of a day, family) of all."""
        rows = await connection.fetch(
            "SELECT day.relname, f.name FROM history_family f"
            " JOIN pg_class of ON of.relname = 'reading_' || f.id AND of.relnamespace = current_schema()::regnamespace"
            " JOIN pg_inherits i ON i.inhparent = of.oid JOIN pg_class day ON day.oid = i.inhrelid ORDER BY 1"
        )
        return [(str(name), str(family)) for name, family in rows]

    async def _forget(self) -> None:
        async with self._asked() as connection:
            await connection.execute("UPDATE history_position SET sequence = 0")
        self._position = 0

    async def _shut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(timeout=5)

    def _note(self, number: int, name: SeriesName, family: str) -> None:
        if self._names.get(number) != name:
            self._names[number] = self._unsaved[number] = name

    async def _select(self, ask: Ask) -> Columns:
        async with self._lock:  # no flush moves rows from memory to the database meanwhile
            chunks = tuple(self._buffer)
            async with self._asked() as connection:
                stored = _columns(await connection.fetch(*_question(ask)), ask.payload)
        with connect() as cursor:
            return merged([stored, gather(cursor, (), chunks, ask)])

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[Any]:
        """Give the connection, made anew where it broke.

        :raises HistoryError: the server is away, or does not do it.
        """
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect_postgres(self._settings)
        except DatabaseError as error:
            raise HistoryError(str(error)) from None
        import asyncpg

        try:
            yield self._connection
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            self._connection.terminate()
            line = " ".join(str(error).split()) or type(error).__name__
            raise HistoryError(f"{self._settings.shown()}: {line}") from None


def _question(ask: Ask) -> tuple[Any, ...]:
    columns = "series, t_us, value, quality" + (", payload" if ask.payload else "")
    sql = f"SELECT {columns} FROM reading WHERE t_us >= $1 AND t_us < $2"
    if ask.series is None:
        return sql, ask.t_from_us, ask.t_to_us
    if len(ask.series) == 1:
        return f"{sql} AND series = $3", ask.t_from_us, ask.t_to_us, _signed(ask.series[0])
    return (
        f"{sql} AND series = ANY($3::bigint[])",
        ask.t_from_us,
        ask.t_to_us,
        [_signed(n) for n in ask.series],
    )


def _columns(rows: Sequence[Any], payload: bool) -> Columns:
    found: Columns = {
        "series": np.array([row[0] for row in rows], np.int64).view(np.uint64),
        "t_us": np.array([row[1] for row in rows], np.int64),
        "value": np.array([row[2] for row in rows], np.float64),
        "quality": np.array([row[3] for row in rows], np.uint8),
    }
    return found | {"payload": np.array([row[4] or b"" for row in rows], object)} if payload else found
