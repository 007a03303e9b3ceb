"""A bus in memory: keeps what the edge publishes, gives what devices said, fails when told to."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any, NamedTuple

from s4allcities.domain import Event, ObservationBatch, RawMessage
from s4allcities.edge.batcher import DOOR

NOW_US = 1_700_000_000_000_000


class FakeRaw:
    """One run's reading of RAW: from the oldest message on, each once."""

    def __init__(self, bus: "FakeBus") -> None:
        self._bus = bus
        self._given = 0

    async def next_some(self) -> list[RawMessage]:
        while not (found := [n for n in sorted(self._bus.waiting) if n > self._given]):
            self._bus.more.clear()
            await self._bus.more.wait()
        self._given = found[-1]
        return [self._bus.waiting[sequence] for sequence in found]

    async def acknowledge(self, partition: int, sequences: Iterable[int]) -> None:
        for sequence in sequences:
            self._bus.waiting.pop(sequence, None)
            self._bus.log.append(f"ack {sequence}")

    async def aclose(self) -> None:
        """Nothing is held."""


class FakeDoor:
    """A door: what devices bring is given at once, and kept until it is acknowledged."""

    def __init__(self) -> None:
        self.waiting: dict[int, RawMessage] = {}
        self.came: list[RawMessage] = []
        self.more = asyncio.Event()
        self.brought = 0
        self.closed = False

    def bring(self, family: str, sensor: str, data: bytes, t_us: int = NOW_US) -> None:
        self.brought += 1
        self.waiting[self.brought] = message = RawMessage(
            family=family, sensor=sensor, data=data, t_received_us=t_us, sequence=self.brought, partition=DOOR
        )
        self.came.append(message)
        self.more.set()

    async def next_some(self) -> list[RawMessage]:
        while not self.came:
            self.more.clear()
            await self.more.wait()
        came, self.came = self.came, []
        return came

    async def acknowledge(self, partition: int, sequences: Iterable[int]) -> None:
        assert partition == DOOR
        for sequence in sequences:
            del self.waiting[sequence]

    async def aclose(self) -> None:
        self.closed = True


class FakeMessage(NamedTuple):
    batch: Any = None
    envelope: Any = None
    sequence: int = 0
    keys: tuple[int, ...] = ()


class FakeState(NamedTuple):
    first_sequence: int
    last_sequence: int


class FakeBus:
    """RAW is ``waiting``: sequence -> message, removed by the acknowledgement. A new `raw` starts with the oldest."""

    def __init__(self) -> None:
        self.waiting: dict[int, RawMessage] = {}
        self.batches: list[ObservationBatch] = []
        self.names: set[tuple[str, int, tuple[int, ...], str]] = set()
        self.keys: list[tuple[int, ...]] = []
        self.events: list[Event] = []
        self.commands: list[tuple[str, bytes]] = []
        self.log: list[str] = []
        self.failures = 0
        self.crash_after_publish = False
        self.next_sequence = 1
        self.more = asyncio.Event()

    async def publish_raw(self, family: str, sensor: str, data: bytes, t_us: int = NOW_US) -> int:
        sequence = self.next_sequence
        self.next_sequence += 1
        self.waiting[sequence] = RawMessage(
            family=family, sensor=sensor, data=data, t_received_us=t_us, sequence=sequence
        )
        self.more.set()
        return sequence

    def raw(self) -> FakeRaw:
        return FakeRaw(self)

    async def publish_batch(
        self, batch: ObservationBatch, *, keys: Sequence[int] = (), at_door: str = ""
    ) -> int:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OSError("no connection")
        name = (batch.family, batch.partition, batch.raw_last, at_door)
        if name not in self.names:
            self.names.add(name)
            self.batches.append(batch)
            self.keys.append(tuple(keys))
            self.log.append(f"batch {batch.raw_last}")
        if self.crash_after_publish:
            raise asyncio.CancelledError
        return len(self.batches)

    async def publish_events(self, events: Sequence[Event], *, stage: str, ttl_s: int = 0) -> int:
        for event in events:
            await self.publish_event(event, stage=stage)
        return len(self.events)

    async def publish_event(self, event: Event, *, stage: str = "api") -> int:
        self.events.append(event)
        self.log.append(f"event {type(event).__name__}")
        return len(self.events)

    async def send_command(self, device: str, data: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("no connection")
        self.commands.append((device, data))

    async def last(self, stream: str, subject_suffix: str) -> FakeMessage | None:
        if stream == "EVENTS":
            return None  # nothing here comes on a wrong subject
        if subject_suffix == "obs.>":
            return FakeMessage(sequence=len(self.batches)) if self.batches else None
        _, family, partition = subject_suffix.split(".")
        batches = [b for b in self.batches if (b.family, b.partition) == (family, int(partition))]
        return FakeMessage(batch=batches[-1]) if batches else None

    async def follow(
        self, stream: str, filters: Sequence[str], *, after: int = 0, headers_only: bool = False
    ) -> AsyncGenerator[FakeMessage, None]:
        for place in range(after, len(self.batches)):
            yield FakeMessage(sequence=place + 1, keys=self.keys[place])

    async def raw_states(self) -> list[FakeState]:
        return [FakeState(min(self.waiting, default=self.next_sequence), self.next_sequence - 1)]


async def until(holds: Callable[[], object]) -> None:
    """Let others run until something holds, at most ten seconds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for is no event of ours
            await asyncio.sleep(0.002)
