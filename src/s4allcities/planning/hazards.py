"""Hazards as they bear on ways: polygons with a time and a severity become the times at which arcs are open.

Contradictions are settled for safety: where hazards overlap, the most severe counts and the longest closure holds; what
closes while another hazard has not opened it yet stays closed. An arc that opens and closes again in turn is taken as
open only for its first time.
"""

from collections.abc import Sequence

import numpy as np
import shapely
from msgspec import Struct
from shapely.geometry.base import BaseGeometry

from s4allcities.site import WalkGraph

from .arrays import B1
from .cells import Hindrances, no_hindrances

__all__ = ("BLOCKS_FROM", "Hazard", "arcs_touching", "hindrances_of", "nodes_inside")

BLOCKS_FROM = 0.5
"""From this severity on nobody is led through; below it people are led round where that is not far."""
SHUN_FACTOR = 4.0


class Hazard(Struct, frozen=True, kw_only=True):
    """``area`` in local metres; ``level`` the storey, None for all; from ``from_s`` to ``until_s``, seconds from now;
    ``severity`` 0 to 1. ``kind`` and ``name`` are for people to read.
    """

    area: BaseGeometry
    from_s: float = 0.0
    until_s: float = float("inf")
    severity: float = 1.0
    level: int | None = None
    kind: str = "hazard"
    name: str = ""


def arcs_touching(graph: WalkGraph, area: BaseGeometry, level: int | None) -> B1:
    """Which arcs (m,) of a level touch an area; stairs count for both of their levels."""
    tail, head = graph.tail, graph.head
    shapely.prepare(area)
    touched: B1 = shapely.intersects(area, graph.lines)
    if level is not None:
        touched &= (graph.level[tail] == level) | (graph.level[head] == level)
    return touched


def nodes_inside(graph: WalkGraph, hazards: Sequence[Hazard], *, at_s: float = 0.0) -> B1:
    """Which nodes (n,) lie in a blocking hazard at a time."""
    inside = np.zeros(graph.n_nodes, bool)
    for hazard in hazards:
        if hazard.severity >= BLOCKS_FROM and hazard.from_s <= at_s < hazard.until_s:
            here = shapely.intersects_xy(hazard.area, graph.x_m, graph.y_m)
            inside |= here & ((graph.level == hazard.level) if hazard.level is not None else True)
    return inside


def hindrances_of(graph: WalkGraph, hazards: Sequence[Hazard], *, inward: bool = False) -> Hindrances:
    """Give when each arc is open and how much it is shunned; ``inward`` lets people into the building."""
    base = no_hindrances(graph)
    if inward:
        base.closes_s[graph.leads_in] = np.inf
    opens, closes, detour = base.opens_s.copy(), base.closes_s.copy(), base.detour.copy()
    for hazard in sorted(hazards, key=lambda each: (each.from_s, each.until_s)):
        touched = arcs_touching(graph, hazard.area, hazard.level)
        if hazard.severity < BLOCKS_FROM:
            detour[touched] = np.maximum(
                detour[touched], 1.0 + (SHUN_FACTOR - 1.0) * hazard.severity / BLOCKS_FROM
            )
            continue
        lasts = touched & (opens >= hazard.from_s)  # closed when the hazard comes: it stays closed
        opens[lasts] = np.maximum(opens[lasts], hazard.until_s)
        later = touched & ~lasts
        closes[later] = np.minimum(closes[later], max(hazard.from_s, 0.0))
    never = ~(opens < closes)
    closes[never] = 0.0
    opens[never] = 0.0
    return Hindrances(opens, closes, detour)
