"""From one raw message to one entry for the batcher: decode, check, redact, drop what a device sent twice. No I/O."""

from collections import Counter

import msgspec
import numpy as np

from s4allcities.domain import Columns, Decoded, Observation, RawMessage, Rejected, derived_ulid

from .batcher import DOOR, Entry
from .dedup import Memory, content_key
from .redaction import Redactor
from .sources.border import MAX_ROWS, category_of, show
from .sources.table import SourceTable

__all__ = ("HANDED", "Intake")

HANDED = frozenset({"sign-ack/1", "puf-exchange/1"})
"""Readings of these forms go to the actuators, not on the bus."""

_SAMPLE_BYTES = 60
_MIN_T_US, _MAX_T_US = 0, 2**62
_NAN_NEEDS_PAYLOAD = "not finite: {} without content; allowed are finite numbers"


class Intake:
    """Turns raw messages into entries and counts what happens to them.

    ``personal_families`` are those whose first bytes never go into a rejected record. ``memory_size`` bounds how many
    messages back a device's repetition (same sensor, time and content) is found.
    """

    def __init__(
        self,
        sources: SourceTable,
        redact: Redactor,
        *,
        personal_families: frozenset[str] = frozenset({"camera", "report"}),
        memory_size: int = 100_000,
    ) -> None:
        self.sources = sources
        self.redact = redact
        self.personal_families = personal_families
        self.received = 0
        self.duplicates = 0
        self.rejected: Counter[str] = Counter()
        self._memory = Memory(memory_size)

    def take(self, message: RawMessage) -> Entry:
        """Decode one message. Never raises: what is wrong is in the entry's ``rejected``."""
        self.received += 1
        decoded = self._decode(message)
        fault = decoded.rejected or _fault(decoded)
        if fault:
            return self._refuse(message, fault)
        columns, rows = decoded.columns, decoded.observations
        # Without a time of its own (it got ours), the same content is a new reading.
        timed = (int(columns.t_us[0]) if columns is not None else rows[0].t_us) != message.t_received_us
        key = content_key(message.family, message.sensor, message.data) if timed else 0
        if timed and self._memory.seen(key):
            self.duplicates += 1
            return Entry(message.sequence, partition=message.partition, counts=False)
        if columns is None and _special(rows):
            return self._cleared(message, rows, key)
        return Entry(
            message.sequence, rows, message.partition, None, (), True, len(message.data), key,
            message.sensor, columns,
        )  # fmt: skip

    def remember(self, key: int) -> None:
        """Take in what an earlier run packed: the key of a message, the oldest first."""
        self._memory.seen(key)

    def _cleared(self, message: RawMessage, observations: tuple[Observation, ...], key: int) -> Entry:
        """Redact what is personal or more than a number, and set apart what is for the actuators."""
        try:
            rows = self._redacted(observations)
        except Exception as error:  # fail closed: whatever goes wrong here, nothing leaves the edge
            return self._refuse(message, f"redaction failed: {type(error).__name__}")
        handed = tuple([row for row in rows if row.schema in HANDED])
        if handed:
            rows = tuple([row for row in rows if row.schema not in HANDED])
        return Entry(message.sequence, rows, message.partition, None, handed, True, len(message.data), key)

    def _decode(self, message: RawMessage) -> Decoded:
        source = self.sources.pick(message.family, message.sensor)
        if source is None:
            return Decoded(rejected=f"no source: family {show(message.family)} is read by none")
        try:
            return source.decode(message)
        except Exception as error:  # a plug-in's fault must not stop the node
            return Decoded(
                rejected=f"source failed: {source.name} raised {type(error).__name__}: {error}"[:200]
            )

    def _redacted(self, observations: tuple[Observation, ...]) -> tuple[Observation, ...]:
        """Pass what is personal or more than a number through redaction.

        :raises PermissionError: a reading is withheld or still personal.
        """
        kept = []
        for row in observations:
            clean = self.redact(row) if row.personal or row.schema else row
            if clean is None or clean.personal:
                raise PermissionError(row.quantity)
            kept.append(clean)
        return tuple(kept)

    def _refuse(self, message: RawMessage, fault: str) -> Entry:
        category = category_of(fault)
        self.rejected[category] += 1
        sample = "" if message.family in self.personal_families else show(message.data[:_SAMPLE_BYTES])
        record = Rejected(
            id=derived_ulid(message.t_received_us, "edge", message.family, message.sensor, message.sequence),
            t_us=message.t_received_us,
            source=f"{message.family}/{message.sensor}",
            reason=category,
            detail=fault.removeprefix(category).removeprefix(": "),
            sample=sample,
            raw_sequence=message.sequence if message.partition != DOOR else 0,
            provenance=(message.sensor,),
        )
        return Entry(message.sequence, partition=message.partition, rejected=record)


def _special(observations: tuple[Observation, ...]) -> bool:
    for row in observations:  # noqa: SIM110 - a plain loop: this is looked at for every message
        if row.schema or row.personal:
            return True
    return False


def _fault(decoded: Decoded) -> str:
    """Check what a source gave: our own hold to it, a third party's may not."""
    if decoded.columns is not None:
        return _fault_of_columns(decoded.columns)
    observations = decoded.observations
    if not observations:
        return "no reading: the source gave none"
    if len(observations) > MAX_ROWS:
        return f"too many fields: {len(observations)} readings; allowed are {MAX_ROWS} a message"
    for row in observations:
        if not _MIN_T_US <= row.t_us < _MAX_T_US:
            return f"bad time: {row.t_us} us; allowed are times from 1970 on"
        if row.schema:
            if not (isinstance(row.payload, str) or _encodable(row.payload)):
                return f"bad field: {show(row.quantity)} holds what cannot be sent on"
        elif not abs(row.value) < float("inf"):  # also false for NaN
            return _NAN_NEEDS_PAYLOAD.format(show(row.quantity))
    return ""


def _fault_of_columns(columns: Columns) -> str:
    rows = len(columns)
    lengths = (len(columns.series_ix), rows, len(columns.value), len(columns.quality))
    if len(set(lengths)) != 1 or not 0 < rows <= MAX_ROWS:
        return (
            f"too many fields: columns of {lengths} readings; allowed are equal lengths from 1 to {MAX_ROWS}"
        )
    if int(columns.series_ix.max()) >= len(columns.series):
        return f"bad field: a reading of series {int(columns.series_ix.max())} among {len(columns.series)}"
    if not _MIN_T_US <= int(columns.t_us.min()) <= int(columns.t_us.max()) < _MAX_T_US:
        return f"bad time: {int(columns.t_us.min())} us; allowed are times from 1970 on"
    if not np.isfinite(columns.value).all():
        return _NAN_NEEDS_PAYLOAD.format("a column")
    return ""


def _encodable(payload: object) -> bool:
    try:
        msgspec.msgpack.encode(payload)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return False
    return True
