"""How much goes in, how fast it is decided, what it costs: a platform under load, and its peers on the same work."""

import asyncio
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from s4allcities.bus import Bus, NatsServer, ServerConfig
from s4allcities.domain import SystemClock
from s4allcities.site import load_site

from ..warm import warm_up
from .checkout import SITE, BenchError
from .durability import backfill, history, under_attack
from .ingest_core import CORE_BATCHES, ROWS, SERIES, durable, fill, from_stream
from .ingest_live import BATCH_ROWS, DEVICES, PROBES, Live, Run, device_names, find_rate, trial
from .ingest_peers import Peer, bytewax, node_red
from .installation import Installation
from .results import Result, Say, at_least, at_most, measured, unmeasured

__all__ = ("live_results", "measure")

IDLE_S = 5.0
LONG_S, SHORT_S = 60.0, 10.0
BATCHES_PER_S = 200
"""Times 500 readings: 100,000 readings a second."""
LOAD = (
    f"{{}}, QoS 1, broker with sync_interval always; {PROBES} further devices send readings that cannot be true, whose "
    "detections are timed; devices, broker, platform and what measures share this machine"
)


async def _start(site: Path, runs: int, say: Say) -> list[Result]:
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
    name, goal = "memory.idle_mb", at_most(400)
    how = (
        f"memory of all processes of the platform {IDLE_S:g} s after the start, nothing connected: what is each one's "
        "own, and each mapped file once"
    )
    return [
        measured(
            "start.cold_s", started_s, "s", goal=at_most(8),
            how="wall time from starting the process on an empty data directory until /healthz is well and the page is "
            "served; kernels compiled before",
        ),
        measured(name, resident, "MB", digits=0, goal=goal, how=how)
        if resident
        else unmeasured(name, "MB", goal=goal, how=how, reason="this system does not tell a process's memory"),
    ]  # fmt: skip


async def _loads(site: Path, runs: int, say: Say) -> tuple[Run | None, list[Run]]:
    """Give the long run of single messages, None where the platform kept up with none, and those of batches."""
    names = [*device_names(DEVICES), *device_names(PROBES, "probe")]
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        async with Installation(Path(folder), site, names) as platform:
            live = await Live.of(platform, Path(folder) / "data")
            try:
                many = []
                for run in range(runs):
                    many.append(await trial(live, BATCHES_PER_S, SHORT_S, rows=BATCH_ROWS))
                    say(f"ingest: batches, run {run + 1}: {many[-1]}")
                return await _long(live, say), many
            finally:
                await live.close()


async def _long(live: Live, say: Say) -> Run | None:
    try:
        rate = (await find_rate(live, say)).rate_per_s
    except BenchError as error:
        say(f"ingest: {error}")
        return None
    run = await trial(live, rate, LONG_S)
    say(f"ingest: for {LONG_S:g} s, {run}")
    return run


async def _of_the_bus(root: Path, site: Path, runs: int, say: Say) -> list[Result]:
    """Measure what needs only the broker: from stream to decision beside Bytewax, and durable batches."""
    slug = load_site(site).slug
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        async with NatsServer(ServerConfig(data_dir=Path(folder) / "nats", site=slug)) as server:
            bus = await Bus.connect(
                server.url, site=slug, clock=SystemClock(), user=server.user, password=server.password
            )
            try:
                await bus.ensure_streams()
                await fill(bus, CORE_BATCHES)
                rates = await from_stream(bus, site, runs, say)
                peer = await asyncio.to_thread(bytewax, root, server, runs, say)
            finally:
                await bus.close()
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        durable_results = await durable(Path(folder), site, runs, say)
    return [*_core_results(rates, peer), *durable_results]


def _core_results(rates: Sequence[float], peer: Peer) -> list[Result]:
    ours = measured(
        "ingest.obs_per_s_core", rates, "1/s", digits=0, goal=at_least(1_500_000),
        how=f"readings a CPU-second of this process from stream OBS to decision: receiving, checking, validity stage, "
        f"time-series stage; {CORE_BATCHES} batches of {ROWS} readings of {SERIES} quiet series",
    )  # fmt: skip
    return [_beside(ours, peer), _ratio("ingest.ratio_bytewax", ours.value, peer, None)]


def _beside(ours: Result, peer: Peer) -> Result:
    ratio = None if peer.value is None or ours.value is None else round(ours.value / peer.value, 3)
    return msgspec.structs.replace(
        ours, peer=peer.name, peer_value=None if peer.value is None else round(peer.value), ratio=ratio,
        how=f"{ours.how}. {peer.how}", reason=peer.reason,
    )  # fmt: skip


def _ratio(name: str, ours: float | None, peer: Peer, goal: float | None) -> Result:
    bound = at_least(goal) if goal else None
    how = f"ours through the peer's, per CPU-second of each one's process, in the same job. {peer.how}"
    if ours is None or peer.value is None:
        reason = peer.reason or "ours could not be measured"
        return unmeasured(name, "ratio", reason=reason, how=how, goal=bound)
    result = measured(name, [ours / peer.value], "ratio", how=how, goal=bound, digits=3)
    return msgspec.structs.replace(
        result, peer=peer.name, peer_value=round(peer.value, 1), ratio=result.value
    )


def live_results(long: Run | None, many: Sequence[Run], peers: tuple[Peer, Peer]) -> list[Result]:
    """Give the results of the runs on a whole platform, and beside Node-RED."""
    return [*_single_results(long, peers[0]), *_batch_results(many, peers[1])]


def _single_results(long: Run | None, peer: Peer) -> list[Result]:
    lost_goal, rate_goal = at_most(0), at_least(10_000)
    if long is None:
        why = "the platform did not keep up with 500 messages a second, the least that is tried"
        return [
            unmeasured("ingest.single_msgs_per_s", "1/s", reason=why, goal=rate_goal),
            unmeasured("ingest.single_msgs_lost", "messages", reason=why, goal=lost_goal),
            _ratio("ingest.ratio_node_red_single", None, peer, 1.2),
        ]
    load = LOAD.format(
        f"{DEVICES} MQTT connections, one reading a message, {long.rate_per_s:g} a second offered for {LONG_S:g} s: "
        "the highest rate tried that was decided within 1 s of the last message sent"
    )
    per_core = long.messages / long.cpu_s
    broker_share = long.broker_cpu_s / long.messages * 1e6
    return [
        measured(
            "ingest.single_msgs_per_s", [long.decided_per_s], "1/s", digits=0, goal=rate_goal,
            how=f"messages decided a second of wall time. {load}. CPU time a message: platform "
            f"{1e6 / per_core:.0f} us, broker {broker_share:.0f} us",
        ),
        measured(
            "ingest.single_msgs_lost", [float(long.lost)], "messages", digits=0, goal=lost_goal,
            how=f"acknowledged less decided, rejected and expired. {load}",
        ),
        measured(
            "ingest.single_p99_ms", [long.p99_ms], "ms", digits=1, goal=at_most(250),
            how=f"from sending a reading until its detection had come back. {load}",
        ),
        measured(
            "ingest.single_memory_growth_mb", [long.memory_mb[1] - long.memory_mb[0]], "MB", digits=1,
            how=f"resident memory of platform and broker after that load less before it; before: "
            f"{long.memory_mb[0]:.0f} MB. {load}",
        ),
        measured(
            "ingest.single_msgs_per_s_core", [per_core], "1/s", digits=0,
            how=f"messages a CPU-second of the platform's process, all that it does included. {load}",
        ),
        _ratio("ingest.ratio_node_red_single", per_core, peer, 1.2),
    ]  # fmt: skip


def _batch_results(many: Sequence[Run], peer: Peer) -> list[Result]:
    load = LOAD.format(
        f"{DEVICES // 5} MQTT connections, {BATCHES_PER_S} messages a second of {BATCH_ROWS} readings in columns, "
        f"{SHORT_S:g} s a run"
    )
    slow = [run for run in many if not run.kept_up]
    note = f"; in {len(slow)} of {len(many)} runs the platform did not keep up" if slow else ""
    per_core = [BATCH_ROWS * run.messages / run.cpu_s for run in many]
    ours = measured(
        "ingest.wire_obs_per_s_core", per_core, "1/s", digits=0,
        how=f"readings a CPU-second of the platform's process from the devices' JSON to decision, history and page. "
        f"{load}{note}",
    )  # fmt: skip
    if any(math.isinf(run.p99_ms) for run in many):
        note += "; in a run no probe came back in time, which counts as infinitely late (null)"
    return [
        measured(
            "ingest.p50_ms_at_100k", [run.p50_ms for run in many], "ms", digits=1,
            how=f"from sending a reading until its detection had come back, median. {load}{note}",
        ),
        measured(
            "ingest.p99_ms_at_100k", [run.p99_ms for run in many], "ms", digits=1, goal=at_most(100),
            how=f"from sending a reading until its detection had come back, 99th percentile. {load}{note}",
        ),
        ours,
        _ratio("ingest.ratio_node_red_batched", ours.value, peer, None),
    ]  # fmt: skip


async def _measure(root: Path, site: Path, runs: int, say: Say) -> list[Result]:
    results = await _start(site, runs, say)
    long, many = await _loads(site, runs, say)
    peers = await node_red(root, load_site(site).slug, long.rate_per_s if long else 1000.0, say)
    results += live_results(long, many, peers)
    results += await _of_the_bus(root, site, runs, say)
    return [*results, *await under_attack(site, runs, say), *await backfill(site, runs, say)]


def measure(root: Path, runs: int, say: Say) -> list[Result]:
    """Measure on platforms of our own in temporary folders; the long run of single messages is made once."""
    site = root / SITE
    say("ingest: having the kernels compiled")
    warm_up(site)
    return [*uvloop.run(_measure(root, site, runs, say)), *history(runs, say)]
