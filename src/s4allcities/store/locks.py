"""Tokens of locks and their one-time pairs in SQLite; ``security.PairStore`` is satisfied here."""

from collections.abc import Sequence

from .sql import Connection, SqlDatabase

__all__ = ("SqliteLocks",)

Pair = tuple[bytes, bytes]
_TOKEN = (
    "SELECT name, role, (SELECT count(*) FROM lock_pair WHERE token = name AND response IS NOT NULL), revoked"
    " FROM lock_token"
)


class SqliteLocks:
    """Keeps (name, role, pairs left, revoked) of tokens, and pairs as (challenge, response)."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def enrol(self, token: str, role: str, pairs: Sequence[Pair], t_us: int) -> int:
        """Add pairs to a new or known token, in one transaction; give how many challenges were new."""

        def add(connection: Connection) -> int:
            connection.execute(
                "INSERT INTO lock_token (name, role, t_us) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET role = excluded.role, revoked = 0, t_us = excluded.t_us",
                (token, role, t_us),
            )
            rows = [(token, challenge, response) for challenge, response in pairs]
            statement = "INSERT INTO lock_pair VALUES (?, ?, ?) ON CONFLICT (token, challenge) DO NOTHING"
            return connection.executemany(statement, rows).rowcount

        return await self._database.write(add)

    async def token(self, name: str) -> tuple[str, str, int, bool] | None:
        """Give a token, or None."""
        rows = await self._database.read(
            lambda connection: connection.execute(f"{_TOKEN} WHERE name = ?", (name,)).fetchall()
        )
        return _token(rows[0]) if rows else None

    async def tokens(self) -> list[tuple[str, str, int, bool]]:
        """Give all by name."""
        rows = await self._database.read(
            lambda connection: connection.execute(f"{_TOKEN} ORDER BY name").fetchall()
        )
        return [_token(row) for row in rows]

    async def take_pair(self, token: str) -> Pair | None:
        """Use a pair up, in one transaction flushed to disk before this returns; None when none is left."""

        def take(connection: Connection) -> Pair | None:
            row = connection.execute(
                "SELECT challenge, response FROM lock_pair WHERE token = ? AND response IS NOT NULL LIMIT 1",
                (token,),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE lock_pair SET response = NULL WHERE token = ? AND challenge = ?", (token, row[0])
            )
            return bytes(row[0]), bytes(row[1])

        return await self._database.write(take)

    async def revoke(self, token: str) -> bool:
        """Refuse a token from now on and forget its responses; False if there is none of that name."""

        def forget(connection: Connection) -> bool:
            connection.execute("UPDATE lock_pair SET response = NULL WHERE token = ?", (token,))
            done = connection.execute("UPDATE lock_token SET revoked = 1 WHERE name = ?", (token,))
            return done.rowcount == 1

        return await self._database.write(forget)


def _token(row: tuple[object, ...]) -> tuple[str, str, int, bool]:
    name, role, left, revoked = row
    return str(name), str(role), int(str(left)), bool(revoked)
