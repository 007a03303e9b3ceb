"""Where readers stand in the streams, and how to begin anew when the streams do: after a restore, or a lost bus."""

from .sql import Connection, SqlDatabase

__all__ = ("forget_positions", "forget_positions_in")

_STATEMENTS = (
    "DELETE FROM snapshot",
    "DELETE FROM stream_offset",
    "DELETE FROM counter WHERE name LIKE '%.evicted_through'",
)


async def forget_positions(database: SqlDatabase) -> None:
    """Forget how far streams were read, and the stages' states that belong to those positions; records stay.

    Call it when a stream ends before the position kept here: its numbers started again, and whoever waited for the old
    ones would wait for ever. The history has its own: `ParquetHistory.forget_position`.
    """
    await database.write(forget_positions_in)


def forget_positions_in(connection: Connection) -> None:
    """As `forget_positions`, inside the caller's transaction."""
    for statement in _STATEMENTS:
        connection.execute(statement)
