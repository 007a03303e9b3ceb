"""What devices say to actuators, given to whom it is for: signs' answers, and what readers of locks ask and answer."""

from s4allcities.bus import Bus
from s4allcities.domain import Clock, Observation
from s4allcities.edge.actuators.locks import LockDesk
from s4allcities.edge.actuators.signs import SignActuator
from s4allcities.edge.sources.lock.source import EXCHANGE
from s4allcities.security.credentials import DeviceCredentials
from s4allcities.security.puf_verifier import PufVerifier
from s4allcities.store.locks import SqliteLocks
from s4allcities.store.sql import SqlDatabase

__all__ = ("Handed",)


class Handed:
    """``signs`` is there once what was ordered before the start is known; until then an answer waits for its repeat."""

    def __init__(self, bus: Bus, database: SqlDatabase, credentials: DeviceCredentials, clock: Clock) -> None:
        self.signs: SignActuator | None = None
        verifier = PufVerifier(SqliteLocks(database), clock)
        self._locks = LockDesk(bus, verifier, lambda device: credentials.clear().get(device))

    async def take(self, reading: Observation) -> None:
        """Take one reading that is not for the bus."""
        if reading.schema == EXCHANGE:
            await self._locks.take(reading)
        elif self.signs is not None:
            said = reading.payload
            await self.signs.answer(reading.sensor, said["ack"], said.get("showing", ""), reading.t_us)
