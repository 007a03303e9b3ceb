"""A bus in memory: keeps what the edge publishes, gives what devices said, fails when told to."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from s4allcities.domain import Event, ObservationBatch, RawMessage

NOW_US = 1_700_000_000_000_000


class FakeDelivery(NamedTuple):
    message: RawMessage
    ack: Callable[[], Awaitable[object]]


class FakeMessage(NamedTuple):
    batch: Any = None
    envelope: Any = None
    sequence: int = 0
    keys: tuple[int, ...] = ()


class FakeEnvelope(NamedTuple):
    events: tuple[Event, ...]


class FakeState(NamedTuple):
    first_sequence: int
    last_sequence: int


class FakeBus:
    """RAW is ``waiting``: sequence -> message, removed by the acknowledgement. A new `raw` starts with the oldest."""

    def __init__(self) -> None:
        self.waiting: dict[int, RawMessage] = {}
        self.batches: list[ObservationBatch] = []
        self.keys: list[tuple[int, ...]] = []
        self.events: list[Event] = []
        self.commands: list[tuple[str, bytes]] = []
        self.log: list[str] = []
        self.failures = 0
        self.crash_after_publish = False
        self.next_sequence = 1
        self._more = asyncio.Event()

    async def publish_raw(self, family: str, sensor: str, data: bytes, t_us: int = NOW_US) -> int:
        sequence = self.next_sequence
        self.next_sequence += 1
        self.waiting[sequence] = RawMessage(
            family=family, sensor=sensor, data=data, t_received_us=t_us, sequence=sequence
        )
        self._more.set()
        return sequence

    async def raw(self) -> AsyncGenerator[FakeDelivery, None]:
        given = 0
        while True:
            for sequence in sorted(self.waiting):
                if sequence > given:
                    given = sequence
                    yield FakeDelivery(self.waiting[sequence], self._ack(sequence))
            self._more.clear()
            if not any(sequence > given for sequence in self.waiting):
                await self._more.wait()

    def _ack(self, sequence: int) -> Callable[[], Awaitable[object]]:
        async def ack() -> None:
            self.waiting.pop(sequence, None)
            self.log.append(f"ack {sequence}")

        return ack

    async def publish_batch(self, batch: ObservationBatch, *, keys: Sequence[int] = ()) -> int:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OSError("no connection")
        known = [
            b.raw_last for b in self.batches if (b.family, b.partition) == (batch.family, batch.partition)
        ]
        if batch.raw_last not in known:
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
            found = [e for e in self.events if type(e).__name__ == "Rejected"]
            return FakeMessage(envelope=FakeEnvelope((found[-1],))) if found else None
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

    async def stream_state(self, stream: str) -> FakeState:
        return FakeState(min(self.waiting, default=self.next_sequence), self.next_sequence - 1)


async def until(holds: Callable[[], object]) -> None:
    """Let others run until something holds, at most ten seconds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for is no event of ours
            await asyncio.sleep(0.002)
