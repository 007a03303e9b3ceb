"""Clocks: the wall's, a scaled one for demos, and one that tests move by hand."""

import asyncio
import time

__all__ = ("ManualClock", "ScaledClock", "SystemClock")


class SystemClock:
    """The machine's own clock."""

    def now_us(self) -> int:
        """Give microseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)


class ScaledClock:
    """Runs ``speed`` times as fast as the wall, from ``origin_us`` on; all processes with the same origin agree.

    >>> ScaledClock(speed=10.0, origin_us=0).now_us() > 0
    True

    :raises ValueError: speed not above 0.
    """

    def __init__(self, *, speed: float, origin_us: int) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed}; allowed are numbers above 0")
        self.speed = speed
        self.origin_us = origin_us

    def now_us(self) -> int:
        """Give the scaled time."""
        wall_us = time.time_ns() // 1000
        return self.origin_us + int((wall_us - self.origin_us) * self.speed)

    async def sleep(self, seconds: float) -> None:
        """Wait that many scaled seconds."""
        await asyncio.sleep(seconds / self.speed)


class ManualClock:
    """Stands still until it is moved; `sleep` moves it at once."""

    def __init__(self, t_us: int = 0) -> None:
        self.t_us = t_us

    def now_us(self) -> int:
        """Give the set time."""
        return self.t_us

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.t_us += round(seconds * 1_000_000)

    async def sleep(self, seconds: float) -> None:
        """Move on by the time asked for and let others run."""
        self.advance(seconds)
        await asyncio.sleep(0)
