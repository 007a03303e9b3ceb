"""Observations: what sensors say, one by one at the border and in columns inside."""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = (
    "BAD",
    "FACTS_FAMILY",
    "FACTS_PARTITION",
    "GOOD",
    "SUSPECT",
    "Columns",
    "Observation",
    "ObservationBatch",
    "Payload",
    "Series",
    "empty_batch",
)

GOOD, SUSPECT, BAD = 0, 1, 2
"""Quality of a reading, as its source declares it."""

FACTS_FAMILY, FACTS_PARTITION = "facts", 999
"""Facts that detectors need lie among the readings, so that a replay finds both in one order: a stage that wants them
names ``obs.facts.999`` among its inputs. No lane of readings has this partition.
"""


class Series(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sensor and one of its quantities; ``zone`` is where the site file places the sensor."""

    sensor: str
    quantity: str
    unit: str = ""
    zone: str = ""


class Observation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reading at the border. ``value`` is NaN when the content is in ``payload`` (a spectrum, an EVE record...).

    ``schema`` names the form of ``payload`` (``eve/1``, ``frame-hash/1``, ``text/1``, ``sign-ack/1``).
    """

    family: str
    sensor: str
    quantity: str
    t_us: int
    value: float = float("nan")
    unit: str = ""
    quality: int = GOOD
    schema: str = ""
    payload: Any = None
    personal: bool = False


class Columns(Struct, frozen=True, kw_only=True):
    """Many plain numbers of one sensor as they came in one message: what is otherwise one `Observation` each.

    ``series`` are (quantity, unit); ``series_ix`` (n,) u4 points into them; ``t_us`` (n,) i8; ``value`` (n,) f8,
    finite; ``quality`` (n,) u1.
    """

    series: tuple[tuple[str, str], ...]
    series_ix: NDArray[np.uint32]
    t_us: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.t_us)


class Payload(Struct, frozen=True, array_like=True):
    """What a number cannot hold, tied to its row in the batch."""

    row: int
    schema: str
    data: Any


class ObservationBatch(Struct, frozen=True, kw_only=True):
    """Readings of one family and partition, in columns of equal length n.

    ``series_ix`` (n,) u4 points into ``series``; ``t_us`` (n,) i8; ``value`` (n,) f8; ``quality`` (n,) u1.
    ``t_ingest_us`` is when the edge packed it. ``n_raw`` counts the device messages inside (a message is never split).
    ``raw_last`` (partitions of RAW,) is how far the batches of this family have come in each: the highest sequence
    packed so far, so that nothing is packed twice after a crash; shorter where the last ones have none.
    """

    family: str
    partition: int
    series: tuple[Series, ...]
    series_ix: NDArray[np.uint32]
    t_us: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    payloads: tuple[Payload, ...] = ()
    t_ingest_us: int = 0
    n_raw: int = 0
    raw_last: tuple[int, ...] = ()
    mode: str = "live"

    def __len__(self) -> int:
        return len(self.t_us)


def empty_batch(t_ingest_us: int) -> ObservationBatch:
    """Give the batch without rows with which a runner tells a stage that time has passed."""
    return ObservationBatch(
        family="clock",
        partition=0,
        series=(),
        series_ix=np.empty(0, np.uint32),
        t_us=np.empty(0, np.int64),
        value=np.empty(0, np.float64),
        quality=np.empty(0, np.uint8),
        t_ingest_us=t_ingest_us,
    )
