"""How far it is from everywhere to a goal, and which way: the floor field.

Method: the fast marching method (J. A. Sethian, PNAS 93, 1996) on the ground's grid, first order, through portals by
their length. Walking close to a wall counts as longer, so that ways keep off the walls as people do. A field is made
anew when an exit or passage closes: about 0.2 s a million cells.

Limit of validity: first order, so a diagonal way over open ground comes out up to a few per cent too long.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from ._raster import Raster
from .arrays import B1, F4, I4, U1
from .ground import Ground

__all__ = ("ANGLES", "NO_WAY", "FloorField", "march", "march_python", "solve_field")

ANGLES = 250
"""Directions a cell can point to; ``NO_WAY`` stands for none."""
NO_WAY = 255
_WALL_COST = 1.2
_WALL_REACH_M = 0.4
_TIGHT_M, _TIGHT_COST = 0.14, 8.0
"""Nobody fits closer to a wall: such cells lead away from it."""


@dataclass(frozen=True, slots=True, eq=False)
class FloorField:
    """By cell: ``distance_m`` to the goal (infinite where there is no way), ``angle`` in 1/250 of a turn or
    ``NO_WAY``.
    """

    distance_m: F4
    angle: U1
    goal: I4


def solve_field(ground: Ground, goal: I4, blocked: B1 | None = None, delay: F4 | None = None) -> FloorField:
    """Make the field of a goal, given by its cells; ``blocked`` (n,) cells cannot be walked on,
    ``delay`` (n,) is what people in the way add to a cell's length, as a share of it.

    :raises ValueError: the goal has no cell.
    """
    if not len(goal):
        raise ValueError("a goal has no cell on the ground; allowed is an area of at least one cell")
    raster = ground.raster
    closed = np.zeros(raster.n_cells, np.bool_) if blocked is None else blocked
    cost = _cost(raster)
    if delay is not None:
        cost = (cost * (1 + delay)).astype(np.float32)
    distance = march(
        raster.link, raster.first_way, raster.way, raster.way_m, cost, raster.cell_m, closed, goal
    )
    normals = np.ascontiguousarray(ground.portals[:, 2:4]) if len(ground.portals) else np.zeros((1, 2))
    angle = _angles(
        raster.link, raster.first_way, raster.way, raster.way_m, distance, cost, raster.cell_m, raster.portal,
        normals,
    )  # fmt: skip
    return FloorField(distance, angle, goal)


def _cost(raster: Raster) -> F4:
    near = np.clip(1 - raster.clearance_m / _WALL_REACH_M, 0, 1)
    tight = raster.clearance_m < _TIGHT_M
    return (1 + _WALL_COST * near + _TIGHT_COST * tight).astype(np.float32)


@njit(cache=True, nogil=True)
def march(link: I4, first_way: I4, way: I4, way_m: F4, cost: F4, cell_m: float, closed: B1, goal: I4) -> F4:
    """Fast marching from the goal's cells; gives the distance (n,) or infinity."""
    n = link.shape[0]
    dist = np.full(n, np.inf, np.float32)
    done = np.zeros(n, np.bool_)
    key = np.empty(4 * n + 16, np.float32)
    item = np.empty(4 * n + 16, np.int32)
    size = 0
    for k in range(len(goal)):
        c = goal[k]
        if not closed[c]:
            dist[c] = 0.0
            size = _push(key, item, size, 0.0, c)
    while size > 0:
        now, c = key[0], item[0]
        size = _pop(key, item, size)
        if done[c] or now > dist[c]:
            continue
        done[c] = True
        for k in range(4):
            d = link[c, k]
            if d < 0 or done[d] or closed[d]:
                continue
            value = _eikonal(link, dist, d, cost[d] * cell_m)
            if value < dist[d] and size < len(key) - 1:
                dist[d] = value
                size = _push(key, item, size, value, d)
        for k in range(first_way[c], first_way[c + 1]):
            d = way[k]
            if done[d] or closed[d]:
                continue
            value = float(now + way_m[k])
            if value < dist[d] and size < len(key) - 1:
                dist[d] = value
                size = _push(key, item, size, value, d)
    return dist


@njit(cache=True, nogil=True)
def _eikonal(link: I4, dist: F4, c: int, f: float) -> float:
    """Upwind solution of |grad d| = 1 at a cell from its neighbours."""
    a = np.inf
    for k in (0, 1):
        if link[c, k] >= 0:
            a = min(a, dist[link[c, k]])
    b = np.inf
    for k in (2, 3):
        if link[c, k] >= 0:
            b = min(b, dist[link[c, k]])
    if a > b:
        a, b = b, a
    if b - a >= f:
        return float(a + f)
    return float(0.5 * (a + b + np.sqrt(2 * f * f - (a - b) * (a - b))))


@njit(cache=True, nogil=True)
def _push(key: F4, item: I4, size: int, value: float, what: int) -> int:
    k = size
    while k > 0:
        parent = (k - 1) >> 1
        if key[parent] <= value:
            break
        key[k], item[k] = key[parent], item[parent]
        k = parent
    key[k], item[k] = value, what
    return size + 1


@njit(cache=True, nogil=True)
def _pop(key: F4, item: I4, size: int) -> int:
    size -= 1
    value, what = key[size], item[size]
    k = 0
    while True:
        child = 2 * k + 1
        if child >= size:
            break
        if child + 1 < size and key[child + 1] < key[child]:
            child += 1
        if key[child] >= value:
            break
        key[k], item[k] = key[child], item[child]
        k = child
    key[k], item[k] = value, what
    return size


@njit(cache=True, nogil=True)
def _angles(
    link: I4,
    first_way: I4,
    way: I4,
    way_m: F4,
    dist: F4,
    cost: F4,
    cell_m: float,
    portal: I4,
    normals: F4,
) -> U1:
    """Downhill direction of each cell; through a portal where that is the way downhill."""
    n = len(dist)
    out = np.full(n, NO_WAY, np.uint8)
    for c in range(n):
        if not np.isfinite(dist[c]):
            continue
        gx, gy = 0.0, 0.0
        east = dist[link[c, 0]] if link[c, 0] >= 0 else np.float32(np.inf)
        west = dist[link[c, 1]] if link[c, 1] >= 0 else np.float32(np.inf)
        north = dist[link[c, 2]] if link[c, 2] >= 0 else np.float32(np.inf)
        south = dist[link[c, 3]] if link[c, 3] >= 0 else np.float32(np.inf)
        if min(east, west) < dist[c]:
            gx = dist[c] - east if east < west else -(dist[c] - west)
        if min(north, south) < dist[c]:
            gy = dist[c] - north if north < south else -(dist[c] - south)
        best = min(min(east, west), min(north, south))
        for k in range(first_way[c], first_way[c + 1]):
            if dist[way[k]] < best and dist[way[k]] + 0.5 * way_m[k] < dist[c] and portal[c] >= 0:
                best = dist[way[k]]
                gx, gy = normals[portal[c], 0], normals[portal[c], 1]
        if gx == 0.0 and gy == 0.0:
            continue
        turn = np.arctan2(gy, gx) / (2 * np.pi)
        out[c] = int(np.floor((turn - np.floor(turn)) * ANGLES + 0.5)) % ANGLES
    return out


def march_python(
    link: I4, first_way: I4, way: I4, way_m: F4, cost: F4, cell_m: float, closed: B1, goal: I4
) -> F4:
    """Do the same as `march` in plain Python by sweeping until nothing changes: the oracle of its tests."""
    n = link.shape[0]
    dist = [float("inf")] * n
    for c in goal:
        if not closed[c]:
            dist[c] = 0.0

    def lowest(c: int, pair: tuple[int, int]) -> float:
        return min((dist[link[c, k]] for k in pair if link[c, k] >= 0), default=float("inf"))

    changed = True
    while changed:
        changed = False
        for c in (*range(n), *range(n - 1, -1, -1)):
            if closed[c]:
                continue
            f = float(cost[c]) * cell_m
            a, b = sorted((lowest(c, (0, 1)), lowest(c, (2, 3))))
            value = (
                a + f
                if a == float("inf") or b - a >= f
                else 0.5 * (a + b + (2 * f * f - (a - b) ** 2) ** 0.5)
            )
            for k in range(first_way[c], first_way[c + 1]):
                value = min(value, dist[way[k]] + float(way_m[k]))
            if value < dist[c] - 1e-7:
                dist[c], changed = value, True
    return np.array(dist, np.float32)
