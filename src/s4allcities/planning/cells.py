"""Where people of a zone start, how many others it can hold, and what cannot be walked and when."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from s4allcities.site import WalkGraph, Zone
from s4allcities.site.walking import SPEED_LEVEL_MPS

from .arrays import B1, F8

__all__ = ("Cell", "Hindrances", "cells_of", "no_hindrances", "storage_of")

MOST_CELLS = 4
CELL_APART_M = 20.0
"""A zone is given another starting point only where it is further than this from those it has."""
JAM_DENSITY_P_M2 = 3.76
"""Nobody moves at this density (SFPE handbook, chapter 59); a zone that states no capacity stores this much."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A point where people of a zone start: a node of the walking graph, ``walk_s`` away from where they are."""

    zone: str
    node: int
    walk_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Hindrances:
    """What cannot be walked, and when: arcs (m,) may be used from ``opens_s`` to ``closes_s`` (seconds from now);
    ``detour`` (m,) is how many times longer each seems than it is, to lead people past it.
    """

    opens_s: F8
    closes_s: F8
    detour: F8


def no_hindrances(graph: WalkGraph) -> Hindrances:
    """Everything open; only the way into the building is closed."""
    closes = np.full(graph.n_arcs, np.inf)
    closes[graph.leads_in] = 0.0
    return Hindrances(np.zeros(graph.n_arcs), closes, np.ones(graph.n_arcs))


def cells_of(graph: WalkGraph, *, blocked: B1 | None = None) -> tuple[Cell, ...]:
    """Give up to four starting points for each zone, well apart, on nodes that are not ``blocked`` (n,).

    Where all of a zone is blocked its people start at the nearest node that is not, after the walk there: their first
    steps are out of the hazard, which no plan needs to tell them.
    """
    found: list[Cell] = []
    clear = np.ones(graph.n_nodes, bool) if blocked is None else ~blocked
    for index, zone in enumerate(graph.site.zones):
        nodes = np.flatnonzero((graph.zone == index) & clear)
        if not len(nodes):
            found += _outside(graph, zone, clear)
            continue
        xy = np.column_stack([graph.x_m[nodes], graph.y_m[nodes]])
        away = np.hypot(xy[:, 0] - zone.x_m, xy[:, 1] - zone.y_m)
        chosen = [int(np.argmin(away))]
        while len(chosen) < MOST_CELLS:
            gap = np.min([np.hypot(*(xy - xy[place]).T) for place in chosen], axis=0)
            if gap.max() < CELL_APART_M:
                break
            chosen.append(int(np.argmax(gap)))
        found += [Cell(zone.slug, int(nodes[place])) for place in chosen]
    return tuple(found)


def _outside(graph: WalkGraph, zone: Zone, clear: B1) -> list[Cell]:
    if not clear.any():
        return []
    away = np.hypot(graph.x_m - zone.x_m, graph.y_m - zone.y_m) + 30.0 * np.abs(graph.level - zone.level)
    node = int(np.argmin(np.where(clear, away, np.inf)))
    return [Cell(zone.slug, node, float(away[node]) / SPEED_LEVEL_MPS)]


def storage_of(graph: WalkGraph, people: Mapping[str, int]) -> dict[str, int]:
    """Give how many people from elsewhere each zone can hold beside its own."""
    room: dict[str, int] = {}
    for zone in graph.site.zones:
        holds = zone.capacity_people or int(zone.area_m2 * JAM_DENSITY_P_M2)
        if not zone.outdoor:
            room[zone.slug] = max(0, holds - people.get(zone.slug, 0))
    return room
