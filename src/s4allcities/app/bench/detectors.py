"""Detectors on labelled recordings and simulated series: how right, how fast, how much memory, beside peers."""

import time
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.detection.groups import GroupJudged, judge_group
from s4allcities.detection.unusual import _layout as layout
from s4allcities.detection.unusual import judge_series, unusual_config
from s4allcities.detection.unusual.config import settings_of, weights_of
from s4allcities.detection.unusual.kernel import observe_rows
from s4allcities.detection.unusual.quick import N_QUICK, quick_tick
from s4allcities.evaluation.attacks import attack_score
from s4allcities.evaluation.nab import LOW_FALSE_ALARMS, NabSeries, nab_best, nab_score

from .access import access_results
from .building import building_results
from .checkout import BenchError
from .corpora import Plant, data_folder, nab_recordings, plant
from .detectors_bus import on_the_bus
from .injected import injected_results
from .patterns import pattern_results
from .peers import PeerAbsent, run_peer
from .results import Result, Say, at_least, at_most, measured, unmeasured
from .stage_speed import stage_speed_results

ATTACKED = (
    ("T3", "PU4", "PU5"), ("T2", "V2"), ("PU3",), ("PU3",), ("T2", "V2"), ("T7", "PU10", "PU11"), ("T4", "PU6", "PU7"),
)  # fmt: skip
"""What each attack of the water utility's test set was on: a pump, or a tank whose level or thresholds were
altered, and what that level switches (R. Taormina et al., J. Water Resources Planning and Management 144, 2018)."""

__all__ = ("group_results", "measure", "nab_results", "speed_results")

SPLITS = 20
READINGS, SERIES = 400_000, 1_000
MILLION = 1_000_000
PEER_READINGS = 3_000
_AT_LEAST = at_least(0.92)
S_LEAST = type(_AT_LEAST)(">= 0.92", _AT_LEAST.holds)  # the bound's words are rounded to whole numbers
NAB_HOW = (
    "public categories of NAB {n} series; defaults, the same for every series; ours is its published rules"
)


def nab_results(data: Path) -> list[Result]:
    """Score the defaults on the series that are there; the threshold alone is tuned, on all or on the other half."""
    corpus = [
        NabSeries(judge_series(each.t_us, each.value).score, each.windows) for each in nab_recordings(data)
    ]
    how = (
        f"{len(corpus)} series of the Numenta Anomaly Benchmark, scored by its published rules; the defaults"
    )
    halves = [_two_fold(corpus, seed) for seed in range(SPLITS)]
    return [
        measured("timeseries.nab_tuned", [nab_best(corpus)[0]], "points", goal=at_least(60),
                 how=f"{how}, best threshold over all of them, standard profile"),
        measured("timeseries.nab_two_fold", [float(np.mean(halves))], "points", goal=at_least(54),
                 how=f"{how}, threshold tuned on one half of the series and scored on the other, mean of {SPLITS} "
                 "splits; the detector's fixed settings were found with all series in sight"),
        measured("timeseries.nab_default", [nab_score(corpus, 0.5)], "points", how=f"{how}, alerts as they are"),
        measured("timeseries.nab_low_false_alarms", [nab_best(corpus, LOW_FALSE_ALARMS)[0]], "points",
                 goal=at_least(50), how=f"{how}, best threshold, profile of few false alarms"),
    ]  # fmt: skip


def _two_fold(corpus: list[NabSeries], seed: int) -> float:
    order = np.random.default_rng(seed).permutation(len(corpus))
    halves = [[corpus[i] for i in part] for part in np.array_split(order, 2)]
    weights = [sum(len(each.windows) for each in half) for half in halves]
    scores = [
        nab_score(half, nab_best(other)[1])
        for half, other in ((halves[0], halves[1]), (halves[1], halves[0]))
    ]
    return float(np.average(scores, weights=weights))


class _Peer(Struct):
    points_per_s: float
    version: str


def speed_results(root: Path, runs: int, say: Say) -> list[Result]:
    """Readings a CPU-second of the full and the quick look, memory, and peers in the same run."""
    random = np.random.default_rng(0)
    values = random.normal(size=READINGS)
    full = [_full_speed(values) for _ in range(runs)]
    quick = [_quick_speed(values) for _ in range(runs)]
    how = f"readings a CPU-second, {SERIES} series in turn, Gaussian noise every five minutes"
    result = measured("timeseries.points_per_s_core", full, "1/s", digits=0, goal=at_least(2e6), how=how)
    peers = _beside_peers(root, values, result, say)
    state_gb = (layout.BYTES_PER_SERIES * MILLION + _first_readings(MILLION)) / 1e9
    return [
        *peers,
        measured("timeseries.t1_points_per_s_core", quick, "1/s", digits=0, goal=at_least(50e6),
                 how=f"readings a CPU-second of the quick look, one tick of {READINGS} series at a time"),
        measured("timeseries.bytes_per_series", [layout.BYTES_PER_SERIES], "bytes", digits=0, goal=at_most(1024),
                 how="state of one series with the full look, without its name"),
        measured("timeseries.million_series_gb", [state_gb], "GB", goal=at_most(1.5),
                 how="blocks of a million series and the columns of one reading of each, written once; without names"),
    ]  # fmt: skip


def _beside_peers(root: Path, values: NDArray[np.float64], ours: Result, say: Say) -> list[Result]:
    request = {"values": values[:PEER_READINGS].tolist(), "readings": PEER_READINGS}
    try:
        found = run_peer(root, "detectors", "detectors_streams", request, dict[str, _Peer], say=say)
    except PeerAbsent as fault:
        return [_replaced(ours, "", None, reason=str(fault))]
    out = []
    for number, (name, peer) in enumerate(found.items()):
        named = ours.name if number == 0 else f"timeseries.points_per_s_beside_{name.split()[0]}"
        out.append(_replaced(ours, f"{name} {peer.version}", peer.points_per_s, name=named))
    return out


def _replaced(ours: Result, peer: str, value: float | None, *, name: str = "", reason: str = "") -> Result:
    differs = "; the peer is another method, called from Python a reading at a time, as its documents do"
    return Result(
        name=name or ours.name, value=ours.value, unit=ours.unit, goal=ours.goal, holds=ours.holds, runs=ours.runs,
        how=ours.how + (differs if peer else ""), peer=peer or None,
        peer_value=None if value is None else round(value),
        ratio=None if not value or ours.value is None else round(ours.value / value, 1), reason=reason,
    )  # fmt: skip


def _observe(
    slots: NDArray[np.int64], t_us: NDArray[np.int64], values: NDArray[np.float64], n_series: int
) -> float:
    """Run the kernel twice over rows of its own, the first time a little; give CPU-seconds of the second."""
    config, n = unusual_config(), slots.size
    floats = np.zeros((n_series, layout.N_FLOATS), np.float32)
    ints = np.zeros((n_series, layout.N_INTS), np.int64)
    patterns = np.zeros((n_series, layout.N_PATTERN_BYTES), np.uint8)
    z, bar, usual, spread = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    begins, reasons = np.zeros(n, np.uint8), np.zeros((n, layout.N_STREAMS), np.float32)
    quality, weights, settings = np.zeros(n, np.uint8), weights_of(config), settings_of(config)
    seconds = 0.0
    for part in (slice(0, 2), slice(2, n)):
        start = time.process_time()
        observe_rows(
            slots[part], t_us[part], values[part], quality[part], floats, ints, patterns, weights, settings,
            z, bar, begins, reasons, usual, spread,
        )  # fmt: skip
        seconds = time.process_time() - start
    return seconds


def _full_speed(values: NDArray[np.float64]) -> float:
    slots = np.tile(np.arange(SERIES), READINGS // SERIES)
    t_us = np.repeat(np.arange(READINGS // SERIES, dtype=np.int64) * 300_000_000, SERIES)
    return READINGS / _observe(slots, t_us, values, SERIES)


def _first_readings(n: int) -> int:
    """Give every one of ``n`` series a reading, so that all of its state is written; gives the bytes of the columns."""
    _observe(np.arange(n), np.zeros(n, np.int64), np.ones(n), n)
    return n * (8 * 3 + 1 + 8 * 4 + 1 + 4 * layout.N_STREAMS)


def _quick_speed(values: NDArray[np.float64]) -> float:
    single, block = values.astype(np.float32), np.zeros((N_QUICK, values.size), np.float32)
    out = np.zeros(values.size, np.float32)
    for _ in range(120):  # past its warm-up
        quick_tick(single, block, out)
    start = time.process_time()
    for _ in range(50):
        quick_tick(single, block, out)
    return 50 * values.size / (time.process_time() - start)


def group_results(data: Path) -> list[Result]:
    """Score the group detector once on the water utility's test set, learnt on the set without attacks."""
    usual, test = plant(data, "dataset03.csv"), plant(data, "test_dataset.csv")
    judged = judge_group(np.vstack([usual.values, test.values]), len(usual.values))
    score = attack_score(judged.alert[len(usual.values) :], test.attacked)
    how = "BATADAL test set, learnt on dataset03; settings were chosen on dataset04 alone"
    return [
        measured("multi.batadal_s", [score.s], "score", digits=3, goal=S_LEAST, how=how),
        measured("multi.batadal_attacks", [float(score.found)], "attacks", digits=0, goal=at_least(7),
                 how=f"{how}; found of {score.attacks}"),
        measured("multi.batadal_named", [_named(test, judged, len(usual.values))], "share of attacks",
                 goal=at_least(0.8), how=f"{how}; attacks in at least half of whose alerted hours what was attacked, "
                 "or what its level switches, is among the three named"),
    ]  # fmt: skip


def _named(test: Plant, judged: GroupJudged, begin: int) -> float:
    edges = np.flatnonzero(np.diff(np.r_[False, test.attacked, False])).reshape(-1, 2)
    parts = [name.split("_")[-1] for name in test.names]
    named = 0
    for (first, last), attacked in zip(edges.tolist(), ATTACKED, strict=True):
        rows = [row for row in range(begin + first, begin + last) if judged.alert[row]]
        hits = sum(any(parts[column] in attacked for column in judged.blamed[row]) for row in rows)
        named += bool(rows) and 2 * hits >= len(rows)
    return named / len(ATTACKED)


def measure(root: Path, runs: int, say: Say) -> list[Result]:
    """Measure all; figures that need recordings are null, with the reason, where those are absent."""
    results: list[Result] = []
    say("detectors: speed")
    results += speed_results(root, runs, say)
    say("detectors: injected attacks")
    results += injected_results()
    say("detectors: labelled recordings")
    results += _on_recordings(root)
    results += on_the_bus(root, runs, say)
    results += stage_speed_results(root, runs, say)
    say("detectors: patterns")
    results += pattern_results(root, say)
    return results + access_results(root, runs, say) + building_results(root, runs, say)


def _on_recordings(root: Path) -> list[Result]:
    try:
        data = data_folder(root)
        return nab_results(data) + group_results(data)
    except BenchError as fault:
        names = (("timeseries.nab_tuned", "points"), ("timeseries.nab_two_fold", "points"),
                 ("multi.batadal_s", "score"), ("multi.batadal_attacks", "attacks"),
                 ("multi.batadal_named", "share of attacks"))  # fmt: skip
        return [unmeasured(name, unit, reason=str(fault)) for name, unit in names]
