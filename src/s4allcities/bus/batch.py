"""Observation batches as bytes: columns as they lie in memory, so that reading them copies nothing.

Layout, little-endian: ``"S4B"``, version u1, CRC-32 u4 of all that follows, rows n u4, header length u4; then the
columns t_us (n x i8), value (n x f8), series_ix (n x u4), quality (n x u1): 21 bytes a row; then the header, a msgpack
array with everything that is not a row. The columns come first because there they stay aligned.
"""

import struct
import zlib
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from s4allcities.domain import ObservationBatch, Payload, Series

from .errors import BatchError

__all__ = ("BYTES_PER_ROW", "MAX_ROWS", "decode_batch", "encode_batch")

MAX_ROWS = 65_536
"""A batch holds at most this many rows (the edge packs 500)."""
BYTES_PER_ROW = 21

_MAGIC = b"S4B"
_VERSION = 1
_PREFIX = struct.Struct("<3sBIII")
_CRC_FROM = 8
_UNLOCKED = 5000
_MODES = frozenset({"live", "exercise", "simulation", "replay"})
_CACHED_SERIES_BYTES = 65_536
_SeriesRow = tuple[str, str, str, str]


class _Header(Struct, frozen=True, array_like=True):
    family: str
    partition: int
    mode: str
    t_ingest_us: int
    n_raw: int
    raw_last: int | tuple[int, ...]
    series: msgspec.Raw
    payloads: tuple[Payload, ...]


_encoder = msgspec.msgpack.Encoder()
_header_decoder = msgspec.msgpack.Decoder(_Header)
_series_decoder = msgspec.msgpack.Decoder(list[_SeriesRow])


def encode_batch(batch: ObservationBatch) -> bytes:
    """Write a batch.

    >>> from s4allcities.domain import empty_batch
    >>> decode_batch(encode_batch(empty_batch(7))).t_ingest_us
    7

    :raises BatchError: columns of different length, a series or payload row that does not exist, a payload that
        msgpack cannot hold, more than `MAX_ROWS` rows.
    """
    _check(batch)
    series = [(one.sensor, one.quantity, one.unit, one.zone) for one in batch.series]
    try:
        header = _encoder.encode(
            _Header(
                family=batch.family,
                partition=batch.partition,
                mode=batch.mode,
                t_ingest_us=batch.t_ingest_us,
                n_raw=batch.n_raw,
                raw_last=batch.raw_last,
                series=msgspec.Raw(_encoder.encode(series)),
                payloads=batch.payloads,
            )
        )
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BatchError(f"batch of {batch.family!r}: payload cannot be written: {error}") from error
    body = b"".join((*_columns(batch), header))
    lengths = struct.pack("<II", len(batch), len(header))
    crc = zlib.crc32(body, zlib.crc32(lengths))
    return b"".join((_MAGIC, struct.pack("<BI", _VERSION, crc), lengths, body))


def _columns(batch: ObservationBatch) -> tuple[bytes, bytes, bytes, bytes]:
    return (
        batch.t_us.astype("<i8", copy=False).tobytes(),
        batch.value.astype("<f8", copy=False).tobytes(),
        batch.series_ix.astype("<u4", copy=False).tobytes(),
        batch.quality.astype("u1", copy=False).tobytes(),
    )


def decode_batch(data: bytes | memoryview) -> ObservationBatch:
    """Read a batch. The columns are read-only views into ``data``.

    :raises BatchError: anything but what `encode_batch` wrote, whatever is wrong with it.
    """
    rows, header_length = _frame(data)
    end = _PREFIX.size + rows * BYTES_PER_ROW
    try:
        header = _header_decoder.decode(memoryview(data)[end : end + header_length])
        series = _series(bytes(header.series))
    except (msgspec.MsgspecError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise BatchError(f"batch header does not fit: {error}") from error
    at = _PREFIX.size
    batch = ObservationBatch(
        family=header.family,
        partition=header.partition,
        series=series,
        t_us=_column(data, "<i8", rows, at),
        value=_column(data, "<f8", rows, at + 8 * rows),
        series_ix=_column(data, "<u4", rows, at + 16 * rows),
        quality=_column(data, "u1", rows, at + 20 * rows),
        payloads=header.payloads,
        t_ingest_us=header.t_ingest_us,
        n_raw=header.n_raw,
        raw_last=_marks(header.raw_last),
        mode=header.mode,
    )
    _check(batch)
    return batch


def _marks(raw_last: int | tuple[int, ...]) -> tuple[int, ...]:
    """A batch from before RAW had partitions says one number."""
    if isinstance(raw_last, tuple):
        return raw_last
    return (raw_last,) if raw_last else ()


def _frame(data: bytes | memoryview) -> tuple[int, int]:
    """Check prefix, lengths and CRC; give (rows, header length)."""
    if len(data) < _PREFIX.size:
        raise BatchError(f"batch of {len(data)} bytes is shorter than its prefix of {_PREFIX.size}")
    magic, version, crc, rows, header_length = _PREFIX.unpack_from(data)
    if magic != _MAGIC:
        raise BatchError("not a batch: it does not start with S4B")
    if version != _VERSION:
        raise BatchError(f"batch version is {version}; this reader knows {_VERSION}")
    if rows > MAX_ROWS:
        raise BatchError(f"batch says {rows} rows; allowed are up to {MAX_ROWS}")
    expected = _PREFIX.size + rows * BYTES_PER_ROW + header_length
    if len(data) != expected:
        raise BatchError(f"batch has {len(data)} bytes, its prefix says {expected}")
    if _crc32(memoryview(data)[_CRC_FROM:]) != crc:
        raise BatchError("batch is damaged: its CRC-32 does not match")
    return rows, header_length


def _crc32(data: memoryview) -> int:
    """Python lets go of its lock for more than 5 KiB at once, and getting it back can take longer than the sum."""
    crc = 0
    for begin in range(0, len(data), _UNLOCKED):
        crc = zlib.crc32(data[begin : begin + _UNLOCKED], crc)
    return crc


def _column(data: bytes | memoryview, dtype: str, rows: int, offset: int) -> Any:
    column = np.frombuffer(data, dtype, rows, offset)
    return column if column.flags.aligned else column.copy()


def _series(packed: bytes) -> tuple[Series, ...]:
    """The edge sends the same table with every batch of a steady set of sensors: read it once."""
    return _series_cached(packed) if len(packed) <= _CACHED_SERIES_BYTES else _series_read(packed)


def _series_read(packed: bytes) -> tuple[Series, ...]:
    return tuple(
        Series(sensor=sensor, quantity=quantity, unit=unit, zone=zone)
        for sensor, quantity, unit, zone in _series_decoder.decode(packed)
    )


_series_cached = lru_cache(maxsize=256)(_series_read)


def _check(batch: ObservationBatch) -> None:
    """Hold what every reader relies on.

    :raises BatchError: it does not hold.
    """
    rows = len(batch.t_us)
    lengths = (len(batch.series_ix), rows, len(batch.value), len(batch.quality))
    if len(set(lengths)) != 1 or rows > MAX_ROWS:
        raise BatchError(
            f"batch of {batch.family!r}: columns have {lengths} rows; allowed are equal lengths up to {MAX_ROWS}"
        )
    if rows and int(batch.series_ix.max()) >= len(batch.series):
        raise BatchError(f"batch of {batch.family!r}: a row points beyond its {len(batch.series)} series")
    if any(not 0 <= payload.row < rows for payload in batch.payloads):
        raise BatchError(f"batch of {batch.family!r}: a payload is tied to a row outside 0..{rows - 1}")
    if batch.mode not in _MODES:
        raise BatchError(f"batch of {batch.family!r}: mode is {batch.mode!r}; allowed are {sorted(_MODES)}")
    if batch.n_raw < 0 or min(batch.raw_last, default=0) < 0 or not 0 <= batch.partition < 65_536:
        raise BatchError(f"batch of {batch.family!r}: partition, n_raw and raw_last are 0 or above")
