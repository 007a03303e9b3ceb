"""Walking through the rows of a batch in order, for detectors whose rules look at one reading at a time."""

from collections.abc import Iterator

from msgspec import Struct

from ..domain import US_PER_S, ObservationBatch
from ..domain.observation import BAD

__all__ = ("Reading", "readings_of", "usable_time")

_FUTURE_US = 60 * US_PER_S
_PAST_US = -(2**61)


class Reading(Struct, frozen=True):
    """One row: ``value`` is NaN and ``schema``, ``data`` are set where a number could not hold it."""

    sensor: str
    quantity: str
    unit: str
    zone: str
    t_us: int
    value: float
    schema: str = ""
    data: object = None


def usable_time(t_us: int, now_us: int) -> bool:
    """Whether a reading's time can be worked with: not a minute ahead of the platform's, not before all time."""
    return _PAST_US < t_us <= now_us + _FUTURE_US


def readings_of(batch: ObservationBatch, now_us: int) -> Iterator[Reading]:
    """Give the rows that are not declared bad and whose time is usable."""
    payloads = {each.row: each for each in batch.payloads}
    rows = zip(
        batch.series_ix.tolist(),
        batch.t_us.tolist(),
        batch.value.tolist(),
        batch.quality.tolist(),
        strict=True,
    )
    for row, (index, t_us, value, quality) in enumerate(rows):
        if quality >= BAD or not usable_time(t_us, now_us):
            continue
        series, payload = batch.series[index], payloads.get(row)
        schema, data = (payload.schema, payload.data) if payload is not None else ("", None)
        yield Reading(series.sensor, series.quantity, series.unit, series.zone, t_us, value, schema, data)
