"""The trial of every night: due by the platform's clock, done in a process that gives way to the platform."""

import asyncio
import ctypes
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from s4allcities.domain import US_PER_S, Clock
from s4allcities.site import load_site
from s4allcities.store.errors import HistoryError

from .files import keep_report
from .run import AssureError, Plan, assure
from .sources import HistorySource
from .trial import DAY_US

__all__ = ("Nightly", "Work", "main", "next_due_us", "run_in_process")

log = structlog.get_logger(__name__)

LOOK_S = 30.0
NICER = 15


class Work(Struct, frozen=True, kw_only=True):
    """What the process needs; it ends with ``parent``. ``now_us`` is the platform's time."""

    site: str
    data_dir: str
    days: int
    budget_s: float
    now_us: int
    parent: int
    detectors: dict[str, dict[str, Any]] = {}


def next_due_us(now_us: int, at: str) -> int:
    """Give the next time that it is ``at`` (hours:minutes, UTC), later than now.

    >>> next_due_us(0, "02:30") // 60_000_000, next_due_us(150 * 60_000_000, "02:30") // 60_000_000
    (150, 1590)
    """
    hours, minutes = at.split(":")
    due_us = now_us // DAY_US * DAY_US + (int(hours) * 3600 + int(minutes) * 60) * US_PER_S
    return due_us if due_us > now_us else due_us + DAY_US


class Nightly:
    """Does ``work`` once a day at ``at`` by ``clock``, with the time when it was due. ``errors`` counts failures."""

    def __init__(self, clock: Clock, at: str, work: Callable[[int], Awaitable[None]]) -> None:
        self._clock, self._at, self._work = clock, at, work
        self.errors = 0

    async def run(self) -> None:
        """Work until cancelled. A night that fails is told and the next one tried."""
        while True:
            due_us = next_due_us(self._clock.now_us(), self._at)
            while (wait_us := due_us - self._clock.now_us()) > 0:
                # In short steps: a clock that is set leaves nobody waiting for a time that has gone by.
                await self._clock.sleep(min(LOOK_S, wait_us / US_PER_S))
            try:
                await self._work(due_us)
            except Exception:
                self.errors += 1
                log.exception("the nightly trial of the detectors failed; it is tried again tomorrow")


async def run_in_process(work: Work) -> None:
    """Try the detectors in a process of its own, which ends with this task. :raises RuntimeError: it failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s4allcities.app.assure.nightly", msgspec.json.encode(work).decode(),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"trial of the detectors: {said.decode(errors='replace').strip()[-500:]}")


def main() -> int:
    """Be the process."""
    work = msgspec.json.decode(sys.argv[1], type=Work)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != work.parent:
        return 0
    with suppress(OSError):
        os.nice(NICER)
    plan = Plan(seed=work.now_us // DAY_US, budget_s=work.budget_s)
    try:
        with HistorySource(Path(work.data_dir), work.days) as source:
            report = assure(
                load_site(Path(work.site)), source, plan, detectors=work.detectors, now_us=work.now_us
            )
    except (AssureError, HistoryError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    keep_report(Path(work.data_dir), report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
