"""How fast and how right fusion is: a core, a paced stream, a day, late arrivals, peers, the score on unseen seeds."""

import gc
import random
import time
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from s4allcities.domain import Detection
from s4allcities.fusion import FusionStage, FusionState

from .checkout import SITE
from .fusion_load import BATCH, T0_US, Stream, city_stage, stream_of
from .fusion_score import score_results
from .peers import PeerAbsent, run_peer
from .results import Result, Say, at_least, at_most, measured, unmeasured

__all__ = ("measure",)

THINGS = 5_000
"""Each is some two incidents: what is seen at its place, what its host says, and a share of what its zone says."""
PACE = 10_000.0
MEASURED = 32_000
PACED = 64_000
PEER_EVENTS = 4_000
DAY_S = 86_400
DAY_PER_S = 1
LATE = 8_000
SINGLE = "from msgpack bytes of 64 detections to incidents updated and read out; CPU-seconds of one process"
LOAD = f"10,000 to 11,000 live incidents of {THINGS:,} things over 8 x 8 km: points, zones, hosts; synthetic"


def measure(root: Path, runs: int, say: Say) -> list[Result]:
    """Measure fusion; the score on unseen seeds takes most of the time."""
    say("fusion: filling a city with incidents")
    city = _filled()
    rates = [_throughput(city, number, say) for number in range(max(1, min(runs, 3)))]
    results = [
        measured(
            "fusion.detections_per_s_core", rates, "1/s", digits=0, goal=at_least(100_000),
            how=f"{SINGLE}; {LOAD}",
        ),
        *_paced(city, say),
        *_day(say),
        *_late(say),
        *_peers(root, rates[0], say),
    ]  # fmt: skip
    return [*results, *score_results(root / SITE, say)]


class _City(Struct):
    """A stage with its state, and the time until which it has been fed."""

    stage: FusionStage
    state: FusionState
    until_us: int


def _filled() -> _City:
    """A stage in which every source has been heard a few times."""
    stage = city_stage(THINGS)
    state = stage.start()
    stream = stream_of(24 * THINGS, things=THINGS, per_s=PACE, seed=1)
    for message, until_us in zip(stream.messages, stream.until_us, strict=True):
        stage.absorb(state, _decode(message), until_us)
    state.engine.take_touched()
    return _City(stage, state, stream.until_us[-1])


_decode = msgspec.msgpack.Decoder(list[Detection]).decode


def _throughput(city: _City, number: int, say: Say) -> float:
    """Detections a CPU-second."""
    state = city.state
    stream = stream_of(MEASURED, things=THINGS, per_s=PACE, seed=2 + number, start_us=city.until_us + 100)
    city.until_us = stream.until_us[-1]
    start = time.process_time()
    for message, until_us in zip(stream.messages, stream.until_us, strict=True):
        _take(city, message, until_us)
    rate = stream.count / (time.process_time() - start)
    say(f"fusion: {rate:,.0f} detections/s with {len(state.engine.used()):,} incidents")
    return rate


def _take(city: _City, message: bytes, until_us: int) -> None:
    """From bytes to incidents updated and read out."""
    city.stage.absorb(city.state, _decode(message), until_us)
    engine = city.state.engine
    engine.survey(engine.take_touched(), until_us)


def _paced(city: _City, say: Say) -> list[Result]:
    """Messages arrive at 10,000 detections a second, filled one by one; a queue holds what comes meanwhile."""
    stream = stream_of(PACED, things=THINGS, per_s=PACE, seed=1000, start_us=city.until_us + 100)
    free_s, waits = 0.0, []
    for number, (message, until_us) in enumerate(zip(stream.messages, stream.until_us, strict=True)):
        full_s = (number + 1) * BATCH / PACE
        start = time.perf_counter()
        _take(city, message, until_us)
        free_s = max(free_s, full_s) + time.perf_counter() - start
        oldest = free_s - number * BATCH / PACE
        waits.append(np.linspace(oldest, free_s - full_s, BATCH))
    waited_ms = 1000 * np.concatenate(waits)
    say(f"fusion: p99 {np.percentile(waited_ms, 99):.1f} ms")
    how = (
        f"open loop at {PACE:,.0f} detections/s, messages of {BATCH}, wall time incl. filling the message and"
        f" queueing, until incidents are updated and read out; explained versions for people not counted; {LOAD}"
    )
    return [
        measured("fusion.p50_ms_at_10k", [float(np.percentile(waited_ms, 50))], "ms", how=how),
        measured(
            "fusion.p99_ms_at_10k", [float(np.percentile(waited_ms, 99))], "ms", how=how, goal=at_most(50)
        ),
    ]


def _day(say: Say) -> list[Result]:
    """24 h of a stream whose sources are new every hour; memory after the first two hours and the last."""
    stage = city_stage(1000)
    state = stage.start()
    size, first = 0.0, 0.0
    for hour in range(24):
        per_hour = DAY_S // 24 * DAY_PER_S
        start_us = T0_US + hour * 3_600_000_000
        stream = stream_of(per_hour, things=600, per_s=DAY_PER_S, seed=100 + hour, start_us=start_us)
        _feed_renamed(stage, state, stream, hour)
        gc.collect()
        size = _resident_mb()
        first = size if hour == 1 else first
    grown = size - first
    say(f"fusion: memory grew by {grown:.1f} MB from hour 2 to hour 24")
    how = (
        f"resident memory after 24 h less that after 2 h of a simulated stream of {DAY_PER_S} detections/s whose"
        " sensors and groups get new names every hour"
    )
    return [measured("fusion.memory_growth_24h_mb", [grown], "MB", how=how, goal=at_most(20), digits=1)]


def _feed_renamed(stage: FusionStage, state: FusionState, stream: Stream, hour: int) -> None:
    for message, until_us in zip(stream.messages, stream.until_us, strict=True):
        renamed = [
            msgspec.structs.replace(each, sensor=f"{each.sensor}-{hour}", group=f"{each.group}-{hour}")
            for each in _decode(message)
        ]
        stage.step(state, renamed, until_us)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def _late(say: Say) -> list[Result]:
    """The share of detections that end in another incident when 5 % come late: within the horizon, and beyond it."""
    results = []
    stream = stream_of(LATE, things=400, per_s=200.0, seed=4)
    detections = [each for message in stream.messages for each in _decode(message)]
    straight = _owners(detections, [each.t_us for each in detections])
    for name, least_s, most_s in (("within", 0.0, 1.9), ("beyond", 2.1, 30.0)):
        rng = random.Random(5)
        arrives = [
            each.t_us + (round(rng.uniform(least_s, most_s) * 1e6) if rng.random() < 0.05 else 0)
            for each in detections
        ]
        other = _owners(detections, arrives)
        share = sum(straight.get(key) != value for key, value in other.items()) / len(detections)
        say(f"fusion: {share:.4%} of detections end elsewhere when 5 % are late {name} the horizon")
        how = (
            f"5 % of {len(detections):,} detections {least_s:g} to {most_s:g} s late, horizon 2 s; share of all that"
            " end in another incident than in order; synthetic"
        )
        goal = at_most(0) if name == "within" else None
        results.append(
            measured(f"fusion.disagreement_{name}_horizon", [share], "", how=how, goal=goal, digits=6)
        )
    return results


def _owners(detections: list[Detection], arrives_us: list[int]) -> dict[str, str]:
    stage = city_stage(1000)
    state = stage.start()
    order = sorted(range(len(detections)), key=lambda at: arrives_us[at])
    for at in order:
        stage.absorb(state, [detections[at]], arrives_us[at])
    stage.step(state, [], arrives_us[order[-1]])
    return {each.id: state.owner(each.id) for each in detections}


class _Peer(Struct):
    events_per_s: float
    version: str
    reason: str


def _peers(root: Path, ours: float, say: Say) -> list[Result]:
    """Other people's programs on the same kinds and places, one event at a time."""
    stage = city_stage(100)
    rng = np.random.default_rng(6)
    events = np.stack([rng.integers(0, 8, PEER_EVENTS), rng.integers(0, 200, PEER_EVENTS)], axis=1).tolist()
    request = {"priors": stage.data.priors.tolist(), "llr": stage.data.llr[:8].tolist(), "events": events}
    try:
        answer = run_peer(root, "fusion", "fusion_rules", request, dict[str, _Peer], say=say)
    except PeerAbsent as reason:
        return [unmeasured("fusion.ratio_pyagrum", "x", reason=str(reason)),
                unmeasured("fusion.ratio_durable_rules", "x", reason=str(reason))]  # fmt: skip
    return [_ratio(name, peer, ours, say) for name, peer in answer.items()]


def _ratio(name: str, peer: _Peer, ours: float, say: Say) -> Result:
    if peer.reason:
        return unmeasured(f"fusion.ratio_{name}", "x", reason=peer.reason)
    say(f"fusion: {name} {peer.version}: {peer.events_per_s:,.0f} events/s")
    what = {
        "pyagrum": "a posterior over the same 12 hypotheses a detection, the last 8 kinds at its place as evidence",
        "durable_rules": "one rule: two different kinds at one place, each detection an event; it gives no probability",
    }[name]
    return Result(
        name=f"fusion.ratio_{name}",
        value=round(ours / peer.events_per_s, 1),
        unit="x",
        peer=f"{name} {peer.version}",
        peer_value=round(peer.events_per_s),
        ratio=round(ours / peer.events_per_s, 1),
        runs=1,
        how=f"detections/s a core of ours over events/s a core of the peer, same run. The peer does less: {what}",
    )
