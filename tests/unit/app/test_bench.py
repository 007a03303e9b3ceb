"""The parts of the benchmarks that can be wrong without a platform."""

import numpy as np
import pytest

from s4allcities.app.bench import ingest
from s4allcities.app.bench.ingest_core import batches
from s4allcities.app.bench.ingest_live import Run
from s4allcities.app.bench.ingest_peers import Peer
from s4allcities.app.bench.sender import columns_payload, single_payload
from s4allcities.app.bench.spine import latency_results
from s4allcities.bus import decode_batch, encode_batch
from s4allcities.domain import RawMessage, SystemClock
from s4allcities.edge.sources.json_auto import JsonAutoSource

RUN = Run(
    rate_per_s=500.0,
    messages=30_000,
    decided_per_s=498.0,
    behind_s=0.1,
    lost=2,
    cut=0,
    p50_ms=20.0,
    p99_ms=80.0,
    cpu_s=2.0,
    broker_cpu_s=3.0,
    memory_mb=(300.0, 301.5),
    kept_up=True,
)
PEER = Peer(name="Node-RED", value=30_000.0)
ABSENT = Peer(name="Node-RED", reason="there is no npm")


def test_latencies_come_from_the_demonstrations_document() -> None:
    found = {"sensor_to_detection_p50": 31.26, "sensor_to_detection_p99": 80.0, "sensor_to_alert_p50": None}
    p50, p99, alert, missing = latency_results({"latency_ms": found, "alerts": [{}, {}]})
    assert (p50.name, p50.value, p50.unit) == ("alert.sensor_to_detection_p50", 31.3, "ms")
    assert p99.value == 80.0
    assert alert.value is None
    assert missing.value is None
    assert alert.reason
    assert "2 alerts" in alert.how


def test_batches_are_in_order_and_their_last_reading_is_not_ahead_of_now() -> None:
    made = batches(3)
    times = np.concatenate([batch.t_us for batch in made])
    assert all(len(batch) == 500 for batch in made)
    assert np.all(np.diff(times) >= 0)
    assert times[-1] <= SystemClock().now_us()
    assert np.array_equal(decode_batch(encode_batch(made[0])).value, made[0].value)


def test_what_the_devices_of_a_benchmark_say_is_read_whole() -> None:
    now_us = SystemClock().now_us()
    for data, rows in ((single_payload(3, now_us), 1), (columns_payload(3, now_us, 500), 500)):
        message = RawMessage(family="env", sensor="e1", data=data, t_received_us=now_us)
        decoded = JsonAutoSource().decode(message)
        assert not decoded.rejected
        assert len(decoded.columns or decoded.observations) == rows


def test_a_long_run_gives_rate_loss_latency_and_what_a_core_bears_beside_the_peer() -> None:
    results = {result.name: result for result in ingest.live_results(RUN, [RUN], (PEER, PEER))}
    assert results["ingest.single_msgs_per_s"].value == 498
    assert results["ingest.single_msgs_lost"].value == 2
    assert results["ingest.single_msgs_lost"].holds is False
    assert results["ingest.single_p99_ms"].holds is True
    assert results["ingest.single_msgs_per_s_core"].value == 15_000
    ratio = results["ingest.ratio_node_red_single"]
    assert (ratio.value, ratio.goal, ratio.holds, ratio.peer_value) == (0.5, ">= 1.2", False, 30_000)
    assert results["ingest.ratio_node_red_batched"].value == 500 * 30_000 / 2 / 30_000
    assert results["ingest.p99_ms_at_100k"].value == 80.0


@pytest.mark.parametrize("long", [None, RUN])
def test_what_could_not_be_measured_is_null_with_a_reason(long: Run | None) -> None:
    results = {result.name: result for result in ingest.live_results(long, [RUN], (ABSENT, ABSENT))}
    assert results["ingest.ratio_node_red_single"].value is None
    assert results["ingest.ratio_node_red_single"].reason == "there is no npm"
    if long is None:
        assert results["ingest.single_msgs_per_s"].value is None
        assert "did not keep up" in results["ingest.single_msgs_per_s"].reason
