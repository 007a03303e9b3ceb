"""How long to wait before trying again."""

import asyncio

__all__ = ("BackOff",)

FIRST_S = 0.1
MOST_S = 1.0


class BackOff:
    """Waits 0.1 s, twice as long each time, at most 1 s of real time; `reset` after a success."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def reset(self) -> None:
        """Start anew."""
        self._next_s = FIRST_S

    async def wait(self) -> None:
        """Wait."""
        await asyncio.sleep(self._next_s)
        self._next_s = min(MOST_S, 2 * self._next_s)
