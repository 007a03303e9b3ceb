"""From facts on stream EVENTS to facts among the readings, where detectors find them in the order of the stream."""

from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from s4allcities.domain import (
    FACTS_FAMILY,
    FACTS_PARTITION,
    Context,
    Event,
    ObservationBatch,
    Payload,
    Series,
)

__all__ = ("FED", "FactFeed", "batch_of")

FED = frozenset({"event"})
"""The attributes that detectors want to know of."""


def batch_of(facts: Sequence[Context]) -> ObservationBatch:
    """Write facts as readings: ``sensor`` is the subject, ``quantity`` the attribute, 1 it holds, 0 it does not.

    >>> fact = Context(id="", t_us=5, subject="square", attribute="event", value=True, reason="a market", t_until_us=9)
    >>> batch = batch_of([fact])
    >>> batch.series[0].sensor, batch.value.tolist(), batch.payloads[0].data["t_until_us"]
    ('square', [1.0], 9)
    """
    n = len(facts)
    return ObservationBatch(
        family=FACTS_FAMILY,
        partition=FACTS_PARTITION,
        series=tuple(Series(sensor=each.subject, quantity=each.attribute) for each in facts),
        series_ix=np.arange(n, dtype=np.uint32),
        t_us=np.array([each.t_us for each in facts], np.int64),
        value=np.array([float(bool(each.value)) for each in facts]),
        quality=np.zeros(n, np.uint8),
        payloads=tuple(
            Payload(row, "fact/1", {"t_until_us": each.t_until_us, "reason": each.reason})
            for row, each in enumerate(facts)
        ),
    )


class FactFeed:
    """Follows the record and publishes the facts that detectors want; saying one again changes nothing."""

    def __init__(self, publish: Callable[[ObservationBatch], Awaitable[int]]) -> None:
        self._publish = publish

    async def follow(self, events: Sequence[Event]) -> None:
        """Take recorded events in, or what held before a start."""
        facts = [each for each in events if isinstance(each, Context) and each.attribute in FED]
        if facts:
            await self._publish(batch_of(facts))
