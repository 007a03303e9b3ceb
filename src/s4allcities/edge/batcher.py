"""Packs device messages into columnar batches: up to 500 rows or 20 ms, order kept, no message split.

Pure: no clock, no bus. One `Lane` is one (family, partition), that is, one subject of stream OBS. What is refused in a
lane travels with it, so that a batch on the bus means that everything before it is accounted for.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.domain import Columns, Observation, ObservationBatch, Payload, Rejected, Series

__all__ = (
    "DOOR",
    "MAX_BATCH_BYTES",
    "MAX_BATCH_ROWS",
    "MAX_WAIT_S",
    "MOST_BATCH_ROWS",
    "Entry",
    "Lane",
    "Packet",
    "make_batch",
)

DOOR = -1
"""In place of a partition of RAW: what came in at the edge's own door, and is numbered by it."""
MAX_BATCH_ROWS = 500
"""So many rows, or messages, make a packet due at once."""
MOST_BATCH_ROWS = 4000
"""What has gathered while the packet before it was on its way goes out together, up to this."""
MAX_WAIT_S = 0.020
MAX_BATCH_BYTES = 512 * 1024
"""Length of a batch's messages as they came: long payloads end it early. A server takes 1 MiB by default."""


class Entry(Struct, frozen=True):
    """One device message on its way: its readings, or why it was refused.

    ``sequence`` is its place in its ``partition`` of stream RAW, or its number at the `DOOR`. The readings of
    ``sensor`` are in ``columns`` where its source gave such, else in ``observations``. ``size_bytes`` is the message's
    length. ``handed`` are readings for the actuators, not for the bus. ``counts`` is False for a message that is only
    waiting to be acknowledged (a device's repetition). ``key`` stands for its content, 0 if nothing tells a repetition
    of it from a new reading.
    """

    sequence: int
    observations: tuple[Observation, ...] = ()
    partition: int = 0
    rejected: Rejected | None = None
    handed: tuple[Observation, ...] = ()
    counts: bool = True
    size_bytes: int = 0
    key: int = 0
    sensor: str = ""
    columns: Columns | None = None

    @property
    def rows(self) -> int:
        """How many readings it holds."""
        return len(self.observations) if self.columns is None else len(self.columns)


class Packet(Struct, frozen=True):
    """What goes out in one step: first ``rejected``, then the batch, then the acknowledgements.

    ``raw_last`` is how far the lane has come in each partition of RAW, this packet included; ``door_last`` is the
    highest number of the door in it, 0 if nothing in it came that way.
    """

    family: str
    partition: int
    entries: tuple[Entry, ...]
    raw_last: tuple[int, ...] = ()
    door_last: int = 0

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


class Lane:
    """The queue of one family and partition. ``max_wait_s`` 0 makes every message urgent.

    ``max_rows`` rows or messages make a packet due; it holds at most that many messages and ``most_rows`` rows.
    """

    def __init__(
        self,
        family: str,
        partition: int = 0,
        *,
        max_rows: int = MAX_BATCH_ROWS,
        max_wait_s: float = MAX_WAIT_S,
        most_rows: int = 0,
    ) -> None:
        self.most_rows = max(max_rows, most_rows)
        self.family = family
        self.partition = partition
        self.max_rows = max_rows
        self.max_wait_s = max_wait_s
        self.rows = 0
        self.size_bytes = 0
        self._entries: deque[tuple[float, Entry]] = deque()
        self._raw_last: list[int] = []

    def come_to(self, raw_last: Sequence[int]) -> None:
        """Begin where an earlier run of the lane stopped."""
        self._raw_last = list(raw_last)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry, now_s: float) -> None:
        """Append a message that came at ``now_s`` (seconds of any steady clock)."""
        self._entries.append((now_s, entry))
        self.rows += entry.rows
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
            more_rows, more_bytes = rows + entry.rows, size_bytes + entry.size_bytes
            if taken and (more_rows > self.most_rows or more_bytes > MAX_BATCH_BYTES):
                break
            taken.append(entry)
            self._entries.popleft()
            rows, size_bytes = more_rows, more_bytes
        self.rows -= rows
        self.size_bytes -= size_bytes
        door_last = 0
        for entry in taken:
            if entry.partition == DOOR:
                door_last = max(door_last, entry.sequence)
            else:
                self._note(entry.partition, entry.sequence)
        return Packet(self.family, self.partition, tuple(taken), tuple(self._raw_last), door_last)

    def _note(self, partition: int, sequence: int) -> None:
        if sequence <= 0:
            return
        marks = self._raw_last
        marks.extend([0] * (partition + 1 - len(marks)))
        marks[partition] = max(marks[partition], sequence)


def make_batch(
    packet: Packet, *, zones: Mapping[str, str], t_ingest_us: int, mode: str = "live"
) -> ObservationBatch:
    """Turn a packet into columns. ``zones`` gives sensor -> zone; a sensor it lacks has zone "".

    >>> row = Observation(family="env", sensor="e1", quantity="co_ppm", t_us=1, value=4.0, unit="ppm")
    >>> batch = make_batch(Packet("env", 0, (Entry(7, (row,)),), (7,)), zones={"e1": "hall"}, t_ingest_us=2)
    >>> len(batch), batch.raw_last, batch.series[0].zone
    (1, (7,), 'hall')
    """
    index: dict[tuple[str, str, str], int] = {}
    payloads: list[Payload] = []
    parts = list(_parts(packet, index, payloads))
    series_ix, t_us, value, quality = (
        np.concatenate([part[column] for part in parts]) if parts else np.empty(0) for column in range(4)
    )
    return ObservationBatch(
        family=packet.family,
        partition=packet.partition,
        series=tuple(
            Series(sensor=sensor, quantity=quantity, unit=unit, zone=zones.get(sensor, ""))
            for sensor, quantity, unit in index
        ),
        series_ix=series_ix.astype(np.uint32, copy=False),
        t_us=t_us.astype(np.int64, copy=False),
        value=value.astype(np.float64, copy=False),
        quality=quality.astype(np.uint8, copy=False),
        payloads=tuple(payloads),
        t_ingest_us=t_ingest_us,
        n_raw=packet.n_raw,
        raw_last=packet.raw_last,
        mode=mode,
    )


_Part = tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]


def _parts(
    packet: Packet, index: dict[tuple[str, str, str], int], payloads: list[Payload]
) -> Iterator[_Part]:
    """Give the columns of stretches of messages of one form; fills the table of series and the payloads."""
    row, waiting = 0, list[Observation]()
    for entry in packet.entries:
        if entry.columns is None:
            waiting += entry.observations
            continue
        if waiting:
            yield _of_objects(waiting, row, index, payloads)
            row, waiting = row + len(waiting), []
        yield _of_columns(entry.sensor, entry.columns, index)
        row += len(entry.columns)
    if waiting:
        yield _of_objects(waiting, row, index, payloads)


def _of_columns(sensor: str, columns: Columns, index: dict[tuple[str, str, str], int]) -> _Part:
    places = [index.setdefault((sensor, *series), len(index)) for series in columns.series]
    return np.array(places, np.uint32)[columns.series_ix], columns.t_us, columns.value, columns.quality


def _of_objects(
    rows: Sequence[Observation], begin: int, index: dict[tuple[str, str, str], int], payloads: list[Payload]
) -> _Part:
    payloads += [Payload(begin + i, row.schema, row.payload) for i, row in enumerate(rows) if row.schema]
    return (
        np.array(
            [index.setdefault((row.sensor, row.quantity, row.unit), len(index)) for row in rows], np.uint32
        ),
        np.array([row.t_us for row in rows], np.int64),
        np.array([row.value for row in rows], np.float64),
        np.array([row.quality for row in rows], np.uint8),
    )
