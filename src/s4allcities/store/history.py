"""The history of readings: Parquet by family and day, buffered in memory, asked for together with what is buffered."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from s4allcities.domain import Clock

from .buffered import FOR_EVER_US, BufferedHistory, HistoryLimits, checked, series_id
from .columns import Ask, Chunk, by_day, gather, joined, write_export
from .duck import connect, duck_error
from .errors import HistoryError
from .segments import DAY_US, Columns, Segment, SegmentFiles, SeriesName, day_of, day_start_us

__all__ = ("FOR_EVER_US", "HistoryLimits", "ParquetHistory", "series_id")

T = TypeVar("T")
_RETRIES = 3


class ParquetHistory(BufferedHistory):
    """A history in Parquet files under one directory; see `BufferedHistory`."""

    def __init__(self, directory: Path, *, clock: Clock, limits: HistoryLimits | None = None) -> None:
        super().__init__(clock, limits)
        self._files = SegmentFiles(directory)
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

    async def _store(self, chunks: Sequence[Chunk], sequence: int) -> None:
        number = self._files.flush + 1
        written = await self._in(self._writer, lambda: self._write(chunks, number, sequence))
        self._files.accept(written, number, sequence)

    async def compact(self) -> int:
        """Merge the files of each family and day that has too many, and of days that are over; give how many went."""
        async with self._lock:
            today = day_of(self._clock.now_us() // DAY_US)
            merged = 0
            for parts in self._crowded(today):
                one = await self._in(self._writer, partial(self._files.merge, self._connection, parts))
                self._files.segments.append(one)
                self._files.forget(parts)
                await self._in(self._writer, partial(self._files.delete, parts))
                merged += len(parts)
            return merged

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
        found = await self._select(checked(Ask(None, t_from_us, t_to_us, False)))
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
            self._files.forget(old)
            return await self._in(self._writer, partial(self._files.delete, old))

    async def _forget(self) -> None:
        await self._in(self._writer, lambda: self._files.commit(self._files.flush, 0))
        self._files.accept((), self._files.flush, 0)

    async def check(self) -> list[str]:
        """Compare every file with its checksum; give a line for each that is damaged."""
        return await self._in(self._writer, self._files.check)

    async def _shut(self) -> None:
        await asyncio.to_thread(self._reader.shutdown)
        await asyncio.to_thread(self._writer.shutdown)
        self._cursor.close()
        self._connection.close()

    def _note(self, number: int, name: SeriesName, family: str) -> None:
        self._files.names[number] = name
        self._files.note_family(number, family)

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

    async def _select(self, ask: Ask) -> Columns:
        for attempt in range(_RETRIES):
            # Taken in one go on the event loop, where flushes end: no row is missed or seen twice.
            chunks = (*self._flushing, *self._buffer)
            segments = self._files.select(ask.series, ask.t_from_us, ask.t_to_us)
            try:
                return await self._in(self._reader, partial(gather, self._cursor, segments, chunks, ask))
            except duck_error() as error:
                if attempt == _RETRIES - 1:  # before that, a file may just have been merged away
                    raise HistoryError(f"cannot read the history: {error}") from error
        raise AssertionError("unreachable")

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
