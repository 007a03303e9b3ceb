import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.edge.fakes import NOW_US

from s4allcities.domain import Decoded, RawMessage
from s4allcities.edge.batcher import Entry, Packet, make_batch
from s4allcities.edge.intake import Intake
from s4allcities.edge.redaction import redact_text
from s4allcities.edge.replay import _retimed
from s4allcities.edge.sources import SourceTable, built_in_sources
from s4allcities.edge.sources.json_auto import JsonAutoSource


def decode(content: Any) -> Decoded:
    data = json.dumps(content).encode()
    return JsonAutoSource().decode(RawMessage(family="env", sensor="e1", data=data, t_received_us=NOW_US))


def test_columns_are_readings_in_the_order_of_time() -> None:
    columns = decode(
        {"sensor": "e1", "t_us": [NOW_US, NOW_US + 1], "heat_c": [20.5, 21], "co_ppm": [None, 4.0]}
    ).columns
    assert columns is not None
    assert columns.series == (("heat_c", "°C"), ("co_ppm", "ppm"))
    assert columns.series_ix.tolist() == [0, 0, 1]
    assert columns.t_us.tolist() == [NOW_US, NOW_US + 1, NOW_US + 1]
    assert columns.value.tolist() == [20.5, 21.0, 4.0]


@pytest.mark.parametrize("key", ["t", "time", "ts"])
@pytest.mark.parametrize(("scale", "within_us"), [(1e-6, 1), (1e-3, 0), (1, 0)])
def test_times_may_be_seconds_milliseconds_or_microseconds(key: str, scale: float, within_us: int) -> None:
    columns = decode({key: [NOW_US * scale], "x": [1]}).columns
    assert columns is not None
    assert abs(int(columns.t_us[0]) - NOW_US) <= within_us


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"t_us": [], "x": []}, "bad time"),
        ({"t_us": [NOW_US], "x": [1, 2]}, "bad field"),
        ({"t_us": [NOW_US], "x": 1}, "bad field"),
        ({"t_us": [NOW_US], "x": ["1"]}, "bad field"),
        ({"t_us": [NOW_US], "x": [True]}, "bad field"),
        ({"t_us": [NOW_US], "x": [10**400]}, "not finite"),
        ({"t_us": ["now"], "x": [1]}, "bad time"),
        ({"t_us": [NOW_US, 0], "x": [1, 1]}, "too old"),
        ({"t_us": [NOW_US + 61_000_000], "x": [1]}, "in the future"),
        ({"t_us": [1e300], "x": [1]}, "bad time"),
        ({"t_us": [NOW_US]}, "no reading"),
        ({"t_us": [NOW_US], "x": [None]}, "too many fields"),
        ({"t_us": [NOW_US] * 300, "x": [1] * 300, "y": [1] * 300}, "too many fields"),
        ({"t_us": [NOW_US], "x": [1], "quality": [0, 0]}, "bad field"),
    ],
)
def test_what_is_not_right_is_refused_with_the_reason(content: Any, why: str) -> None:
    assert decode(content).rejected.startswith(why)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e9, 1e9)), min_size=1, max_size=60))
def test_columns_and_single_objects_give_the_same_batch(rows: list[tuple[int, float]]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    whole = {"t_us": [NOW_US - t for t, _ in rows], "heat_c": [value for _, value in rows]}
    single = [{"t_us": NOW_US - t, "heat_c": value} for t, value in rows]
    batches = []
    for content in (whole, single):
        message = RawMessage(
            family="env", sensor="e1", data=json.dumps(content).encode(), t_received_us=NOW_US, sequence=3
        )
        entry = Intake(SourceTable(built_in_sources()), redact_text).take(message)
        assert entry.rejected is None
        assert entry.rows == len(rows)
        batches.append(make_batch(Packet("env", 0, (entry,), (3,)), zones={"e1": "hall"}, t_ingest_us=1))
    columns, objects = batches
    assert columns.series == objects.series
    assert columns.t_us.tolist() == objects.t_us.tolist()
    assert columns.value.tolist() == objects.value.tolist()


def test_columns_between_single_readings_keep_the_order_and_the_payloads() -> None:
    intake = Intake(SourceTable(built_in_sources()), redact_text)

    def entry(sequence: int, content: Any) -> Entry:
        data = json.dumps(content).encode()
        return intake.take(
            RawMessage(family="env", sensor="e1", data=data, t_received_us=NOW_US, sequence=sequence)
        )

    packet = Packet(
        "env",
        0,
        (
            entry(1, {"t_us": NOW_US - 9, "x": 1.0}),
            entry(2, {"t_us": [NOW_US - 8, NOW_US - 7], "x": [2.0, 3.0]}),
            entry(3, {"t_us": NOW_US - 6, "x": 4.0, "note": "hot"}),
        ),
    )
    batch = make_batch(packet, zones={}, t_ingest_us=1)
    values = batch.value[np.isfinite(batch.value)].tolist()
    assert values == [1.0, 2.0, 3.0, 4.0]
    assert [(payload.row, payload.data) for payload in batch.payloads] == [(4, "hot")]


def test_a_replay_at_todays_time_keeps_the_distances_within_columns() -> None:
    item = {"t": [1_000_000_000.0, 1_000_000_000.5], "heat_c": [1, 2]}
    assert _retimed(item, NOW_US) == {"t_us": [NOW_US, NOW_US + 500_000], "heat_c": [1, 2]}
    assert _retimed({"t": 1.0, "heat_c": 1}, NOW_US) == {"t_us": NOW_US, "heat_c": 1}
