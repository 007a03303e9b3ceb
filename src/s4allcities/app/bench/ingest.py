"""How much goes in, how fast it is decided, what it costs: a platform under load, and its peers on the same work.

It is measured in phases, each with a platform or a broker of its own, so that one can be run alone. A phase that takes
too long or fails gives up: its figures are null with the reason, and the next one begins.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import uvloop
from msgspec import Struct

from ..warm import warm_up
from .checkout import SITE, BenchError
from .durability import history
from .ingest_beside import backfill, computing, hostile
from .ingest_core import durable, from_stream
from .ingest_figures import missing
from .ingest_load import batched, single, start
from .ingest_peers import prepare
from .results import Result, Say

__all__ = ("PHASES", "Phase", "Work", "measure")

Work = Callable[[Path, Path, int, Say], Awaitable[list[Result]]]
"""Takes the checkout, the site's folder, how many runs to make, and where to tell how far it is."""


class Phase(Struct, frozen=True):
    """One phase: what it does, which figures it owes, after how many seconds it gives up, and whether it has peers."""

    work: Work
    owes: tuple[str, ...]
    most_s: float
    peers: bool = False


PHASES: Mapping[str, Phase] = {
    "start": Phase(start, ("start.cold_s", "memory.idle_mb"), 120),
    "single": Phase(
        single,
        ("ingest.single_msgs_per_s", "ingest.single_msgs_lost", "ingest.single_p99_ms",
         "ingest.single_memory_growth_mb", "ingest.single_msgs_per_s_core", "ingest.ratio_node_red_single",
         "ingest.ratio_node_red_single_process", "ingest.memory_ratio_node_red"),
        240, peers=True,
    ),
    "batched": Phase(
        batched,
        ("ingest.p50_ms_at_100k", "ingest.p99_ms_at_100k", "ingest.wire_obs_per_s_core",
         "ingest.ratio_node_red_batched"),
        150, peers=True,
    ),
    "stream": Phase(from_stream, ("ingest.obs_per_s_core", "ingest.ratio_bytewax"), 120, peers=True),
    "durable": Phase(durable, ("ingest.durable_obs_per_s",), 60),
    "hostile": Phase(hostile, ("ingest.p99_ratio_hostile",), 90),
    "backfill": Phase(backfill, ("ingest.p99_ratio_backfill",), 120),
    "computing": Phase(
        computing, ("ingest.p99_ms_while_computing", "ingest.p99_ratio_while_computing"), 90
    ),
    "history": Phase(
        history, ("history.bytes_per_row", "history.rows_per_s_core", "history.day_query_ms"), 90
    ),
}  # fmt: skip


async def _phase(name: str, root: Path, site: Path, runs: int, say: Say) -> list[Result]:
    """Run a phase; what it owes and does not give is null with the reason."""
    phase, results = PHASES[name], list[Result]()
    reason = "the phase gave no such figure"
    began_s = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(phase.most_s):
            results = await phase.work(root, site, runs, say)
    except TimeoutError:
        reason = f"given up: phase {name} did not end within {phase.most_s:g} s"
    except Exception as error:  # whatever a phase dies of, the next one is to be measured
        reason = f"phase {name} failed: {error if isinstance(error, BenchError) else repr(error)}"
    given = {result.name for result in results}
    if lacking := [each for each in phase.owes if each not in given]:
        say(f"ingest: {reason}")
        results += [missing(each, reason) for each in lacking]
    say(f"ingest: phase {name} took {asyncio.get_running_loop().time() - began_s:.0f} s")
    return results


async def _measure(names: Sequence[str], root: Path, site: Path, runs: int, say: Say) -> list[Result]:
    results = []
    for name in names:
        results += await _phase(name, root, site, runs, say)
    return results


def measure(root: Path, runs: int, say: Say, only: str = "") -> list[Result]:
    """Measure all phases, or the one named ``only``, on platforms of our own in temporary folders.

    What needs a minute, or a million rows, is measured once, whatever ``runs`` is; its result says so.

    :raises BenchError: there is no such phase.
    """
    if only and only not in PHASES:
        raise BenchError(f"ingest has no phase {only!r}; allowed are {', '.join(PHASES)}")
    site, names = root / SITE, [only] if only else list(PHASES)
    say("ingest: having the kernels compiled")
    warm_up(site)
    if any(PHASES[name].peers for name in names):
        prepare(root, say)
    return uvloop.run(_measure(names, root, site, runs, say))
