"""Writing a stage's snapshots while the stage goes on: one at a time, in order."""

import asyncio
import logging
from collections.abc import Callable

from s4allcities.domain import Clock, SnapshotStore

__all__ = ("SnapshotWriter",)

log = logging.getLogger(__name__)


class SnapshotWriter:
    """Keeps the snapshots of one stage and partition in a store that may take its time.

    ``sequence`` is that of the newest snapshot known to be kept, ``t_us`` when it was, 0 for none. ``failed`` is called
    for each that could not be kept: then the one before it rules, which costs a longer replay and nothing else.
    """

    def __init__(
        self, store: SnapshotStore, stage: str, partition: int, clock: Clock, failed: Callable[[], None]
    ) -> None:
        self.sequence = 0
        self.t_us = 0
        self._store = store
        self._stage = stage
        self._partition = partition
        self._clock = clock
        self._failed = failed
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a snapshot is being written."""
        return self._task is not None and not self._task.done()

    def write(self, sequence: int, data: bytes) -> None:
        """Begin to write a snapshot; the one before it must be written."""
        assert not self.busy
        self._task = asyncio.create_task(self._write(sequence, data), name=f"snapshot of {self._stage}")

    async def settle(self) -> None:
        """Wait until what was begun is written, or has failed."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def load(self) -> tuple[int, bytes] | None:
        """Give sequence and data of the newest snapshot, or None where there is none."""
        await self.settle()
        return await self._store.load(self._stage, self._partition)

    async def _write(self, sequence: int, data: bytes) -> None:
        try:
            await self._store.save(self._stage, self._partition, sequence, data)
        except Exception:
            self._failed()
            log.exception("stage %s: snapshot failed; the one before it rules", self._stage)
        else:
            self.sequence = sequence
            self.t_us = self._clock.now_us()
