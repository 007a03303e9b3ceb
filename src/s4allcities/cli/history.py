"""`s4 history`: the readings that an installation keeps, by sensor and day, and as files."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.app.history import HistoryAsk

__all__ = ("app", "history")

app = App(name="history", help="Readings of the past: a sensor's day, a list of series, an export.")

_SHOWN = 20


class _Wrong(Exception):
    """The command was not used rightly; the message is the one line to print."""


@app.default
def history(
    sensor: Annotated[str, Parameter(help="Whose readings; without it the series are listed.")] = "",
    *,
    day: Annotated[
        str, Parameter(help="A day (UTC) such as 2026-11-25; the newest if nothing is given.")
    ] = "",
    begin: Annotated[str, Parameter(name="--from", help="From this time on (RFC 3339, naive = UTC).")] = "",
    end: Annotated[str, Parameter(name="--to", help="Up to but not at this time.")] = "",
    quantity: Annotated[str, Parameter(help="Only this quantity.")] = "",
    family: Annotated[str, Parameter(help="Only this device family.")] = "",
    export: Annotated[
        Path | None,
        Parameter(help="Write the readings to this file, .csv or .parquet; all sensors without SENSOR."),
    ] = None,
    limit: Annotated[int, Parameter(help="At most so many readings, the newest; 0 = all.")] = 0,
    data_dir: Annotated[Path, Parameter(help="Where the platform keeps everything.")] = Path("s4-data"),
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Show or export what was measured; the platform may be running. Its last 30 seconds may not be there yet.

    Example: s4 history smoke-21 --day 2026-11-25 --export smoke.csv
    """
    from s4allcities.app.history import HistoryAsk
    from s4allcities.store.errors import StoreError

    try:
        if limit < 0:
            raise _Wrong(f"--limit is {limit}; allowed are 0 (all) and above")
        ask = HistoryAsk(
            data_dir=data_dir, sensor=sensor, quantity=quantity, family=family, limit=limit, export=export,
            span=_span(day, begin, end),
        )  # fmt: skip
        document = _listed(ask) if not (sensor or export) else _found(ask)
    except (_Wrong, StoreError) as error:
        print(f"s4 history: {error}", file=sys.stderr)
        return 2
    if as_json:
        print(msgspec.json.encode(document).decode())
    else:
        print("\n".join(_lines(document)))
    return 0


def _span(day: str, begin: str, end: str) -> tuple[int, int] | None:
    """Give the time range asked for, None for "the newest day"."""
    from s4allcities.domain import from_rfc3339
    from s4allcities.store.reader import day_range_us

    if day and (begin or end):
        raise _Wrong("give either --day or --from and --to")
    if not (day or begin or end):
        return None
    try:
        if day:
            return day_range_us(day)
        span = (from_rfc3339(begin) if begin else 0, from_rfc3339(end) if end else (1 << 62))
    except ValueError:
        wrong = f"--day {day!r}" if day else f"--from {begin!r} or --to {end!r}"
        raise _Wrong(f"{wrong} is no time; allowed are 2026-11-25 and 2026-11-25T08:00:00Z") from None
    if span[0] > span[1]:
        raise _Wrong(f"--to {end} is before --from {begin}")
    return span


def _listed(ask: "HistoryAsk") -> dict[str, Any]:
    from s4allcities.app.history import list_series

    begin_s = time.perf_counter()
    rows = list_series(ask)
    return {"series": rows, "query_ms": round(1000 * (time.perf_counter() - begin_s), 1)}


def _found(ask: "HistoryAsk") -> dict[str, Any]:
    from s4allcities.app.history import ask_history

    return ask_history(ask)


def _lines(document: dict[str, Any]) -> list[str]:
    if "series" in document:
        rows = document["series"]
        return [
            f"{row.sensor:24} {row.quantity:18} {row.unit:8} {row.zone:20} {row.first_day} to {row.last_day}"
            for row in rows
        ] or ["no readings are kept there"]
    head = (
        f"{document['rows']} readings from {document['t_from']} to {document['t_to']}"
        f" (found in {document['query_ms']:g} ms)"
    )
    if document["export"]:
        return [head, f"written to {document['export']}"]
    shown = document["readings"][-_SHOWN:]
    if len(shown) < document["rows"]:
        head += f"; the last {len(shown)}:"
    return [head, *(_line(row) for row in shown)]


def _line(row: dict[str, Any]) -> str:
    value = "(content)" if row["value"] is None else f"{row['value']:g}"
    return f"{row['t']}  {row['sensor']:20} {row['quantity']:18} {value} {row['unit']}"
