"""Small stories for the stages, made by hand: sensors, batches and their times."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from s4allcities.domain import ObservationBatch, Payload, Series

T0_US = 1_790_000_000_000_000


class Spec(Struct, frozen=True, kw_only=True):
    """A sensor of a made-up site."""

    slug: str
    name: str = ""
    family: str = "env"
    zone: str = "ticket-hall"
    level: int = -1
    x_m: float = 10.0
    y_m: float = 20.0
    covers: tuple[str, ...] = ()


Row = tuple[str, str, float, Any]
"""Sensor, quantity, seconds since T0, and a value or a (schema, data) payload."""


def batch_of(rows: Iterable[Row], family: str = "env", zone: str = "ticket-hall") -> ObservationBatch:
    rows = list(rows)
    names = sorted({(sensor, quantity) for sensor, quantity, _, _ in rows})
    index = {name: i for i, name in enumerate(names)}
    payloads = tuple(
        Payload(n, *value) for n, (_, _, _, value) in enumerate(rows) if isinstance(value, tuple)
    )
    return ObservationBatch(
        family=family,
        partition=0,
        series=tuple(Series(sensor=sensor, quantity=quantity, zone=zone) for sensor, quantity in names),
        series_ix=np.array([index[row[0], row[1]] for row in rows], np.uint32),
        t_us=np.array([at(row[2]) for row in rows], np.int64),
        value=np.array([np.nan if isinstance(row[3], tuple) else row[3] for row in rows], np.float64),
        quality=np.zeros(len(rows), np.uint8),
        payloads=payloads,
    )


def at(seconds: float) -> int:
    return T0_US + round(seconds * 1e6)


def feed_of(
    rows: Sequence[Row], family: str = "env", every_s: float = 1.0
) -> list[tuple[ObservationBatch, int]]:
    """Pack rows into one batch for every ``every_s`` seconds, with the platform's time at its end."""
    out: list[tuple[ObservationBatch, int]] = []
    part: list[Row] = []
    end = every_s
    for row in sorted(rows, key=lambda row: row[2]):
        while row[2] >= end:
            if part:
                out.append((batch_of(part, family), at(end)))
                part = []
            end += every_s
        part.append(row)
    if part:
        out.append((batch_of(part, family), at(end)))
    return out
