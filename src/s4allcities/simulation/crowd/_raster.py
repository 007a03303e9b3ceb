"""The grid of a ground: cells, which of them touch, walls near a place, cells near a place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numba import njit
from shapely.geometry.base import BaseGeometry

from .arrays import F4, F8, I4

__all__ = ("NEAR_M", "Raster", "lay_raster", "near_step_m")

NEAR_M = 1.5
"""Side of the cells of the neighbour list: nobody is influenced by anybody further away than this."""
PORTAL_REACH_M = 1.6


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Fine cells (n,) with middles ``x``, ``y``, their ``sheet``, ``clearance_m`` to the next wall and nearest
    ``portal`` (-1 for none); ``index`` (rows, columns) gives the cell of a place or -1; ``link`` (n, 4) the cells
    east, west, north, south or -1. ``first_way``, ``way``, ``way_m`` list the ways through portals by cell.

    Near cells: ``near_index`` (rows, columns) or -1; ``near`` (k, 9) the block round each; ``first_wall``, ``wall`` the
    walls close to each; ``walls`` (s, 4) segments.
    """

    cell_m: float
    west: float
    south: float
    index: I4
    x: F8
    y: F8
    sheet: I4
    clearance_m: F4
    link: I4
    portal: I4
    first_way: I4
    way: I4
    way_m: F4
    near_index: I4
    near: I4
    first_wall: I4
    wall: I4
    walls: F8

    @property
    def n_cells(self) -> int:
        """Number of walkable cells."""
        return len(self.x)


def near_step_m(cell_m: float) -> float:
    """Side of the near cells: whole fine cells, at least ``NEAR_M``."""
    return float(np.ceil(NEAR_M / cell_m - 1e-9)) * cell_m


def lay_raster(areas: Sequence[BaseGeometry], walls: F8, portals: F8, cell_m: float) -> Raster:
    """Rasterise the sheets of a ground."""
    bounds = np.array([area.bounds for area in areas])
    step = near_step_m(cell_m)
    west, south = bounds[:, :2].min(0) - 2 * step
    columns, rows = (int(v) for v in np.ceil((bounds[:, 2:].max(0) + 2 * step - (west, south)) / cell_m))
    index = np.full((rows, columns), -1, np.int32)
    xs, ys, sheets = [], [], []
    count = 0
    for number, area in enumerate(areas):
        iy, ix = _cells_of(area, west, south, cell_m)
        index[iy, ix] = np.arange(count, count + len(iy))
        count += len(iy)
        xs.append(west + (ix + 0.5) * cell_m)
        ys.append(south + (iy + 0.5) * cell_m)
        sheets.append(np.full(len(iy), number, np.int32))
    x, y, sheet = np.concatenate(xs), np.concatenate(ys), np.concatenate(sheets)
    near_index, near = _near_cells(x, y, west, south, step, rows * cell_m, columns * cell_m)
    first_wall, wall = _walls_by_cell(walls, near_index, near, west, south, step)
    clearance = _clearance(x, y, west, south, step, near_index, first_wall, wall, walls)
    link = _links(index, x, y, west, south, cell_m, step, near_index, first_wall, wall, walls, clearance)
    portal, first_way, way, way_m = _portal_ways(x, y, sheet, index, west, south, cell_m, portals)
    return Raster(
        cell_m, float(west), float(south), index, x, y, sheet, clearance, link, portal,
        first_way, way, way_m, near_index, near, first_wall, wall, walls,
    )  # fmt: skip


def _cells_of(area: BaseGeometry, west: float, south: float, cell_m: float) -> tuple[I4, I4]:
    """Rows and columns of the cells whose middle lies in an area, in bands, so that large thin areas need little
    room.
    """
    w, s, e, n = area.bounds
    first, last = int((w - west) / cell_m), int((e - west) / cell_m) + 1
    low, high = int((s - south) / cell_m), int((n - south) / cell_m) + 1
    band = max(int(2_000_000 / (last - first + 1)), 1)
    shapely.prepare(area)
    found_y, found_x = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for start in range(low, high + 1, band):
        ix, iy = np.meshgrid(np.arange(first, last + 1), np.arange(start, min(start + band, high + 1)))
        strip = area if band > high - low else _clip(area, iy.min(), iy.max() + 1, south, cell_m)
        if strip.is_empty:
            continue
        shapely.prepare(strip)
        inside = shapely.intersects_xy(
            strip, west + (ix.ravel() + 0.5) * cell_m, south + (iy.ravel() + 0.5) * cell_m
        )
        found_y.append(iy.ravel()[inside].astype(np.int32))
        found_x.append(ix.ravel()[inside].astype(np.int32))
    return np.concatenate(found_y), np.concatenate(found_x)


def _clip(area: BaseGeometry, low: int, high: int, south: float, cell_m: float) -> BaseGeometry:
    west, _, east, _ = area.bounds
    return shapely.clip_by_rect(
        area, west - 1, south + low * cell_m - 1e-9, east + 1, south + high * cell_m + 1e-9
    )


def _near_cells(
    x: F8, y: F8, west: float, south: float, step: float, height: float, width: float
) -> tuple[I4, I4]:
    """Near cells that hold a walkable cell or lie beside one that does, and the block of nine round each."""
    columns, rows = int(np.ceil(width / step)) + 2, int(np.ceil(height / step)) + 2
    used = np.zeros((rows, columns), bool)
    iy, ix = ((y - south) / step).astype(int), ((x - west) / step).astype(int)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            used[np.clip(iy + dy, 0, rows - 1), np.clip(ix + dx, 0, columns - 1)] = True
    near_index = np.full((rows, columns), -1, np.int32)
    near_index[used] = np.arange(used.sum())
    where_y, where_x = np.nonzero(used)
    padded = np.full((rows + 2, columns + 2), -1, np.int32)
    padded[1:-1, 1:-1] = near_index
    block = [padded[where_y + 1 + dy, where_x + 1 + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return near_index, np.ascontiguousarray(np.stack(block, axis=1).astype(np.int32))


def _walls_by_cell(
    walls: F8, near_index: I4, near: I4, west: float, south: float, step: float
) -> tuple[I4, I4]:
    """Walls within half a metre and more of each near cell."""
    counts = np.zeros(len(near) + 1, np.int64)
    _spread_walls(walls, near_index, west, south, step, counts, np.empty(0, np.int32), True)
    first = np.concatenate([[0], np.cumsum(counts[:-1])]).astype(np.int64)
    wall = np.empty(int(first[-1]), np.int32)
    _spread_walls(walls, near_index, west, south, step, first[:-1].copy(), wall, False)
    return first.astype(np.int32), wall


@njit(cache=True, nogil=True)
def _spread_walls(
    walls: F8, near_index: I4, west: float, south: float, step: float, place: I4, wall: I4, only_count: bool
) -> None:
    reach = 0.75
    for s in range(walls.shape[0]):
        ax, ay, bx, by = walls[s, 0], walls[s, 1], walls[s, 2], walls[s, 3]
        length = max(np.sqrt((bx - ax) ** 2 + (by - ay) ** 2), 1e-12)
        x0 = int((min(ax, bx) - reach - west) / step)
        x1 = int((max(ax, bx) + reach - west) / step)
        y0 = int((min(ay, by) - reach - south) / step)
        y1 = int((max(ay, by) + reach - south) / step)
        half = step * 0.7072 + reach
        for iy in range(max(y0, 0), min(y1, near_index.shape[0] - 1) + 1):
            for ix in range(max(x0, 0), min(x1, near_index.shape[1] - 1) + 1):
                cell = near_index[iy, ix]
                if cell < 0:
                    continue
                mx, my = west + (ix + 0.5) * step - ax, south + (iy + 0.5) * step - ay
                away = abs(mx * (by - ay) - my * (bx - ax)) / length
                if away <= half:
                    if not only_count:
                        wall[place[cell]] = s
                    place[cell] += 1


@njit(cache=True, nogil=True)
def _clearance(
    x: F8, y: F8, west: float, south: float, step: float, near_index: I4, first_wall: I4, wall: I4, walls: F8
) -> F4:
    """Distance of each cell's middle to the next wall, up to 0.75 m."""
    out = np.empty(len(x), np.float32)
    for c in range(len(x)):
        cell = near_index[int((y[c] - south) / step), int((x[c] - west) / step)]
        best = 0.75 * 0.75
        for k in range(first_wall[cell], first_wall[cell + 1]):
            s = wall[k]
            ax, ay = walls[s, 0], walls[s, 1]
            ux, uy = walls[s, 2] - ax, walls[s, 3] - ay
            t = ((x[c] - ax) * ux + (y[c] - ay) * uy) / max(ux * ux + uy * uy, 1e-12)
            t = min(max(t, 0.0), 1.0)
            dx, dy = x[c] - ax - t * ux, y[c] - ay - t * uy
            best = min(best, dx * dx + dy * dy)
        out[c] = np.sqrt(best)
    return out


@njit(cache=True, nogil=True)
def _links(
    index: I4,
    x: F8,
    y: F8,
    west: float,
    south: float,
    cell_m: float,
    step: float,
    near_index: I4,
    first_wall: I4,
    wall: I4,
    walls: F8,
    clearance: F4,
) -> I4:
    """The four neighbours of each cell, without those behind a wall."""
    link = np.full((len(x), 4), -1, np.int32)
    for c in range(len(x)):
        ix, iy = int((x[c] - west) / cell_m), int((y[c] - south) / cell_m)
        for k in range(4):
            jx = ix + (1 if k == 0 else -1 if k == 1 else 0)
            jy = iy + (1 if k == 2 else -1 if k == 3 else 0)
            d = index[jy, jx]
            if d < 0:
                continue
            blocked = False
            if clearance[c] < cell_m:
                cell = near_index[int((y[c] - south) / step), int((x[c] - west) / step)]
                for w in range(first_wall[cell], first_wall[cell + 1]):
                    s = wall[w]
                    if _cross(x[c], y[c], x[d], y[d], walls[s, 0], walls[s, 1], walls[s, 2], walls[s, 3]):
                        blocked = True
                        break
            if not blocked:
                link[c, k] = d
    return link


@njit(cache=True, nogil=True, inline="always")
def _cross(ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float) -> bool:
    """Whether two segments cross."""
    p = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    q = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
    r = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
    s = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
    return p * q <= 0.0 and r * s <= 0.0


def _portal_ways(
    x: F8, y: F8, sheet: I4, index: I4, west: float, south: float, cell_m: float, portals: F8
) -> tuple[I4, I4, I4, F4]:
    """The nearest portal of each cell, and ways between cells on both sides of each portal."""
    portal = np.full(len(x), -1, np.int32)
    away = np.full(len(x), np.inf)
    ways: list[tuple[int, int, float]] = []
    for p, row in enumerate(portals):
        px, py, nx, ny, half, tx, ty, cos, sin, _ = row
        along = (x - px) * nx + (y - py) * ny
        across = np.abs(-(x - px) * ny + (y - py) * nx)
        here = int(portals[p ^ 1, 9])
        close = (sheet == here) & (across < half + 0.3) & (along > -PORTAL_REACH_M) & (along < 0.4)
        nearer = close & (np.abs(along) < away)
        portal[nearer], away[nearer] = p, np.abs(along[nearer])
        edge = np.flatnonzero((sheet == here) & (across <= half) & (along > -cell_m) & (along <= cell_m))
        for c in edge:
            dx, dy = x[c] - px + (cell_m * 1.1 - along[c]) * nx, y[c] - py + (cell_m * 1.1 - along[c]) * ny
            mx, my = tx + cos * dx - sin * dy, ty + sin * dx + cos * dy
            d = index[int((my - south) / cell_m), int((mx - west) / cell_m)]
            if d >= 0:
                ways.append((int(c), int(d), float(cell_m * 1.1 - along[c])))
                ways.append((int(d), int(c), float(cell_m * 1.1 - along[c])))
    ways = sorted(set(ways))
    tail = np.array([way[0] for way in ways], np.int64)
    first = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=len(x)))]).astype(np.int32)
    head = np.array([way[1] for way in ways], np.int32)
    return portal, first, head, np.array([way[2] for way in ways], np.float32)
