"""Reading a history in PostgreSQL beside the platform that writes it; the counterpart of `HistoryReader`."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from .columns import write_export
from .duck import connect
from .errors import DatabaseError, HistoryError
from .postgres import PostgresDatabase, PostgresSettings
from .reader import Found, SeriesRow
from .segments import DAY_US, Columns, SeriesName, day_of

__all__ = ("PostgresHistoryReader",)

_TWO_64 = 1 << 64


class PostgresHistoryReader:
    """Reads the history of one schema; the platform may run. Rows it holds in memory are not seen.

    :raises HistoryError: the server cannot be used, or holds no history.
    """

    def __init__(self, settings: PostgresSettings) -> None:
        self._database = PostgresDatabase(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close_now()

    def series(self) -> list[SeriesRow]:
        """Give every series, ordered by sensor and quantity."""
        rows = self._ask(
            "SELECT s.sensor, s.quantity, s.unit, s.zone, array_agg(DISTINCT f.name), min(r.t_us), max(r.t_us)"
            " FROM reading r JOIN history_series s ON s.number = r.series JOIN history_family f ON f.id = r.family"
            " GROUP BY s.number ORDER BY s.sensor, s.quantity"
        )
        return [
            SeriesRow(
                sensor=sensor, quantity=quantity, unit=unit, zone=zone, families=tuple(families),
                first_day=day_of(first // DAY_US), last_day=day_of(last // DAY_US),
            )
            for sensor, quantity, unit, zone, families, first, last in rows
        ]  # fmt: skip

    def days(self) -> list[str]:
        """Give the days that hold readings, oldest first; without the undated."""
        rows = self._ask(f"SELECT DISTINCT t_us / {DAY_US} FROM reading WHERE t_us >= 0 ORDER BY 1")
        return [day_of(day) for (day,) in rows]

    def rows(
        self, t_from_us: int, t_to_us: int, *, sensor: str = "", quantity: str = "", family: str = ""
    ) -> Found:
        """Give the rows of one sensor, one quantity, one family, or all, in ``t_from_us`` <= t < ``t_to_us``."""
        if t_from_us > t_to_us:
            raise HistoryError(f"the time range ends ({t_to_us}) before it begins ({t_from_us})")
        names = {
            number: SeriesName(*name)
            for number, *name in self._ask(
                "SELECT number, sensor, quantity, unit, zone FROM history_series"
                " WHERE ? IN ('', sensor) AND ? IN ('', quantity)",
                sensor,
                quantity,
            )
        }
        found = self._ask(
            "SELECT series, t_us, value, quality FROM reading WHERE t_us >= ? AND t_us < ?"
            " AND series = ANY(?::bigint[])"
            " AND (? = '' OR family = (SELECT id FROM history_family WHERE name = ?)) ORDER BY t_us",
            t_from_us,
            t_to_us,
            list(names),
            family,
            family,
        )
        unsigned = {number % _TWO_64: name for number, name in names.items()}
        return Found(columns=_columns(found), names=unsigned)

    def export(self, target: Path, found: Found) -> int:
        """Write rows to ``target`` (``.csv`` or ``.parquet``); give how many."""
        with connect() as connection:
            return write_export(connection, target, found.columns, found.names)

    def _ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._database.read_now(
                lambda connection: connection.execute(statement, values).fetchall()
            )
        except DatabaseError as error:
            raise HistoryError(str(error)) from None


def _columns(rows: Sequence[tuple[Any, ...]]) -> Columns:
    return {
        "series": np.array([row[0] for row in rows], np.int64).view(np.uint64),
        "t_us": np.array([row[1] for row in rows], np.int64),
        "value": np.array([row[2] for row in rows], np.float64),
        "quality": np.array([row[3] for row in rows], np.uint8),
    }
