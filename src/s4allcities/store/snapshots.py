"""Snapshots of stages: state and stream sequence together, so that a restart goes on exactly where it stood."""

from .sql import Connection, SqlDatabase

__all__ = ("SqliteSnapshots",)


class SqliteSnapshots:
    """Keeps the newest snapshot of each stage and partition; satisfies the domain's ``SnapshotStore``.

    Not flushed to disk at once: after a power cut an older snapshot is as good, the stream holds what follows it.
    """

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def save(self, stage: str, partition: int, sequence: int, state: bytes) -> None:
        """Replace the snapshot, state and sequence in one transaction."""

        def put(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO snapshot (stage, partition, sequence, state) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (stage, partition) DO UPDATE SET sequence = excluded.sequence, state = excluded.state",
                (stage, partition, sequence, state),
            )

        await self._database.write(put, durable=False)

    async def load(self, stage: str, partition: int) -> tuple[int, bytes] | None:
        """Give (sequence, state), or None before the first save."""

        def get(connection: Connection) -> tuple[int, bytes] | None:
            found = connection.execute(
                "SELECT sequence, state FROM snapshot WHERE stage = ? AND partition = ?", (stage, partition)
            ).fetchone()
            return None if found is None else (int(found[0]), bytes(found[1]))

        return await self._database.read(get)

    async def forget(self, stage: str = "") -> int:
        """Drop the snapshots of one stage, or of all, so that they start from the stream's beginning; give how many."""

        def drop(connection: Connection) -> int:
            return connection.execute("DELETE FROM snapshot WHERE ? IN ('', stage)", (stage,)).rowcount

        return await self._database.write(drop)
