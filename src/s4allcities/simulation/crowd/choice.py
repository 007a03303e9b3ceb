"""Which exit people take who were not told one: the nearest at first, another when the queue there costs too much.

The time by an exit is the longer of the walk and the wait: those who want the same exit and are closer to it, over
what the exit lets through. A person changes only for a gain of a fifth, and looks round every few seconds, as people
do who cannot see every queue at once (after the anchoring of T. Korhonen and S. Hostikka's FDS+Evac guide, VTT 2009).
"""

from dataclasses import dataclass

import numpy as np

from .arrays import B1, F8, I4
from .crowd import Crowd

__all__ = ("ExitChoice",)


@dataclass(slots=True)
class ExitChoice:
    """``exits`` are goal numbers, ``flow_ps`` what each lets through; ``free`` (n,) who chooses for themselves.

    ``anchor`` is the least relative gain that makes somebody change; ``every_s`` how often a person looks round.
    """

    exits: I4
    flow_ps: F8
    free: B1
    anchor: float = 0.2
    every_s: float = 4.0
    after: I4 | None = None

    def nearest(self, crowd: Crowd) -> None:
        """Give everybody who chooses the nearest exit that is open to them."""
        who = np.flatnonzero(self.free & (crowd.goal >= 0))
        away = crowd.distance[self.exits][:, crowd.cell[who]]
        self._set(crowd, who, np.argmin(away, axis=0))

    def look_round(self, crowd: Crowd, rng: np.random.Generator, since_s: float) -> None:
        """Let the share of people look round whose turn it is after ``since_s`` seconds."""
        here = crowd.here
        before_exit = np.isin(crowd.goal[here], self.exits)
        here = here[before_exit & self.free[here]]
        here = here[rng.random(len(here)) < since_s / self.every_s]
        if not len(here):
            return
        cost = self._cost(crowd, here)
        rank = {int(goal): k for k, goal in enumerate(self.exits)}
        old = np.array([rank[int(goal)] for goal in crowd.goal[here]])
        best = np.argmin(cost, axis=0)
        row = np.arange(len(here))
        moved = cost[best, row] < (1 - self.anchor) * cost[old, row]
        self._set(crowd, here[moved], best[moved])

    def _cost(self, crowd: Crowd, who: I4) -> F8:
        """Seconds by each exit (exits, people): walk or wait, whichever is longer."""
        everybody = crowd.here
        cost = np.empty((len(self.exits), len(who)))
        for k, goal in enumerate(self.exits):
            away = crowd.distance[goal]
            queue = np.sort(away[crowd.cell[everybody[crowd.goal[everybody] == goal]]])
            mine = away[crowd.cell[who]]
            wait = np.searchsorted(queue, mine) / max(float(self.flow_ps[k]), 1e-6)
            cost[k] = np.maximum(mine / crowd.free[who], wait)
        return cost

    def _set(self, crowd: Crowd, who: I4, rank: I4) -> None:
        crowd.goal[who] = self.exits[rank]
        if self.after is not None:
            crowd.after[who] = self.after[rank]
