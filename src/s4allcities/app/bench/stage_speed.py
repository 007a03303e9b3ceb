"""How many readings a second each detector takes as the stage that runs on the bus, on simulated quiet readings."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s4allcities.domain import ObservationBatch, Payload, Series, Stage
from s4allcities.site import load_site

from ..stages import build_stages
from .checkout import SITE
from .results import Result, Say, measured

__all__ = ("FEEDS", "stage_speed_results")

T0_US = 1_790_000_000_000_000
BATCHES, ROWS = 60, 500
NODE = {
    "temperature_c": 21.0, "humidity_pct": 40.0, "smoke_pct_m": 0.15, "flame": 0.02, "co_ppm": 1.5,
    "lpg_pct_lel": 0.4, "cng_pct_lel": 0.4,
}  # fmt: skip
Make = Callable[[int, np.random.Generator], ObservationBatch]


def _batch(
    family: str,
    names: Sequence[tuple[str, str]],
    values: NDArray[np.float64],
    number: int,
    payload: Callable[[int], Payload] | None = None,
) -> ObservationBatch:
    """Make a batch of the series in turn, a second apart; ``values`` (n,) are NaN where ``payload`` says it."""
    n = len(values)
    index = np.arange(n) % len(names)
    seconds = number * (n // len(names)) + np.arange(n) // len(names)
    return ObservationBatch(
        family=family, partition=0, series=tuple(Series(sensor=a, quantity=b) for a, b in names),
        series_ix=index.astype(np.uint32), t_us=T0_US + seconds.astype(np.int64) * 1_000_000, value=values,
        quality=np.zeros(n, np.uint8), payloads=tuple(map(payload, range(n))) if payload else (),
    )  # fmt: skip


def _numbers(number: int, random: np.random.Generator) -> ObservationBatch:
    names = [(f"heat-{each:02}", "heat_c") for each in range(50)]
    return _batch("env", names, random.normal(21.0, 0.1, ROWS), number)


def _nodes(number: int, random: np.random.Generator) -> ObservationBatch:
    names = [(f"node-{each:02}", name) for each in range(7) for name in NODE]
    usual = np.array([NODE[name] for _, name in names])[np.arange(ROWS - ROWS % len(names)) % len(names)]
    return _batch("building", names, usual + random.normal(0.0, 0.01, len(usual)), number)


def _doors(number: int, _: np.random.Generator) -> ObservationBatch:
    return _batch("door", [(f"door-dc-{each:02}", "open") for each in range(20)], np.ones(ROWS), number)


def _badges(number: int, _: np.random.Generator) -> ObservationBatch:
    names = [(f"reader-{each}", "access") for each in range(20)]

    def granted(row: int) -> Payload:
        return Payload(row, "access/1", {"result": "granted", "badge": f"b{number * ROWS + row}"})

    return _batch("access", names, np.full(ROWS, np.nan), number, granted)


def _flows(number: int, _: np.random.Generator) -> ObservationBatch:
    def flow(row: int) -> Payload:
        record = {
            "event_type": "flow", "src_ip": "10.20.4.5", "src_port": 40_000, "dest_ip": f"10.20.4.{row % 20 + 10}",
            "dest_port": 502, "proto": "TCP", "flow": {"pkts_toserver": 9, "pkts_toclient": 8, "state": "closed"},
        }  # fmt: skip
        return Payload(row, "eve/1", record)

    return _batch("eve", [("ids-1", "eve")], np.full(ROWS, np.nan), number, flow)


def _frames(number: int, _: np.random.Generator) -> ObservationBatch:
    names = [(f"camera-{each:02}", "frame_hash") for each in range(20)]

    def hash_(row: int) -> Payload:
        return Payload(row, "frame-hash/1", f"{number * ROWS + row:016x}")

    return _batch("camera", names, np.full(ROWS, np.nan), number, hash_)


FEEDS: Mapping[str, tuple[Make, str]] = {
    "validity": (_numbers, "50 heat sensors in turn"),
    "timeseries": (_numbers, "50 heat sensors in turn"),
    "unusual": (_numbers, "50 heat sensors in turn"),
    "integrity": (_numbers, "50 heat sensors in turn"),
    "groups": (_numbers, "50 heat sensors in turn, of which those of the site make a group"),
    "building": (_nodes, "7 nodes of 7 quantities"),
    "access": (_doors, "20 door controllers"),
    "badges": (_badges, "badges at 20 readers, each another"),
    "cyber": (_flows, "flows of one host to 20"),
    "frames": (_frames, "frames of 20 cameras, each another"),
}
"""Detector -> what it is fed, and in words."""


def _rate(stage: Stage[Any], make: Make) -> float:
    """Give readings a CPU-second, the first tenth of the batches not counted."""
    random = np.random.default_rng(5)
    made = [make(number, random) for number in range(BATCHES)]
    state, rows, begin = stage.start(), 0, 0.0
    for number, batch in enumerate(made):
        if number == BATCHES // 10:
            rows, begin = 0, time.process_time()
        stage.step(state, batch, int(batch.t_us[-1]))
        rows += len(batch)
    return rows / max(time.process_time() - begin, 1e-9)


def stage_speed_results(root: Path, runs: int, say: Say) -> list[Result]:
    """Measure each detector of the demonstration's site."""
    say("detectors: speed of each stage")
    site = root / SITE
    stages = {stage.name: stage for stage in build_stages(load_site(site), site, seed=0)}
    return [
        measured(
            f"speed.{name}_rows_per_s_core", [_rate(stages[name], make) for _ in range(runs)], "1/s", digits=0,
            how=f"readings a CPU-second of the stage in batches of about {ROWS}, quiet: {words}; without the bus",
        )
        for name, (make, words) in FEEDS.items()
    ]  # fmt: skip
