"""Detectors as they run: a whole platform under 100,000 readings a second, and how late the unusual is told."""

import asyncio
import tempfile
from pathlib import Path

import uvloop

from ..warm import warm_up
from .checkout import SITE, BenchError
from .ingest_live import BATCH_ROWS, Live, Probe, Run, names_of_all, trial
from .installation import Installation
from .results import Result, Say, at_most, measured, unmeasured

__all__ = ("on_the_bus",)

DEVICES, BATCHES_PER_S, SECONDS = 200, 200, 7.0
WARM_S = 4.0
"""The first readings of a platform load what only they need: a pause of 0.1 s that comes once."""
MOST_S = 180.0
LATE_MS = 250.0
JUMP = Probe(reading='"level_m":80', past="level_m", detector="unusual", kind="sensor-anomaly", least=70.0)
"""A series of 800 ordinary readings jumps: its quantity has no rule, so the detector of the unusual tells."""
NAMES = ("detectors.p50_ms_at_100k", "detectors.p99_ms_at_100k")


async def _run(site: Path, runs: int, say: Say) -> list[Run]:
    many = []
    for run in range(runs):
        with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
            async with Installation(Path(folder), site, names_of_all(DEVICES)) as platform:
                live = await Live.of(platform, platform.data_dir)
                try:
                    await trial(live, BATCHES_PER_S, WARM_S, rows=BATCH_ROWS, devices=DEVICES)
                    many.append(
                        await trial(
                            live, BATCHES_PER_S, SECONDS, rows=BATCH_ROWS, devices=DEVICES, probe=JUMP
                        )
                    )
                finally:
                    await live.close()
        say(f"detectors: on the bus, run {run + 1} of {runs}: {many[-1]}")
    return many


def on_the_bus(root: Path, runs: int, say: Say) -> list[Result]:
    """Give the latency of what the full look tells, while it and all other stages judge 100,000 readings a second."""
    warm_up(root / SITE)

    async def within() -> list[Run]:
        async with asyncio.timeout(MOST_S * runs):
            return await _run(root / SITE, runs, say)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            many = runner.run(within())
    except (TimeoutError, BenchError) as fault:
        return [unmeasured(name, "ms", reason=str(fault) or "did not end in time") for name in NAMES]
    missing = sum(run.unfound for run in many)
    how = (
        f"from sending a reading that stands out until the detector of the unusual had told; {DEVICES} MQTT "
        f"connections, {BATCHES_PER_S} messages a second of {BATCH_ROWS} readings for {SECONDS:g} s after "
        f"{WARM_S:g} s that are not counted, all "
        f"stages on; 300 series with a past jump, 40 a second; {missing} not told; devices, broker, platform and what "
        "measures share this machine"
    )
    return [
        measured(NAMES[0], [run.p50_ms for run in many], "ms", digits=1, how=f"median {how}"),
        measured(
            NAMES[1],
            [run.p99_ms for run in many],
            "ms",
            digits=1,
            goal=at_most(LATE_MS),
            how=f"99th percentile {how}",
        ),
    ]
