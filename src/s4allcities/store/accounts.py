"""Accounts, one-time links, sessions and two-person releases in SQLite, as plain tuples.

What they mean is `security`'s matter; its Protocols ``AccountStore``, ``SessionStore`` and ``ReleaseStore`` are
satisfied here. Nothing secret is kept in clear: tokens and session ids come hashed, passwords as argon2 hashes.
"""

from typing import Any

from .sql import Connection, SqlDatabase

__all__ = ("SqliteAccounts",)


class SqliteAccounts:
    """Keeps accounts (name, role, password hash, disabled), links, sessions and releases."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def put_account(self, name: str, role: str, password_hash: str, disabled: bool, t_us: int) -> None:
        """Make or replace an account."""
        await self._change(
            "INSERT INTO account (name, role, password_hash, disabled, t_us) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET role = excluded.role, password_hash = excluded.password_hash,"
            " disabled = excluded.disabled, t_us = excluded.t_us",
            *(name, role, password_hash, int(disabled), t_us),
        )

    async def account(self, name: str) -> tuple[str, str, str, bool] | None:
        """Give (name, role, password hash, disabled), or None."""
        rows = await self._rows(
            "SELECT name, role, password_hash, disabled FROM account WHERE name = ?", name
        )
        return _account(rows[0]) if rows else None

    async def accounts(self) -> list[tuple[str, str, str, bool]]:
        """Give all accounts by name."""
        rows = await self._rows("SELECT name, role, password_hash, disabled FROM account ORDER BY name")
        return [_account(row) for row in rows]

    async def remove_account(self, name: str) -> bool:
        """Delete an account with its links and sessions; False if there is none."""
        return await self._change("DELETE FROM account WHERE name = ?", name) == 1

    async def put_link(self, token_hash: bytes, name: str, t_expires_us: int) -> None:
        """Keep a one-time link."""
        await self._change("INSERT INTO login_link VALUES (?, ?, ?)", token_hash, name, t_expires_us)

    async def take_link(self, token_hash: bytes, now_us: int) -> str | None:
        """Use a link up, in one transaction; give the account's name, None if unknown, used or expired."""

        def take(connection: Connection) -> str | None:
            row = connection.execute(
                "DELETE FROM login_link WHERE token_hash = ? RETURNING name, t_expires_us", (token_hash,)
            ).fetchone()
            connection.execute("DELETE FROM login_link WHERE t_expires_us <= ?", (now_us,))
            return str(row[0]) if row and row[1] > now_us else None

        return await self._database.write(take)

    async def put_session(self, id_hash: bytes, name: str, t_us: int) -> None:
        """Keep a session that starts now."""
        await self._change("INSERT INTO session VALUES (?, ?, ?, ?)", id_hash, name, t_us, t_us)

    async def session(self, id_hash: bytes) -> tuple[str, str, int, int] | None:
        """Give (name, role, start, last seen) with the role the account has now; None if unknown or disabled."""
        rows = await self._rows(
            "SELECT s.name, a.role, s.t_start_us, s.t_seen_us FROM session s JOIN account a ON a.name = s.name"
            " WHERE s.id_hash = ? AND a.disabled = 0",
            id_hash,
        )
        return (str(rows[0][0]), str(rows[0][1]), int(rows[0][2]), int(rows[0][3])) if rows else None

    async def touch_session(self, id_hash: bytes, t_us: int) -> None:
        """Note that a session is in use. Not flushed to disk: losing it costs an early log-in at worst."""
        await self._change("UPDATE session SET t_seen_us = ? WHERE id_hash = ?", t_us, id_hash, durable=False)

    async def drop_session(self, id_hash: bytes) -> bool:
        """End one session; False if it was not there."""
        return await self._change("DELETE FROM session WHERE id_hash = ?", id_hash) == 1

    async def drop_sessions(self, name: str) -> int:
        """End all sessions of an account; give how many."""
        return await self._change("DELETE FROM session WHERE name = ?", name)

    async def drop_sessions_before(self, t_seen_us: int, t_start_us: int) -> int:
        """Remove sessions last seen or started before these times; give how many."""
        return await self._change(
            "DELETE FROM session WHERE t_seen_us < ? OR t_start_us < ?", t_seen_us, t_start_us
        )

    async def put_release(self, id: str, state: str, body: bytes) -> bool:
        """Keep a new release; False if the id is taken."""
        return (
            await self._change(
                "INSERT INTO release VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", id, state, body
            )
            == 1
        )

    async def release(self, id: str) -> bytes | None:
        """Give a release, or None."""
        rows = await self._rows("SELECT body FROM release WHERE id = ?", id)
        return bytes(rows[0][0]) if rows else None

    async def releases(self, state: str = "") -> list[bytes]:
        """Give the releases in a state, or all, oldest first."""
        return [bytes(row[0]) for row in await self._rows(
            "SELECT body FROM release WHERE ? IN ('', state) ORDER BY id", state
        )]  # fmt: skip

    async def swap_release(self, id: str, from_state: str, to_state: str, body: bytes) -> bool:
        """Move a release on if it is still in ``from_state``; False if someone was faster."""
        return (
            await self._change(
                "UPDATE release SET state = ?, body = ? WHERE id = ? AND state = ?",
                to_state,
                body,
                id,
                from_state,
            )
            == 1
        )

    async def _change(self, statement: str, *values: Any, durable: bool = True) -> int:
        return await self._database.write(
            lambda connection: connection.execute(statement, values).rowcount, durable=durable
        )

    async def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return await self._database.read(lambda connection: connection.execute(statement, values).fetchall())


def _account(row: tuple[Any, ...]) -> tuple[str, str, str, bool]:
    return str(row[0]), str(row[1]), str(row[2]), bool(row[3])
