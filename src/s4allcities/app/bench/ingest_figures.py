"""What `s4 bench ingest` owes: every figure by name, with its unit and its goal."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from .results import Bound, Result, at_least, at_most, measured, unmeasured

__all__ = ("FIGURES", "Figure", "found", "missing")


class Figure(Struct, frozen=True):
    """A figure's unit, its goal if it has one, and how many decimals are worth saying."""

    unit: str
    goal: Bound | None = None
    digits: int = 0


FIGURES: Mapping[str, Figure] = {
    "start.cold_s": Figure("s", at_most(8), 2),
    "memory.idle_mb": Figure("MB", at_most(400)),
    "ingest.single_msgs_per_s": Figure("1/s", at_least(10_000)),
    "ingest.single_msgs_lost": Figure("messages", at_most(0)),
    "ingest.single_p99_ms": Figure("ms", at_most(250), 1),
    "ingest.single_memory_growth_mb": Figure("MB", digits=1),
    "ingest.single_msgs_per_s_core": Figure("1/s"),
    "ingest.ratio_node_red_single": Figure("ratio", at_least(1.2), 3),
    "ingest.ratio_node_red_single_process": Figure("ratio", digits=3),
    "ingest.memory_ratio_node_red": Figure("ratio", at_most(0.333), 2),
    "ingest.p50_ms_at_100k": Figure("ms", digits=1),
    "ingest.p99_ms_at_100k": Figure("ms", at_most(100), 1),
    "ingest.wire_obs_per_s_core": Figure("1/s"),
    "ingest.ratio_node_red_batched": Figure("ratio", digits=2),
    "ingest.obs_per_s_core": Figure("1/s", at_least(1_500_000)),
    "ingest.ratio_bytewax": Figure("ratio", digits=3),
    "ingest.durable_obs_per_s": Figure("1/s", at_least(100_000)),
    "ingest.p99_ratio_hostile": Figure("ratio", at_most(2), 2),
    "ingest.p99_ratio_backfill": Figure("ratio", at_most(2), 2),
    "ingest.p99_ms_while_computing": Figure("ms", at_most(100), 1),
    "ingest.p99_ratio_while_computing": Figure("ratio", at_most(2), 2),
    "history.bytes_per_row": Figure("bytes", at_most(10), 2),
    "history.rows_per_s_core": Figure("1/s", at_least(1_000_000)),
    "history.day_query_ms": Figure("ms", at_most(100), 1),
}


def found(name: str, values: Sequence[float], how: str) -> Result:
    """Make the result of a figure that was measured: the median of ``values`` counts.

    >>> found("start.cold_s", [4.0, 3.0, 9.0], "by hand").holds
    True
    """
    figure = FIGURES[name]
    return measured(name, values, figure.unit, how=how, goal=figure.goal, digits=figure.digits)


def missing(name: str, reason: str, how: str = "") -> Result:
    """Make the result of a figure that could not be measured."""
    figure = FIGURES[name]
    return unmeasured(name, figure.unit, reason=reason, how=how, goal=figure.goal)
