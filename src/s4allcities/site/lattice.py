"""A lattice of standing points inside a room, linked where one can walk straight from one to the next.

Halls get a square lattice, so that a way round a hazard in the middle exists; thin passages get points along their
middle. Links never leave the room. Deterministic: the same polygon gives the same lattice.
"""

from typing import NamedTuple

import numpy as np
import shapely
from shapely.geometry import Polygon

from .arrays import B1, F8, I4
from .walking import WALL_GAP_M

__all__ = ("Lattice", "lattice_of", "visible_from")

_SPACING_M = 5.0
_REACH_M = 7.6  # a diagonal of the lattice is 7.07 m
_FINE_M = 1.25
_FILL_GAP_M = 4.2  # a finer point is added where none stands within this
_CLEAR_M = 0.6  # nobody stands closer to a wall
_THIN_M = 5.0  # area / perimeter below this is a passage
_SLACK_M = 0.05  # walls drawn to 7 digits are off by a centimetre
_CHORD_M = 7.5  # half the length of the section on which flows share the width


class Lattice(NamedTuple):
    """``xy_m`` (n, 2); ``pairs`` (k, 2) linked points; ``width_m`` (k,) effective width each link may use."""

    xy_m: F8
    pairs: I4
    width_m: F8


def lattice_of(polygon: Polygon) -> Lattice:
    """Cover a room with points at most about 5 m apart and link those that see each other."""
    xy_m = _points(polygon)
    pairs = _links(xy_m, polygon)
    pairs = _join_parts(xy_m, pairs, polygon)
    return Lattice(xy_m, pairs, _shared_widths(xy_m, pairs, polygon))


def _points(polygon: Polygon) -> F8:
    inner = polygon.buffer(-_CLEAR_M)
    if inner.is_empty:
        return np.array([polygon.representative_point().coords[0]])
    thin = polygon.area / polygon.length < _THIN_M
    coarse = np.empty((0, 2)) if thin else _grid(inner, _SPACING_M)
    fine = _grid(inner, _FINE_M)
    depth_m = shapely.distance(shapely.points(fine), polygon.boundary)
    order = np.lexsort((fine[:, 0], fine[:, 1], -np.round(np.minimum(depth_m, _SPACING_M / 2), 1)))
    points = _fill(coarse, fine[order], _FILL_GAP_M)
    return points if len(points) else np.array([inner.representative_point().coords[0]])


def _grid(area: Polygon, step_m: float) -> F8:
    """Multiples of the step inside an area, row by row (n, 2)."""
    west, south, east, north = area.bounds
    xs = np.arange(np.ceil(west / step_m), np.floor(east / step_m) + 1) * step_m
    ys = np.arange(np.ceil(south / step_m), np.floor(north / step_m) + 1) * step_m
    x, y = np.meshgrid(xs, ys)
    shapely.prepare(area)
    inside = shapely.intersects_xy(area, x.ravel(), y.ravel())
    return np.column_stack([x.ravel()[inside], y.ravel()[inside]])


def _fill(points: F8, candidates: F8, gap_m: float) -> F8:
    """Add candidates in order, each only if no point stands within the gap."""
    taken = np.empty((len(points) + len(candidates), 2))
    taken[: len(points)] = points
    count = len(points)
    for candidate in candidates:
        away = taken[:count] - candidate
        if count == 0 or (away[:, 0] ** 2 + away[:, 1] ** 2).min() >= gap_m**2:
            taken[count] = candidate
            count += 1
    return taken[:count].copy()


def _segments(start: F8, end: F8) -> F8:
    lines: F8 = shapely.linestrings(np.stack([start, end], axis=1))
    return lines


def visible_from(origin: F8, targets: F8, room: Polygon) -> B1:
    """Which targets (n, 2) can be walked to straight from origin (2,) without leaving the room."""
    seen: B1 = shapely.covers(room, _segments(np.broadcast_to(origin, targets.shape), targets))
    return seen


def _links(xy_m: F8, polygon: Polygon) -> I4:
    away = xy_m[:, None] - xy_m[None]
    near = np.hypot(away[..., 0], away[..., 1]) <= _REACH_M
    first, second = np.nonzero(np.triu(near, 1))
    room = polygon.buffer(_SLACK_M)
    shapely.prepare(room)
    clear = shapely.covers(room, _segments(xy_m[first], xy_m[second]))
    return np.column_stack([first[clear], second[clear]]).astype(np.int32)


def _parts(count: int, pairs: I4) -> I4:
    """Label of the connected part of each point."""
    label = np.arange(count, dtype=np.int32)
    while len(pairs):
        low = np.minimum(label[pairs[:, 0]], label[pairs[:, 1]])
        before = label.copy()
        np.minimum.at(label, pairs[:, 0], low)
        np.minimum.at(label, pairs[:, 1], low)
        label = label[label]
        if np.array_equal(before, label):
            break
    return label


def _join_parts(xy_m: F8, pairs: I4, polygon: Polygon) -> I4:
    """Link parts that lie too far apart by their shortest straight line inside the room, if there is one."""
    room = polygon.buffer(_SLACK_M)
    shapely.prepare(room)
    while len(np.unique(label := _parts(len(xy_m), pairs))) > 1:
        first, second = np.nonzero(np.triu(label[:, None] != label[None], 1))
        order = np.argsort(np.hypot(*(xy_m[first] - xy_m[second]).T), kind="stable")
        first, second = first[order], second[order]
        clear = np.flatnonzero(shapely.covers(room, _segments(xy_m[first], xy_m[second])))
        if not len(clear):
            break  # the validator reports a room that cannot be walked in one piece
        bridge = np.array([[first[clear[0]], second[clear[0]]]], np.int32)
        pairs = np.concatenate([pairs, bridge])
    return pairs


def _shared_widths(xy_m: F8, pairs: I4, polygon: Polygon) -> F8:
    """Effective width of each link: the room's section across it, shared by all links that cross the section.

    So the links of one section together carry what the section carries, however dense the lattice is.
    """
    if not len(pairs):
        return np.empty(0)
    start, end = xy_m[pairs[:, 0]], xy_m[pairs[:, 1]]
    left, right, width_m = _sections(start, end, polygon)
    across = _crosses(left[:, None], right[:, None], start[None], end[None])
    np.fill_diagonal(across, True)
    shared: F8 = np.maximum(width_m, 0.5) / across.sum(1)
    return shared


def _sections(start: F8, end: F8, polygon: Polygon) -> tuple[F8, F8, F8]:
    """Ends (k, 2) of the section across the middle of each link, and its effective width (k,)."""
    middle, along = (start + end) / 2, end - start
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(*along.T)[:, None]
    sides = []
    for sign in (1.0, -1.0):
        tip = middle + sign * _CHORD_M * normal
        cut = shapely.intersection(_segments(middle, tip), polygon.boundary)
        reach = shapely.distance(shapely.points(middle), cut)
        sides.append(np.where(np.isnan(reach), _CHORD_M, reach))
    ends = [middle + sign * side[:, None] * normal for sign, side in zip((1.0, -1.0), sides, strict=True)]
    walls = sum((side < _CHORD_M).astype(float) for side in sides)
    return ends[0], ends[1], sides[0] + sides[1] - WALL_GAP_M * walls


def _crosses(a: F8, b: F8, c: F8, d: F8) -> B1:
    """Whether segments a-b and c-d (broadcast, last axis x, y) cross."""

    def side(p: F8, q: F8, r: F8) -> F8:
        turn: F8 = (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (
            r[..., 0] - p[..., 0]
        )
        return turn

    crossing: B1 = (side(a, b, c) * side(a, b, d) <= 0) & (side(c, d, a) * side(c, d, b) <= 0)
    return crossing
