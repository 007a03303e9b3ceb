"""Where a stage computes: on the event loop, on a thread beside it, or in a process of its own.

Python runs one thread at a time, so a thread that plans holds up the ones that decide. A heavy stage therefore gets a
process: the runner, with stream, ids and snapshots, stays where it was; only state and step are elsewhere.
"""

import asyncio
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec
from msgspec import Struct

from s4allcities.domain import Event, ObservationBatch, Stage

from .batch import decode_batch, encode_batch
from .envelope import Envelope, decode_events, encode_events

__all__ = (
    "Answer",
    "InProcessHost",
    "ProcessHost",
    "Request",
    "StageHost",
    "WorkerDied",
    "WorkerFault",
    "answer",
)

S = TypeVar("S")
LENGTH = struct.Struct("<I")
"""Before each message between runner and worker: its length in bytes."""

STUCK_S = 120.0
START_S = 120.0
STOP_S = 2.0


class WorkerDied(Exception):
    """Raised when the process of a stage ended or was ended because it was stuck; its state is gone."""


class WorkerFault(Exception):
    """Raised when a stage failed on its input inside its process; its state is as the stage left it."""


class StageHost(Protocol):
    """Holds a stage's state and lets it take steps."""

    async def begin(self, frozen: bytes | None) -> None:
        """Start the stage, from a snapshot if there is one; what was before is gone.

        :raises Exception: the snapshot cannot be read.
        """

    async def step(self, batch: ObservationBatch | list[Event], now_us: int) -> list[Event]:
        """Let the stage take one step."""

    async def snapshot(self) -> bytes:
        """Freeze the state."""

    async def close(self) -> None:
        """Let go of everything."""


class InProcessHost(Generic[S]):
    """The stage in this process: on the event loop, or on a thread of its own where it is heavy."""

    def __init__(self, stage: Stage[S]) -> None:
        self._stage = stage
        self._state: S | None = None
        self._executor = (
            ThreadPoolExecutor(1, thread_name_prefix=f"stage-{stage.name}") if stage.heavy else None
        )

    async def begin(self, frozen: bytes | None) -> None:
        """Start the stage, or thaw it."""
        self._state = self._stage.start() if frozen is None else self._stage.restore(frozen)

    async def step(self, batch: ObservationBatch | list[Event], now_us: int) -> list[Event]:
        """Take one step."""
        state = cast(S, self._state)
        if self._executor is None:
            return self._stage.step(state, batch, now_us)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._stage.step, state, batch, now_us)

    async def snapshot(self) -> bytes:
        """Freeze the state."""
        state = cast(S, self._state)
        if self._executor is None:
            return self._stage.snapshot(state)
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._stage.snapshot, state)

    async def close(self) -> None:
        """Let the thread end."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)


class Request(Struct, frozen=True, array_like=True):
    """What the runner asks: ``what`` is begin, step or snapshot; ``rows`` tells a batch from events."""

    what: str
    data: bytes | None = None
    now_us: int = 0
    rows: bool = False


class Answer(Struct, frozen=True, array_like=True):
    """What the worker says: ``data`` is a snapshot or the events of a step, ``fault`` why there is none."""

    data: bytes = b""
    fault: str = ""


_answers = msgspec.msgpack.Decoder(Answer)


class ProcessHost:
    """The stage in a process of its own, started by ``command``, spoken to by its stdin and stdout (`answer`).

    A step of more than ``stuck_s`` seconds is taken as stuck: the process is killed. ``deaths`` counts how often the
    process ended without being asked to.
    """

    def __init__(self, name: str, command: Sequence[str], *, stuck_s: float = STUCK_S) -> None:
        self.name = name
        self.deaths = 0
        self._command = tuple(command)
        self._stuck_s = stuck_s
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id of the worker, 0 if there is none now."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    async def begin(self, frozen: bytes | None) -> None:
        """Start the process anew, and the stage in it.

        :raises WorkerDied: it does not come up.
        :raises WorkerFault: the stage does not start, or the snapshot cannot be read.
        """
        if not self.pid:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
        await self._ask(Request("begin", frozen), START_S)

    async def step(self, batch: ObservationBatch | list[Event], now_us: int) -> list[Event]:
        """Take one step. :raises WorkerDied: the process ended. :raises WorkerFault: the stage failed."""
        rows = isinstance(batch, ObservationBatch)
        data = encode_batch(batch) if isinstance(batch, ObservationBatch) else _events_bytes(batch)
        return list(decode_events(await self._ask(Request("step", data, now_us, rows), self._stuck_s)).events)

    async def snapshot(self) -> bytes:
        """Freeze the state. :raises WorkerDied: the process ended."""
        return await self._ask(Request("snapshot"), self._stuck_s)

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()  # which it takes as the end
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            await _kill(process)

    async def _ask(self, request: Request, within_s: float) -> bytes:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise WorkerDied(f"{self.name}: its process does not run")
        try:
            async with asyncio.timeout(within_s):
                data = msgspec.msgpack.encode(request)
                process.stdin.write(LENGTH.pack(len(data)) + data)
                await process.stdin.drain()
                (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
                said = _answers.decode(await process.stdout.readexactly(length))
        except TimeoutError:
            await self._bury(process, f"stuck for {within_s:g} s")
        except (OSError, RuntimeError, asyncio.IncompleteReadError, msgspec.MsgspecError) as error:
            # RuntimeError: uvloop has noticed before us that the process is gone, and closed the pipe
            await self._bury(process, f"ended ({type(error).__name__})")
        except asyncio.CancelledError:  # an answer half read would be taken for the next one's
            await _kill(process)
            raise
        if said.fault:
            raise WorkerFault(said.fault)
        return said.data

    async def _bury(self, process: asyncio.subprocess.Process, why: str) -> None:
        self.deaths += 1
        await _kill(process)
        raise WorkerDied(f"{self.name}: its process {why}")


async def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _events_bytes(events: Sequence[Event]) -> bytes:
    envelope = Envelope(stage="", partition=0, sequence=0, index=0, now_us=0, events=tuple(events))
    return encode_events(envelope)


def answer(stage: Stage[Any], state: Any, request: Request) -> tuple[Any, Answer]:
    """Do in the worker what the runner asks; gives (state, what to say). A stage's failure becomes ``fault``."""
    try:
        match request.what:
            case "begin":
                return stage.start() if request.data is None else stage.restore(request.data), Answer()
            case "snapshot":
                return state, Answer(stage.snapshot(state))
            case _:
                data = request.data or b""
                batch = decode_batch(data) if request.rows else list(decode_events(data).events)
                return state, Answer(_events_bytes(stage.step(state, batch, request.now_us)))
    except Exception as error:  # told to the runner, which sets the input aside
        return state, Answer(fault=f"{type(error).__name__}: {error}"[:500])
