"""The history of an installation asked from outside: where it lies, which rows, and as what they are given."""

import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from s4allcities.domain import to_rfc3339
from s4allcities.store.errors import HistoryError
from s4allcities.store.layout import DataDir
from s4allcities.store.opening import named_postgres
from s4allcities.store.postgres_reader import PostgresHistoryReader
from s4allcities.store.reader import Found, HistoryReader, SeriesRow, day_range_us, to_rows

__all__ = ("HistoryAsk", "ask_history", "list_series", "open_reader")

_FIRST_US, _LAST_US = 0, 1 << 62
_LAST_WRITTEN_US = 253_402_300_799_999_999
"""The end of the year 9999, the last time that RFC 3339 can write."""


class HistoryAsk(Struct, frozen=True, kw_only=True):
    """What is wanted: ``span`` is (from, to) in microseconds, None for the newest day that holds any of it."""

    data_dir: Path
    sensor: str = ""
    quantity: str = ""
    family: str = ""
    limit: int = 0
    export: Path | None = None
    span: tuple[int, int] | None = None


Reader = HistoryReader | PostgresHistoryReader


def open_reader(data_dir: Path) -> Reader:
    """Give what reads an installation's history, wherever it lies. :raises HistoryError: there is none."""
    data = DataDir(data_dir)
    settings = named_postgres(data)
    if settings is not None and settings.history:
        return PostgresHistoryReader(settings)
    return HistoryReader(data.history)


def list_series(ask: HistoryAsk) -> list[SeriesRow]:
    """Give the series that the installation keeps readings of.

    :raises HistoryError: there is no history, or it cannot be read.
    """
    with open_reader(ask.data_dir) as reader:
        rows = reader.series()
    return [
        row
        for row in rows
        if ask.quantity in ("", row.quantity) and (not ask.family or ask.family in row.families)
    ]


def ask_history(ask: HistoryAsk) -> dict[str, Any]:
    """Find readings; give them as plain data, or write them to a file. ``query_ms`` is from opening to rows.

    :raises HistoryError: no history, no such sensor, an unknown form of file, or it cannot be written.
    """
    with open_reader(ask.data_dir) as reader:
        begin_s = time.perf_counter()
        found, span = _find(reader, ask)
        query_ms = 1000 * (time.perf_counter() - begin_s)
        if not len(found):
            _say_if_unknown(reader, ask)
        exported = reader.export(ask.export, found) if ask.export else None
    rows = [] if ask.export else _newest(found, ask.limit)
    return {
        "sensor": ask.sensor,
        "quantity": ask.quantity,
        "t_from": _shown(span[0]),
        "t_to": _shown(span[1]),
        "rows": len(found) if exported is None else exported,
        "query_ms": round(query_ms, 1),
        "export": str(ask.export) if ask.export else None,
        "readings": rows,
    }


def _find(reader: Reader, ask: HistoryAsk) -> tuple[Found, tuple[int, int]]:
    if ask.span is not None:
        return _rows(reader, ask, ask.span), ask.span
    span, found = (_FIRST_US, _LAST_US), None
    for day in reversed(reader.days()):
        span = day_range_us(day)
        found = _rows(reader, ask, span)
        if len(found):
            return found, span
    return found or _rows(reader, ask, span), span


def _rows(reader: Reader, ask: HistoryAsk, span: tuple[int, int]) -> Found:
    return reader.rows(*span, sensor=ask.sensor, quantity=ask.quantity, family=ask.family)


def _say_if_unknown(reader: Reader, ask: HistoryAsk) -> None:
    known = reader.series()
    sensors = sorted({row.sensor for row in known})
    if ask.sensor and ask.sensor not in sensors:
        some = ", ".join(sensors[:5]) or "none"
        raise HistoryError(
            f"no readings of sensor {ask.sensor!r}; `s4 history` lists the {len(sensors)}: {some} ..."
        )
    quantities = sorted({row.quantity for row in known if ask.sensor in ("", row.sensor)})
    if ask.quantity and ask.quantity not in quantities:
        raise HistoryError(f"no readings of quantity {ask.quantity!r}; there are {', '.join(quantities)}")


def _newest(found: Found, limit: int) -> list[dict[str, Any]]:
    if limit:
        cut = {name: column[-limit:] for name, column in found.columns.items()}
        found = Found(columns=cut, names=found.names)
    return [{"t": _shown(row["t_us"]), **row} for row in to_rows(found)]


def _shown(t_us: int) -> str:
    return to_rfc3339(min(max(t_us, _FIRST_US), _LAST_WRITTEN_US))
