"""The edge node: reads stream RAW and its own door, gives stream OBS, and accounts for every message in between.

A message is acknowledged, in RAW or to the device at the door, only after its batch, or the record of its rejection,
is on disk in the bus. Each lane (a family) has one publish under way at a time and goes in RAW's order, so how far its
last batch had come in each partition of RAW tells after a crash what is packed already. While a lane publishes, its
next rows gather, and the other lanes and the decoder go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import Protocol

import structlog
from msgspec import Struct

from s4allcities.domain import Clock, Event, Observation, ObservationBatch, RawMessage

from .batcher import DOOR, MAX_BATCH_ROWS, MAX_WAIT_S, MOST_BATCH_ROWS, Entry, Lane, Packet, make_batch
from .dedup import RawLedger
from .health import HealthMonitor
from .intake import Intake
from .recovery import RecoveryBus, accounted_floor, packed_until, recall

__all__ = (
    "AT_ONCE",
    "MAX_IN_FLIGHT",
    "REJECTED_TTL_S",
    "STAGE",
    "STOP_S",
    "TICK_S",
    "URGENT_FAMILIES",
    "Deliveries",
    "EdgeBus",
    "EdgeNode",
    "EdgeStatus",
    "HandedHandler",
)

log = structlog.get_logger(__name__)

URGENT_FAMILIES = frozenset({"access", "door", "eve", "lock", "sign"})
"""Families that do not wait for company: what they say is rare and may matter at once."""

STAGE = "edge"
"""Named as origin of what the node says in stream EVENTS."""

MAX_IN_FLIGHT = 20_000
"""Messages held at most; beyond, stream RAW keeps them."""

REJECTED_TTL_S = 3600
"""A rejected message stays this long in stream EVENTS: a device gone mad must not fill the disk."""
AT_ONCE = 64
"""Messages decoded before others get a turn on the event loop: some milliseconds."""

TICK_S = 0.5
STOP_S = 5.0
_RETRY_S = (0.1, 0.3, 1.0, 3.0)


class Deliveries(Protocol):
    """Reads the messages of stream RAW, or of a door of the edge's own (partition `DOOR`), until it is closed."""

    async def next_some(self) -> Sequence[RawMessage]:
        """Wait for messages and give some of one partition, in order. :raises StopAsyncIteration: no more will come."""

    async def acknowledge(self, partition: int, sequences: Iterable[int]) -> None:
        """Take messages off the stream, or tell their devices that they are kept."""

    async def aclose(self) -> None:
        """Stop reading."""


class EdgeBus(RecoveryBus, Protocol):
    """The part of the bus that an edge node uses."""

    def raw(self) -> Deliveries:
        """Give the deliveries of stream RAW."""

    async def publish_batch(
        self, batch: ObservationBatch, *, keys: Sequence[int] = ..., at_door: str = ...
    ) -> int:
        """Publish; returns when the batch, and the keys of its messages with it, is stored. With its place in RAW,
        ``at_door`` tells it from all others: the same twice is stored once.
        """

    async def publish_event(self, event: Event, *, stage: str = ...) -> int:
        """Publish; returns when the event is stored."""

    async def publish_events(self, events: Sequence[Event], *, stage: str, ttl_s: int = ...) -> int:
        """Publish several at once; returns when all are stored. They leave the stream after ``ttl_s``."""


class EdgeStatus(Struct, frozen=True, kw_only=True):
    """What the node has done since its start, in device messages unless named otherwise.

    received = packed + sum(rejected) + duplicates + in_flight. ``redelivered`` came a second time from RAW and are not
    in ``received``; ``expired`` were in RAW and never came.
    """

    received: int
    packed: int
    observations: int
    batches: int
    rejected: dict[str, int]
    duplicates: int
    redelivered: int
    expired: int
    in_flight: int
    publish_errors: int
    sensors: int
    sensors_on_time: int


HandedHandler = Callable[[Observation], Awaitable[None]]
"""Takes what a device says to an actuator's side: a sign's answer, a reader's request."""


class EdgeNode:
    """Reads RAW and publishes OBS until it is stopped or cancelled.

    ``redact`` decides what may leave the edge (see `redaction`). ``zones`` is sensor -> zone from the site's file.
    ``door`` gives what devices bring to it straight; what of that is not on the bus at a crash they send again.
    ``on_handed`` gets what is said to actuators. ``urgent`` families are sent without waiting 20 ms.
    """

    def __init__(
        self,
        bus: EdgeBus,
        intake: Intake,
        *,
        clock: Clock,
        zones: Mapping[str, str] | None = None,
        health: HealthMonitor | None = None,
        door: Deliveries | None = None,
        on_handed: HandedHandler | None = None,
        urgent: frozenset[str] = URGENT_FAMILIES,
        mode: str = "live",
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        self.bus = bus
        self.intake = intake
        self.clock = clock
        self.zones = zones if zones is not None else {}
        self.health = health if health is not None else HealthMonitor()
        self.ledgers: list[RawLedger] = []
        self._door = door
        self._on_handed = on_handed
        self._urgent = urgent
        self._mode = mode
        self._max_in_flight = max_in_flight
        self._queues: dict[str, _Queue] = {}
        self._raw: Deliveries
        self._tasks: asyncio.TaskGroup
        self._idle = asyncio.Event()
        self._idle.set()
        self._room = asyncio.Event()
        self._room.set()
        self._held = self._packed = self._rows = self._batches = 0
        self._redelivered = self._publish_errors = 0
        self._readers: list[asyncio.Task[None]] = []
        self._opening = asyncio.Lock()
        self._stopping = False
        self._began_us = clock.now_us()

    def status(self) -> EdgeStatus:
        """Give the counters."""
        return EdgeStatus(
            received=self.intake.received,
            packed=self._packed,
            observations=self._rows,
            batches=self._batches,
            rejected=dict(self.intake.rejected),
            duplicates=self.intake.duplicates,
            redelivered=self._redelivered,
            expired=sum(ledger.expired for ledger in self.ledgers),
            in_flight=self._held,
            publish_errors=self._publish_errors,
            sensors=len(self.health),
            sensors_on_time=self.health.on_time,
        )

    async def run(self) -> None:
        """Recover where the last run stopped, then work until cancelled or until `stop`."""
        floors = await accounted_floor(self.bus, self.intake.sources.families)
        self.ledgers = [RawLedger(floor) for floor in floors]
        await recall(self.bus, self.intake.remember)
        if self._stopping:
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._raw = self.bus.raw()
                self._readers = [tasks.create_task(self._read(self._raw))]
                if self._door is not None:
                    self._readers.append(tasks.create_task(self._read(self._door)))
                tasks.create_task(self._tick())
        except* _Stopped:
            pass

    async def stop(self, *, within_s: float = STOP_S) -> None:
        """Take nothing more, bring what is held onto the bus, then let `run` return.

        What the bus does not take in time stays in RAW or with its device, unacknowledged, for the next start. While
        `run` still recovers, or has not begun, nothing is held: it then returns before it takes anything.
        """
        self._stopping = True
        if not self._readers:
            return
        for reader in self._readers:
            reader.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        self._tasks.create_task(_end())

    async def _read(self, deliveries: Deliveries) -> None:
        # Closed when we stop: two readers of RAW would take turns in taking it from each other.
        async with aclosing(deliveries):
            while True:
                try:
                    messages = await deliveries.next_some()
                except StopAsyncIteration:
                    return
                for begin in range(0, len(messages), AT_ONCE):
                    some = messages[begin : begin + AT_ONCE]
                    await (self._take(some) if some[0].partition != DOOR else self._take_from_door(some))
                    if self._held >= self._max_in_flight:
                        self._room.clear()
                        await self._room.wait()
                    await asyncio.sleep(0)

    async def _take_from_door(self, messages: Sequence[RawMessage]) -> None:
        for message in messages:
            self._enter(self._queues.get(message.family) or await self._open(message.family), message)

    async def _take(self, messages: Sequence[RawMessage]) -> None:
        """Take in messages of one partition; those that came before only lack their acknowledgement, if that."""
        ledger, packed = self.ledgers[messages[0].partition], list[int]()
        for message in messages:
            queue = self._queues.get(message.family) or await self._open(message.family)
            if message.sequence and not ledger.take(message.sequence):
                self._redelivered += 1
                if message.sequence not in ledger.pending:
                    packed.append(message.sequence)
            elif queue.packed_before(message):
                self._redelivered += 1
                ledger.done(message.sequence)
                packed.append(message.sequence)
            else:
                self._enter(queue, message)
        if packed:
            await self._acknowledge(messages[0].partition, packed)

    def _enter(self, queue: "_Queue", message: RawMessage) -> None:
        entry = self.intake.take(message)
        if entry.rejected is None:
            t_own_us = None
            if entry.columns is not None:
                t_own_us = int(entry.columns.t_us[-1])
            elif entry.observations:
                t_own_us = entry.observations[-1].t_us
            self.health.seen(message.sensor, message.family, message.t_received_us, t_own_us)
        self._hold(1)
        queue.add(entry)

    def _hold(self, change: int) -> None:
        self._held += change
        if self._held == 0:
            self._idle.set()
        elif self._idle.is_set():
            self._idle.clear()
        if self._held < self._max_in_flight:
            self._room.set()

    async def _open(self, family: str) -> "_Queue":
        """Open the queue of a family, and start sending from it."""
        async with self._opening:
            if family in self._queues:
                return self._queues[family]
            wait_s = 0.0 if family in self._urgent else MAX_WAIT_S
            lane = Lane(family, max_rows=MAX_BATCH_ROWS, max_wait_s=wait_s, most_rows=MOST_BATCH_ROWS)
            raw_last = await self._packed_until(family)
            lane.come_to(raw_last)
            queue = self._queues[family] = _Queue(lane, raw_last)
            self._tasks.create_task(self._pump(queue))
            return queue

    async def _packed_until(self, family: str) -> tuple[int, ...]:
        while True:
            try:
                return await packed_until(self.bus, family)
            except Exception as error:  # without the answer a message might be packed twice: wait for it
                log.warning("stream OBS cannot be asked, trying again", family=family, error=repr(error))
                await asyncio.sleep(_RETRY_S[-1])

    async def _pump(self, queue: "_Queue") -> None:
        """Send a queue's packets, one after the other."""
        while True:
            await queue.due()
            await self._send(queue.lane.cut())

    async def _send(self, packet: Packet) -> None:
        rejected = packet.rejected
        if rejected:  # known by their ids when they come twice
            await self._insist(partial(self.bus.publish_events, rejected, stage=STAGE, ttl_s=REJECTED_TTL_S))
        # Even if all are refused or repetitions: the batch tells how far we are.
        batch = make_batch(packet, zones=self.zones, t_ingest_us=self.clock.now_us(), mode=self._mode)
        at_door = f"{self._began_us}-{packet.door_last}" if packet.door_last else ""
        await self._insist(partial(self.bus.publish_batch, batch, keys=packet.keys, at_door=at_door))
        self._packed += batch.n_raw
        self._rows += len(batch)
        self._batches += 1
        await self._settle(packet.entries)

    async def _settle(self, entries: Sequence[Entry]) -> None:
        """Acknowledge what is on disk now, and hand over what is for the actuators."""
        sequences: dict[int, list[int]] = {}
        for entry in entries:
            for answer in entry.handed:
                await self._hand_over(answer)
            if entry.sequence:
                sequences.setdefault(entry.partition, []).append(entry.sequence)
        for partition, places in sequences.items():
            await self._acknowledge(partition, places)
            if partition != DOOR:
                for place in places:
                    self.ledgers[partition].done(place)
        self._hold(-len(entries))

    async def _insist(self, publish: Callable[[], Awaitable[int]]) -> None:
        """Publish until the bus says it is stored; the id makes a second attempt harmless."""
        attempt = 0
        while True:
            try:
                await publish()
                return
            except Exception as error:
                self._publish_errors += 1
                if attempt == 0:
                    log.warning("publish failed, trying again", error=repr(error))
                await asyncio.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
                attempt += 1

    async def _hand_over(self, reading: Observation) -> None:
        if self._on_handed is None:
            return
        try:
            await self._on_handed(reading)
        except Exception as error:  # a sign is asked again and answers again; a person at a door tries again
            log.warning("what a device said was not taken", device=reading.sensor, error=repr(error))

    async def _acknowledge(self, partition: int, sequences: Sequence[int]) -> None:
        origin = self._door if partition == DOOR and self._door is not None else self._raw
        try:
            await origin.acknowledge(partition, sequences)
        except Exception as error:  # they come again, and are then known
            self._publish_errors += 1
            log.warning("acknowledgements failed", error=repr(error))

    async def _tick(self) -> None:
        """Look for sensors that went silent."""
        while True:
            await asyncio.sleep(TICK_S)
            for change in self.health.check(self.clock.now_us()):
                await self._insist(partial(self.bus.publish_event, change, stage=STAGE))


class _Queue:
    """A lane and the means to wait for it."""

    def __init__(self, lane: Lane, packed_until: Sequence[int]) -> None:
        self.lane = lane
        self._packed_until = packed_until
        self._wake = asyncio.Event()
        self._now_s = asyncio.get_running_loop().time

    def packed_before(self, message: RawMessage) -> bool:
        """Tell whether an earlier run has packed a message."""
        return (
            message.partition < len(self._packed_until)
            and 0 < message.sequence <= self._packed_until[message.partition]
        )

    def add(self, entry: Entry) -> None:
        """Append a message; wakes the sender when it is the first, or when the lane is full."""
        self.lane.add(entry, self._now_s())
        if len(self.lane) == 1 or self.lane.full:
            self._wake.set()

    async def due(self) -> None:
        """Wait until a packet is due."""
        while (wait_s := self.lane.wait_s(self._now_s())) != 0:
            self._wake.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue


class _Stopped(Exception):
    """Ends the task group after `EdgeNode.stop`."""


async def _end() -> None:
    raise _Stopped
