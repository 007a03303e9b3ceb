"""The rules of a step in plain Python, everybody against everybody: slow, and the oracle of the kernel's tests.

One sheet without portals: those are tested by what they must keep (places, distances, counts).
"""

from math import cos, exp, hypot, pi, sin, sqrt

from ._raster import NEAR_M
from ._step import (
    BODY_REACH_M,
    CREEP_MPS,
    HASTE_MPS,
    ONCOMING,
    SLOW_MPS,
    SQUEEZE,
    STEP_ASIDE_RAD,
    WALL_REACH_M,
)
from .crowd import Crowd
from .fields import ANGLES, NO_WAY

__all__ = ("plain_step",)

_WALL_SLIDE = 0.15
_64 = (1 << 64) - 1
Vector = tuple[float, float]


def plain_step(crowd: Crowd) -> dict[int, Vector]:
    """Where everybody who is here will be after one step; the crowd is left as it is."""
    people = [int(i) for i in crowd.here]
    return {i: _one(crowd, i, people) for i in people}


def _one(crowd: Crowd, i: int, people: list[int]) -> Vector:
    x, y = float(crowd.x[i]), float(crowd.y[i])
    if crowd.start_s[i] > crowd.now_s:
        return x, y
    b = crowd.behaviour
    cell, way = int(crowd.cell[i]), _way(crowd, i)
    wish = float(crowd.free[i] * crowd.pace[cell] * crowd.lag[i])
    both, v_now = 2 * b.radius_m, float(crowd.speed[i])
    reach = max(min(both + min(wish, v_now + HASTE_MPS) * b.gap_s, NEAR_M), both + BODY_REACH_M)
    others = [(float(crowd.x[j]) - x, float(crowd.y[j]) - y, j) for j in people if j != i]
    others = [each for each in others if hypot(each[0], each[1]) < reach]
    creeps = v_now < CREEP_MPS or bool(crowd.halted[i])
    met = [each for each in others if creeps and _comes_towards(crowd, i, each[2], way)]
    others = [each for each in others if each not in met]
    e = _bent(crowd, others, way, both)
    walls = _walls_near(crowd, x, y) if crowd.ground.raster.clearance_m[cell] <= WALL_REACH_M else []
    e = _along_walls(crowd, e, walls, x, y)
    back = e[0] * way[0] + e[1] * way[1]
    if back < 0:
        e = (e[0] - back * way[0], e[1] - back * way[1])
    size = hypot(*e)
    e = (e[0] / size, e[1] / size) if size > 1e-9 else way
    if v_now < SLOW_MPS:
        aside = STEP_ASIDE_RAD * _noise(crowd.seed, i, crowd.step)
        e = (cos(aside) * e[0] - sin(aside) * e[1], sin(aside) * e[0] + cos(aside) * e[1])
    most = min(wish, CREEP_MPS) if any(hypot(dx, dy) < both for dx, dy, _ in met) else wish
    v = min(max((_room(crowd, others, way, e, reach) - both) / b.gap_s, 0.0), most)
    return _kept_off(crowd, (x, y), (x + v * crowd.dt_s * e[0], y + v * crowd.dt_s * e[1]), walls, wish)


def _way(crowd: Crowd, i: int) -> Vector:
    """Where somebody wants to go."""
    turn = int(crowd.angle[crowd.goal[i], int(crowd.cell[i])])
    angle = 2 * pi * turn / ANGLES
    return (float(crowd.hx[i]), float(crowd.hy[i])) if turn == NO_WAY else (cos(angle), sin(angle))


def _comes_towards(crowd: Crowd, i: int, j: int, way: Vector) -> bool:
    """Whether somebody who has set off wants to go the other way, to another goal."""
    if crowd.goal[j] == crowd.goal[i] or crowd.start_s[j] > crowd.now_s:
        return False
    other = _way(crowd, j)
    return other[0] * way[0] + other[1] * way[1] < ONCOMING


def _noise(seed: int, who: int, step: int) -> float:
    """The mixer of splitmix64, in whole numbers."""
    z = (seed + who * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03) & _64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _64
    return 2.0 * (((z ^ (z >> 31)) >> 11) / 9007199254740992.0) - 1.0


def _bent(crowd: Crowd, others: list[tuple[float, float, int]], way: Vector, both: float) -> Vector:
    """The way, bent by those who stand close."""
    ex, ey = way
    for dx, dy, _ in others:
        d = hypot(dx, dy)
        if d < both + BODY_REACH_M:
            weight = crowd.behaviour.push * exp((both - d) / crowd.behaviour.push_m) / max(d, 1e-3)
            ex, ey = ex - weight * dx, ey - weight * dy
    return ex, ey


def _walls_near(crowd: Crowd, x: float, y: float) -> list[tuple[float, float, float, float]]:
    found = [tuple(float(v) for v in wall) for wall in crowd.ground.raster.walls]
    return [wall for wall in found if hypot(*_from_wall(wall, x, y)) < 0.7]  # type: ignore[misc,arg-type]


def _from_wall(wall: tuple[float, float, float, float], x: float, y: float) -> Vector:
    """From the wall's nearest point to a place."""
    ax, ay, ux, uy = wall[0], wall[1], wall[2] - wall[0], wall[3] - wall[1]
    t = min(max(((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy + 1e-12), 0.0), 1.0)
    return x - ax - t * ux, y - ay - t * uy


def _along_walls(
    crowd: Crowd, e: Vector, walls: list[tuple[float, float, float, float]], x: float, y: float
) -> Vector:
    b = crowd.behaviour
    for wall in walls:
        dx, dy = _from_wall(wall, x, y)
        d = hypot(dx, dy)
        if d < b.wall_gap_m + 6 * b.wall_m:
            into = -(e[0] * dx + e[1] * dy) / d
            weight = min(b.wall_push * exp((b.wall_gap_m - d) / b.wall_m), max(into, 0.0) + _WALL_SLIDE) / d
            e = (e[0] + weight * dx, e[1] + weight * dy)
    return e


def _room(
    crowd: Crowd, others: list[tuple[float, float, int]], way: Vector, e: Vector, reach: float
) -> float:
    """Distance to the nearest who is ahead in the lane, or the reach."""
    lane, room2 = 2 * crowd.behaviour.radius_m * crowd.behaviour.side, reach * reach
    for dx, dy, j in others:
        if dx * way[0] + dy * way[1] <= -0.4 or dx * e[0] + dy * e[1] <= 0:
            continue
        off = abs(dx * e[1] - dy * e[0])
        oncoming = crowd.hx[j] * e[0] + crowd.hy[j] * e[1] < ONCOMING
        if off >= lane or (oncoming and off > SQUEEZE * lane):
            continue
        room2 = min(room2, dx * dx + dy * dy)
    return sqrt(room2)


def _kept_off(
    crowd: Crowd, old: Vector, new: Vector, walls: list[tuple[float, float, float, float]], wish: float
) -> Vector:
    """A new place, no closer to a wall than people keep."""
    gap, (x, y) = crowd.behaviour.wall_gap_m, new
    for _ in range(2):
        for wall in walls:
            dx, dy = _from_wall(wall, x, y)
            d = hypot(dx, dy)
            if d < gap:
                x, y = x + dx / (d + 1e-9) * (gap - d), y + dy / (d + 1e-9) * (gap - d)
    far = hypot(x - old[0], y - old[1]) > wish * crowd.dt_s + gap
    return old if far else (x, y)
