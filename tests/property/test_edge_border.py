"""Whatever comes, a source gives either readings that hold to the limits or one clear line."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.domain import RawMessage, Source
from s4allcities.edge.http import parse_body
from s4allcities.edge.sources import built_in_sources
from s4allcities.edge.sources.border import MAX_ROWS
from s4allcities.edge.sources.mapped import MappedSource
from s4allcities.edge.sources.mapped.mapping import parse_mapping

NOW_US = 1_700_000_000_000_000
MAPPING = parse_mapping(
    "topic: env/*\ntime: t\nquantities: {x: {path: a.0.b, scale: 2, range: [-9, 9]}, y: x}"
)
SOURCES = [*built_in_sources(), MappedSource(MAPPING)]

KEYS = st.sampled_from(
    ["t", "time", "ts", "t_us", "date", "value", "unit", "quality", "n", "v", "vs", "vb", "bn", "bt", "bu", "bv",
     "people", "frame_hash", "status", "ack", "showing", "timestamp", "event_type", "a", "b", "x", "name"]
)  # fmt: skip
TIMES = st.sampled_from(
    ["2023-11-14T22:13:20Z", 1_700_000_000, 1.7e12, NOW_US, "20231114221320", "x", -1, 1e300]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | TIMES
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=20,
)
MESSAGES = st.binary(max_size=300) | JSON.map(lambda content: json.dumps(content).encode())


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@given(data=MESSAGES, now_us=st.sampled_from([0, NOW_US]))
def test_a_source_never_raises_and_what_it_accepts_is_in_bounds(
    source: Source, data: bytes, now_us: int
) -> None:
    decoded = source.decode(RawMessage(family="env", sensor="e1", data=data, t_received_us=now_us))
    if decoded.rejected:
        assert not decoded.observations
        assert decoded.rejected.isprintable()
        assert ": " in decoded.rejected
        return
    assert 0 < len(decoded.observations) <= MAX_ROWS
    for row in decoded.observations:
        assert (row.sensor, row.family) == ("e1", "env")
        assert now_us - 86_400_000_000 <= row.t_us <= now_us + 60_000_000
        assert math.isfinite(row.value) != bool(row.schema)
        assert row.quality in (0, 1, 2)
        assert 0 < len(row.quantity) <= 300
        msgspec.msgpack.encode(row)


@given(body=MESSAGES | st.lists(MESSAGES).map(b"\n".join))
def test_every_item_of_a_body_is_accepted_or_rejected(body: bytes) -> None:
    parsed = parse_body(body, family="env")
    indexes = sorted([item.index for item in parsed.accepted] + [item.index for item in parsed.rejected])
    assert indexes == list(range(len(indexes)))
    assert indexes
    for item in parsed.accepted:
        msgspec.json.decode(item.data)
