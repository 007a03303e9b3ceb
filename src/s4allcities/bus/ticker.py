"""The clock on the bus: one tick a second, so that stages see time pass and a replay sees it pass the same way."""

import asyncio
import logging

from s4allcities.domain import US_PER_S, Heartbeat, derived_ulid, empty_batch

from .client import Bus
from .errors import BusError
from .streams import TICK_TTL_S

__all__ = ("Ticker",)

log = logging.getLogger(__name__)


class Ticker:
    """Publishes ticks into OBS (an empty batch) and EVENTS (a `Heartbeat`) at every full second of the bus's clock.

    A tick that the bus does not take is left out, not made up for: the next one says the same.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.ticks = 0
        self.missed = 0

    async def run(self) -> None:
        """Tick until cancelled or the bus is closed."""
        clock = self._bus.clock
        while True:
            now_us = clock.now_us()
            await clock.sleep((US_PER_S - now_us % US_PER_S) / US_PER_S)
            try:
                await self.tick()
            except BusError as error:
                if not self._bus.open:
                    return
                self.missed += 1
                log.warning("clock tick left out: %s", error)

    async def tick(self) -> None:
        """Publish one tick, now.

        :raises BusError: the bus did not take it.
        """
        t_us = self._bus.clock.now_us()
        second = t_us // US_PER_S
        heartbeat = Heartbeat(id=derived_ulid(t_us, "clock"), t_us=t_us)
        await asyncio.gather(
            self._bus.publish_batch(empty_batch(t_us)),
            self._bus.publish_events((heartbeat,), stage="clock", ttl_s=TICK_TTL_S),
        )
        self.ticks += 1
        log.debug("tick %d", second)
