"""Enforces how long things are kept. The table of days belongs to `privacy` and is passed in."""

from collections.abc import Mapping

import msgspec

from .buffered import BufferedHistory
from .ledger import LedgerStore
from .segments import DAY_US
from .sql import Connection, SqlDatabase

__all__ = ("Removed", "RetentionLimits", "enforce", "forget_person")

_ERASED = "erased"


class RetentionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Days that things are kept: readings by family (``default_days`` for others), detections, rejected messages,
    what was said of risk and context.
    """

    history_days: Mapping[str, int]
    default_days: int = 7
    detection_days: float = 30
    rejected_days: float = 30
    past_days: float = 30


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows went."""

    history: int
    detections: int
    rejected: int


async def enforce(
    database: SqlDatabase, history: BufferedHistory, limits: RetentionLimits, now_us: int
) -> Removed:
    """Remove what is older than allowed at ``now_us``; the counts of rejected messages stay."""

    def older(connection: Connection, table: str, days: float) -> int:
        oldest_us = now_us - round(days * DAY_US)
        return connection.execute(f"DELETE FROM {table} WHERE t_us < ?", (oldest_us,)).rowcount

    def remove(connection: Connection) -> tuple[int, int]:
        older(connection, "past", limits.past_days)
        return (
            older(connection, "detection", limits.detection_days),
            older(connection, "rejected", limits.rejected_days),
        )

    detections, rejected = await database.write(remove)
    rows = await history.retain(now_us, limits.history_days, limits.default_days)
    return Removed(history=rows, detections=detections, rejected=rejected)


async def forget_person(database: SqlDatabase, ledger: LedgerStore, name: str) -> int:
    """Erase a person's name: from the ledger's texts, the log and the kept alerts and orders; give how many places.

    The ledger's chain stays whole. Words of others that mention the name are not looked into.
    """
    erased = await ledger.erase(name)

    def rename(connection: Connection) -> int:
        changed = connection.execute("UPDATE log SET actor = ? WHERE actor = ?", (_ERASED, name)).rowcount
        rows = connection.execute(
            "SELECT kind, key, body FROM record WHERE kind IN ('alert', 'order')"
        ).fetchall()
        for kind, key, body in rows:
            record = msgspec.msgpack.decode(body)
            hit = [field for field in ("actor", "owner") if record.get(field) == name]
            if hit:
                clean = msgspec.msgpack.encode(record | dict.fromkeys(hit, _ERASED))
                connection.execute(
                    "UPDATE record SET body = ? WHERE kind = ? AND key = ?", (clean, kind, key)
                )
                changed += 1
        return changed

    return erased + await database.write(rename)
