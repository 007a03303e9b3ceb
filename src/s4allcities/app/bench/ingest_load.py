"""A whole platform: its start, single messages from many devices, batches of 100,000 readings a second."""

import asyncio
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from .ingest_figures import found, missing
from .ingest_live import BATCH_ROWS, DEVICES, PROBES, Live, Run, find_rate, names_of_all, plan_of, trial
from .ingest_peers import Peer, node_red, ratio, ratio_from_wire
from .installation import Installation
from .results import Result, Say

__all__ = ("batch_results", "batched", "single", "single_results", "start")

IDLE_S = 3.0
LONG_S, SHORT_S, WARM_S = 60.0, 6.0, 4.0
BATCHES_PER_S, BATCH_DEVICES = 200, DEVICES // 5
"""Times 500 readings: 100,000 readings a second."""
LOAD = (
    f"{{}}, QoS 1, broker with sync_interval always; {PROBES} further devices send readings that cannot be true, whose "
    "detections are timed; devices, broker, platform and what measures share this machine"
)


async def start(_root: Path, site: Path, runs: int, say: Say) -> list[Result]:
    """Measure starts on an empty data directory, and the memory when nothing is connected."""
    started_s: list[float] = []
    resident: list[float] = []
    for run in range(runs):
        with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
            async with Installation(Path(folder), site) as platform:
                started_s.append(platform.started_s)
                await asyncio.sleep(IDLE_S)
                size_mb = platform.resident_mb()
        if size_mb is not None:
            resident.append(size_mb)
        say(f"ingest: start {run + 1} of {runs}: {started_s[-1]:.2f} s, {size_mb or 0:.0f} MB")
    how = (
        f"memory of all processes of the platform {IDLE_S:g} s after the start, nothing connected: what is each one's "
        "own, and each mapped file once"
    )
    return [
        found(
            "start.cold_s", started_s,
            "wall time from starting the process on an empty data directory until /healthz is well and the page is "
            "served; kernels compiled before",
        ),
        found("memory.idle_mb", resident, how)
        if resident
        else missing("memory.idle_mb", "this system does not tell a process's memory", how),
    ]  # fmt: skip


async def single(root: Path, site: Path, _runs: int, say: Say) -> list[Result]:
    """Find the highest rate of single messages that is borne, offer it for a minute, and let Node-RED bear it, too."""
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        async with Installation(Path(folder), site, names_of_all(DEVICES)) as platform:
            live = await Live.of(platform, platform.data_dir)
            try:
                rate_per_s = (await find_rate(live, say)).rate_per_s
                run = await trial(live, rate_per_s, LONG_S)
                say(f"ingest: for {LONG_S:g} s, {run}")
                plan = plan_of(live, rate_per_s, LONG_S, 1, DEVICES)
            finally:
                await live.close()
    return single_results(run, await node_red(root, plan, say))


def single_results(run: Run, peer: Peer) -> list[Result]:
    """Give the figures of a long run of single messages, beside the peer's."""
    load = LOAD.format(
        f"{DEVICES} MQTT connections, one reading a message, {run.rate_per_s:g} a second offered for {LONG_S:g} s: "
        "the highest rate tried that was decided within 1 s of the last message sent"
    )
    kept = "" if run.kept_up else ". For the whole time it was not borne: see messages lost and p99"
    per_core = run.messages / run.cpu_s
    before, half_way, after = run.memory_mb
    broker_us = run.broker_cpu_s / run.messages * 1e6
    return [
        found(
            "ingest.single_msgs_per_s", [run.decided_per_s],
            f"messages decided a second of wall time. {load}. CPU time a message: platform {1e6 / per_core:.0f} us, "
            f"broker {broker_us:.0f} us{kept}",
        ),
        found(
            "ingest.single_msgs_lost", [float(run.lost)],
            f"acknowledged less decided, rejected and expired. {load}",
        ),
        found(
            "ingest.single_p99_ms", [run.p99_ms],
            f"from sending a reading until its detection had come back. {load}",
        ),
        found(
            "ingest.single_memory_growth_mb", [after - half_way],
            f"resident memory of platform and broker after that load less that at half of it, when all devices are "
            f"known and all caches in use: {before:.0f} MB before, {half_way:.0f} MB half-way, {after:.0f} MB after. "
            f"{load}",
        ),
        found(
            "ingest.single_msgs_per_s_core", [per_core],
            f"messages a CPU-second of the platform's process, all that it does included. {load}",
        ),
        ratio_from_wire("ingest.ratio_node_red_single", run.messages / (run.cpu_s + run.broker_cpu_s), peer),
        ratio("ingest.ratio_node_red_single_process", per_core, peer),
        _memory(run, peer),
    ]  # fmt: skip


def _memory(run: Run, peer: Peer) -> Result:
    name = "ingest.memory_ratio_node_red"
    how = (
        f"resident memory of the platform's process after that load, {run.platform_mb:.0f} MB, through Node-RED's; "
        "ours holds all stages, the store, history and the page's server"
    )
    if peer.memory_mb is None:
        return missing(name, peer.reason, how)
    result = found(name, [run.platform_mb / peer.memory_mb], how)
    return replace(result, peer=peer.name, peer_value=round(peer.memory_mb, 1), ratio=result.value)


async def batched(root: Path, site: Path, runs: int, say: Say) -> list[Result]:
    """Offer 100,000 readings a second in batches, and let Node-RED bear them, too."""
    many = []
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        async with Installation(Path(folder), site, names_of_all(BATCH_DEVICES)) as platform:
            live = await Live.of(platform, platform.data_dir)
            try:
                # The first readings of a platform load what only they need: a pause of 0.1 s that comes once.
                await trial(live, BATCHES_PER_S, WARM_S, rows=BATCH_ROWS, devices=BATCH_DEVICES)
                for run in range(runs):
                    many.append(
                        await trial(live, BATCHES_PER_S, SHORT_S, rows=BATCH_ROWS, devices=BATCH_DEVICES)
                    )
                    say(f"ingest: batches, run {run + 1}: {many[-1]}")
                plan = plan_of(live, BATCHES_PER_S, SHORT_S, BATCH_ROWS, BATCH_DEVICES)
            finally:
                await live.close()
    return batch_results(many, await node_red(root, plan, say))


def batch_results(many: Sequence[Run], peer: Peer) -> list[Result]:
    """Give the figures of runs of batches, beside the peer's."""
    load = LOAD.format(
        f"{BATCH_DEVICES} MQTT connections, {BATCHES_PER_S} messages a second of {BATCH_ROWS} readings in columns, "
        f"{SHORT_S:g} s a run, after {WARM_S:g} s that are not counted"
    )
    slow = [run for run in many if not run.kept_up]
    note = f"; in {len(slow)} of {len(many)} runs the platform did not keep up" if slow else ""
    ours = found(
        "ingest.wire_obs_per_s_core", [BATCH_ROWS * run.messages / run.cpu_s for run in many],
        f"readings a CPU-second of the platform's process from the devices' JSON to decision, history and page. "
        f"{load}{note}",
    )  # fmt: skip
    if any(math.isinf(run.p99_ms) for run in many):
        note += "; in a run more than 1 % of the probes did not come back in time: infinitely late (null)"
    what = "from sending a reading until its detection had come back"
    return [
        found("ingest.p50_ms_at_100k", [run.p50_ms for run in many], f"{what}, median. {load}{note}"),
        found(
            "ingest.p99_ms_at_100k", [run.p99_ms for run in many], f"{what}, 99th percentile. {load}{note}"
        ),
        ours,
        ratio("ingest.ratio_node_red_batched", ours.value, peer),
    ]
