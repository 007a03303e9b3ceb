"""How people keep their distance: the parameters of the collision-free speed model, by population.

Model: A. Tordeux, M. Chraibi, A. Seyfried, "Collision-Free Speed Model for Pedestrian Dynamics", Traffic and Granular
Flow '15, Springer 2016. Speed follows the room ahead, ``v = min(v0, room / T)``; direction is the way to the goal
bent by those who stand close. Two populations are calibrated, because measured capacities of doors differ by a factor
of two between the mixed public of the handbooks and young people in laboratories (see
``docs/explanation/crowd-twin.md``).
"""

from dataclasses import dataclass

import numpy as np

from .arrays import F8

__all__ = ("LABORATORY", "POPULATIONS", "PUBLIC", "Behaviour")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """``gap_s`` time gap T; ``radius_m`` half the length l of a body; ``push`` and ``push_m`` strength and range by
    which others bend the way; ``wall_push``, ``wall_m``, ``wall_gap_m`` the same of walls and the least distance to
    one; ``side`` share of the body's width within which somebody counts as ahead. ``free_mps`` and ``free_sd_mps``
    are the free walking speed's mean and deviation where no ages are given.
    """

    name: str
    gap_s: float
    radius_m: float
    push: float = 5.0
    push_m: float = 0.1
    wall_push: float = 2.0
    wall_m: float = 0.05
    wall_gap_m: float = 0.15
    side: float = 1.0
    free_mps: float = 1.34
    free_sd_mps: float = 0.26

    def law(self) -> F8:
        """The parameters that the kernel takes as an array."""
        return np.array([self.wall_push, self.wall_m, self.wall_gap_m, 2 * self.radius_m * self.side])


PUBLIC = Behaviour("public", gap_s=0.5, radius_m=0.25, side=0.63)
"""The mixed public: follows Weidmann's fundamental diagram."""

LABORATORY = Behaviour("laboratory", gap_s=0.46, radius_m=0.195, side=0.65, free_mps=1.4, free_sd_mps=0.15)
"""Young, willing people who know the way: follows the experiments of the Juelich data archive."""

POPULATIONS: dict[str, Behaviour] = {each.name: each for each in (PUBLIC, LABORATORY)}
