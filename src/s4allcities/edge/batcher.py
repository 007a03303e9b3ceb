"""Packs device messages into columnar batches: up to 500 rows or 20 ms, order kept, no message split.

Pure: no clock, no bus. One `Lane` is one (family, partition), that is, one subject of stream OBS. What is refused in a
lane travels with it, so that a batch on the bus means that everything before it is accounted for.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import numpy as np
from msgspec import Struct

from s4allcities.domain import Observation, ObservationBatch, Payload, Rejected, Series

__all__ = ("MAX_BATCH_BYTES", "MAX_BATCH_ROWS", "MAX_WAIT_S", "Ack", "Entry", "Lane", "Packet", "make_batch")

MAX_BATCH_ROWS = 500
MAX_WAIT_S = 0.020
MAX_BATCH_BYTES = 512 * 1024
"""Length of a batch's messages as they came: long payloads end it early. A server takes 1 MiB by default."""

Ack = Callable[[], Awaitable[object]]


class Entry(Struct, frozen=True):
    """One device message on its way: its readings, or why it was refused; ``sequence`` is its place in stream RAW.

    ``size_bytes`` is the message's length. ``handed`` are readings for the actuators, not for the bus. ``counts`` is
    False for a message that is only waiting to be acknowledged (a device's repetition). ``key`` stands for its content,
    0 if nothing tells a repetition of it from a new reading.
    """

    sequence: int
    observations: tuple[Observation, ...] = ()
    ack: Ack | None = None
    rejected: Rejected | None = None
    handed: tuple[Observation, ...] = ()
    counts: bool = True
    size_bytes: int = 0
    key: int = 0


class Packet(Struct, frozen=True):
    """What goes out in one step: first ``rejected``, then the batch of ``observations``, then all ``acks``."""

    family: str
    partition: int
    entries: tuple[Entry, ...]

    @property
    def observations(self) -> list[Observation]:
        """All readings in the order of the messages."""
        return [observation for entry in self.entries for observation in entry.observations]

    @property
    def rejected(self) -> list[Rejected]:
        """What was refused."""
        return [entry.rejected for entry in self.entries if entry.rejected is not None]

    @property
    def n_raw(self) -> int:
        """Device messages that the batch stands for."""
        return sum(entry.counts and entry.rejected is None for entry in self.entries)

    @property
    def keys(self) -> list[int]:
        """What stands for the messages of the batch, so that a later run knows them again."""
        return [entry.key for entry in self.entries if entry.key]

    @property
    def raw_last(self) -> int:
        """Highest place in stream RAW among them (0 when none came through it)."""
        return max((entry.sequence for entry in self.entries), default=0)


class Lane:
    """The queue of one family and partition. ``max_wait_s`` 0 makes every message urgent."""

    def __init__(
        self,
        family: str,
        partition: int = 0,
        *,
        max_rows: int = MAX_BATCH_ROWS,
        max_wait_s: float = MAX_WAIT_S,
    ) -> None:
        self.family = family
        self.partition = partition
        self.max_rows = max_rows
        self.max_wait_s = max_wait_s
        self.rows = 0
        self.size_bytes = 0
        self._entries: deque[tuple[float, Entry]] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry, now_s: float) -> None:
        """Append a message that came at ``now_s`` (seconds of any steady clock)."""
        self._entries.append((now_s, entry))
        self.rows += len(entry.observations)
        self.size_bytes += entry.size_bytes

    @property
    def full(self) -> bool:
        """Whether there is enough for a packet."""
        return (
            self.rows >= self.max_rows
            or len(self._entries) >= self.max_rows
            or self.size_bytes >= MAX_BATCH_BYTES
        )

    def wait_s(self, now_s: float) -> float | None:
        """Give the seconds until a packet is due: 0 when it is, None when the lane is empty."""
        if not self._entries:
            return None
        if self.full:
            return 0.0
        return max(0.0, self._entries[0][0] + self.max_wait_s - now_s)

    def cut(self) -> Packet:
        """Take the next packet off: as many whole messages as fit, at least one if there is one."""
        taken: list[Entry] = []
        rows = size_bytes = 0
        while self._entries and len(taken) < self.max_rows:
            entry = self._entries[0][1]
            more_rows, more_bytes = rows + len(entry.observations), size_bytes + entry.size_bytes
            if taken and (more_rows > self.max_rows or more_bytes > MAX_BATCH_BYTES):
                break
            taken.append(entry)
            self._entries.popleft()
            rows, size_bytes = more_rows, more_bytes
        self.rows -= rows
        self.size_bytes -= size_bytes
        return Packet(self.family, self.partition, tuple(taken))


def make_batch(
    packet: Packet, *, zones: Mapping[str, str], t_ingest_us: int, mode: str = "live"
) -> ObservationBatch:
    """Turn a packet into columns. ``zones`` gives sensor -> zone; a sensor it lacks has zone "".

    >>> row = Observation(family="env", sensor="e1", quantity="co_ppm", t_us=1, value=4.0, unit="ppm")
    >>> batch = make_batch(Packet("env", 0, (Entry(7, (row,)),)), zones={"e1": "hall"}, t_ingest_us=2)
    >>> len(batch), batch.raw_last, batch.series[0].zone
    (1, 7, 'hall')
    """
    index: dict[tuple[str, str, str], int] = {}
    rows = packet.observations
    series_ix = [index.setdefault((row.sensor, row.quantity, row.unit), len(index)) for row in rows]
    return ObservationBatch(
        family=packet.family,
        partition=packet.partition,
        series=tuple(
            Series(sensor=sensor, quantity=quantity, unit=unit, zone=zones.get(sensor, ""))
            for sensor, quantity, unit in index
        ),
        series_ix=np.array(series_ix, np.uint32),
        t_us=np.array([row.t_us for row in rows], np.int64),
        value=np.array([row.value for row in rows], np.float64),
        quality=np.array([row.quality for row in rows], np.uint8),
        payloads=tuple(Payload(i, row.schema, row.payload) for i, row in enumerate(rows) if row.schema),
        t_ingest_us=t_ingest_us,
        n_raw=packet.n_raw,
        raw_last=packet.raw_last,
        mode=mode,
    )
