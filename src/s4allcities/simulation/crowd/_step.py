"""One step of the crowd: who is near whom, where everybody moves, who passes a portal or reaches a goal.

The step is a parallel update: everybody decides from the positions at its beginning, so that the order of people, and
the number of threads, change nothing. ``plain.py`` holds the same rules in plain Python.
"""

import numpy as np
from numba import njit

from ._raster import NEAR_M
from .arrays import F4, F8, I4, U1
from .fields import ANGLES, NO_WAY

__all__ = (
    "BODY_REACH_M",
    "CREEP_MPS",
    "GONE",
    "HASTE_MPS",
    "ONCOMING",
    "SLOW_MPS",
    "SQUEEZE",
    "STEP_ASIDE_RAD",
    "WALL_REACH_M",
    "bend_table",
    "gather",
    "noise",
    "settle",
    "walk",
)

GONE = -2
"""Goal of somebody who has left."""
STEP_ASIDE_RAD = 0.7
SLOW_MPS = 0.08
BODY_REACH_M = 0.4
HASTE_MPS = 0.6
SCRATCH = 512
WALL_REACH_M = 0.6
WALL_SLIDE = 0.15
PORTAL_STEP_M = 0.05
SQUEEZE = 0.5
ONCOMING = -0.2
CREEP_MPS = 0.15
"""People slower than this slip by those who come the other way, no faster than this."""
COS = np.cos(np.arange(256) * (2 * np.pi / ANGLES))
SIN = np.sin(np.arange(256) * (2 * np.pi / ANGLES))


def bend_table(push: float, push_m: float, radius_m: float) -> F8:
    """By squared distance: strength of the push of a body, over the distance, in equal steps up to its reach."""
    both = 2.0 * radius_m
    d = np.sqrt(np.linspace(0.0, (both + BODY_REACH_M) ** 2, 4097))
    table = push * np.exp((both - d) / push_m) / np.maximum(d, 1e-3)
    return np.concatenate([table, table[-1:]])


@njit(cache=True, nogil=True, inline="always")
def noise(seed: int, who: int, step: int) -> float:
    """A number in -1..1 that follows from seed, person and step alone (the mixer of splitmix64)."""
    z = (
        np.uint64(seed)
        + np.uint64(who) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(step) * np.uint64(0xD1B54A32D192ED03)
    )
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return 2.0 * (float(z >> np.uint64(11)) / 9007199254740992.0) - 1.0


@njit(cache=True, nogil=True)
def comes_towards(
    entry: int, i: int, fx: float, fy: float, hx: F8, hy: F8, start_s: F8, goal: I4, cell: I4, angle: U1,
    portal_of: I4, portals: F8, now_s: float,
) -> bool:  # fmt: skip
    """Whether an entry (a person, or an image as ``-1 - person``) has set off the other way than ``fx``, ``fy``, to
    another goal than person ``i``.
    """
    j = entry if entry >= 0 else -1 - entry
    if goal[j] == goal[i] or start_s[j] > now_s:
        return False
    turn = angle[goal[j], cell[j]]
    wx, wy = hx[j], hy[j]
    if turn != NO_WAY:
        wx, wy = COS[turn], SIN[turn]
    if entry < 0:
        p = portal_of[cell[j]]
        wx, wy = portals[p, 7] * wx - portals[p, 8] * wy, portals[p, 8] * wx + portals[p, 7] * wy
    return bool(wx * fx + wy * fy < ONCOMING)


@njit(cache=True, nogil=True)
def gather(
    here: I4,
    x: F8,
    y: F8,
    cell: I4,
    portal_of: I4,
    portals: F8,
    near_index: I4,
    west: float,
    south: float,
    step_m: float,
    first: I4,
    place: I4,
    sx: F8,
    sy: F8,
    owner: I4,
    near_cell: I4,
    image: F8,
) -> int:
    """Sort everybody who is here, and their images behind portals, by near cell; gives how many entries there are.

    ``first`` (k + 1,) gets the start of each cell in ``sx``, ``sy``, ``owner``; an image's owner is ``-1 - person``.
    """
    k = len(first) - 1
    first[:] = 0
    n = len(here)
    images = 0
    for q in range(n):
        i = here[q]
        c = near_index[int((y[i] - south) / step_m), int((x[i] - west) / step_m)]
        near_cell[q] = c
        first[c + 1] += 1
        p = portal_of[cell[i]]
        if p >= 0:
            dx, dy = x[i] - portals[p, 0], y[i] - portals[p, 1]
            cos, sin = portals[p, 7], portals[p, 8]
            mx = portals[p, 5] + cos * dx - sin * dy
            my = portals[p, 6] + sin * dx + cos * dy
            c = near_index[int((my - south) / step_m), int((mx - west) / step_m)]
            if c >= 0:
                image[images, 0], image[images, 1] = mx, my
                place[n + images] = i
                near_cell[n + images] = c
                first[c + 1] += 1
                images += 1
    for c in range(k):
        first[c + 1] += first[c]
    for q in range(n):
        c = near_cell[q]
        at = first[c]
        sx[at], sy[at], owner[at] = x[here[q]], y[here[q]], here[q]
        first[c] += 1
    for q in range(images):
        c = near_cell[n + q]
        at = first[c]
        sx[at], sy[at], owner[at] = image[q, 0], image[q, 1], -1 - place[n + q]
        first[c] += 1
    for c in range(k, 0, -1):
        first[c] = first[c - 1]
    first[0] = 0
    return n + images


@njit(cache=True, nogil=True, fastmath={"nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"})
def walk(
    low: int,
    high: int,
    owner: I4,
    sx: F8,
    sy: F8,
    first: I4,
    near: I4,
    near_index: I4,
    first_wall: I4,
    wall: I4,
    walls: F8,
    west: float,
    south: float,
    step_m: float,
    x: F8,
    y: F8,
    hx: F8,
    hy: F8,
    speed: F8,
    free: F8,
    gap: float,
    radius: float,
    start_s: F8,
    goal: I4,
    cell: I4,
    lag: F8,
    angle: U1,
    portal_of: I4,
    portals: F8,
    halted: U1,
    sheet: I4,
    flight: U1,
    up: F8,
    down: F8,
    pace: F4,
    clearance_m: F4,
    law: F8,
    bend: F8,
    now_s: float,
    dt_s: float,
    seed: int,
    step: int,
    nx: F8,
    ny: F8,
    nhx: F8,
    nhy: F8,
) -> None:
    """Move the people of the sorted entries ``low`` to ``high``: new places go to ``nx``, ``ny``.

    ``law``: wall push, wall range, wall distance, and the half width of the lane ahead (see ``Behaviour``); ``bend``
    tells how much somebody at a squared distance bends the way (see ``bend_table``).
    """
    wall_push, wall_m, wall_gap, lane = law[0], law[1], law[2], law[3]
    both = 2.0 * radius
    both2 = both * both
    body2 = (both + BODY_REACH_M) ** 2
    scale = (len(bend) - 2) / body2
    ox, oy, o2, who = np.empty(SCRATCH), np.empty(SCRATCH), np.empty(SCRATCH), np.empty(SCRATCH, np.int32)
    for q in range(low, high):
        i = owner[q]
        if i < 0:
            continue
        nx[i], ny[i] = sx[q], sy[q]
        nhx[i], nhy[i] = hx[i], hy[i]
        if start_s[i] > now_s or goal[i] < 0:
            speed[i] = 0.0
            continue
        c = cell[i]
        xi, yi = sx[q], sy[q]
        turn = angle[goal[i], c]
        ex, ey = hx[i], hy[i]
        if turn != NO_WAY:
            ex, ey = COS[turn], SIN[turn]
        wish = free[i] * pace[c] * lag[i]
        s = sheet[c]
        if flight[s] != 0:
            wish *= up[s] if ex > 0.0 else down[s]
        fx, fy = ex, ey
        block = near_index[int((yi - south) / step_m), int((xi - west) / step_m)]
        # Nobody picks up more than HASTE_MPS in a step, so whoever is further away than that allows does not matter.
        reach = min(both + min(wish, speed[i] + HASTE_MPS) * gap, NEAR_M)
        reach2 = max(reach * reach, body2)
        seen = 0
        bx, by = 0.0, 0.0
        creeps = speed[i] < CREEP_MPS or halted[i] != 0
        squeezed = False
        for b in range(9):
            other = near[block, b]
            if other < 0:
                continue
            for k in range(first[other], first[other + 1]):
                dx, dy = sx[k] - xi, sy[k] - yi
                d2 = dx * dx + dy * dy
                if d2 >= reach2 or k == q or owner[k] == -1 - i:
                    continue
                if creeps and comes_towards(
                    owner[k], i, fx, fy, hx, hy, start_s, goal, cell, angle, portal_of, portals, now_s
                ):
                    # Who can hardly move slips by those who come the other way.
                    squeezed = squeezed or d2 < both2
                    continue
                if d2 < body2:
                    at = d2 * scale
                    whole = int(at)
                    weight = bend[whole] + (at - whole) * (bend[whole + 1] - bend[whole])
                    bx -= weight * dx
                    by -= weight * dy
                if dx * fx + dy * fy > -0.4 and seen < SCRATCH:
                    ox[seen], oy[seen], o2[seen], who[seen] = dx, dy, d2, owner[k]
                    seen += 1
        ex += bx
        ey += by
        low_wall, high_wall = first_wall[block], first_wall[block + 1]
        if clearance_m[c] > WALL_REACH_M:
            high_wall = low_wall
        for k in range(low_wall, high_wall):
            w = wall[k]
            ax, ay = walls[w, 0], walls[w, 1]
            ux, uy = walls[w, 2] - ax, walls[w, 3] - ay
            t = ((xi - ax) * ux + (yi - ay) * uy) / (ux * ux + uy * uy + 1e-12)
            t = min(max(t, 0.0), 1.0)
            dx, dy = xi - ax - t * ux, yi - ay - t * uy
            d = np.sqrt(dx * dx + dy * dy) + 1e-9
            if d < wall_gap + 6.0 * wall_m:
                # A wall takes away what goes into it and adds a little: it never turns anybody back.
                into = -(ex * dx + ey * dy) / d
                weight = min(wall_push * np.exp((wall_gap - d) / wall_m), max(into, 0.0) + WALL_SLIDE) / d
                ex += weight * dx
                ey += weight * dy
        along = ex * fx + ey * fy
        if along < 0.0:  # people step aside rather than backwards
            ex -= along * fx
            ey -= along * fy
        size = np.sqrt(ex * ex + ey * ey)
        if size > 1e-9:
            ex /= size
            ey /= size
        else:
            ex, ey = fx, fy
        if speed[i] < SLOW_MPS:
            aside = STEP_ASIDE_RAD * noise(seed, i, step)
            co, si = np.cos(aside), np.sin(aside)
            ex, ey = co * ex - si * ey, si * ex + co * ey
        close2 = reach2
        for k in range(seen):
            off = abs(ox[k] * ey - oy[k] * ex)
            if o2[k] < close2 and ox[k] * ex + oy[k] * ey > 0.0 and off < lane:
                j = who[k]
                # Those who come towards one another turn their shoulders and pass (images keep their own sheet's
                # heading).
                if j >= 0 and hx[j] * ex + hy[j] * ey < ONCOMING and off > SQUEEZE * lane:
                    continue
                close2 = o2[k]
        v = min(max((np.sqrt(close2) - both) / gap, 0.0), min(wish, CREEP_MPS) if squeezed else wish)
        px, py = xi + v * dt_s * ex, yi + v * dt_s * ey
        for _ in range(2 if high_wall > low_wall else 0):
            for k in range(low_wall, high_wall):
                w = wall[k]
                ax, ay = walls[w, 0], walls[w, 1]
                ux, uy = walls[w, 2] - ax, walls[w, 3] - ay
                t = ((px - ax) * ux + (py - ay) * uy) / (ux * ux + uy * uy + 1e-12)
                t = min(max(t, 0.0), 1.0)
                dx, dy = px - ax - t * ux, py - ay - t * uy
                d2 = dx * dx + dy * dy
                if d2 < wall_gap * wall_gap:
                    d = np.sqrt(d2) + 1e-9
                    px += dx / d * (wall_gap - d)
                    py += dy / d * (wall_gap - d)
        # Two walls that leave no room between them: stay, rather than be pushed through one.
        if (px - xi) ** 2 + (py - yi) ** 2 > (wish * dt_s + wall_gap) ** 2:
            px, py = xi, yi
        speed[i] = np.sqrt((px - xi) ** 2 + (py - yi) ** 2) / dt_s
        nhx[i], nhy[i] = ex, ey
        nx[i], ny[i] = px, py


@njit(cache=True, nogil=True)
def settle(
    here: I4,
    x: F8,
    y: F8,
    hx: F8,
    hy: F8,
    nx: F8,
    ny: F8,
    nhx: F8,
    nhy: F8,
    goal: I4,
    after: I4,
    cell: I4,
    shut: U1,
    distance: F4,
    index: I4,
    sheet: I4,
    west: float,
    south: float,
    cell_m: float,
    portal_of: I4,
    portals: F8,
    passed_s: F8,
    passed_by: I4,
    out_s: F8,
    now_s: float,
) -> int:
    """Take over the new places, move people through portals, give those at their goal the next one or let them go.

    Those who are still here are moved to the front of ``here``, in order; gives how many they are.
    """
    left = 0
    for q in range(len(here)):
        i = here[q]
        c = cell[i]
        px, py = nx[i], ny[i]
        hx[i], hy[i] = nhx[i], nhy[i]
        p = portal_of[c]
        if p >= 0:
            dx, dy = px - portals[p, 0], py - portals[p, 1]
            ux, uy = portals[p, 2], portals[p, 3]
            if dx * ux + dy * uy > PORTAL_STEP_M and abs(dy * ux - dx * uy) <= portals[p, 4] + 0.1:
                cos, sin = portals[p, 7], portals[p, 8]
                px = portals[p, 5] + cos * dx - sin * dy
                py = portals[p, 6] + sin * dx + cos * dy
                hx[i], hy[i] = cos * hx[i] - sin * hy[i], sin * hx[i] + cos * hy[i]
                c = _near_on(index, sheet, int(portals[p, 9]), px, py, west, south, cell_m, c)
        d = index[int((py - south) / cell_m), int((px - west) / cell_m)]
        if d >= 0 and d != c:
            if shut[d] != 0 and shut[c] == 0:
                px, py = x[i], y[i]
            else:
                c = d
        x[i], y[i], cell[i] = px, py, c
        if goal[i] >= 0 and distance[goal[i], c] == 0.0:
            if after[i] >= 0:
                passed_s[i], passed_by[i] = now_s, goal[i]
                goal[i], after[i] = after[i], -1
            else:
                if passed_s[i] < 0.0:
                    passed_s[i], passed_by[i] = now_s, goal[i]
                out_s[i] = now_s
                goal[i] = GONE
                continue
        here[left] = i
        left += 1
    return left


@njit(cache=True, nogil=True)
def _near_on(
    index: I4,
    sheet: I4,
    wanted: int,
    px: float,
    py: float,
    west: float,
    south: float,
    cell_m: float,
    keep: int,
) -> int:
    """The cell of a sheet at a place or next to it, else the one kept."""
    iy, ix = int((py - south) / cell_m), int((px - west) / cell_m)
    best, found = 1e9, keep
    for jy in range(iy - 2, iy + 3):
        for jx in range(ix - 2, ix + 3):
            d = index[jy, jx]
            if d >= 0 and sheet[d] == wanted:
                away = (west + (jx + 0.5) * cell_m - px) ** 2 + (south + (jy + 0.5) * cell_m - py) ** 2
                if away < best:
                    best, found = away, d
    return found
