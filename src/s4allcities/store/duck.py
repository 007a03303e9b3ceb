"""DuckDB, loaded when it is first needed: a platform without readings does without its forty megabytes."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ("connect", "duck_error")


def duck_error() -> type[Exception]:
    """Give the class of DuckDB's errors; for ``except``, which asks only when something was raised."""
    from duckdb import Error

    return Error


def connect() -> "DuckDBPyConnection":
    """Give a DuckDB in memory, on one thread, never reaching for extensions outside; it opens at its first use.

    >>> connect().execute("SELECT 1 + 1").fetchone()
    (2,)
    """
    return cast("DuckDBPyConnection", _Late(_open))


def _open() -> "DuckDBPyConnection":
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": 1,
    }
    return duckdb.connect(":memory:", config=settings)


class _Late:
    """Stands for a connection or a cursor that is made when the first thread asks for anything of it."""

    def __init__(self, make: Callable[[], "DuckDBPyConnection"]) -> None:
        self._make = make
        self._made: DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    def _get(self) -> "DuckDBPyConnection":
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get(), name)

    def cursor(self) -> "DuckDBPyConnection":
        """Give a cursor, which opens nothing either."""
        return cast("DuckDBPyConnection", _Late(lambda: self._get().cursor()))

    def close(self) -> None:
        """Close what was opened."""
        if self._made is not None:
            self._made.close()

    def __enter__(self) -> "DuckDBPyConnection":
        return cast("DuckDBPyConnection", self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
