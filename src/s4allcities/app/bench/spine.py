"""The platform as a whole: how long from a sensor to an alert, in the demonstration."""

import tempfile
from pathlib import Path
from typing import Any

import uvloop

from ..demo import DemoError, DemoOptions, run_demo
from ..warm import warm_up
from .checkout import SITE, BenchError
from .results import Result, Say, measured, unmeasured

__all__ = ("latency_results", "measure")

SEED = 1
LATENCIES = {
    "sensor_to_detection": "from sending a reading until its detection reached the operator's connection",
    "sensor_to_alert": "from sending the reading that confirmed an incident until its alert reached the operator",
}


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


def measure(root: Path, runs: int, say: Say) -> list[Result]:
    """Run the demonstration once, whatever ``runs`` is."""
    site = root / SITE
    say("spine: having the kernels compiled")
    warm_up(site)
    return uvloop.run(_alerts(site, say))
