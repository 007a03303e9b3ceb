"""The benchmarks by name."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path

from .checkout import BenchError
from .results import BenchDocument, Result, Say, describe_machine

__all__ = ("BENCHES", "Measure", "run_bench")

Measure = Callable[[Path, int, Say], list[Result]]
"""Takes the checkout, how many runs to make, and where to tell how far it is."""

BENCHES: Mapping[str, str] = {
    "ingest": "start, memory, what goes in and how fast it is decided, beside Node-RED and Bytewax",
    "spine": "from a sensor to an alert: the demonstration at the speed of life",
    "risk": "risk of 2,000 zones, alarms in a flood and on a quiet day",
    "detectors": "detectors on labelled recordings and simulated series: scores, speed, memory, beside peers",
    "fusion": "detections a second a core, latency, a day's memory, late arrivals, peers, score on unseen seeds",
    "evacuation": "plans for a fire in the station, new plans when an exit falls, clearance runs",
}
"""Each is the ``measure`` of the module of that name, imported when it runs."""

PARTS: Mapping[str, tuple[str, ...]] = {"evacuation": ("evacuation", "crowd")}
"""Documents to which several modules contribute; what a later one measures under the same name counts."""


def run_bench(name: str, root: Path, runs: int, say: Say, only: str = "") -> BenchDocument:
    """Run one benchmark, or of it the phase named ``only`` where it has phases (`ingest`).

    :raises BenchError: there is no such benchmark or phase, ``runs`` is out of range, or something it needs does not
        work.
    """
    if name not in BENCHES:
        raise BenchError(f"there is no benchmark {name!r}; allowed are {', '.join(BENCHES)}")
    if not 1 <= runs <= 100:
        raise BenchError(f"runs is {runs}; allowed are 1 to 100")
    machine = describe_machine()
    if only:
        return BenchDocument(bench=name, machine=machine, results=tuple(_phase(name, only, root, runs, say)))
    results: dict[str, Result] = {}
    for part in PARTS.get(name, (name,)):
        measure: Measure = importlib.import_module(f"{__package__}.{part}").measure
        results |= {result.name: result for result in measure(root, runs, say)}
    return BenchDocument(bench=name, machine=machine, results=tuple(results.values()))


def _phase(name: str, only: str, root: Path, runs: int, say: Say) -> list[Result]:
    module = importlib.import_module(f"{__package__}.{name}")
    if not hasattr(module, "PHASES"):
        raise BenchError(f"{name} is measured as a whole: it has no phases")
    results: list[Result] = module.measure(root, runs, say, only)
    return results
