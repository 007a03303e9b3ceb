"""Reading a history beside the platform that writes it, or without one: a sensor's day, a list of series, an export."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np

from .columns import Ask, gather, write_export
from .duck import connect, duck_error
from .errors import HistoryError
from .segments import DAY_US, UNDATED, Columns, Segment, SeriesName, day_of, peek

__all__ = ("Found", "HistoryReader", "SeriesRow", "day_range_us", "to_rows")

_RETRIES = 3
_MAX_DAYS = 4_000


class SeriesRow(msgspec.Struct, frozen=True, kw_only=True):
    """One series of a history: its names, in which families it occurs, and the first and last day that hold any."""

    sensor: str
    quantity: str
    unit: str
    zone: str
    families: tuple[str, ...]
    first_day: str
    last_day: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Rows found, ordered by time: ``columns`` as in the files, and the names of their series by number."""

    columns: Columns
    names: Mapping[int, SeriesName]

    def __len__(self) -> int:
        return len(self.columns["t_us"])


def day_range_us(day: str) -> tuple[int, int]:
    """Give when a day (UTC) begins and when it ends.

    >>> day_range_us("1970-01-02")
    (86400000000, 172800000000)

    :raises ValueError: not a day such as 2026-11-25.
    """
    begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    begin_us = round(begin.timestamp()) * 1_000_000
    return begin_us, begin_us + DAY_US


class HistoryReader:
    """Reads the Parquet files of a data directory and changes nothing there; the platform may run.

    Rows that a running platform still holds in memory (at most `HistoryLimits.flush_s` seconds of them) are not seen.

    :raises HistoryError: there is no history, or it cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = Path(directory)
        self._connection = connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def series(self) -> list[SeriesRow]:
        """Give every series, ordered by sensor and quantity."""
        segments, names, files = peek(self._connection, self._directory)
        by_path = {segment.path: segment for segment in segments}
        rows = []
        for number, name in names.items():
            held = [by_path[path] for path in files[number]]
            days = sorted(segment.day for segment in held)
            rows.append(
                SeriesRow(
                    sensor=name.sensor, quantity=name.quantity, unit=name.unit, zone=name.zone,
                    families=tuple(sorted({segment.family for segment in held})),
                    first_day=days[0], last_day=days[-1],
                )
            )  # fmt: skip
        return sorted(rows, key=lambda row: (row.sensor, row.quantity))

    def days(self) -> list[str]:
        """Give the days that hold files, oldest first; without the undated."""
        found = {path.name for path in self._directory.glob("*/*") if path.is_dir() and path.name != UNDATED}
        return sorted(found)

    def rows(
        self, t_from_us: int, t_to_us: int, *, sensor: str = "", quantity: str = "", family: str = ""
    ) -> Found:
        """Give the rows of one sensor, one quantity, one family, or all, in ``t_from_us`` <= t < ``t_to_us``.

        :raises HistoryError: the range ends before it begins.
        """
        if t_from_us > t_to_us:
            raise HistoryError(f"the time range ends ({t_to_us}) before it begins ({t_from_us})")
        for attempt in range(_RETRIES):
            try:
                return self._rows(t_from_us, t_to_us, sensor, quantity, family)
            except duck_error() as error:
                if attempt == _RETRIES - 1:  # before that, a file may just have been merged away
                    raise HistoryError(f"{self._directory}: cannot read the history: {error}") from error
        raise AssertionError("unreachable")

    def export(self, target: Path, found: Found) -> int:
        """Write rows to ``target`` (``.csv`` or ``.parquet``); give how many.

        :raises HistoryError: another ending, or the file cannot be written.
        """
        return write_export(self._connection, target, found.columns, found.names)

    def _rows(self, t_from_us: int, t_to_us: int, sensor: str, quantity: str, family: str) -> Found:
        segments, names, files = peek(self._connection, self._directory, _days(t_from_us, t_to_us))
        wanted = {
            number: name
            for number, name in names.items()
            if sensor in ("", name.sensor) and quantity in ("", name.quantity)
        }
        paths = {path for number in wanted for path in files[number]}
        held = [
            segment
            for segment in segments
            if segment.path in paths
            and family in ("", segment.family)
            and _overlaps(segment, t_from_us, t_to_us)
        ]
        everything = len(wanted) == len(names)
        ask = Ask(None if everything else tuple(wanted), t_from_us, t_to_us, False)
        columns = gather(self._connection, held, (), ask)
        columns.pop("payload", None)
        order = np.argsort(columns["t_us"], kind="stable")
        return Found(columns={name: column[order] for name, column in columns.items()}, names=wanted)


def to_rows(found: Found) -> list[dict[str, Any]]:
    """Give rows as plain data for people and programs; what is no number (a payload's row) has value None."""
    columns = (found.columns[name].tolist() for name in ("series", "t_us", "value", "quality"))
    rows = []
    for number, t_us, value, quality in zip(*columns, strict=True):
        name = found.names[number]
        rows.append(
            {
                "t_us": t_us,
                "sensor": name.sensor,
                "quantity": name.quantity,
                "unit": name.unit,
                "zone": name.zone,
                "value": value if value == value else None,
                "quality": quality,
            }
        )
    return rows


def _overlaps(segment: Segment, t_from_us: int, t_to_us: int) -> bool:
    return segment.t_first_us < t_to_us and segment.t_last_us >= t_from_us


def _days(t_from_us: int, t_to_us: int) -> set[str] | None:
    """Give the names of the days in a range; None for a range so long that all days are looked at."""
    first, last = t_from_us // DAY_US, (t_to_us - 1) // DAY_US
    if last - first > _MAX_DAYS:
        return None
    return {day_of(day) for day in range(first, last + 1)}
