"""The history of readings: Parquet by family and day, buffered in memory, asked for together with what is buffered."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from s4allcities.domain import Clock, ObservationBatch, Series

from .columns import Ask, Chunk, by_day, gather, joined, write_export
from .errors import HistoryError
from .segments import (
    DAY_US,
    Columns,
    Segment,
    SegmentFiles,
    SeriesName,
    connect,
    day_of,
    day_start_us,
    names_a_folder,
)

__all__ = ("FOR_EVER_US", "HistoryLimits", "ParquetHistory", "series_id")

T = TypeVar("T")
FOR_EVER_US = 1 << 62
"""An end of time for queries."""

_US = 1_000_000
_RETRIES = 3


class HistoryLimits(msgspec.Struct, frozen=True, kw_only=True):
    """When buffered rows are written: after ``flush_rows`` rows or ``flush_s`` seconds.

    More than ``compact_files`` files of one family's present day are merged into one, and so are merged ones; a day
    that is over becomes one file.
    """

    flush_rows: int = 50_000
    flush_s: float = 30.0
    compact_files: int = 24


def series_id(sensor: str, quantity: str) -> int:
    """Give the number of a series in every file: 64 bits of a hash, so that no side table can go missing.

    >>> series_id("smoke-1", "smoke_pct_m") == series_id("smoke-1", "smoke_pct_m")
    True
    """
    return int.from_bytes(blake2b(f"{sensor}\x1f{quantity}".encode(), digest_size=8).digest())


class ParquetHistory:
    """Keeps every reading, by family and day, and gives it back by sensor, quantity and time.

    `append` only puts rows in memory; `flush` writes them off the event loop. Rows are exactly once across crashes when
    batches carry their stream sequence and the stream is followed again after `last_sequence`. Queries see written and
    buffered rows alike. All methods are called from one event loop.

    Limits: rows wait in memory at most ``flush_s`` if `keep` runs; a full disk keeps them there and says so.

    :raises HistoryError: the directory cannot be used, a file cannot be written, a request makes no sense.
    """

    def __init__(self, directory: Path, *, clock: Clock, limits: HistoryLimits | None = None) -> None:
        self.refused_rows = 0  # of batches whose family cannot name a folder
        self._files = SegmentFiles(directory)
        self._clock = clock
        self._limits = limits or HistoryLimits()
        self._buffer: list[Chunk] = []
        self._flushing: list[Chunk] = []
        self._rows = 0
        self._sequence = 0
        self._since_us = clock.now_us()
        self._known: dict[tuple[Series, str], int] = {}
        self._lock = asyncio.Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="history-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="history-reader")
        self._connection = connect()
        self._cursor = self._connection.cursor()

    @classmethod
    async def open(cls, directory: Path, *, clock: Clock, limits: HistoryLimits | None = None) -> Self:
        """Open or make a history and bring its files in order."""
        history = cls(directory, clock=clock, limits=limits)
        try:
            await history._in(history._writer, lambda: history._files.open(history._connection))
        except HistoryError:
            await history._shut()
            raise
        history._sequence = history._files.sequence
        return history

    @property
    def last_sequence(self) -> int:
        """The stream sequence up to which all rows are on disk."""
        return self._files.sequence

    @property
    def damaged(self) -> int:
        """How many files could not be read at the start and were set aside."""
        return self._files.damaged

    def append(self, batch: ObservationBatch, sequence: int = 0) -> None:
        """Take in a batch. ``sequence`` is its place in the stream; one already on disk is passed over."""
        if sequence and sequence <= self._sequence:
            return
        self._sequence = max(self._sequence, sequence)
        if not names_a_folder(batch.family):
            self.refused_rows += len(batch)
            return
        if not len(batch):
            return
        numbers = np.array([self._number(series, batch.family) for series in batch.series], np.uint64)
        columns: Columns = {
            "series": numbers[batch.series_ix],
            "t_us": np.array(batch.t_us, np.int64),
            "value": np.array(batch.value, np.float64),
            "quality": np.array(batch.quality, np.uint8),
        }
        payloads = tuple((p.row, msgspec.msgpack.encode((p.schema, p.data))) for p in batch.payloads)
        self._buffer.append(Chunk(batch.family, columns, payloads))
        self._rows += len(batch)

    @property
    def waiting_rows(self) -> int:
        """How many rows wait in memory to be written."""
        return self._rows

    @property
    def flush_due(self) -> bool:
        """Whether enough rows wait, or the oldest waits long enough."""
        waited_s = (self._clock.now_us() - self._since_us) / _US
        return self._rows >= self._limits.flush_rows or (self._rows > 0 and waited_s >= self._limits.flush_s)

    async def flush(self) -> int:
        """Write all waiting rows; give how many. If that fails they wait on, and the error says why."""
        # Shielded: a flush that has begun ends, even if who asked for it is cancelled.
        return await asyncio.shield(asyncio.ensure_future(self._flush()))

    async def _flush(self) -> int:
        async with self._lock:
            rows, sequence, number = self._rows, self._sequence, self._files.flush + 1
            if not rows and sequence == self._files.sequence:
                return 0
            self._flushing, self._buffer = self._buffer, []
            self._rows, self._since_us = 0, self._clock.now_us()
            try:
                written = await self._in(self._writer, lambda: self._write(self._flushing, number, sequence))
            except HistoryError:
                self._buffer, self._rows = self._flushing + self._buffer, self._rows + rows
                raise
            else:
                self._files.accept(written, number, sequence)
            finally:
                self._flushing = []
            return rows

    async def keep(self) -> None:
        """Run for ever: flush and merge when due. A failing flush is raised to whoever supervises this task."""
        while True:
            await self._clock.sleep(min(1.0, self._limits.flush_s))
            if self.flush_due:
                await self.flush()
                await self.compact()

    async def compact(self) -> int:
        """Merge the files of each family and day that has too many, and of days that are over; give how many went."""
        async with self._lock:
            today = day_of(self._clock.now_us() // DAY_US)
            merged = 0
            for parts in self._crowded(today):
                one = await self._in(self._writer, partial(self._files.merge, self._connection, parts))
                self._files.segments.append(one)
                self._files.drop(parts)
                merged += len(parts)
            return merged

    async def query(
        self, sensor: str, quantity: str, t_from_us: int = 0, t_to_us: int = FOR_EVER_US
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Give (t_us, value), each (n,), ordered by time, from ``t_from_us`` up to but not at ``t_to_us``."""
        number = series_id(sensor, quantity)
        found = await self._select(number, t_from_us, t_to_us)
        order = np.argsort(found["t_us"], kind="stable")
        return found["t_us"][order], found["value"][order]

    async def payloads(
        self, sensor: str, quantity: str, t_from_us: int = 0, t_to_us: int = FOR_EVER_US
    ) -> list[tuple[int, str, Any]]:
        """Give (t_us, schema, data) of what is not a number, ordered by time."""
        found = await self._select(series_id(sensor, quantity), t_from_us, t_to_us, payload=True)
        rows = zip(found["t_us"].tolist(), found["payload"], strict=True)
        decoded = [(t_us, *msgspec.msgpack.decode(bytes(data))) for t_us, data in rows if data]
        return sorted(decoded, key=lambda row: int(row[0]))

    def series(self) -> list[SeriesName]:
        """Give the name of every series in the history, ordered by sensor and quantity."""
        return sorted(self._files.names.values(), key=lambda name: (name.sensor, name.quantity))

    async def export(
        self,
        target: Path,
        *,
        sensor: str = "",
        quantity: str = "",
        t_from_us: int = 0,
        t_to_us: int = FOR_EVER_US,
    ) -> int:
        """Write readings of one sensor, one quantity, or all to ``target`` (``.csv`` or ``.parquet``); give the rows.

        Columns: time (RFC 3339), t_us, sensor, quantity, unit, zone, value, quality.
        """
        found = await self._select(None, t_from_us, t_to_us)
        names = dict(self._files.names)
        wanted = {
            number: name
            for number, name in names.items()
            if sensor in ("", name.sensor) and quantity in ("", name.quantity)
        }
        return await self._in(self._reader, lambda: write_export(self._cursor, target, found, wanted))

    async def retain(self, now_us: int, days: Mapping[str, int], default_days: int) -> int:
        """Remove the days of each family that reach further back than its limit; give how many rows went.

        Nothing is kept longer than the limit: a day goes as soon as its first moment is too old.
        """
        async with self._lock:
            old = [
                segment
                for segment in self._files.segments
                if day_start_us(segment.day) + days.get(segment.family, default_days) * DAY_US < now_us
            ]
            return self._files.drop(old)

    async def forget_position(self) -> None:
        """Begin anew in a stream whose numbers started again; waiting rows are written first."""
        await self.flush()
        async with self._lock:
            await self._in(self._writer, lambda: self._files.commit(self._files.flush, 0))
            self._files.accept((), self._files.flush, 0)
            self._sequence = 0

    async def check(self) -> list[str]:
        """Compare every file with its checksum; give a line for each that is damaged."""
        return await self._in(self._writer, self._files.check)

    async def close(self) -> None:
        """Write what waits and close."""
        try:
            await self.flush()
        finally:
            await self._shut()

    async def _shut(self) -> None:
        await asyncio.to_thread(self._reader.shutdown)
        await asyncio.to_thread(self._writer.shutdown)
        self._cursor.close()
        self._connection.close()

    def _number(self, series: Series, family: str) -> int:
        known = self._known.get((series, family))
        if known is None:
            known = self._known[series, family] = series_id(series.sensor, series.quantity)
            name = SeriesName(series.sensor, series.quantity, series.unit, series.zone)
            self._files.names[known] = name
            self._files.note_family(known, family)
        return known

    def _write(self, chunks: Sequence[Chunk], flush: int, sequence: int) -> list[Segment]:
        written: list[Segment] = []
        try:
            for family in sorted({chunk.family for chunk in chunks}):
                columns = joined([chunk for chunk in chunks if chunk.family == family])
                for day, part in by_day(columns):
                    written.append(self._files.write(self._connection, family, day, flush, part))
            self._files.commit(flush, sequence)
        except (HistoryError, OSError) as error:
            for segment in written:
                segment.path.unlink(missing_ok=True)
            raise HistoryError(str(error)) from error
        return written

    def _crowded(self, today: str) -> list[list[Segment]]:
        """Give what to merge: small files first, so that a row is written anew two or three times, not every time."""
        groups: dict[tuple[str, str, bool], list[Segment]] = {}
        for segment in self._files.segments:
            merged = segment.day == today and segment.merged
            groups.setdefault((segment.family, segment.day, merged), []).append(segment)
        return [
            parts
            for (_, day, _), parts in groups.items()
            if len(parts) > (self._limits.compact_files if day == today else 1)
        ]

    async def _select(
        self, series: int | None, t_from_us: int, t_to_us: int, payload: bool = False
    ) -> Columns:
        if t_from_us > t_to_us:
            raise HistoryError(f"the time range ends ({t_to_us}) before it begins ({t_from_us})")
        for attempt in range(_RETRIES):
            # Taken in one go on the event loop, where flushes end: no row is missed or seen twice.
            chunks = (*self._flushing, *self._buffer)
            segments = self._files.select(series, t_from_us, t_to_us)
            ask = Ask(None if series is None else (series,), t_from_us, t_to_us, payload)
            try:
                return await self._in(self._reader, partial(gather, self._cursor, segments, chunks, ask))
            except duckdb.Error as error:
                if attempt == _RETRIES - 1:  # before that, a file may just have been merged away
                    raise HistoryError(f"cannot read the history: {error}") from error
        raise AssertionError("unreachable")

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
