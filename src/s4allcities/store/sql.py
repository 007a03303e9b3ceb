"""What the stores need of a database, so that SQLite and PostgreSQL can be it.

Statements are written once, in the SQL that both understand: ``?`` marks a value, conflicts name their columns, columns
that could be meant twice name their table.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

__all__ = ("FOR_EVER", "Connection", "Cursor", "SqlDatabase", "Work", "greater", "lesser")

T = TypeVar("T")
FOR_EVER = 1 << 62
"""As a limit: no limit."""


class Cursor(Protocol):
    """The result of one statement."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> Any:
        """Give the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Give the rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Give the rows that are left, one by one."""


class Connection(Protocol):
    """A connection inside a transaction; whoever gets it neither commits nor keeps it."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]], /) -> Cursor:
        """Run one statement for each row of values; the cursor's ``rowcount`` is of all."""


Work = Callable[[Connection], T]
"""What is done inside one transaction."""


class SqlDatabase(Protocol):
    """A database that runs functions inside transactions, off the event loop.

    ``durable=False`` spares the disk flush: the transaction survives a crash of the process, and after a power cut the
    last ones may be gone (never half of one).
    """

    async def write(self, work: Work[T], *, durable: bool = True) -> T:
        """Run ``work`` in one transaction; all of it is kept or none."""

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on one consistent view; it cannot change anything."""

    def write_now(self, work: Work[T], *, durable: bool = True) -> T:
        """As `write`, waiting in this thread."""

    def read_now(self, work: Work[T]) -> T:
        """As `read`, waiting in this thread."""

    async def check(self) -> list[str]:
        """Give what is wrong with the content, nothing if all is well."""

    async def close(self) -> None:
        """Finish what is under way and close."""

    def close_now(self) -> None:
        """As `close`, waiting in this thread."""


def greater(table: str, column: str) -> str:
    """Write the greater of the value that is there and the new one, in an upsert.

    >>> greater("counter", "value")
    'CASE WHEN excluded.value > counter.value THEN excluded.value ELSE counter.value END'
    """
    return _chosen(table, column, ">")


def lesser(table: str, column: str) -> str:
    """Write the lesser of the value that is there and the new one, in an upsert."""
    return _chosen(table, column, "<")


def _chosen(table: str, column: str, sign: str) -> str:
    old, new = f"{table}.{column}", f"excluded.{column}"
    return f"CASE WHEN {new} {sign} {old} THEN {new} ELSE {old} END"
