"""The parts of the benchmarks that can be wrong without a platform."""

import asyncio
import math
from pathlib import Path

import numpy as np
import pytest

from s4allcities.app.bench import BenchError, ingest
from s4allcities.app.bench.ingest_core import batches
from s4allcities.app.bench.ingest_figures import FIGURES, found
from s4allcities.app.bench.ingest_live import Run
from s4allcities.app.bench.ingest_load import batch_results, single_results
from s4allcities.app.bench.ingest_peers import Peer
from s4allcities.app.bench.offer import ProbeWatch
from s4allcities.app.bench.results import Result, Say
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
    unfound=0,
    p50_ms=20.0,
    p99_ms=80.0,
    cpu_s=2.0,
    broker_cpu_s=3.0,
    memory_mb=(200.0, 300.0, 301.5),
    platform_mb=200.0,
    kept_up=True,
)
PEER = Peer(name="Node-RED", value=30_000.0, memory_mb=100.0, from_wire=8_000.0)
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
    results = {result.name: result for result in single_results(RUN, PEER)}
    assert set(results) == set(ingest.PHASES["single"].owes)
    assert results["ingest.single_msgs_per_s"].value == 498
    assert results["ingest.single_msgs_lost"].value == 2
    assert results["ingest.single_msgs_lost"].holds is False
    assert results["ingest.single_p99_ms"].holds is True
    assert results["ingest.single_msgs_per_s_core"].value == 15_000
    assert results["ingest.single_memory_growth_mb"].value == 1.5
    assert results["ingest.memory_ratio_node_red"].value == 2.0
    ratio = results["ingest.ratio_node_red_single"]
    assert (ratio.value, ratio.goal, ratio.holds, ratio.peer_value) == (0.75, ">= 1.2", False, 8_000)
    process = results["ingest.ratio_node_red_single_process"]
    assert (process.value, process.goal, process.peer_value) == (0.5, None, 30_000)


def test_batches_give_latency_and_what_a_core_bears_beside_the_peer() -> None:
    results = {result.name: result for result in batch_results([RUN], PEER)}
    assert set(results) == set(ingest.PHASES["batched"].owes)
    assert results["ingest.ratio_node_red_batched"].value == 500 * 30_000 / 2 / 30_000
    assert results["ingest.p99_ms_at_100k"].value == 80.0


def test_an_absent_peer_is_null_with_a_reason() -> None:
    results = {
        result.name: result for result in (*single_results(RUN, ABSENT), *batch_results([RUN], ABSENT))
    }
    names = (
        "ratio_node_red_single",
        "ratio_node_red_single_process",
        "ratio_node_red_batched",
        "memory_ratio_node_red",
    )
    for name in names:
        assert results[f"ingest.{name}"].value is None
        assert results[f"ingest.{name}"].reason == "there is no npm"


def test_a_probe_that_was_not_found_is_infinitely_late() -> None:
    watch = ProbeWatch(None, bool)  # type: ignore[arg-type]
    watch.latency_ms = [float(number) for number in range(100)]
    assert watch.quantile(0.5, 100) == 50.0
    assert watch.quantile(0.99, 100) == 99.0
    assert watch.quantile(0.99, 102) == math.inf


def test_every_figure_is_owed_by_one_phase() -> None:
    owed = [name for phase in ingest.PHASES.values() for name in phase.owes]
    assert sorted(owed) == sorted(FIGURES)


async def hangs(_root: Path, _site: Path, _runs: int, _say: Say) -> list[Result]:
    await asyncio.sleep(60)
    return []


async def fails(_root: Path, _site: Path, _runs: int, _say: Say) -> list[Result]:
    raise BenchError("it did not keep up")


async def gives_half(_root: Path, _site: Path, _runs: int, _say: Say) -> list[Result]:
    return [found("start.cold_s", [3.0], "made up")]


@pytest.mark.parametrize(
    ("work", "reason"), [(hangs, "given up"), (fails, "did not keep up"), (gives_half, "no such figure")]
)
def test_a_phase_that_hangs_or_fails_gives_up_and_the_next_is_measured(
    work: ingest.Work, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    owes = ("start.cold_s", "memory.idle_mb")
    phases = {"first": ingest.Phase(work, owes, 0.1), "next": ingest.Phase(gives_half, owes[:1], 5.0)}
    monkeypatch.setattr(ingest, "PHASES", phases)
    monkeypatch.setattr(ingest, "warm_up", lambda _site: None)
    said: list[str] = []
    *_, lacking, last = ingest.measure(tmp_path, 1, said.append)
    assert (lacking.name, lacking.value) == ("memory.idle_mb", None)
    assert reason in lacking.reason
    assert last.value == 3.0
    assert [each.name for each in ingest.measure(tmp_path, 1, said.append, "next")] == ["start.cold_s"]
    with pytest.raises(BenchError, match="allowed are first, next"):
        ingest.measure(tmp_path, 1, said.append, "other")
