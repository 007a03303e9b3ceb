"""Which parts of the walking graph are not to be used, when they close, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import contains_xy, distance, dwithin, intersects, linestrings, prepare, union_all

from s4allcities.simulation.smoke import SPREAD_MPS, SmokeField
from s4allcities.site import ArcKind, WalkGraph

from .situation import Situation

__all__ = ("Closures", "Strictness", "find_closures", "smoke_covers")

MARGIN_M = 1.5
"""Nobody is led closer to smoke than this."""
AHEAD_S = 600.0
"""Smoke is looked ahead this far; where it arrives later, the way stays open."""
SHUN_S = 300.0
"""Where smoke arrives sooner than this, an exit is not used at all, and others are led past only if all else is far."""
SHUN_FACTOR = 4.0
"""A way through such a place, or beside a jam, counts as this many times longer."""
BESIDE_JAM_M = 20.0
"""Ways outdoors closer than this to jammed cars are shunned: help comes through there."""

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Strictness:
    """How careful a plan is. The planner starts strict and gives way only for people who would have no way at all:
    first to jammed streets, then to walking above or below smoke on another level.
    """

    keep_off_jams: bool = True
    keep_off_all_levels: bool = True


@dataclass(frozen=True, slots=True)
class Closures:
    """What must not be walked.

    ``closes_s`` (m,) is when each arc closes (0 = now, infinite = never); ``detour`` (m,) how many times longer each
    counts than it is; ``in_smoke`` (n,) are nodes inside the outline, ``cut_off`` (n,) those and what is shut in by
    them, ``in_line`` (n,) those and what is above or below them; ``exits`` says why an exit is unusable.
    """

    closes_s: NDArray[np.float64]
    detour: NDArray[np.float64]
    in_smoke: BoolArray
    cut_off: BoolArray
    in_line: BoolArray
    exits: dict[str, str]


def _smoke_now(graph: WalkGraph, smoke: SmokeField, strictness: Strictness) -> tuple[BoolArray, BoolArray]:
    """Arcs (m,) that touch smoke and nodes (n,) inside it."""
    arcs = np.zeros(graph.n_arcs, bool)
    nodes = np.zeros(graph.n_nodes, bool)
    tail, head = graph.tail, graph.head
    for level, outline in smoke.now.items():
        shape = outline.buffer(MARGIN_M)
        prepare(shape)
        inside = contains_xy(shape, graph.x_m, graph.y_m) & (graph.level == level)
        concerned = np.ones(graph.n_arcs, bool)
        if not strictness.keep_off_all_levels:
            concerned = (graph.level[tail] == level) | (graph.level[head] == level)
        arcs |= concerned & intersects(shape, graph.lines)
        nodes |= inside
    return arcs, nodes


def _smoke_arrives_s(graph: WalkGraph, smoke: SmokeField) -> NDArray[np.float64]:
    """Seconds until the growing outline reaches each arc's head on its own level, infinite beyond the look-ahead."""
    arrives = np.full(graph.n_arcs, np.inf)
    for level, outline in smoke.now.items():
        here = np.flatnonzero(graph.level[graph.head] == level)
        here = here[graph.zone[graph.head[here]] >= 0]
        away_m = distance(outline, graph.heads[here]) - MARGIN_M
        seconds = away_m / SPREAD_MPS
        arrives[here] = np.where(seconds <= AHEAD_S, np.maximum(seconds, 0.0), np.inf)
    return arrives


def _jam_reasons(graph: WalkGraph, situation: Situation, closed: BoolArray) -> dict[str, str]:
    """Exits all of whose ways on lead along a jammed street."""
    reasons: dict[str, str] = {}
    for street in situation.jams:
        on_street = np.zeros(graph.n_arcs, bool)
        on_street[graph.street_arcs(street)] = True
        name = graph.site.street(street).name
        for exit_ in graph.exits:
            onward = np.flatnonzero((graph.tail == exit_.outside) & (graph.zone[graph.head] < 0))
            if len(onward) and on_street[onward].all() and closed[onward].all():
                reasons[exit_.slug] = f"traffic jam on {name}"
    return reasons


def find_closures(
    graph: WalkGraph, smoke: SmokeField, situation: Situation, strictness: Strictness
) -> Closures:
    """Close what smoke covers or will reach, exits in doubt or shut, and streets with a jam."""
    arrives = _smoke_arrives_s(graph, smoke)
    closes = np.where(arrives < SHUN_S, np.inf, arrives)
    touched, in_smoke = _smoke_now(graph, smoke, strictness)
    closes[touched] = 0.0
    closes[graph.leads_in] = 0.0
    reasons: dict[str, str] = {}
    for exit_ in graph.exits:
        doubt = situation.exits.get(exit_.slug)
        if doubt is not None:
            reasons[exit_.slug] = doubt.reason
            closes[[exit_.arc, exit_.arc ^ 1]] = 0.0
        elif touched[exit_.arc] or in_smoke[exit_.inside]:
            reasons[exit_.slug] = "smoke at the exit"
        elif arrives[exit_.arc ^ 1] < SHUN_S:
            reasons[exit_.slug] = f"smoke reaches it in about {max(1, int(arrives[exit_.arc ^ 1] / 60))} min"
            closes[exit_.arc] = 0.0
    if strictness.keep_off_jams:
        jammed = np.zeros(graph.n_arcs, bool)
        for street in situation.jams:
            jammed[graph.street_arcs(street)] = True
        closes[jammed] = 0.0
        reasons = _jam_reasons(graph, situation, closes <= 0) | reasons
    shunned = (arrives < SHUN_S) | _beside_jams(graph, situation)
    detour = np.where(shunned, SHUN_FACTOR, 1.0)
    cut_off = in_smoke | ~_connected(graph, closes > 0)
    in_line = contains_xy(smoke.everywhere().buffer(MARGIN_M), graph.x_m, graph.y_m)
    return Closures(closes, detour, in_smoke, cut_off, in_line, reasons)


def _beside_jams(graph: WalkGraph, situation: Situation) -> BoolArray:
    """Ways outdoors (m,) that lead along cars that stand."""
    cars = [linestrings(line) for slug in situation.jams for line in graph.site.street(slug).lines_m]
    if not cars:
        return np.zeros(graph.n_arcs, bool)
    beside = np.asarray(graph.kind == ArcKind.STREET)
    jam = union_all(cars)
    prepare(jam)
    beside[beside] = dwithin(jam, graph.heads[beside], BESIDE_JAM_M)
    return beside


def _connected(graph: WalkGraph, open_arcs: BoolArray) -> BoolArray:
    """Which nodes (n,) reach an assembly point over open arcs (m,)."""
    tail, head = graph.tail[open_arcs], graph.head[open_arcs]
    seen = graph.is_sink.copy()
    while True:
        new = tail[seen[head] & ~seen[tail]]
        if not len(new):
            return seen
        seen[new] = True


def smoke_covers(smoke: SmokeField, path_m: NDArray[np.float64], levels: Sequence[int]) -> bool:
    """Whether a path (k, 2) of x_m, y_m, its points on ``levels`` (k,), touches smoke on a level that it is on.

    A piece between two levels is on both.
    """
    at = np.asarray(levels)
    for level, outline in smoke.now.items():
        pieces = np.flatnonzero((at[:-1] == level) | (at[1:] == level))
        if len(pieces) and intersects(outline, linestrings(path_m[pieces[:, None] + (0, 1)])).any():
            return True
    return False
