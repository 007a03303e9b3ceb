"""What has to be done now and then: old things removed, ended sessions swept, the ledger's head signed."""

import asyncio
from collections.abc import Mapping

import structlog

from s4allcities.bus import EVENTS, OBS, Bus
from s4allcities.domain import Clock
from s4allcities.privacy.retention import DEFAULT_DAYS, history_days, kept_days
from s4allcities.security.ledger import HeadKeeper
from s4allcities.security.sessions import Sessions
from s4allcities.store.buffered import BufferedHistory
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.positions import forget_positions
from s4allcities.store.recorder import EventRecorder
from s4allcities.store.retention import RetentionLimits, enforce
from s4allcities.store.sql import SqlDatabase

__all__ = ("Upkeep", "forget_lost_positions", "retention_limits")

log = structlog.get_logger(__name__)

CLEAN_EVERY_S = 3600.0
SIGN_LOOK_S = 1.0
_FOR_EVER_DAYS = 36_500.0


def retention_limits(overrides: Mapping[str, float]) -> RetentionLimits:
    """Give the days of the privacy table under an operator's overrides.

    >>> retention_limits({"env": 9}).history_days["env"]
    9
    """

    def days(kind: str) -> float:
        found = kept_days(kind, overrides)
        return _FOR_EVER_DAYS if found is None else found

    return RetentionLimits(
        history_days=history_days(overrides),
        default_days=DEFAULT_DAYS,
        detection_days=days("detection"),
        rejected_days=days("rejected"),
        past_days=days("past"),
    )


class Upkeep:
    """Cleans at the start and every hour; looks every second whether the ledger's end is due to be signed.

    ``errors`` counts what failed; it is tried again the next time.
    """

    def __init__(
        self,
        database: SqlDatabase,
        history: BufferedHistory,
        sessions: Sessions,
        ledger: LedgerStore,
        heads: HeadKeeper,
        clock: Clock,
        limits: RetentionLimits,
    ) -> None:
        self._database = database
        self._history = history
        self._sessions = sessions
        self._ledger = ledger
        self._heads = heads
        self._clock = clock
        self._limits = limits
        self.errors = 0

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._clean_for_ever())
            tasks.create_task(self._sign_for_ever())

    async def clean(self) -> None:
        """Remove what is older than allowed, and sessions that have ended."""
        removed = await enforce(self._database, self._history, self._limits, self._clock.now_us())
        swept = await self._sessions.sweep()
        log.info("cleaned", history_rows=removed.history, detections=removed.detections,
                 rejected=removed.rejected, sessions=swept)  # fmt: skip

    async def sign(self, *, final: bool = False) -> None:
        """Sign the ledger's end if it is time, or if ``final`` and anything is new."""
        tail = await self._ledger.tail()
        await self._heads.note(tail.sequence, tail.hash, self._clock.now_us(), final=final)

    async def _clean_for_ever(self) -> None:
        while True:
            try:
                await self.clean()
            except Exception:
                self.errors += 1
                log.exception("cleaning failed; it is tried again in an hour")
            await asyncio.sleep(CLEAN_EVERY_S)

    async def _sign_for_ever(self) -> None:
        while True:
            try:
                await self.sign()
            except Exception:
                self.errors += 1
                log.exception("the ledger's head was not signed; it is tried again")
            await asyncio.sleep(SIGN_LOOK_S)


async def forget_lost_positions(
    bus: Bus, recorder: EventRecorder, database: SqlDatabase, history: BufferedHistory
) -> list[str]:
    """Begin anew in streams that end before the position kept here; give their names.

    Their numbers started again (a lost or replaced bus): who waited for the old ones would wait for ever.
    """
    lost = []
    if (await bus.stream_state(EVENTS)).last_sequence < await recorder.last_sequence():
        await forget_positions(database)
        lost.append(EVENTS)
    if (await bus.stream_state(OBS)).last_sequence < history.last_sequence:
        await history.forget_position()
        lost.append(OBS)
    if lost:
        log.warning("streams began anew; they are read from their start", streams=lost)
    return lost
