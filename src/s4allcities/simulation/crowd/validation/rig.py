"""What the validation cases share: the shape of a result, rooms with doors, places, crossings."""

from collections.abc import Callable, Sequence
from math import isfinite

import numpy as np
import shapely
from msgspec import Struct
from shapely.geometry.base import BaseGeometry

from ..arrays import F8, I4
from ..behaviour import PUBLIC, Behaviour
from ..crowd import Crowd, People
from ..ground import Ground, GroundBuilder

__all__ = ("Case", "Check", "Doorway", "crossings", "grid", "room", "run_out", "speeds", "weidmann_mps")


class Case(Struct, frozen=True, kw_only=True):
    """One case: what is asked, by whom, what was found; ``holds`` None where it was not run, with the reason in
    ``found``.
    """

    case: str
    what: str
    criterion: str
    found: str
    holds: bool | None
    population: str = "public"


Check = Callable[[], Case]
Doorway = tuple[float, float, float, float]
"""A rectangle (west, south, east, north) whose far part lets people go."""


def grid(area: tuple[float, float, float, float], count: int, seed: int = 0) -> F8:
    """Places (count, 2) in a rectangle, evenly spread on a grid, in an order that follows from the seed."""
    west, south, east, north = area
    width, height = east - west, north - south
    columns = max(round((count * width / height) ** 0.5), 1)
    rows = -(-count // columns)
    x, y = np.meshgrid(
        west + (np.arange(columns) + 0.5) * width / columns, south + (np.arange(rows) + 0.5) * height / rows
    )
    places = np.column_stack([x.ravel(), y.ravel()])
    rng = np.random.default_rng(seed)
    return places[rng.permutation(len(places))[:count]] + rng.uniform(-0.03, 0.03, (count, 2))


def speeds(count: int, behaviour: Behaviour, seed: int = 0) -> F8:
    """Free speeds (count,) of a population without ages."""
    drawn = np.random.default_rng(seed).normal(behaviour.free_mps, behaviour.free_sd_mps, count)
    return np.clip(drawn, 0.5, 2.0)


def room(
    parts: Sequence[BaseGeometry], goals: Sequence[BaseGeometry], cell_m: float = 0.2
) -> tuple[Ground, list[I4]]:
    """One floor made of overlapping parts, and the cells of its goals."""
    builder = GroundBuilder(cell_m)
    floor = builder.floor("floor", shapely.union_all(list(parts)))
    ground = builder.build()
    return ground, [ground.cells_in(floor, goal) for goal in goals]


def run_out(
    ground: Ground,
    goals: list[I4],
    places: F8,
    free: F8 | float,
    behaviour: Behaviour = PUBLIC,
    limit_s: float = 900.0,
    detour: float = 0.0,
) -> Crowd:
    """Run until everybody has left."""
    crowd = Crowd(ground, People.at(places, free_mps=free), goals, behaviour=behaviour, detour=detour)
    crowd.run(limit_s)
    return crowd


def crossings(crowd: Crowd, axis: str, at: Sequence[float], limit_s: float, upward: bool = True) -> list[F8]:
    """Run on, and give for each line the moments at which people cross it along an axis."""
    moments: list[list[float]] = [[] for _ in at]
    before = getattr(crowd, axis).copy()
    while crowd.now_s < limit_s and len(crowd.here):
        crowd.advance()
        now = getattr(crowd, axis)
        for k, line in enumerate(at):
            passed = (before < line) & (now >= line) if upward else (before > line) & (now <= line)
            moments[k] += [crowd.now_s] * int(passed.sum())
        before = now.copy()
    return [np.array(found) for found in moments]


def weidmann_mps(density_pm2: float) -> float:
    """Weidmann's fundamental diagram (1993): speed at a density, in m/s.

    >>> round(weidmann_mps(1.75), 2)
    0.7
    """
    if not (isfinite(density_pm2) and density_pm2 > 0):
        raise ValueError(f"density {density_pm2} people/m2: allowed is above 0")
    return float(max(1.34 * (1 - np.exp(-1.913 * (1 / density_pm2 - 1 / 5.4))), 0.0))
