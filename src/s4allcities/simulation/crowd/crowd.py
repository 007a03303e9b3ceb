"""The crowd: people on a ground, with goals, moved step by step."""

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ._raster import near_step_m
from ._step import GONE, bend_table, gather, settle, walk
from .arrays import B1, F4, F8, I4, U1
from .behaviour import PUBLIC, Behaviour
from .fields import FloorField, solve_field
from .ground import Ground

__all__ = ("Crowd", "People")


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Who walks: places (n,) in metres of ``sheet`` (n,), free speed, moment of setting off, goal and the goal after
    it.

    ``group`` numbers those who stay together, -1 for nobody; ``after`` -1 lets a person go at the first goal.
    """

    x_m: F8
    y_m: F8
    sheet: I4
    free_mps: F8
    start_s: F8
    goal: I4
    after: I4
    group: I4

    def __len__(self) -> int:
        return len(self.x_m)

    @classmethod
    def at(
        cls,
        xy_m: F8,
        *,
        sheet: int = 0,
        free_mps: F8 | float = 1.34,
        start_s: F8 | float = 0.0,
        goal: I4 | int = 0,
        after: I4 | int = -1,
        group: I4 | int = -1,
    ) -> "People":
        """Make people at places (n, 2); single figures hold for all."""
        n = len(xy_m)
        return cls(
            np.ascontiguousarray(xy_m[:, 0], np.float64),
            np.ascontiguousarray(xy_m[:, 1], np.float64),
            np.full(n, sheet, np.int32),
            np.broadcast_to(np.asarray(free_mps, np.float64), n).copy(),
            np.broadcast_to(np.asarray(start_s, np.float64), n).copy(),
            np.broadcast_to(np.asarray(goal, np.int32), n).copy(),
            np.broadcast_to(np.asarray(after, np.int32), n).copy(),
            np.broadcast_to(np.asarray(group, np.int32), n).copy(),
        )

    @staticmethod
    def together(parts: Sequence["People"]) -> "People":
        """Put several lots of people into one."""
        names = ("x_m", "y_m", "sheet", "free_mps", "start_s", "goal", "after", "group")
        return People(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class Crowd:
    """A crowd in motion on a ground.

    ``goals`` are the cells of each goal. ``dt_s`` is the step: 0.05 s keeps a step below a fifth of the gap that
    people hold. ``detour`` above 0 lets people walk round slow ones: every 2 s the fields count a cell longer by that
    share for each slow person a square metre (quickest instead of shortest way, after T. Kretz, JSTAT P03012, 2009).
    The same arguments and seed give the same run, whatever ``workers`` (threads) is.

    After and between runs: ``x``, ``y`` (n,) in the plane of the ground, ``speed`` (n,), ``passed_s`` when a person
    reached the first goal and ``passed_by`` which it was, ``out_s`` when they left (-1: not yet), ``goal`` (n,).

    :raises ValueError: a person stands off the ground, or a goal does not exist.

    >>> import shapely
    >>> from s4allcities.simulation.crowd import Crowd, GroundBuilder, People
    >>> builder = GroundBuilder()
    >>> hall = builder.floor("hall", shapely.box(0, 0, 20, 4))
    >>> ground = builder.build()
    >>> door = ground.cells_in(hall, shapely.box(19, 0, 20, 4))
    >>> crowd = Crowd(ground, People.at(np.array([[1.0, 2.0]])), [door])
    >>> crowd.run(60.0)
    >>> round(float(crowd.out_s[0]), 1)
    13.5
    """

    def __init__(
        self,
        ground: Ground,
        people: People,
        goals: Sequence[I4],
        *,
        behaviour: Behaviour = PUBLIC,
        dt_s: float = 0.05,
        seed: int = 0,
        workers: int = 1,
        blocked: Sequence[B1 | None] | None = None,
        detour: float = 0.0,
    ) -> None:
        self.ground, self.behaviour, self.dt_s, self.seed, self.workers = (
            ground,
            behaviour,
            dt_s,
            seed,
            workers,
        )
        self.goals, self.detour = list(goals), detour
        self._blocked = list(blocked) if blocked is not None else [None] * len(self.goals)
        raster = ground.raster
        self.shut: U1 = np.zeros(raster.n_cells, np.uint8)
        self.pace: F4 = np.ones(raster.n_cells, np.float32)
        self.distance: F4 = np.empty((len(goals), raster.n_cells), np.float32)
        self.angle: U1 = np.empty((len(goals), raster.n_cells), np.uint8)
        self._here: I4 = np.empty(0, np.int32)
        self.refresh()
        self._place(people)
        self.now_s, self.step = 0.0, 0
        self._flights: U1 = ground.flights
        self._law: F8 = behaviour.law()
        self._bend: F8 = bend_table(behaviour.push, behaviour.push_m, behaviour.radius_m)
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None

    def _place(self, people: People) -> None:
        n, raster = len(people), self.ground.raster
        offsets = np.array([sheet.offset for sheet in self.ground.sheets])
        self.x = people.x_m + offsets[people.sheet, 0]
        self.y = people.y_m + offsets[people.sheet, 1]
        rows = ((self.y - raster.south) / raster.cell_m).astype(int)
        columns = ((self.x - raster.west) / raster.cell_m).astype(int)
        good = (
            (rows >= 0) & (columns >= 0) & (rows < raster.index.shape[0]) & (columns < raster.index.shape[1])
        )
        self.cell: I4 = np.full(n, -1, np.int32)
        self.cell[good] = raster.index[rows[good], columns[good]]
        if n and self.cell.min() < 0:
            lost = int(np.argmin(self.cell))
            raise ValueError(
                f"person {lost} at {people.x_m[lost]:.2f}, {people.y_m[lost]:.2f} stands off the ground"
            )
        if n and not (
            people.goal.min() >= 0 and max(people.goal.max(), people.after.max()) < len(self.goals)
        ):
            raise ValueError(f"a person's goal is outside 0..{len(self.goals) - 1}")
        self.free, self.start_s = people.free_mps.copy(), people.start_s.copy()
        self.goal, self.after, self.group = people.goal.copy(), people.after.copy(), people.group.copy()
        self.hx, self.hy, self.speed, self.lag = np.ones(n), np.zeros(n), np.zeros(n), np.ones(n)
        self.passed_s, self.out_s = np.full(n, -1.0), np.full(n, -1.0)
        self.passed_by: I4 = np.full(n, -1, np.int32)
        self._nx, self._ny, self._nhx, self._nhy = (
            self.x.copy(),
            self.y.copy(),
            self.hx.copy(),
            self.hy.copy(),
        )
        self.halted: U1 = np.zeros(n, np.uint8)
        self._best_m, self._best_s, self.nudged = np.full(n, np.inf), np.zeros(n), 0
        self._here = np.arange(n, dtype=np.int32)
        self._near_cell, self._owner, self._by = (np.empty(2 * n + 1, np.int32) for _ in range(3))
        self._sx, self._sy, self._image = np.empty(2 * n + 1), np.empty(2 * n + 1), np.empty((n + 1, 2))
        self._first: I4 = np.zeros(len(raster.near) + 1, np.int32)

    @property
    def here(self) -> I4:
        """Numbers of the people who have not left."""
        return self._here.copy()

    def field(self, goal: int) -> FloorField:
        """The floor field of a goal."""
        return FloorField(self.distance[goal], self.angle[goal], self.goals[goal])

    def _solve(self, number: int) -> None:
        closed = self.shut != 0
        blocked = self._blocked[number]
        if blocked is not None:
            closed = closed | blocked
        field = solve_field(self.ground, self.goals[number], closed, self._delay())
        self.distance[number], self.angle[number] = field.distance_m, field.angle

    def _delay(self) -> F4 | None:
        """How much longer a cell counts for slow people on and round it; None where nobody looks at that."""
        if not self.detour or not len(self._here):
            return None
        r = self.ground.raster
        step_m = near_step_m(r.cell_m)
        slow = self._here[self.speed[self._here] < 0.5 * self.free[self._here]]
        rows, columns = (
            ((self.y[slow] - r.south) / step_m).astype(int),
            ((self.x[slow] - r.west) / step_m).astype(int),
        )
        count = np.bincount(r.near_index[rows, columns], minlength=len(r.near)).astype(np.float64)
        around = np.where(r.near >= 0, count[r.near], 0.0).sum(axis=1) / (9 * step_m**2)
        of_cell = r.near_index[((r.y - r.south) / step_m).astype(int), ((r.x - r.west) / step_m).astype(int)]
        delay: F4 = (self.detour * around[of_cell]).astype(np.float32)
        return delay

    def close(self, cells: I4) -> None:
        """Close cells, from now on: nobody steps onto them, and every field is made anew."""
        self.shut[cells] = 1
        self.refresh()

    def open(self, cells: I4) -> None:
        """Open cells again."""
        self.shut[cells] = 0
        self.refresh()

    def refresh(self) -> None:
        """Make every field anew, after ``shut`` was changed."""
        for number in range(len(self.goals)):
            self._solve(number)

    def run(self, until_s: float) -> None:
        """Go on until that moment, or until everybody has left."""
        while self.now_s < until_s - 1e-9 and len(self._here):
            self.advance()

    def advance(self) -> None:
        """Make one step."""
        r, n, step_m = self.ground.raster, len(self._here), near_step_m(self.ground.raster.cell_m)
        if self.detour and self.step % 40 == 39:
            self.refresh()
        if self.step % 200 == 199:
            self._help_the_stuck()
        if self.step % 10 == 0 and (self.group >= 0).any():
            self._keep_together()
        entries = gather(
            self._here, self.x, self.y, self.cell, r.portal, self.ground.portals, r.near_index, r.west, r.south, step_m,
            self._first, self._by, self._sx, self._sy, self._owner, self._near_cell, self._image,
        )  # fmt: skip
        if self._pool is None or n < 500:
            self._walk(0, entries, step_m)
        else:
            cuts = [entries * k // self.workers for k in range(self.workers + 1)]
            jobs = [self._pool.submit(self._walk, a, b, step_m) for a, b in itertools.pairwise(cuts)]
            for job in jobs:
                job.result()
        self.now_s += self.dt_s
        self.step += 1
        left = settle(
            self._here, self.x, self.y, self.hx, self.hy, self._nx, self._ny, self._nhx, self._nhy,
            self.goal, self.after, self.cell, self.shut,
            self.distance, r.index, r.sheet, r.west, r.south, r.cell_m, r.portal, self.ground.portals,
            self.passed_s, self.passed_by, self.out_s, self.now_s,
        )  # fmt: skip
        self._here = self._here[:left]

    def _walk(self, low: int, high: int, step_m: float) -> None:
        r, g = self.ground.raster, self.ground
        walk(
            low, high, self._owner, self._sx, self._sy, self._first, r.near, r.near_index, r.first_wall, r.wall,
            r.walls, r.west, r.south, step_m, self.x, self.y, self.hx, self.hy, self.speed, self.free,
            self.behaviour.gap_s, self.behaviour.radius_m, self.start_s, self.goal, self.cell, self.lag, self.angle,
            r.portal, g.portals, self.halted, r.sheet, self._flights, g.stair_up, g.stair_down, self.pace,
            r.clearance_m, self._law, self._bend, self.now_s, self.dt_s, self.seed, self.step,
            self._nx, self._ny, self._nhx, self._nhy,
        )  # fmt: skip

    def _keep_together(self) -> None:
        """Those of a group who are ahead of its middle slow down (Moussaid et al., PLoS ONE 5, 2010: groups keep
        one pace).
        """
        here = self._here[self.group[self._here] >= 0]
        ahead_m = self.distance[self.goal[here], self.cell[here]].astype(np.float64)
        known = np.isfinite(ahead_m)
        here, ahead_m = here[known], ahead_m[known]
        group = self.group[here]
        count = np.bincount(group)
        middle = np.bincount(group, ahead_m) / np.maximum(count, 1)
        lead = middle[group] - ahead_m
        self.lag[here] = np.clip(1.0 - 0.35 * np.maximum(lead - 0.8, 0.0), 0.25, 1.0)

    def _help_the_stuck(self) -> None:
        """Mark who for 10 s came no nearer: they slip by people who come the other way, with whom they might step from
        side to side for ever. Move on by a cell or two who for 20 s came no nearer to the goal though nobody is near:
        caught at a corner of the grid. Counted in ``nudged``; a queue is left alone.
        """
        here = self._here[(self.start_s[self._here] <= self.now_s) & (self.goal[self._here] >= 0)]
        away = self.distance[self.goal[here], self.cell[here]].astype(np.float64)
        nearer = away < self._best_m[here] - 0.2
        self._best_m[here[nearer]], self._best_s[here[nearer]] = away[nearer], self.now_s
        self.halted[here] = self.now_s - self._best_s[here] > 10.0
        late = here[(self.now_s - self._best_s[here] > 20.0) & np.isfinite(away)]
        raster = self.ground.raster
        for i in late[:50]:
            apart = np.hypot(self.x[self._here] - self.x[i], self.y[self._here] - self.y[i])
            if (apart < 1.2).sum() > 1:
                continue
            field, c = self.distance[self.goal[i]], int(self.cell[i])
            for _ in range(3):
                ways = [int(d) for d in raster.link[c] if d >= 0]
                ways += [int(d) for d in raster.way[raster.first_way[c] : raster.first_way[c + 1]]]
                c = min([c, *ways], key=lambda d: float(field[d]))
            self.cell[i], self.x[i], self.y[i] = c, raster.x[c], raster.y[c]
            self.nudged += 1

    def gone(self) -> int:
        """How many have left."""
        return int((self.goal == GONE).sum())
