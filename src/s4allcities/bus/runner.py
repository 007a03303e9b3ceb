"""The stage runner: feeds a pure stage from a stream, keeps its state, publishes what it says.

After a crash it loads the last snapshot (state, sequence, watermarks) and takes in again what follows. The outputs of
that replay have the ids they had before, so the server, the store and other runners know them again.
"""

import asyncio
import logging
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import anyio
import msgspec
from msgspec import Struct

from s4allcities.domain import (
    Event,
    Heartbeat,
    Mode,
    ObservationBatch,
    Rejected,
    SnapshotStore,
    Stage,
    derived_ulid,
    empty_batch,
)

from .client import Bus
from .errors import BatchError, BusClosed, BusError, BusTimeout, EnvelopeError
from .hosts import InProcessHost, StageHost, WorkerDied
from .inputs import input_filters
from .messages import Message
from .origins import Origins, Watermark
from .raw import on_clock
from .saving import SnapshotWriter
from .streams import EVENTS, OBS
from .subjects import valid_token

__all__ = ("RunnerStatus", "StageRunner")

log = logging.getLogger(__name__)

S = TypeVar("S")
_CLOCK = "clock"
_FINAL_SAVE_S = 5.0
_YIELD_S = 0.002
_SAVE_SHARE = 0.005
_REBIRTH_S = 0.2


class RunnerStatus(Struct, frozen=True, kw_only=True):
    """How a runner does.

    ``lag`` counts messages waiting behind the last one; ``decided_raw`` the device messages whose readings the stage
    has dealt with, ``rejected_raw`` those it failed on; ``errors`` inputs that could not be read or made the stage
    fail, outputs that the bus refused and snapshots that could not be kept; ``dropped`` doubles that were recognised.
    ``t_input_us`` is when the server stored the newest input taken, 0 before the first. Counters survive a crash.
    """

    stage: str
    partition: int
    sequence: int
    lag: int
    processed: int
    decided_raw: int
    rejected_raw: int
    errors: int
    published: int
    dropped: int
    last_snapshot_us: int
    running: bool
    t_input_us: int = 0


class _Counters(Struct):
    processed: int = 0
    decided_raw: int = 0
    rejected_raw: int = 0
    errors: int = 0
    published: int = 0
    dropped: int = 0


class _Snapshot(Struct):
    """What is kept with the state; ``epoch`` is the life of the stream that ``sequence`` counts."""

    epoch: int
    now_us: int
    marks: dict[str, Watermark]
    counters: _Counters
    state: bytes


_snapshots = msgspec.msgpack.Decoder(_Snapshot)


class StageRunner(Generic[S]):
    """Runs one stage on one partition. Outputs are stamped with ``mode`` and get derived ids where they have none.

    ``host`` is where the stage computes; without one in this process. A worker that dies, or is stuck and killed, is
    started anew from the last snapshot; an input at which it dies twice is set aside as rejected.

    A stage never gets its own events back. Clock ticks come as empty batches (stream OBS) or empty lists (EVENTS).
    Snapshots are taken every ``snapshot_every_s`` real seconds in which something came in, less often where taking one
    is slow, and at a clean stop. They are written while the stage goes on.

    :raises ValueError: the stage's inputs mix the streams, or there are none.
    :raises SubjectError: the stage's name cannot be part of a subject.
    """

    def __init__(
        self,
        stage: Stage[S],
        bus: Bus,
        snapshots: SnapshotStore,
        *,
        partition: int = 0,
        mode: Mode = "live",
        snapshot_every_s: float = 5.0,
        host: StageHost | None = None,
    ) -> None:
        valid_token(stage.name, "stage")
        self._stage = stage
        self._bus = bus
        self._saved = SnapshotWriter(snapshots, stage.name, partition, bus.clock, self._count_error)
        self._partition = partition
        self._mode: Mode = mode
        self._snapshot_every_s = snapshot_every_s
        self._stream, self._filters = input_filters(stage.inputs, partition)
        self._host: StageHost = host if host is not None else InProcessHost(stage)
        self._in_hand = 0
        self._died_at = 0
        self._poison: set[int] = set()
        self._epoch = 0
        self._sequence = 0
        self._now_us = 0
        self._lag = 0
        self._t_input_us = 0
        self._counters = _Counters()
        self._origins = Origins()
        self._published_before = (0, 0)
        self._clean = True
        self._unsent: tuple[int, list[Event]] | None = None
        self._running = False
        self._resumed = False

    @property
    def status(self) -> RunnerStatus:
        """Give the runner's counters as they are now."""
        return RunnerStatus(
            stage=self._stage.name,
            partition=self._partition,
            sequence=self._sequence,
            lag=self._lag,
            processed=self._counters.processed,
            decided_raw=self._counters.decided_raw,
            rejected_raw=self._counters.rejected_raw,
            errors=self._counters.errors,
            published=self._counters.published,
            dropped=self._counters.dropped,
            last_snapshot_us=self._saved.t_us,
            running=self._running,
            t_input_us=self._t_input_us,
        )

    async def run(self) -> None:
        """Run until cancelled or the bus is closed."""
        try:
            while True:
                with suppress(WorkerDied):
                    await self._resume()
                    self._running = self._resumed = True
                    await self._loop()
                    return
                await self._mourn()
        except BusClosed as error:
            log.info("stage %s ends: %s", self._stage.name, error)
        finally:
            self._running = False
            await self._stop()

    async def _mourn(self) -> None:
        """Get ready to begin again from the last snapshot, after the stage's process has died."""
        self._running = self._resumed = False
        self._unsent = None
        self._counters.errors += 1
        log.error("stage %s: its process died at %s %d", self._stage.name, self._stream, self._in_hand)
        if self._died_at != self._in_hand:
            self._died_at = self._in_hand
        else:
            self._poison.add(self._in_hand)
        await asyncio.sleep(_REBIRTH_S)

    async def _loop(self) -> None:
        loop = asyncio.get_running_loop()
        yielded = loop.time()
        # Each stage at its own beat: all at once would wait for each other, and hold up everybody else.
        beat = zlib.crc32(f"{self._stage.name}.{self._partition}".encode()) / 2**32
        next_save = yielded + self._snapshot_every_s * beat
        follower = self._bus.follow(self._stream, self._filters, after=self._sequence)
        try:
            async for message in follower:
                await self._take(message)
                if (begun := loop.time()) >= next_save and not self._saved.busy:
                    await self._try_save()
                    next_save = max(
                        begun + self._snapshot_every_s, begun + (loop.time() - begun) / _SAVE_SHARE
                    )
                if loop.time() - yielded > _YIELD_S:  # a backlog without outputs never waits by itself
                    await asyncio.sleep(0)
                    yielded = loop.time()
        finally:
            with anyio.CancelScope(shield=True):
                await follower.aclose()

    async def _take(self, message: Message) -> None:
        """Deal with one message, completely: read it, step, publish, count."""
        self._clean = False
        now_us = message.now_us or on_clock(self._bus.clock, message.t_server_us)
        self._now_us = max(self._now_us, now_us)
        self._lag = message.pending
        self._t_input_us = message.t_server_us
        events: list[Event] = []
        batch: ObservationBatch | list[Event] | None = None
        try:
            batch = self._read(message)
            if batch is not None:
                events = await self._step(batch, message.sequence)
        except WorkerDied:
            raise
        except Exception as error:  # whatever a stage or a hostile message does, the others go on
            events = [self._set_aside(message, error)]
            self._counters.rejected_raw += _n_raw(batch)
        else:
            self._counters.decided_raw += _n_raw(batch)
        self._unsent = (message.sequence, self._stamped(events, message.sequence))
        await self._finish()

    async def _finish(self) -> None:
        """Publish what the last step said, and count its input as done."""
        assert self._unsent is not None
        sequence, events = self._unsent
        if events and not self._published_already(sequence):
            await self._publish(events, sequence)
        self._counters.processed += 1
        self._sequence = sequence
        self._unsent = None
        self._clean = True

    def _read(self, message: Message) -> ObservationBatch | list[Event] | None:
        """Give the stage's input, or None when the message is not for it."""
        if self._stream == OBS:
            batch = message.batch
            return empty_batch(batch.t_ingest_us) if batch.family == _CLOCK else batch
        envelope = message.envelope
        self._now_us = max(self._now_us, envelope.now_us)
        if envelope.stage == self._stage.name and envelope.partition == self._partition:
            return None
        if not self._origins.first_seen(envelope):
            self._counters.dropped += 1
            return None
        if envelope.stage == _CLOCK:
            return []
        return [event for event in envelope.events if not isinstance(event, Heartbeat)] or None

    async def _step(self, batch: ObservationBatch | list[Event], sequence: int) -> list[Event]:
        if sequence in self._poison:
            raise RuntimeError("the stage's process died on it twice")
        self._in_hand = sequence
        return await self._host.step(batch, self._now_us)

    def _set_aside(self, message: Message, error: Exception) -> Rejected:
        self._counters.errors += 1
        unreadable = isinstance(error, BatchError | EnvelopeError)
        if unreadable:
            log.warning("stage %s: %s %d: %s", self._stage.name, self._stream, message.sequence, error)
        else:
            log.exception("stage %s failed on %s %d", self._stage.name, self._stream, message.sequence)
        t_us = self._now_us
        return Rejected(
            id=derived_ulid(t_us, self._stage.name, self._partition, message.sequence, "rejected"),
            t_us=t_us,
            source=f"stage/{self._stage.name}",
            reason="message unreadable" if unreadable else "stage failed",
            detail=f"{self._stream} {message.sequence} on {message.subject}: {type(error).__name__}: {error}"[
                :500
            ],
        )

    async def _publish(self, events: Sequence[Event], sequence: int) -> None:
        """Publish until it is stored: a bus that is away is waited for, an output it refuses is set aside."""
        while True:
            try:
                await self._bus.publish_events(
                    events,
                    stage=self._stage.name,
                    partition=self._partition,
                    sequence=sequence,
                    epoch=self._epoch,
                )
            except BusTimeout as error:
                log.warning("stage %s waits for the bus: %s", self._stage.name, error)
                continue
            except BusClosed:
                raise
            except BusError as error:
                self._counters.errors += 1
                log.error("stage %s: outputs of %d not taken: %s", self._stage.name, sequence, error)
            else:
                self._counters.published += len(events)
            return

    def _published_already(self, sequence: int) -> bool:
        """A replay's outputs that EVENTS already holds completely need not be sent again."""
        epoch, last = self._published_before
        return epoch == self._epoch and sequence < last

    def _stamped(self, events: Sequence[Event], sequence: int) -> list[Event]:
        """Give every event its id, the same in every replay, and the runner's mode."""
        name, partition = self._stage.name, self._partition
        return [
            msgspec.structs.replace(
                event,
                id=event.id or derived_ulid(event.t_us, name, partition, sequence, index),
                mode=self._mode,
            )
            for index, event in enumerate(events)
        ]

    async def _resume(self) -> None:
        """Load the snapshot, and find out how far the outputs got before the crash."""
        stream = await self._bus.stream_state(self._stream)
        self._epoch = stream.created_us
        self._published_before = await self._last_output()
        self._sequence = self._saved.sequence = 0
        self._origins = Origins()
        saved = await self._saved.load()
        if saved is None or not await self._thaw(*saved):
            self._counters = _Counters(errors=self._counters.errors)
            await self._host.begin(None)

    async def _thaw(self, sequence: int, data: bytes) -> bool:
        """Take over a snapshot; False where it cannot be read: then the stage begins with all that the stream holds."""
        try:
            snapshot = _snapshots.decode(data)
            await self._host.begin(snapshot.state)
        except WorkerDied:
            raise
        except Exception:
            log.exception("stage %s: its snapshot cannot be read, beginning anew", self._stage.name)
            return False
        self._sequence = sequence
        self._origins = Origins(snapshot.marks)
        snapshot.counters.errors = max(snapshot.counters.errors, self._counters.errors)
        self._counters = snapshot.counters
        self._now_us = snapshot.now_us
        if snapshot.epoch != self._epoch:
            log.warning(
                "stage %s: stream %s was made anew, reading from its start", self._stage.name, self._stream
            )
            self._sequence = 0
        self._saved.sequence = self._sequence
        return True

    async def _last_output(self) -> tuple[int, int]:
        last = await self._bus.last(EVENTS, f"*.{self._stage.name}")
        if last is None:
            return (0, 0)
        envelope = last.envelope
        return (envelope.epoch, envelope.sequence) if envelope.partition == self._partition else (0, 0)

    def _count_error(self) -> None:
        self._counters.errors += 1

    async def _try_save(self) -> None:
        """A state that cannot be frozen costs a longer replay, not the stage."""
        try:
            await self._save()
        except WorkerDied:
            raise
        except Exception:
            self._count_error()
            log.exception("stage %s: snapshot failed; the one before it rules", self._stage.name)

    async def _save(self) -> None:
        """Freeze state, sequence and watermarks in one record, and begin to write it."""
        if self._sequence == self._saved.sequence:
            return
        frozen = await self._host.snapshot()
        record = _Snapshot(self._epoch, self._now_us, self._origins.marks, self._counters, frozen)
        self._saved.write(self._sequence, msgspec.msgpack.encode(record))

    async def _stop(self) -> None:
        """Finish the message in hand and take a last snapshot; where that fails, the one before it rules."""
        try:
            with anyio.move_on_after(_FINAL_SAVE_S, shield=True):
                if self._unsent is not None and self._bus.open:
                    await self._finish()
                await self._saved.settle()
                if self._clean and self._resumed:
                    await self._save()
                    await self._saved.settle()
        except Exception:
            log.exception("stage %s: last snapshot failed; the one before it rules", self._stage.name)
        finally:
            await self._host.close()


def _n_raw(batch: ObservationBatch | list[Event] | None) -> int:
    return batch.n_raw if isinstance(batch, ObservationBatch) else 0
