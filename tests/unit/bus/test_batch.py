import struct
import zlib
from typing import Any

import msgspec
import numpy as np
import pytest

from s4allcities.bus import BatchError, decode_batch, encode_batch
from s4allcities.bus.batch import BYTES_PER_ROW, MAX_ROWS
from s4allcities.domain import ObservationBatch, Payload, Series, empty_batch


def batch(rows: int = 3, **changes: Any) -> ObservationBatch:
    made = ObservationBatch(
        family="env",
        partition=0,
        series=(Series(sensor="smoke-01", quantity="smoke_pct_m", unit="%/m", zone="hall"),),
        series_ix=np.zeros(rows, np.uint32),
        t_us=np.arange(rows, dtype=np.int64),
        value=np.linspace(0.0, 1.0, rows),
        quality=np.zeros(rows, np.uint8),
        payloads=(Payload(1, "eve/1", {"event_type": "alert", "deep": [1, None, {"a": 2.5}]}),)
        if rows > 1
        else (),
        t_ingest_us=1_700_000_000_000_000,
        n_raw=2,
        raw_last=(17, 0, 3),
        mode="simulation",
    )
    return msgspec.structs.replace(made, **changes)


def with_crc(body: bytes) -> bytes:
    """A frame whose checksum is right, whatever is inside."""
    return b"S4B\x01" + struct.pack("<I", zlib.crc32(body)) + body


def test_a_batch_comes_back_as_it_was() -> None:
    before = batch()
    after = decode_batch(encode_batch(before))
    for name in ("family", "partition", "series", "payloads", "t_ingest_us", "n_raw", "raw_last", "mode"):
        assert getattr(after, name) == getattr(before, name)
    for name in ("series_ix", "t_us", "value", "quality"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert getattr(after, name).dtype == getattr(before, name).dtype


def test_the_columns_are_views_into_the_message_aligned_and_read_only() -> None:
    data = encode_batch(batch(500))
    after = decode_batch(data)
    whole = np.frombuffer(data, np.uint8)
    for column in (after.series_ix, after.t_us, after.value, after.quality):
        assert np.shares_memory(column, whole)
        assert column.flags.aligned
        assert not column.flags.writeable


def test_columns_at_an_odd_address_are_copied_so_that_kernels_may_rely_on_alignment() -> None:
    data = memoryview(b"x" + encode_batch(batch()))[1:]
    assert decode_batch(data).t_us.flags.aligned


def test_a_row_costs_21_bytes() -> None:
    assert len(encode_batch(batch(1000))) - len(encode_batch(batch(500))) == 500 * BYTES_PER_ROW == 10_500


def test_the_tick_is_a_batch_without_rows() -> None:
    after = decode_batch(encode_batch(empty_batch(7)))
    assert (len(after), after.family, after.t_ingest_us) == (0, "clock", 7)


def test_other_integer_widths_are_brought_to_the_wire_form() -> None:
    odd = batch(3, series_ix=np.zeros(3, np.int64), value=np.ones(3, np.float32))
    after = decode_batch(encode_batch(odd))
    assert after.series_ix.dtype == np.uint32
    assert after.value.dtype == np.float64


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"value": np.zeros(2)}, "columns have"),
        ({"series_ix": np.array([0, 0, 1], np.uint32)}, "points beyond its 1 series"),
        ({"payloads": (Payload(3, "eve/1", {}),)}, "outside 0..2"),
        ({"payloads": (Payload(0, "eve/1", 1 << 70),)}, "payload cannot be written"),
        ({"payloads": (Payload(0, "eve/1", object()),)}, "payload cannot be written"),
        ({"mode": "pretend"}, "mode is 'pretend'"),
        ({"raw_last": (-1,)}, "0 or above"),
    ],
)
def test_what_does_not_hold_together_is_not_written(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BatchError, match=says):
        encode_batch(batch(3, **changes))


def test_too_many_rows() -> None:
    with pytest.raises(BatchError, match=str(MAX_ROWS)):
        encode_batch(batch(MAX_ROWS + 1))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "shorter than its prefix"),
        (b"S4B\x01", "shorter than its prefix"),
        (b"JSON" + bytes(20), "does not start with S4B"),
        (b"S4B\x02" + bytes(20), "version is 2; this reader knows 1"),
        (b"S4B\x01" + struct.pack("<III", 0, MAX_ROWS + 1, 0), "allowed are up to"),
        (b"S4B\x01" + struct.pack("<III", 0, 5, 0), "its prefix says 121"),
    ],
)
def test_bytes_that_are_no_batch(data: bytes, says: str) -> None:
    with pytest.raises(BatchError, match=says):
        decode_batch(data)


def test_one_flipped_bit_anywhere_is_found() -> None:
    data = encode_batch(batch())
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x10
        with pytest.raises(BatchError):
            decode_batch(bytes(broken))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\x98" + b"\xa1x" + b"\x00" * 5 + b"\xdd\xff\xff\xff\xff" + b"\x90",
        b"\x98" + b"\xa1x\x00\xa4live\x00\x00\x00\x90" + b"\xdd\xff\xff\xff\xff",
        b"\x98" + b"\xa1x\x00\xa4live\x00\x00\x00\x90" + b"\x91\x93\x00\xa0" + b"\x91" * 5000 + b"\x00",
        msgspec.msgpack.encode(["x", 0, "live", 0, 0, 0, [["only", "three", "names"]], []]),
        msgspec.msgpack.encode(["x", 0, "live", 0, 0, 0, [], [[0, "eve/1", {}]]]),
        msgspec.msgpack.encode(["x", 1 << 40, "live", 0, 0, 0, [], []]),
    ],
)
def test_a_hostile_header_with_a_right_checksum_is_one_clear_error(header: bytes) -> None:
    with pytest.raises(BatchError):
        decode_batch(with_crc(struct.pack("<II", 0, len(header)) + header))
