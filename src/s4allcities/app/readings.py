"""From stream OBS to the live values of the picture and to history."""

import asyncio

import structlog

from s4allcities.awareness.picture import PictureHub
from s4allcities.bus import OBS, Bus
from s4allcities.domain import Clock
from s4allcities.store.history import ParquetHistory

__all__ = ("Readings",)

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
"""The page gets new values at most this often: faster than a person reads."""


class Readings:
    """Follows OBS from where history stands, keeps every row and shows the newest."""

    def __init__(self, bus: Bus, history: ParquetHistory, hub: PictureHub, clock: Clock) -> None:
        self._bus = bus
        self._history = history
        self._hub = hub
        self._clock = clock
        self.rows = 0

    async def run(self) -> None:
        """Work until cancelled or the bus is closed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._keep())
            tasks.create_task(self._show())

    async def _follow(self) -> None:
        async for message in self._bus.follow(OBS, ["obs.>"], after=self._history.last_sequence):
            batch = message.batch
            if len(batch):
                self._history.append(batch, message.sequence)
                self._hub.picture.live.batch(batch)
                self.rows += len(batch)

    async def _keep(self) -> None:
        await self._history.keep()

    async def _show(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._hub.picture.flush_live()
            now_us = self._clock.now_us()
            self._hub.publish(now_us)
            self._hub.tick(now_us)
