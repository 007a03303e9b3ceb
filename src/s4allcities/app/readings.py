"""From stream OBS to the live values of the picture and to history."""

import asyncio

import structlog

from s4allcities.awareness.picture import PictureHub
from s4allcities.bus import OBS, BatchError, Bus, Message
from s4allcities.domain import FACTS_FAMILY, Clock, ObservationBatch
from s4allcities.store.buffered import BufferedHistory
from s4allcities.store.errors import HistoryError

__all__ = ("Readings",)

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
"""The page gets new values at most this often: faster than a person reads."""
KEEP_LOOK_S = 1.0
RETRY_S = 5.0


class Readings:
    """Follows OBS from where history stands, keeps every row and shows the newest.

    ``unreadable`` counts messages that are none of ours; ``failing`` says that history cannot be written at present:
    rows wait in memory and it is tried again.
    """

    def __init__(self, bus: Bus, history: BufferedHistory, hub: PictureHub, clock: Clock) -> None:
        self._bus = bus
        self._history = history
        self._hub = hub
        self._clock = clock
        self.rows = 0
        self.unreadable = 0
        self.failing = False

    async def run(self) -> None:
        """Work until cancelled or the bus is closed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._keep())
            tasks.create_task(self._show())

    async def _follow(self) -> None:
        async for message in self._bus.follow(OBS, ["obs.>"], after=self._history.last_sequence):
            batch = self._batch(message)
            if batch is not None and len(batch) and batch.family != FACTS_FAMILY:
                self._history.append(batch, message.sequence)
                self._hub.picture.live.batch(batch)
                self.rows += len(batch)

    async def _keep(self) -> None:
        while True:
            try:
                await self._clock.sleep(KEEP_LOOK_S)
                if self._history.flush_due:
                    await self._history.flush()
                    self.failing = False
                    await self._history.compact()
            except HistoryError as error:
                self.failing = True
                log.error("history cannot be written, trying again", error=str(error))
                await asyncio.sleep(RETRY_S)

    def _batch(self, message: Message) -> ObservationBatch | None:
        try:
            return message.batch
        except BatchError as error:
            self.unreadable += 1
            log.warning("a message of OBS cannot be read", sequence=message.sequence, error=str(error))
            return None

    async def _show(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._hub.picture.flush_live()
            now_us = self._clock.now_us()
            self._hub.publish(now_us)
            self._hub.tick(now_us)
