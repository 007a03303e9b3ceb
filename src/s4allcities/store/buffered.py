"""What every history has in common: rows wait in memory, are written many at once, and are found all the time."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from s4allcities.domain import Clock, ObservationBatch, Series

from .columns import Ask, Chunk
from .errors import HistoryError
from .segments import Columns, SeriesName, names_a_folder

__all__ = ("FOR_EVER_US", "BufferedHistory", "HistoryLimits", "checked", "series_id")

FOR_EVER_US = 1 << 62
"""An end of time for queries."""

_US = 1_000_000


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


class BufferedHistory(ABC):
    """Keeps every reading, by family and day, and gives it back by sensor, quantity and time.

    `append` only puts rows in memory; `flush` writes them off the event loop. Rows are exactly once across crashes when
    batches carry their stream sequence and the stream is followed again after `last_sequence`. Queries see written and
    buffered rows alike. All methods are called from one event loop.

    Limits: rows wait in memory at most ``flush_s`` if `keep` runs; a store that takes nothing keeps them there and says
    so.

    :raises HistoryError: the store cannot be used, rows cannot be written, a request makes no sense.
    """

    def __init__(self, clock: Clock, limits: HistoryLimits | None = None) -> None:
        self.refused_rows = 0  # of batches whose family cannot name a folder
        self._clock = clock
        self._limits = limits or HistoryLimits()
        self._buffer: list[Chunk] = []
        self._flushing: list[Chunk] = []
        self._rows = 0
        self._sequence = 0
        self._since_us = clock.now_us()
        self._known: dict[tuple[Series, str], int] = {}
        self._lock = asyncio.Lock()

    @property
    @abstractmethod
    def last_sequence(self) -> int:
        """The stream sequence up to which all rows are on disk."""

    @property
    def damaged(self) -> int:
        """How many files could not be read at the start and were set aside."""
        return 0

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
            rows, sequence = self._rows, self._sequence
            if not rows and sequence == self.last_sequence:
                return 0
            self._flushing, self._buffer = self._buffer, []
            self._rows, self._since_us = 0, self._clock.now_us()
            try:
                await self._store(self._flushing, sequence)
            except HistoryError:
                self._buffer, self._rows = self._flushing + self._buffer, self._rows + rows
                raise
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

    async def query(
        self, sensor: str, quantity: str, t_from_us: int = 0, t_to_us: int = FOR_EVER_US
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Give (t_us, value), each (n,), ordered by time, from ``t_from_us`` up to but not at ``t_to_us``."""
        number = series_id(sensor, quantity)
        found = await self._select(checked(Ask((number,), t_from_us, t_to_us, False)))
        order = np.argsort(found["t_us"], kind="stable")
        return found["t_us"][order], found["value"][order]

    async def payloads(
        self, sensor: str, quantity: str, t_from_us: int = 0, t_to_us: int = FOR_EVER_US
    ) -> list[tuple[int, str, Any]]:
        """Give (t_us, schema, data) of what is not a number, ordered by time."""
        found = await self._select(checked(Ask((series_id(sensor, quantity),), t_from_us, t_to_us, True)))
        rows = zip(found["t_us"].tolist(), found["payload"], strict=True)
        decoded = [(t_us, *msgspec.msgpack.decode(bytes(data))) for t_us, data in rows if data]
        return sorted(decoded, key=lambda row: int(row[0]))

    async def forget_position(self) -> None:
        """Begin anew in a stream whose numbers started again; waiting rows are written first."""
        await self.flush()
        async with self._lock:
            await self._forget()
            self._sequence = 0

    async def close(self) -> None:
        """Write what waits and close."""
        try:
            await self.flush()
        finally:
            await self._shut()

    def _number(self, series: Series, family: str) -> int:
        known = self._known.get((series, family))
        if known is None:
            known = self._known[series, family] = series_id(series.sensor, series.quantity)
            name = SeriesName(series.sensor, series.quantity, series.unit, series.zone)
            self._note(known, name, family)
        return known

    @abstractmethod
    async def compact(self) -> int:
        """Bring order into what was written; give how many pieces were merged into others."""

    @abstractmethod
    def series(self) -> list[SeriesName]:
        """Give the name of every series in the history, ordered by sensor and quantity."""

    @abstractmethod
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

    @abstractmethod
    async def retain(self, now_us: int, days: Mapping[str, int], default_days: int) -> int:
        """Remove the days of each family that reach further back than its limit; give how many rows went.

        Nothing is kept longer than the limit: a day goes as soon as its first moment is too old.
        """

    @abstractmethod
    async def check(self) -> list[str]:
        """Give a line for each piece that is damaged."""

    @abstractmethod
    async def _store(self, chunks: Sequence[Chunk], sequence: int) -> None:
        """Write rows and position, all or nothing."""

    @abstractmethod
    async def _forget(self) -> None:
        """Set the position to the beginning."""

    @abstractmethod
    async def _shut(self) -> None:
        """Let go of everything."""

    @abstractmethod
    def _note(self, number: int, name: SeriesName, family: str) -> None:
        """Learn what a series' number stands for."""

    @abstractmethod
    async def _select(self, ask: Ask) -> Columns:
        """Give the rows asked for, written and buffered, in any order."""


def checked(ask: Ask) -> Ask:
    """Give a request back if it makes sense.

    :raises HistoryError: it ends before it begins.
    """
    if ask.t_from_us > ask.t_to_us:
        raise HistoryError(f"the time range ends ({ask.t_to_us}) before it begins ({ask.t_from_us})")
    return ask
