"""The last way out when compiled code never comes back: the process ends, and its next start knows which stage it was.

Such code holds the interpreter, so nothing written in Python can get the event loop out of it, not even a signal (see
`s4allcities.bus.stuck`). `faulthandler` has a thread that needs no interpreter: unless the loop tells it every few
seconds that it lives, it writes down where each thread stands and ends the process. Whoever runs the platform starts it
again, and the stage that stood still begins in a process of its own, where it can be killed.
"""

import asyncio
import faulthandler
import inspect
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from s4allcities.domain import Stage

__all__ = ("FILE", "STILL_S", "stood_still", "watched")

FILE = "standstill.txt"
STILL_S, BEAT_S = 60.0, 5.0
"""So long the event loop may not move before the process ends, and how often it says that it does."""


def stood_still(folder: Path, stages: Iterable[Stage[Any]]) -> str:
    """Give the name of the stage in whose step the last run stood still for good, empty if it did not."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    steps = [line for line in text.splitlines() if line.endswith("in step")]
    for stage in stages:
        here = f'File "{inspect.getfile(type(stage))}"'
        if any(here in line for line in steps):
            return stage.name
    return ""


@asynccontextmanager
async def watched(folder: Path, *, still_s: float = STILL_S) -> AsyncIterator[None]:
    """End the process, with its traces in ``folder``, once the event loop has not moved for ``still_s`` seconds.

    Limits: a process that is stopped from outside for so long, as by a debugger, ends as well when it goes on.
    """
    path = folder / FILE
    with path.open("wb") as file:
        beating = asyncio.create_task(_beat(file.fileno(), still_s))
        try:
            yield
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
            faulthandler.cancel_dump_traceback_later()
    path.unlink(missing_ok=True)


async def _beat(file: int, still_s: float) -> None:
    while True:
        faulthandler.dump_traceback_later(still_s, exit=True, file=file)
        await asyncio.sleep(min(BEAT_S, still_s / 3))
