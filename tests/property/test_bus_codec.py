"""Whatever goes onto the bus comes off it unchanged, and whatever else comes is one clear error."""

import struct
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.bus import (
    BatchError,
    Envelope,
    EnvelopeError,
    decode_batch,
    decode_events,
    encode_batch,
    encode_events,
)
from s4allcities.domain import Context, Heartbeat, ObservationBatch, Payload, Series

INT64 = st.integers(-(2**63), 2**63 - 1)
CONTENT = st.recursive(
    st.none()
    | st.booleans()
    | INT64
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def batches(draw: st.DrawFn) -> ObservationBatch:
    texts = st.text(max_size=12)
    series = draw(
        st.lists(
            st.builds(Series, sensor=texts, quantity=texts, unit=texts, zone=texts), min_size=1, max_size=5
        )
    )
    rows = draw(st.integers(0, 40))

    def column(values: st.SearchStrategy[Any], dtype: Any) -> Any:
        return np.array(draw(st.lists(values, min_size=rows, max_size=rows)), dtype)

    payload = st.builds(Payload, row=st.integers(0, max(rows - 1, 0)), schema=texts, data=CONTENT)
    return ObservationBatch(
        family=draw(texts),
        partition=draw(st.integers(0, 65_535)),
        series=tuple(series),
        series_ix=column(st.integers(0, len(series) - 1), np.uint32),
        t_us=column(INT64, np.int64),
        value=column(st.floats(), np.float64),
        quality=column(st.integers(0, 255), np.uint8),
        payloads=tuple(draw(st.lists(payload, max_size=3))) if rows else (),
        t_ingest_us=draw(INT64),
        n_raw=draw(st.integers(0, 2**63 - 1)),
        raw_last=tuple(draw(st.lists(st.integers(0, 2**63 - 1), max_size=8))),
        mode=draw(st.sampled_from(["live", "exercise", "simulation", "replay"])),
    )


@given(batches())
def test_a_batch_survives_the_wire(before: ObservationBatch) -> None:
    after = decode_batch(encode_batch(before))
    for name in ("series_ix", "t_us", "value", "quality"):
        assert getattr(after, name).tobytes() == getattr(before, name).tobytes()
    for name in ("family", "partition", "series", "payloads", "t_ingest_us", "n_raw", "raw_last", "mode"):
        assert getattr(after, name) == getattr(before, name)


@given(st.binary(max_size=200))
def test_bytes_from_anywhere_are_a_batch_error(data: bytes) -> None:
    try:
        decode_batch(data)
    except BatchError:
        return
    raise AssertionError("random bytes were taken for a batch")


@given(batches(), st.data())
def test_a_batch_with_changed_bytes_and_a_right_checksum_never_breaks_the_reader(
    before: ObservationBatch, data: st.DataObject
) -> None:
    broken = bytearray(encode_batch(before))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(8, len(broken) - 1))] = data.draw(st.integers(0, 255))
    broken[4:8] = struct.pack("<I", zlib.crc32(bytes(broken[8:])))
    try:
        after = decode_batch(bytes(broken))
    except BatchError:
        return
    assert len(after.series_ix) == len(after.t_us) == len(after.value) == len(after.quality)
    assert not len(after) or int(after.series_ix.max()) < len(after.series)


@given(st.lists(CONTENT, max_size=4), st.integers(0, 2**63 - 1), st.integers(0, 1000))
def test_an_envelope_survives_the_wire(values: list[Any], sequence: int, index: int) -> None:
    events = tuple(
        Context(id=str(n), t_us=n, subject="s", attribute="a", value=value) for n, value in enumerate(values)
    )
    before = Envelope(stage="s", partition=0, sequence=sequence, index=index, now_us=1, events=events)
    assert decode_events(encode_events(before)) == before


@given(st.binary(max_size=200))
def test_bytes_from_anywhere_are_an_envelope_error(data: bytes) -> None:
    try:
        decode_events(data)
    except EnvelopeError:
        return
    raise AssertionError("random bytes were taken for an envelope")


@given(st.data())
def test_a_damaged_envelope_never_breaks_the_reader(data: st.DataObject) -> None:
    whole = Envelope(
        stage="fusion", partition=0, sequence=3, index=0, now_us=1, events=(Heartbeat(id="h", t_us=5),)
    )
    broken = bytearray(encode_events(whole))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    with suppress(EnvelopeError):
        decode_events(bytes(broken))
