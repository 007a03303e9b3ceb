"""Writes the events of the platform into SQLite, exactly once each, whatever is repeated or reordered."""

from collections.abc import Sequence

import msgspec

from s4allcities.domain import Detection, Event, Rejected

from .entries import ledger_entry, log_entry, past_entry, row_of
from .ledger import LedgerStore
from .queries import RecordReader
from .sql import Connection, SqlDatabase, greater, lesser

__all__ = ("EventRecorder", "RecorderLimits")

_UPSERT = (
    "INSERT INTO record (kind, key, version, sequence, ix, t_us, state, parent, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET version = excluded.version,"
    " sequence = excluded.sequence, ix = excluded.ix, t_us = excluded.t_us, state = excluded.state,"
    " parent = excluded.parent, body = excluded.body"
    " WHERE (excluded.version, excluded.sequence, excluded.ix) > (record.version, record.sequence, record.ix)"
)
_LOG = (
    "INSERT INTO log (id, t_us, version, sequence, actor, role, text, alert_id, order_id, incident_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET t_us = excluded.t_us, text = excluded.text,"
    " version = excluded.version, sequence = excluded.sequence"
    " WHERE (excluded.version, excluded.sequence) < (log.version, log.sequence)"
)
_COUNT = (
    "INSERT INTO rejected_count (source, reason, count, t_last_us) VALUES (?, ?, 1, ?)"
    " ON CONFLICT (source, reason) DO UPDATE SET count = rejected_count.count + 1,"
    f" t_last_us = {greater('rejected_count', 't_last_us')}"
)
_ADD = (
    "INSERT INTO counter (name, value) VALUES (?, ?)"
    " ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value"
)
_RAISE = (
    "INSERT INTO counter (name, value) VALUES (?, ?)"
    f" ON CONFLICT (name) DO UPDATE SET value = {greater('counter', 'value')}"
)
_OFFSET = (
    "INSERT INTO stream_offset (name, sequence) VALUES (?, ?)"
    f" ON CONFLICT (name) DO UPDATE SET sequence = {greater('stream_offset', 'sequence')}"
)


_NEAR = "SELECT 1 FROM past WHERE kind = ? AND key = ? AND t_us > ? AND t_us <= ?"
_PAST = (
    "INSERT INTO past (kind, key, t_us, body) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (kind, key, t_us) DO UPDATE SET body = excluded.body"
)


class RecorderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many detections and rejected messages are kept; what is evicted is counted."""

    detections: int = 50_000
    rejected: int = 20_000


class EventRecorder(RecordReader):
    """Takes the messages of stream EVENTS and keeps the newest version of each record, the log and the ledger.

    One call is one transaction together with the stream's offset, flushed to disk before it returns: after a crash
    the stream is followed again from `last_sequence`. A message given twice changes nothing; messages in another order
    leave the same records and counts, and a ledger with the same entries.

    Limits: a repeat older than an evicted row is taken as counted already.
    """

    def __init__(
        self,
        database: SqlDatabase,
        ledger: LedgerStore,
        *,
        stream: str = "EVENTS",
        limits: RecorderLimits | None = None,
    ) -> None:
        super().__init__(database)
        self._ledger = ledger
        self._stream = stream
        self._limits = limits or RecorderLimits()
        self._encode = msgspec.msgpack.Encoder().encode
        self._fresh = {"detection": -1, "rejected": -1}  # rows put since the last count; -1 = not counted yet

    async def last_sequence(self) -> int:
        """Give the highest stream sequence recorded, 0 before the first."""
        rows = await self._rows("SELECT sequence FROM stream_offset WHERE name = ?", self._stream)
        return int(rows[0][0]) if rows else 0

    async def record(self, sequence: int, events: Sequence[Event]) -> None:
        """Record the events of the message with this stream sequence, in one transaction."""
        await self.record_all([(sequence, events)])

    async def record_all(self, messages: Sequence[tuple[int, Sequence[Event]]]) -> None:
        """Record several messages in one transaction, which spares disk flushes when there is a backlog."""
        await self._database.write(lambda connection: self._record_all(connection, messages))

    def _record_all(self, connection: Connection, messages: Sequence[tuple[int, Sequence[Event]]]) -> None:
        for sequence, events in messages:
            for ix, event in enumerate(events):
                self._record(connection, sequence, ix, event)
            connection.execute(_OFFSET, (self._stream, sequence))
        self._evict(connection, "detection", self._limits.detections)
        self._evict(connection, "rejected", self._limits.rejected)

    def _record(self, connection: Connection, sequence: int, ix: int, event: Event) -> None:
        match event:
            case Detection():
                self._put_detection(connection, sequence, event)
            case Rejected():
                self._put_rejected(connection, sequence, event)
            case _:
                self._put_record(connection, sequence, ix, event)
        self._put_past(connection, event)
        self._put_log(connection, sequence, event)
        entry = ledger_entry(event)
        if entry is not None:
            kind, subject, record, personal = entry
            self._ledger.append_in(connection, kind, subject, event.t_us, record, personal)

    def _put_record(self, connection: Connection, sequence: int, ix: int, event: Event) -> None:
        row = row_of(event)
        if row is None:
            return
        values = (row.kind, row.key, row.version, sequence, ix, event.t_us, row.state, row.parent)
        connection.execute(_UPSERT, (*values, self._encode(event)))

    def _put_past(self, connection: Connection, event: Event) -> None:
        entry = past_entry(event)
        if entry is None:
            return
        near = (entry.kind, entry.key, event.t_us - entry.thin_us, event.t_us)
        if connection.execute(_NEAR, near).fetchone() is None:
            connection.execute(_PAST, (entry.kind, entry.key, event.t_us, self._encode(event)))

    def _put_detection(self, connection: Connection, sequence: int, event: Detection) -> None:
        if sequence <= _counter(connection, "detection.evicted_through"):
            return
        self._note_fresh("detection")
        connection.execute(
            "INSERT INTO detection (id, t_us, sequence, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
            f" SET sequence = {lesser('detection', 'sequence')}",
            (event.id, event.t_us, sequence, self._encode(event)),
        )

    def _put_rejected(self, connection: Connection, sequence: int, event: Rejected) -> None:
        if sequence <= _counter(connection, "rejected.evicted_through"):
            return
        self._note_fresh("rejected")
        known = connection.execute("SELECT 1 FROM rejected WHERE id = ?", (event.id,)).fetchone()
        connection.execute(
            "INSERT INTO rejected (id, t_us, sequence, source, reason, body) VALUES (?, ?, ?, ?, ?, ?)"
            f" ON CONFLICT (id) DO UPDATE SET sequence = {lesser('rejected', 'sequence')}",
            (event.id, event.t_us, sequence, event.source, event.reason, self._encode(event)),
        )
        if known is None:
            connection.execute(_COUNT, (event.source, event.reason, event.t_us))

    def _note_fresh(self, table: str) -> None:
        if self._fresh[table] >= 0:
            self._fresh[table] += 1

    def _put_log(self, connection: Connection, sequence: int, event: Event) -> None:
        line = log_entry(event)
        if line is None:
            return
        head = (line.id, line.t_us, getattr(event, "version", 0), sequence, line.actor, line.role)
        connection.execute(_LOG, (*head, line.text, line.alert_id, line.order_id, line.incident_id))

    def _evict(self, connection: Connection, table: str, keep: int) -> None:
        """Drop the oldest rows, whole messages at a time, and say in the counters how many and up to which message."""
        if 0 <= self._fresh[table] <= keep // 100:
            return
        self._fresh[table] = 0
        excess = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] - keep
        if excess <= 0:
            return
        last = connection.execute(
            f"SELECT sequence FROM {table} ORDER BY sequence LIMIT 1 OFFSET ?", (excess - 1,)
        ).fetchone()[0]
        gone = connection.execute(f"DELETE FROM {table} WHERE sequence <= ?", (last,)).rowcount
        connection.execute(_ADD, (f"{table}.evicted", gone))
        connection.execute(_RAISE, (f"{table}.evicted_through", last))


def _counter(connection: Connection, name: str) -> int:
    row = connection.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0
