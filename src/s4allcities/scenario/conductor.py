"""Plays a world in time: steps it by the clock, hands each message to its device when it is due, writes the truth."""

import heapq
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from s4allcities.domain import US_PER_S, Clock

from .devices import Outbox
from .world import Datum, World

__all__ = ("Conductor", "TruthFile")

LOOK_S = 0.02
"""Real seconds between looks at the clock, at most."""
TRUTH_EVERY_S = 1.0


class TruthFile:
    """The truth as JSON lines: first the story, then events as they begin and the state once a second."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def __enter__(self) -> "TruthFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, row: dict[str, Any]) -> None:
        """Add a line."""
        self._file.write(msgspec.json.encode(row) + b"\n")


class Conductor:
    """``outboxes`` by sensor; a sensor without one stays silent, which ``unheard`` counts."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        outboxes: Mapping[str, Outbox],
        truth: TruthFile,
        *,
        speed: float = 1.0,
    ) -> None:
        self.world = world
        self.unheard = 0
        self._clock = clock
        self._outboxes = outboxes
        self._truth = truth
        self._look_s = LOOK_S * speed
        self._due: list[tuple[int, int, Datum]] = []
        self._number = count()
        self._truth_s = 0.0

    def command(self, sign: str, data: bytes) -> None:
        """A sign was told something; its answer goes out when it is due."""
        answer = self.world.command(sign, data, self._clock.now_us())
        if answer is not None:
            self._plan(answer)

    async def play(self, *, keep: bool) -> None:
        """Play to the end of the story and until its last message is handed over; with ``keep``, for ever."""
        while keep or self.world.t_s < self.world.story.duration_s:
            begins_us = self.world.at_us(self.world.t_s)
            for datum in self.world.step():
                self._plan(datum)
            self._tell_truth()
            ends_us = self.world.at_us(self.world.t_s)
            await self._deliver_until(max(begins_us, ends_us))
        while self._due:
            await self._deliver_until(self._due[0][0])

    def _plan(self, datum: Datum) -> None:
        heapq.heappush(self._due, (datum.due_us, next(self._number), datum))

    async def _deliver_until(self, until_us: int) -> None:
        while True:
            now_us = self._clock.now_us()
            while self._due and self._due[0][0] <= now_us:
                self._hand_over(heapq.heappop(self._due)[2])
            if now_us >= until_us:
                return
            next_us = min(until_us, self._due[0][0]) if self._due else until_us
            await self._clock.sleep(min(self._look_s, max(0, next_us - now_us) / US_PER_S))

    def _hand_over(self, datum: Datum) -> None:
        outbox = self._outboxes.get(datum.sensor)
        if outbox is None:
            self.unheard += 1
        else:
            outbox.put(datum)

    def _tell_truth(self) -> None:
        for event in self.world.happened():
            self._truth.write(event)
        if self.world.t_s >= self._truth_s:
            self._truth.write(self.world.truth())
            self._truth_s += TRUTH_EVERY_S
