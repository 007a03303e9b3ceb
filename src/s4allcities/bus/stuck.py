"""Finding a stage that does not come back, getting the event loop out of it, and moving it out of the way.

A light stage's step runs on the event loop. One that never ends would hold up everything: no other task can even
notice. So a thread watches, and sends this process a signal when a step is over its time; Python runs the signal's
handler inside the step, where it raises `StageStuck`. The handler does so only while a step is over its time: nothing
else is ever hit. From then on the stage computes in a process of its own, where being stuck harms nobody.

Limits: compiled code (a Numba kernel, a C library) is interrupted only when it comes back to Python. For code that
never does, see `s4allcities.app.standstill`.
"""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, Self

from s4allcities.domain import Event, ObservationBatch, Stage

from .hosts import InProcessHost, StageHost, WorkerDied

__all__ = ("StageStuck", "StepWatch", "WatchedHost")

log = logging.getLogger(__name__)

_SIGNAL = signal.SIGUSR2
_LOOK_S = 0.1

STUCK_S = 5.0
"""A step on the event loop may take this long; it is meant to take milliseconds."""


class StageStuck(BaseException):
    """A step was over its time. Not an `Exception`, so that no stage's own handling of errors swallows it."""


class StepWatch:
    """Watches the steps that run on the main thread. Use it as a context manager, from the main thread.

    >>> with StepWatch() as watch, watch.step(0.05):
    ...     while True: pass
    Traceback (most recent call last):
    s4allcities.bus.stuck.StageStuck: a step took more than 0.05 s
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._limit_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="step-watch", daemon=True)
        self._main = threading.main_thread().ident or 0

    def __enter__(self) -> Self:
        self._before = signal.signal(_SIGNAL, self._interrupt)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        signal.signal(_SIGNAL, self._before)

    @contextmanager
    def step(self, limit_s: float) -> Iterator[None]:
        """Run one step inside.

        :raises StageStuck: it took more than ``limit_s`` seconds.
        """
        self._limit_s, self._until = limit_s, monotonic() + limit_s
        try:
            yield
        finally:
            self._until = 0.0

    def _look(self) -> None:
        while not self._over.wait(_LOOK_S):
            if 0.0 < self._until < monotonic():
                signal.pthread_kill(self._main, _SIGNAL)

    def _interrupt(self, _: int, __: FrameType | None) -> None:
        if 0.0 < self._until < monotonic():
            self._until = 0.0
            raise StageStuck(f"a step took more than {self._limit_s:g} s")


class WatchedHost:
    """A light stage on the event loop until a step of it is stuck; from then on in ``refuge``, a process of its own.

    ``isolated`` tells that it has been moved, or began there. The step that was stuck is tried once more there.
    """

    def __init__(
        self,
        stage: Stage[Any],
        watch: StepWatch,
        refuge: StageHost,
        *,
        stuck_s: float = STUCK_S,
        isolated: bool = False,
    ) -> None:
        self.isolated = isolated
        self._name = stage.name
        self._here = InProcessHost(stage)
        self._watch = watch
        self._refuge = refuge
        self._stuck_s = stuck_s

    async def begin(self, frozen: bytes | None) -> None:
        """Start the stage where it computes now."""
        await (self._refuge if self.isolated else self._here).begin(frozen)

    async def step(self, batch: ObservationBatch | list[Event], now_us: int) -> list[Event]:
        """Take one step.

        :raises WorkerDied: it was stuck; the state is gone.
        """
        if self.isolated:
            return await self._refuge.step(batch, now_us)
        try:
            with self._watch.step(self._stuck_s):
                return await self._here.step(batch, now_us)
        except StageStuck as stuck:
            self.isolated = True
            log.error("stage %s: %s; it gets a process of its own", self._name, stuck)
            raise WorkerDied(f"{self._name}: {stuck}") from None

    async def snapshot(self) -> bytes:
        """Freeze the state."""
        return await (self._refuge if self.isolated else self._here).snapshot()

    async def close(self) -> None:
        """Let go of everything."""
        await self._here.close()
        await self._refuge.close()
