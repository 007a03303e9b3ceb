"""Rows of the history in columns: gathered from files and memory, parted by day, written for others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from .duck import duck_error
from .errors import HistoryError
from .segments import DAY_US, Columns, Segment, SeriesName, day_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ("Ask", "Chunk", "by_day", "gather", "joined", "merged", "write_export")

_EMPTY: Columns = {
    "series": np.empty(0, np.uint64),
    "t_us": np.empty(0, np.int64),
    "value": np.empty(0, np.float64),
    "quality": np.empty(0, np.uint8),
}


_FORMS = {".csv": "csv, HEADER", ".parquet": "parquet, COMPRESSION zstd"}


class Chunk(msgspec.Struct, frozen=True):
    """Rows of one family that wait in memory; ``payloads`` are (row, msgpack of (schema, data))."""

    family: str
    columns: Columns
    payloads: tuple[tuple[int, bytes], ...]


class Ask(msgspec.Struct, frozen=True):
    """Which rows: of these series (None = all), ``t_from_us`` <= t < ``t_to_us``, with payloads or without."""

    series: tuple[int, ...] | None
    t_from_us: int
    t_to_us: int
    payload: bool

    def mask(self, columns: Columns) -> NDArray[np.bool_]:
        """Mark (n,) the rows asked for."""
        t_us = columns["t_us"]
        inside: NDArray[np.bool_] = (t_us >= self.t_from_us) & (t_us < self.t_to_us)
        if self.series is None:
            return inside
        wanted: NDArray[np.bool_] = np.isin(columns["series"], np.array(self.series, np.uint64))
        return inside & wanted


def gather(
    cursor: "DuckDBPyConnection", segments: Sequence[Segment], chunks: Sequence[Chunk], ask: Ask
) -> Columns:
    """Join the rows asked for, from files and from memory."""
    parts = [_read(cursor, segments, ask)] if segments else []
    for chunk in chunks:
        columns = _with_payload(chunk) if ask.payload else chunk.columns
        mask = ask.mask(columns)
        if mask.any():
            parts.append({name: column[mask] for name, column in columns.items()})
    return merged(parts)


def merged(parts: Sequence[Columns]) -> Columns:
    """Put rows together; no parts, or parts without rows, give empty columns."""
    full = [part for part in parts if len(part["t_us"])]
    if not full:
        return {**_EMPTY, "payload": np.empty(0, object)}
    return {name: np.concatenate([part[name] for part in full]) for name in full[0]}


def _read(cursor: "DuckDBPyConnection", segments: Sequence[Segment], ask: Ask) -> Columns:
    files = [str(segment.path) for segment in segments]
    names = "series, t_us, value, quality"
    if ask.payload:
        held = cursor.execute("SELECT DISTINCT name FROM parquet_schema($f)", {"f": files}).fetchall()
        names += ", payload" if ("payload",) in held else ", ''::BLOB AS payload"
    where = "t_us >= $a AND t_us < $b" + (
        "" if ask.series is None else f" AND series IN ({_numbers(ask.series)})"
    )
    values = {"f": files, "a": ask.t_from_us, "b": ask.t_to_us}
    source = "read_parquet($f, union_by_name = true)" if ask.payload else "read_parquet($f)"
    found = cursor.execute(f"SELECT {names} FROM {source} WHERE {where}", values).fetchnumpy()
    return {name: _plain(column) for name, column in found.items()}


def _numbers(series: Sequence[int]) -> str:
    """Write numbers into SQL: only so does DuckDB look them up in the files' filters."""
    return ", ".join(f"{number:d}::UBIGINT" for number in series) or "NULL"


def _plain(column: Any) -> NDArray[Any]:
    """Undo DuckDB's reading of NaN and absent payloads as NULL, which comes back as a masked array."""
    if not isinstance(column, np.ma.MaskedArray):
        return np.asarray(column)
    if column.dtype == object:
        return np.array([None if value is np.ma.masked else value for value in column], object)
    return np.asarray(np.ma.filled(column.astype(np.float64), np.nan))


def _with_payload(chunk: Chunk) -> Columns:
    payload = np.full(len(chunk.columns["t_us"]), b"", object)
    for row, data in chunk.payloads:
        payload[row] = data
    return {**chunk.columns, "payload": payload}


def joined(chunks: Sequence[Chunk]) -> Columns:
    """Put chunks together; column ``payload`` is there only if any of them holds one."""
    held = any(chunk.payloads for chunk in chunks)
    parts = [_with_payload(chunk) if held else chunk.columns for chunk in chunks]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def by_day(columns: Columns) -> list[tuple[str, Columns]]:
    """Part rows by the day of their time, given as (day's name, columns)."""
    days = columns["t_us"] // DAY_US
    names = {int(day): day_of(int(day)) for day in np.unique(days)}
    found = []
    for name in sorted(set(names.values())):
        mask = np.isin(days, [day for day, given in names.items() if given == name])
        found.append((name, {key: column[mask] for key, column in columns.items()}))
    return found


def write_export(
    cursor: "DuckDBPyConnection",
    target: Path,
    found: Columns,
    names: Mapping[int, SeriesName],
) -> int:
    """Write rows with their names to ``target`` (``.csv`` or ``.parquet``); give how many.

    Columns: time (RFC 3339), t_us, sensor, quantity, unit, zone, value, quality. Rows of series not in ``names`` are
    left out.

    :raises HistoryError: another ending, or the file cannot be written.
    """
    form = _FORMS.get(target.suffix.lower())
    if form is None:
        raise HistoryError(f"{target}: unknown form {target.suffix!r}; allowed are .csv and .parquet")
    numbers = sorted(names)
    told = {
        "series": np.array(numbers, np.uint64),
        **{
            field: np.array([getattr(names[number], field) for number in numbers], object)
            for field in ("sensor", "quantity", "unit", "zone")
        },
    }
    rows = {name: column for name, column in found.items() if name != "payload"}
    cursor.register("rows_found", rows)
    cursor.register("names_told", told)
    select = (
        "SELECT strftime(make_timestamp(t_us), '%Y-%m-%dT%H:%M:%S.%fZ') AS time, t_us, sensor, quantity, unit, zone,"
        " value, quality FROM rows_found JOIN names_told USING (series) ORDER BY sensor, quantity, t_us"
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        quoted = str(target).replace("'", "''")
        done = cursor.execute(f"COPY ({select}) TO '{quoted}' (FORMAT {form})").fetchall()
        return int(done[0][0])
    except (OSError, duck_error()) as error:
        raise HistoryError(f"{target}: cannot write the export: {error}") from error
    finally:
        cursor.unregister("rows_found")
        cursor.unregister("names_told")
