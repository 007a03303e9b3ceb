"""Where the last run stopped, read back from the bus itself: no file of the edge's own can disagree with it."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import structlog

from s4allcities.domain import Rejected
from s4allcities.privacy.policies import FAMILIES

__all__ = ("RECALLED", "Followed", "RecoveryBus", "accounted_floor", "packed_until", "recall")

log = structlog.get_logger(__name__)

RECALLED = 20_000
"""Messages of stream OBS, back from its end, whose keys are read at the start."""


class RecoveryBus(Protocol):
    """The part of the bus that recovery reads."""

    async def last(self, stream: str, subject_suffix: str) -> Any:
        """Give the last message under a subject (with ``.batch`` and ``.envelope``), or None."""

    async def raw_states(self) -> Sequence[Any]:
        """Give ``first_sequence`` and ``last_sequence`` of each partition of stream RAW."""

    def follow(
        self, stream: str, filters: Sequence[str], *, after: int = ..., headers_only: bool = ...
    ) -> "Followed":
        """Iterate over a stream; messages have ``.sequence`` and ``.keys``."""


class Followed(Protocol):
    """An iteration over a stream that can be ended."""

    def __aiter__(self) -> AsyncIterator[Any]:
        """Start."""

    async def aclose(self) -> None:
        """Stop reading."""


async def recall(bus: RecoveryBus, remember: Callable[[int], None], *, messages: int = RECALLED) -> None:
    """Remember what earlier runs packed, oldest first, so that a device may repeat itself across a crash of everything.

    ``messages`` bounds how far back in OBS, of all that is in it.
    """
    newest = await bus.last("OBS", "obs.>")
    if newest is None:
        return
    after = max(0, newest.sequence - messages)
    async with aclosing(bus.follow("OBS", ["obs.>"], after=after, headers_only=True)) as packed:
        async for message in packed:
            for key in message.keys:
                remember(key)
            if message.sequence >= newest.sequence:
                return


async def packed_until(bus: RecoveryBus, family: str, partition: int = 0) -> tuple[int, ...]:
    """Give how far the last batch of a lane has come in each partition of RAW; empty when there is none.

    Batches of a lane are published one after the other and device messages come in order, so all of the lane's messages
    up to that place are accounted for.
    """
    message = await bus.last("OBS", f"obs.{family}.{partition}")
    if message is None:
        return ()
    try:
        raw_last: tuple[int, ...] = message.batch.raw_last
    except Exception as error:  # written by another version, or damaged
        log.warning("the last batch cannot be read", subject=f"obs.{family}.{partition}", error=repr(error))
        return ()
    return raw_last


async def accounted_floor(bus: RecoveryBus, families: Iterable[str]) -> list[int]:
    """Give for each partition of RAW the highest place known to be packed or rejected: a gap above it is what expired
    while no edge ran.

    On the first run there is no such place, and what stream RAW lost before cannot be told from what it never had.
    """
    states = await bus.raw_states()
    floor = [0] * len(states)
    for family in sorted({*FAMILIES, *families}):
        for partition, place in enumerate((await packed_until(bus, family))[: len(floor)]):
            floor[partition] = max(floor[partition], place)
    for partition, state in enumerate(states):
        floor[partition] = max(floor[partition], await _last_rejected(bus, partition))
        if not floor[partition]:
            floor[partition] = max(0, state.first_sequence - 1)
    return floor


async def _last_rejected(bus: RecoveryBus, partition: int) -> int:
    """Give the place of the last message that was refused for its subject: it never came as far as a lane."""
    message = await bus.last("EVENTS", f"rejected.raw-{partition}")
    if message is None:
        return 0
    try:
        events = message.envelope.events
    except Exception as error:
        log.warning("the last rejected record cannot be read", error=repr(error))
        return 0
    return max((event.raw_sequence for event in events if isinstance(event, Rejected)), default=0)
