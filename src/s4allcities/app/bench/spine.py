"""The platform as a whole: cold start, idle memory, what it takes in, and how long from a sensor to an alert."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from ..demo import DemoError, DemoOptions, run_demo
from ..warm import warm_up
from . import ingest
from .checkout import SITE, BenchError
from .installation import Installation
from .results import Result, Say, at_most, measured, unmeasured

__all__ = ("latency_results", "measure")

IDLE_S = 5.0
SEED = 1
LATENCIES = {
    "sensor_to_detection": "from sending a reading until its detection reached the operator's connection",
    "sensor_to_alert": "from sending the reading that confirmed an incident until its alert reached the operator",
}


async def _start(site: Path, runs: int, say: Say) -> list[Result]:
    started_s: list[float] = []
    resident_mb: list[float] = []
    for run in range(runs):
        with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
            async with Installation(Path(folder), site) as platform:
                started_s.append(platform.started_s)
                await asyncio.sleep(IDLE_S)
                size_mb = platform.resident_mb()
        if size_mb is not None:
            resident_mb.append(size_mb)
        say(f"spine: start {run + 1} of {runs}: {started_s[-1]:.2f} s, {size_mb or 0:.0f} MB")
    name, goal = "memory.idle_mb", at_most(400)
    how = (
        f"resident memory of platform and nats-server {IDLE_S:g} s after the start, nothing connected; "
        "pages that both share count twice"
    )
    return [
        measured(
            "start.cold_s", started_s, "s", goal=at_most(8),
            how="wall time from starting the process on an empty data directory until /healthz is well and the page is "
            "served; kernels compiled before",
        ),
        measured(name, resident_mb, "MB", digits=0, goal=goal, how=how)
        if resident_mb
        else unmeasured(name, "MB", goal=goal, how=how, reason="this system does not tell a process's memory"),
    ]  # fmt: skip


async def _alerts(site: Path, say: Say) -> list[Result]:
    say("spine: the scenario station-fire at the speed of life; some minutes")
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        options = DemoOptions(site=site, headless=True, port=0, seed=SEED, data_dir=Path(folder))
        try:
            document = await run_demo(options, _nothing)
        except DemoError as error:
            raise BenchError(f"the demonstration failed: {error}") from error
    return latency_results(document or {})


def _nothing(_: str) -> None:
    """Leave the story untold."""


def latency_results(document: dict[str, Any]) -> list[Result]:
    """Take the latencies out of a demonstration's document."""
    found = document.get("latency_ms", {})
    alerts = len(document.get("alerts", ()))
    results = []
    for what, words in LATENCIES.items():
        for quantile in ("p50", "p99"):
            name, value = f"alert.{what}_{quantile}", found.get(f"{what}_{quantile}")
            how = f"wall time {words}; one run of s4 demo station-fire --seed {SEED} at speed 1, simulated sensors"
            if what == "sensor_to_alert":
                how += f"; {alerts} alerts, of which those count whose reading is known: p99 is the slowest"
            results.append(
                unmeasured(name, "ms", how=how, reason="the run gave nothing to measure")
                if value is None
                else measured(name, [value], "ms", how=how, digits=1)
            )
    return results


async def _measure(site: Path, runs: int, say: Say) -> list[Result]:
    results = await _start(site, runs, say)
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        results += await ingest.single(Path(folder), site, runs, say)
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        results += await ingest.durable(Path(folder), site, runs, say)
    return results


def measure(root: Path, runs: int, say: Say) -> list[Result]:
    """Measure on a platform of our own in temporary folders; the demonstration is run once, whatever ``runs`` is."""
    site = root / SITE
    say("spine: having the kernels compiled")
    warm_up(site)
    results = uvloop.run(_measure(site, runs, say))
    results += ingest.core(site, runs)
    return results + uvloop.run(_alerts(site, say))
