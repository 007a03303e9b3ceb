"""Questions to the recorded state: what the picture needs when it starts, and what people look up."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from s4allcities.domain import (
    Alert,
    Command,
    Context,
    CourseOfAction,
    Detection,
    Incident,
    Notification,
    Order,
    Record,
    Rejected,
    Risk,
    SensorHealth,
)

from .entries import LogEntry
from .sql import FOR_EVER, Connection, SqlDatabase

__all__ = ("RecordReader", "RejectedCount")

R = TypeVar("R", bound=Record)
_LIMIT = 1_000
_LOG = "SELECT id, t_us, text, actor, role, alert_id, order_id, incident_id FROM log"

_AT = (
    "SELECT body FROM past JOIN (SELECT kind AS k, key AS x, max(t_us) AS t FROM past WHERE kind = ? AND t_us <= ?"
    " GROUP BY kind, key) ON kind = k AND key = x AND t_us = t ORDER BY key"
)


class RejectedCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often a source's input was rejected for one reason, since the beginning, and when last."""

    source: str
    reason: str
    count: int
    t_last_us: int


class RecordReader:
    """Reads what an `EventRecorder` wrote. Lists are oldest first unless said otherwise; ``limit`` keeps the newest,
    -1 all.
    """

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def open_alerts(self) -> list[Alert]:
        """Give all alerts that are not closed."""
        return await self._select(
            Alert, "kind = 'alert' AND state NOT IN ('closed', 'false', 'duplicate')", limit=FOR_EVER
        )

    async def alerts(self, *, limit: int = _LIMIT) -> list[Alert]:
        """Give the newest alerts, closed ones too."""
        return await self._select(Alert, "kind = 'alert'", limit=limit)

    async def alert(self, alert_id: str) -> Alert | None:
        """Give the newest version of one alert."""
        return _first(await self._select(Alert, "kind = 'alert' AND key = ?", alert_id))

    async def incidents(self, *, open_only: bool = False, limit: int = _LIMIT) -> list[Incident]:
        """Give incidents, tentative ones too; ``open_only`` leaves the closed ones out and has no limit."""
        if open_only:
            return await self._select(Incident, "kind = 'incident' AND state <> 'closed'", limit=FOR_EVER)
        return await self._select(Incident, "kind = 'incident'", limit=limit)

    async def courses(self, incident_id: str = "", *, limit: int = _LIMIT) -> list[CourseOfAction]:
        """Give the courses of action, of one incident or of all."""
        return await self._children(CourseOfAction, "course", incident_id, limit)

    async def orders(self, incident_id: str = "", *, limit: int = _LIMIT) -> list[Order]:
        """Give the orders, of one incident or of all."""
        return await self._children(Order, "order", incident_id, limit)

    async def commands(self, order_id: str = "", *, limit: int = _LIMIT) -> list[Command]:
        """Give the commands, of one order or of all, in their newest state."""
        return await self._children(Command, "command", order_id, limit)

    async def notifications(self, *, limit: int = _LIMIT) -> list[Notification]:
        """Give the newest receipts of notifications."""
        return await self._select(Notification, "kind = 'notification'", limit=limit)

    async def risks_at(self, t_us: int) -> list[Risk]:
        """Give the risk of each zone and threat as it stood at a moment, as far back as it is kept."""
        return _decode(Risk, await self._bodies(_AT, "risk", t_us))

    async def context_at(self, t_us: int) -> list[Context]:
        """Give each fact as it stood at a moment, as far back as it is kept."""
        return _decode(Context, await self._bodies(_AT, "context", t_us))

    async def risks(self) -> list[Risk]:
        """Give the latest risk of each zone and hypothesis."""
        return await self._select(Risk, "kind = 'risk'", limit=FOR_EVER)

    async def context(self, attribute: str = "") -> list[Context]:
        """Give the latest fact of each subject and attribute."""
        return await self._select(Context, "kind = 'context' AND ? IN ('', state)", attribute, limit=FOR_EVER)

    async def sensors(self) -> list[SensorHealth]:
        """Give the latest health of each sensor."""
        return await self._select(SensorHealth, "kind = 'sensor'", limit=FOR_EVER)

    async def detections(self, *, limit: int = 300) -> list[Detection]:
        """Give the newest detections, newest first."""
        found = await self._bodies("SELECT body FROM detection ORDER BY t_us DESC, id DESC LIMIT ?", limit)
        return _decode(Detection, found)

    async def rejected(self, *, limit: int = 200) -> list[Rejected]:
        """Give the newest rejected messages, newest first."""
        found = await self._bodies("SELECT body FROM rejected ORDER BY t_us DESC, id DESC LIMIT ?", limit)
        return _decode(Rejected, found)

    async def rejected_counts(self) -> list[RejectedCount]:
        """Give how often each source was rejected for each reason, most often first. Eviction does not lower these."""
        rows = await self._rows(
            "SELECT source, reason, count, t_last_us FROM rejected_count ORDER BY count DESC, source, reason"
        )
        return [RejectedCount(source=s, reason=r, count=n, t_last_us=t) for s, r, n, t in rows]

    async def log(self, *, alert_id: str = "", incident_id: str = "", limit: int = _LIMIT) -> list[LogEntry]:
        """Give the newest lines of the log, of one alert, one incident, or all."""
        rows = await self._rows(
            f"{_LOG} WHERE ? IN ('', alert_id) AND ? IN ('', incident_id) ORDER BY t_us DESC, id DESC LIMIT ?",
            alert_id,
            incident_id,
            limit,
        )
        names = LogEntry.__struct_fields__
        return [LogEntry(**dict(zip(names, row, strict=True))) for row in reversed(rows)]

    async def counters(self) -> dict[str, int]:
        """Give the plain counters, such as ``rejected.evicted`` and ``detection.evicted``."""
        return dict(await self._rows("SELECT name, value FROM counter"))

    async def _children(self, kind: type[R], name: str, parent: str, limit: int) -> list[R]:
        if parent:
            return await self._select(kind, f"kind = '{name}' AND parent = ?", parent, limit=limit)
        return await self._select(kind, f"kind = '{name}'", limit=limit)

    async def _select(self, kind: type[R], where: str, *values: Any, limit: int = _LIMIT) -> list[R]:
        statement = f"SELECT body FROM record WHERE {where} ORDER BY t_us DESC, key DESC LIMIT ?"
        return _decode(
            kind, reversed(await self._bodies(statement, *values, limit if limit >= 0 else FOR_EVER))
        )

    async def _bodies(self, statement: str, *values: Any) -> list[bytes]:
        return [row[0] for row in await self._rows(statement, *values)]

    async def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        def get(connection: Connection) -> list[tuple[Any, ...]]:
            return connection.execute(statement, values).fetchall()

        return await self._database.read(get)


def _decode(kind: type[R], bodies: Iterable[bytes]) -> list[R]:
    decoder = msgspec.msgpack.Decoder(kind)
    return [decoder.decode(body) for body in bodies]


def _first(found: list[R]) -> R | None:
    return found[0] if found else None
