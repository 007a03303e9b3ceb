"""Where the ledger lies: rows of a hash chain, appended in the transaction of what they speak about.

How a link of the chain is made is `security`'s matter and is passed in as `Chain`.
"""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec

from .sql import Connection, SqlDatabase

__all__ = ("Chain", "LedgerRow", "LedgerStore", "LedgerTail")

_PAGE = 2_000
_GENESIS = bytes(32)
_canonical = msgspec.msgpack.Encoder(order="sorted")


class Chain(Protocol):
    """Makes what the ledger is built of."""

    def link(self, previous: bytes, sequence: int, t_us: int, kind: str, record: bytes) -> bytes:
        """Give the hash of an entry."""

    def reference(self, text: str) -> tuple[str, bytes]:
        """Give the reference that stands for personal text, and the salt that ties the two."""


class LedgerRow(NamedTuple):
    """One entry as it is kept. ``record`` is canonical msgpack."""

    sequence: int
    t_us: int
    kind: str
    record: bytes
    previous: bytes
    hash: bytes


class LedgerTail(NamedTuple):
    """The end of the chain; sequence 0 and 32 zero bytes before the first entry."""

    sequence: int
    t_us: int
    hash: bytes


class LedgerStore:
    """Appends and reads the ledger of alerts, orders, disclosures and refusals."""

    def __init__(self, database: SqlDatabase, chain: Chain) -> None:
        self._database = database
        self._chain = chain

    async def append(
        self,
        kind: str,
        subject: str,
        t_us: int,
        record: dict[str, Any],
        personal: dict[str, str] | None = None,
    ) -> bool:
        """Enter one statement, such as a disclosure; False if ``subject`` is in the ledger already.

        ``personal`` are texts by field (names, free words): the ledger gets their references, the texts stay erasable.
        """
        return await self._database.write(
            lambda connection: self.append_in(connection, kind, subject, t_us, record, personal)
        )

    def append_in(
        self,
        connection: Connection,
        kind: str,
        subject: str,
        t_us: int,
        record: dict[str, Any],
        personal: dict[str, str] | None = None,
    ) -> bool:
        """As `append`, inside the caller's transaction."""
        if connection.execute("SELECT 1 FROM ledger WHERE subject = ?", (subject,)).fetchone():
            return False
        references = {
            name: self._reference(connection, text) for name, text in (personal or {}).items() if text
        }
        body = _canonical.encode({"subject": subject, **record, **references})
        tail = _tail(connection)
        number = tail.sequence + 1
        digest = self._chain.link(tail.hash, number, t_us, kind, body)
        connection.execute(
            "INSERT INTO ledger (sequence, t_us, kind, subject, record, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, t_us, kind, subject, body, tail.hash, digest),
        )
        return True

    async def tail(self) -> LedgerTail:
        """Give the newest entry's sequence, time and hash: what a signed head speaks about."""
        return await self._database.read(_tail)

    async def rows(self, after: int = 0) -> AsyncIterator[LedgerRow]:
        """Give the entries from sequence ``after`` + 1 on, in the order of the chain."""
        while page := await self._database.read(partial(_page, after=after)):
            for row in page:
                yield row
            after = page[-1].sequence

    def rows_now(self) -> Iterator[LedgerRow]:
        """Give all entries, waiting in this thread, a page at a time; for the verifier."""
        after = 0
        while page := self._database.read_now(partial(_page, after=after)):
            yield from page
            after = page[-1].sequence

    async def text(self, reference: str) -> str | None:
        """Give the personal text behind a reference, None once erased."""

        def get(connection: Connection) -> str | None:
            row = connection.execute(
                "SELECT text FROM ledger_text WHERE reference = ?", (reference,)
            ).fetchone()
            return None if row is None else str(row[0])

        return await self._database.read(get)

    def texts_now(self) -> list[tuple[str, bytes, str]]:
        """Give (reference, salt, text) of all that is not erased; for the verifier."""
        return self._database.read_now(
            lambda connection: connection.execute("SELECT reference, salt, text FROM ledger_text").fetchall()
        )

    async def erase(self, text: str) -> int:
        """Erase a personal text (a name, a remark) for good; give how many references now lead nowhere.

        The chain stays whole. The salts go too, so that the references cannot be guessed back.
        """
        return await self._database.write(
            lambda connection: connection.execute("DELETE FROM ledger_text WHERE text = ?", (text,)).rowcount
        )

    def _reference(self, connection: Connection, text: str) -> str:
        known = connection.execute(
            "SELECT reference FROM ledger_text WHERE text = ? LIMIT 1", (text,)
        ).fetchone()
        if known:
            return str(known[0])
        reference, salt = self._chain.reference(text)
        connection.execute("INSERT INTO ledger_text VALUES (?, ?, ?)", (reference, salt, text))
        return reference


def _tail(connection: Connection) -> LedgerTail:
    row = connection.execute(
        "SELECT sequence, t_us, hash FROM ledger ORDER BY sequence DESC LIMIT 1"
    ).fetchone()
    return LedgerTail(*row) if row else LedgerTail(0, 0, _GENESIS)


def _page(connection: Connection, after: int) -> list[LedgerRow]:
    """Read entries whatever was done to them, such as text stored where bytes belong."""
    rows = connection.execute(
        "SELECT sequence, CAST(t_us AS INTEGER), CAST(kind AS BLOB), CAST(record AS BLOB), CAST(previous AS BLOB),"
        " CAST(hash AS BLOB) FROM ledger WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (after, _PAGE),
    )
    return [LedgerRow(row[0], row[1], _text(row[2]), *row[3:]) for row in rows]


def _text(kind: bytes | str) -> str:
    return kind if isinstance(kind, str) else kind.decode(errors="replace")
