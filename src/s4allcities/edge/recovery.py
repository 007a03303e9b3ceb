"""Where the last run stopped, read back from the bus itself: no file of the edge's own can disagree with it."""

from collections.abc import Iterable
from typing import Any, Protocol

import structlog

from s4allcities.domain import Rejected

__all__ = ("FAMILIES", "RecoveryBus", "accounted_floor", "packed_until")

log = structlog.get_logger(__name__)

FAMILIES = ("env", "people", "door", "camera", "eve", "traffic", "weather", "sign", "report")
"""Families looked up at the start, beside those that sources name."""


class RecoveryBus(Protocol):
    """The part of the bus that recovery reads."""

    async def last(self, stream: str, subject_suffix: str) -> Any:
        """Give the last message under a subject (with ``.batch`` and ``.envelope``), or None."""

    async def stream_state(self, stream: str) -> Any:
        """Give ``first_sequence`` and ``last_sequence`` of a stream."""


async def packed_until(bus: RecoveryBus, family: str, partition: int) -> int:
    """Give the highest place in RAW that the last batch of a lane holds; 0 when there is none.

    Batches of a lane are published one after the other and device messages come in order, so all of the lane's messages
    up to that place are accounted for.
    """
    message = await bus.last("OBS", f"obs.{family}.{partition}")
    if message is None:
        return 0
    try:
        raw_last: int = message.batch.raw_last
    except Exception as error:  # written by another version, or damaged
        log.warning("the last batch cannot be read", subject=f"obs.{family}.{partition}", error=repr(error))
        return 0
    return raw_last


async def accounted_floor(bus: RecoveryBus, families: Iterable[str]) -> int:
    """Give the highest place in RAW known to be packed or rejected: a gap above it is what expired while no edge ran.

    On the first run there is no such place, and what stream RAW lost before cannot be told from what it never had.
    """
    known = {*FAMILIES, *families}
    floor = max([await packed_until(bus, family, 0) for family in sorted(known)])
    floor = max(floor, await _last_rejected(bus))
    if floor:
        return floor
    state = await bus.stream_state("RAW")
    first: int = state.first_sequence
    return max(0, first - 1)


async def _last_rejected(bus: RecoveryBus) -> int:
    message = await bus.last("EVENTS", "rejected.>")
    if message is None:
        return 0
    try:
        events = message.envelope.events
    except Exception as error:
        log.warning("the last rejected record cannot be read", error=repr(error))
        return 0
    return max((event.raw_sequence for event in events if isinstance(event, Rejected)), default=0)
