"""Small stages, stores and batches that the tests of this folder share."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio
import msgspec
import numpy as np

from s4allcities.bus import Message
from s4allcities.domain import Context, Event, ObservationBatch, Series


def batch(number: int, *, family: str = "env", n_raw: int = 1) -> ObservationBatch:
    """One row whose value is ``number``; ``raw_last`` too, so that it is published once."""
    return ObservationBatch(
        family=family,
        partition=0,
        series=(Series(sensor="smoke-01", quantity="smoke_pct_m"),),
        series_ix=np.zeros(1, np.uint32),
        t_us=np.array([number], np.int64),
        value=np.array([number], np.float64),
        quality=np.zeros(1, np.uint8),
        n_raw=n_raw,
        raw_last=(number,),
    )


def fact(number: int, identity: str = "") -> Context:
    return Context(id=identity, t_us=number * 1000, subject="hall", attribute="people", value=number)


SITE = "helsinki"


async def take(messages: AsyncIterator[Message], count: int, *, within_s: float = 15.0) -> list[Message]:
    taken: list[Message] = []
    with anyio.fail_after(within_s):
        async for message in messages:
            taken.append(message)
            if len(taken) == count:
                break
    return taken


async def until(holds: Any, *, within_s: float = 15.0) -> None:
    with anyio.fail_after(within_s):
        while not holds():  # noqa: ASYNC110 - looks at what another task or process does
            await anyio.sleep(0.005)


class MemoryStore:
    """A snapshot store; ``broken`` makes it forget to save, as a crash before the save would."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], tuple[int, bytes]] = {}
        self.broken = False
        self.saves = 0

    async def save(self, stage: str, partition: int, sequence: int, state: bytes) -> None:
        if not self.broken:
            self.kept[stage, partition] = (sequence, state)
            self.saves += 1

    async def load(self, stage: str, partition: int) -> tuple[int, bytes] | None:
        return self.kept.get((stage, partition))


class Summing:
    """Adds up what it sees and says the sum each time: any loss or double shows in every later output."""

    def __init__(
        self, name: str = "summing", inputs: tuple[str, ...] = ("obs.>",), *, heavy: bool = False
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.heavy = heavy
        self.ticks = 0
        self.fail_on: int | None = None

    def start(self) -> dict[str, int]:
        return {"sum": 0, "count": 0}

    def step(
        self, state: dict[str, int], given: ObservationBatch | Sequence[Event], now_us: int
    ) -> list[Event]:
        values = (
            [int(value) for value in given.value] if isinstance(given, ObservationBatch) else _values(given)
        )
        self.ticks += not values
        out: list[Event] = []
        for value in values:
            if value == self.fail_on:
                raise RuntimeError(f"cannot stand {value}")
            state["sum"] += value
            state["count"] += 1
            out.append(fact(state["sum"]))
        return out

    def snapshot(self, state: dict[str, int]) -> bytes:
        return msgspec.json.encode(state)

    def restore(self, data: bytes) -> dict[str, int]:
        return msgspec.json.decode(data, type=dict[str, int])


def _values(events: Sequence[Event]) -> list[int]:
    return [int(event.value) for event in events if isinstance(event, Context)]


def sums(messages: Sequence[Message]) -> list[int]:
    return [
        int(event.value) for one in messages for event in one.envelope.events if isinstance(event, Context)
    ]
