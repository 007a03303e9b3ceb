"""Every first stage keeps its contract on stories that nobody thought of."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.detection.feeds import Row, Spec, at, batch_of

from s4allcities.awareness.context import ContextStage
from s4allcities.checks import check_chunking, check_deterministic, check_snapshots
from s4allcities.detection.access import AccessStage
from s4allcities.detection.cyber import CyberStage, read_network_policy
from s4allcities.detection.frames import FramesStage
from s4allcities.detection.timeseries import TimeseriesStage, timeseries_config
from s4allcities.detection.validity import ValidityStage, validity_config
from s4allcities.domain import empty_batch

SENSORS = {
    "door": Spec(slug="door", family="door", covers=("exit-c",)),
    "count": Spec(slug="count", family="counter", covers=("exit-c",)),
    "loop": Spec(slug="loop", family="traffic", zone="", covers=("street",)),
}
POLICY = read_network_policy("hosts: {10.0.0.1: {device: door, exit: exit-c}}")
SERIES = [
    ("env", "smoke", "smoke_pct_m"),
    ("env", "co", "co_ppm"),
    ("people", "count", "out_per_min"),
    ("people", "count", "in_per_min"),
    ("people", "hall", "people"),
    ("door", "door", "open"),
    ("traffic", "loop", "speed_kmh"),
    ("env", "other", "strain_um"),
]

numbers = st.tuples(
    st.sampled_from(SERIES),
    st.lists(
        st.sampled_from([0.0, 1.0, 4.0, 30.0, 38.0, 90.0, -5.0, 1e4, float("nan")]), min_size=1, max_size=8
    ),
).map(lambda it: (it[0][0], [(it[0][1], it[0][2], value) for value in it[1]]))
frames = st.lists(st.sampled_from(["aa", "bb", "cc"]), min_size=1, max_size=8).map(
    lambda it: ("camera", [("cam", "frame_hash", ("frame-hash/1", each)) for each in it])
)
hosts = st.sampled_from([f"10.0.0.{i}" for i in range(6)])
records = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["flow", "alert", "modbus"]), "src_ip": hosts, "dest_ip": hosts},
    optional={
        "dest_port": st.integers(1, 6),
        "proto": st.just("TCP"),
        "alert": st.sampled_from(
            [{"signature": "x", "signature_id": 1}, {"signature": "y checksum", "signature_id": 2_200_073}]
        ),
        "modbus": st.just({"request": {"function_raw": 6}}),
    },
)
eve = st.lists(records, min_size=1, max_size=8).map(
    lambda it: ("eve", [("ids", "eve", ("eve/1", each)) for each in it])
)
ticks: st.SearchStrategy[Any] = st.just(("clock", []))
stories = st.lists(
    st.tuples(numbers | frames | eve | ticks, st.sampled_from([0.5, 2.0, 9.0])), min_size=2, max_size=25
)

STAGES: list[Callable[[], Any]] = [
    lambda: TimeseriesStage(timeseries_config({"unknown": {"warm_up": 3}, "limit": 4.0}), sensors=SENSORS),
    lambda: ValidityStage(
        validity_config({"stuck_readings": 2, "stuck_s": {"co_ppm": 3.0}}), sensors=SENSORS
    ),
    lambda: CyberStage(sensors=SENSORS, policy=POLICY),
    lambda: FramesStage(sensors=SENSORS),
    lambda: AccessStage(sensors=SENSORS),
    lambda: ContextStage(sensors=SENSORS, policy=POLICY),
]


def feed_from(story: list[tuple[Any, float]]) -> list[tuple[Any, int]]:
    feed: list[tuple[Any, int]] = []
    seconds = 0.0
    for (family, readings), step_s in story:
        rows: list[Row] = []
        for sensor, quantity, value in readings:
            seconds += step_s
            rows.append((sensor, quantity, seconds, value))
        seconds += step_s
        feed.append((batch_of(rows, family) if rows else empty_batch(at(seconds)), at(seconds)))
    return feed


@pytest.mark.parametrize("make", STAGES, ids=lambda make: make().name)
@settings(max_examples=25)
@given(story=stories)
def test_a_stage_says_the_same_however_it_is_fed(
    make: Callable[[], Any], story: list[tuple[Any, float]]
) -> None:
    feed = feed_from(story)
    check_deterministic(make, feed)
    check_snapshots(make, feed)
    check_chunking(make, feed, sizes=(1, 3))
