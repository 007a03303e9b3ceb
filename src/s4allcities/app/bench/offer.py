"""Load from a process of its own, what a process has used of the processors, and what was found of the load."""

import asyncio
import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from s4allcities.bus import Bus
from s4allcities.domain import Detection

from .checkout import BenchError
from .sender import Plan, Sent

__all__ = ("Offer", "ProbeWatch", "cpu_s", "resident_mb")

READY_S = 90.0


def cpu_s(pid: int) -> float:
    """Give the CPU-seconds that a process has used so far, user and system, from ``/proc``."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Give the resident memory of a process in 10^6 bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Offer:
    """Connects a plan's devices while the context is open; `send` lets them send and gives what happened."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "Offer":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "s4allcities.app.bench.sender",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(READY_S):
                await self._say(msgspec.json.encode(self._plan))
                if await self._line() != b"ready":
                    raise BenchError("the devices of the benchmark could not connect to the broker")
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def send(self) -> Sent:
        """Let the devices send; gives what happened when all is acknowledged."""
        await self._say(b"go")
        return msgspec.json.decode(await self._line(), type=Sent)

    async def _say(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        await self._process.stdin.drain()

    async def _line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).strip()


class ProbeWatch:
    """Follows the detections that probes cause; ``latency_ms`` is from each sending until its detection came here.

    ``detector`` is the stage that finds them, ``kind`` what it says, from a value of ``least`` on.
    """

    def __init__(
        self,
        bus: Bus,
        is_probe: Callable[[str], bool],
        *,
        detector: str = "validity",
        kind: str = "sensor-range",
        least: float = -math.inf,
    ) -> None:
        self.latency_ms: list[float] = []
        self._bus = bus
        self._is_probe = is_probe
        self._detector, self._kind, self._least = detector, kind, least

    async def run(self, after: int) -> None:
        """Follow until cancelled."""
        async for message in self._bus.follow("EVENTS", [f"det.{self._detector}"], after=after):
            now_us = time.time_ns() / 1000
            for event in message.envelope.events:
                if self._found(event):
                    self.latency_ms.append((now_us - event.t_us) / 1000)

    def _found(self, event: Any) -> bool:
        return (
            isinstance(event, Detection)
            and event.kind == self._kind
            and self._is_probe(event.sensor)
            and (event.value is None or event.value >= self._least)
        )

    async def until(self, count: int, within_s: float) -> None:
        """Wait for that many, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while len(self.latency_ms) < count:  # noqa: ASYNC110 - another task's progress
                    await asyncio.sleep(0.02)

    def quantile(self, share: float, sent: int) -> float:
        """Give a quantile of the latencies in milliseconds; of ``sent`` probes, one not found is infinitely late."""
        ordered = sorted(self.latency_ms)
        place = int(share * max(sent, len(ordered)))
        return ordered[place] if place < len(ordered) else math.inf
