"""Reading a CSV file with a time column and columns of numbers, for running a detector over a recording."""

import csv
import io

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ..domain import from_rfc3339

__all__ = ("MISSING_TIME_US", "BadTable", "Table", "read_table")

MISSING_TIME_US = -(2**63)
"""Stands where a row's time cannot be read."""
TIME_NAMES = ("timestamp", "datetime", "date_time", "time", "date", "t")


class BadTable(ValueError):
    """A file cannot be used at all: the message says what is wrong and what is allowed."""


class Table(Struct, frozen=True):
    """n rows: ``timestamps`` as written, ``t_us`` (n,), ``names`` of the c number columns, ``values`` (n, c).

    A cell that is no number is NaN; a time that cannot be read is `MISSING_TIME_US`. ``faults`` holds one line for each
    such row.
    """

    timestamps: list[str]
    t_us: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    faults: list[str]


def read_table(text: str, name: str, wanted: tuple[str, ...] = ()) -> Table:
    """Read a CSV text with a header; ``name`` is the file's, for messages. Only the columns ``wanted``, or all.

    Times are ISO 8601 (naive = UTC), Unix seconds or milliseconds.

    >>> table = read_table("timestamp,value\\n2026-11-01 00:00:00,1.5\\n2026-11-01 00:05:00,", "a.csv", ("value",))
    >>> table.values[:, 0].tolist(), table.faults
    ([1.5, nan], ["a.csv:3: value is '', allowed is a number"])

    :raises BadTable: no header, no time column, a wanted column missing, or no row.
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        header = [each.strip() for each in next(rows, [])]
        time_at, columns = _columns(header, name, wanted)
        return _read(rows, name, header, time_at, columns)
    except csv.Error as fault:
        raise BadTable(f"{name}:{rows.line_num}: {fault}; allowed is CSV") from None


def _columns(header: list[str], name: str, wanted: tuple[str, ...]) -> tuple[int, list[int]]:
    lower = [each.lower() for each in header]
    time_at = next((lower.index(each) for each in TIME_NAMES if each in lower), -1)
    if time_at < 0:
        raise BadTable(f"{name}:1: no column timestamp; the columns are {', '.join(header) or 'none'}")
    for each in wanted:
        if each not in lower:
            raise BadTable(f"{name}:1: no column {each}; the columns are {', '.join(header)}")
    columns = [lower.index(each) for each in wanted] or [k for k in range(len(header)) if k != time_at]
    if not columns:
        raise BadTable(f"{name}:1: no column of numbers beside {header[time_at]}")
    return time_at, columns


def _read(rows: "csv._reader", name: str, header: list[str], time_at: int, columns: list[int]) -> Table:  # type: ignore[name-defined]
    stamps: list[str] = []
    times: list[int] = []
    values: list[list[float]] = []
    faults: list[str] = []
    for cells in rows:
        if not cells:
            continue
        where = f"{name}:{rows.line_num}"
        stamp = cells[time_at].strip() if time_at < len(cells) else ""
        t_us = _time(stamp)
        if t_us is None:
            faults.append(f"{where}: {header[time_at]} is {stamp[:40]!r}, allowed is an ISO 8601 time")
        stamps.append(stamp)
        times.append(MISSING_TIME_US if t_us is None else t_us)
        values.append([_number(cells, k, where, header, faults) for k in columns])
    if not stamps:
        raise BadTable(f"{name}: no row below the header")
    if all(each == MISSING_TIME_US for each in times):
        raise BadTable(f"{faults[0]}; no row has one")
    return Table(
        stamps,
        np.array(times, np.int64),
        tuple(header[k] for k in columns),
        np.array(values, np.float64).reshape(len(stamps), len(columns)),
        faults,
    )


def _number(cells: list[str], k: int, where: str, header: list[str], faults: list[str]) -> float:
    text = cells[k].strip() if k < len(cells) else ""
    try:
        value = float(text)
    except ValueError:
        faults.append(f"{where}: {header[k]} is {text[:40]!r}, allowed is a number")
        return float("nan")
    return value if abs(value) < float("inf") else float("nan")


def _time(text: str) -> int | None:
    try:
        return from_rfc3339(text)
    except (ValueError, OverflowError):
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    if not 0 < number < 4e12:
        return None
    return round(number * 1e3) if number > 1e11 else round(number * 1e6)
