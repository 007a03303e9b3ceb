"""How fast people walk and how many pass: the hydraulic relations of the SFPE handbook, and default widths.

Source of the relations: S. M. V. Gwynne and E. R. Rosenbaum, "Employing the Hydraulic Model in Assessing Emergency
Movement", SFPE Handbook of Fire Protection Engineering, 5th edition, chapter 59. They hold for mixed adult crowds
that move in one direction; capacities should be calibrated from live counts, because door capacity decides clearance.
"""

from math import sqrt

from .model import Flow, Opening, Stair

__all__ = (
    "BOUNDARY_DOOR_M",
    "BOUNDARY_STAIR_M",
    "DEFAULT_STAIR",
    "DENSITY_FACTOR_M2",
    "DOOR_FLOW_PS_PER_M",
    "LEVEL_FLOW_PS_PER_M",
    "SPEED_LEVEL_MPS",
    "SPEED_STAIR_MPS",
    "WALL_GAP_M",
    "door_capacity_ps",
    "opening_capacity_ps",
    "stair_capacity_ps",
    "stair_flow_ps_per_m",
)

SPEED_LEVEL_MPS = 1.34
"""Free walking speed on the level (Weidmann 1993, mean of adults)."""
SPEED_STAIR_MPS = 0.7
"""Speed along the slope of stairs, up or down, for a mixed crowd (Fruin 1971: 0.5 to 0.8)."""
DENSITY_FACTOR_M2 = 0.266
"""``a`` in the speed-density relation v = k (1 - a D)."""
LEVEL_FLOW_PS_PER_M = 1.3
"""People a second and metre of effective width on the level: k / 4a with k = 1.40 m/s, rounded down."""
DOOR_FLOW_PS_PER_M = 1.3
"""The same for doorways."""
BOUNDARY_DOOR_M = 0.15
"""Layer that nobody uses at each side of a doorway."""
BOUNDARY_STAIR_M = 0.15
"""The same at each side of stairs."""
WALL_GAP_M = 0.15
"""The same along walls of halls and passages."""
DEFAULT_STAIR = Stair(riser_m=0.165, tread_m=0.31, rise_m=4.5)
"""One underground storey with comfortable steps, where nothing better is known."""

_STAIR_K_M_PER_MIN = 51.8
_SECONDS_PER_MIN = 60.0
_LEAST_WIDTH_M = 0.3


def stair_flow_ps_per_m(stair: Stair) -> float:
    """People a second and metre of effective width: k / 4a with k = 51.8 sqrt(tread / riser) m/min.

    >>> round(stair_flow_ps_per_m(Stair(riser_m=0.178, tread_m=0.279, rise_m=3.0)), 2)
    1.02
    """
    k_mps = _STAIR_K_M_PER_MIN * sqrt(stair.tread_m / stair.riser_m) / _SECONDS_PER_MIN
    return k_mps / (4 * DENSITY_FACTOR_M2)


def door_capacity_ps(width_m: float) -> float:
    """People a second through a doorway of that clear width.

    >>> round(door_capacity_ps(2.3), 3)
    2.6
    """
    return DOOR_FLOW_PS_PER_M * max(width_m - 2 * BOUNDARY_DOOR_M, _LEAST_WIDTH_M)


def stair_capacity_ps(width_m: float, stair: Stair) -> float:
    """People a second on stairs of that clear width; never more than on the level."""
    flow = min(stair_flow_ps_per_m(stair), LEVEL_FLOW_PS_PER_M)
    return flow * max(width_m - 2 * BOUNDARY_STAIR_M, _LEAST_WIDTH_M)


def opening_capacity_ps(opening: Opening) -> float:
    """People a second through an opening: the flow the site states, else the smaller of door and flight."""
    flow: Flow | None = opening.flow
    if flow is not None:
        return flow.value
    door = door_capacity_ps(opening.width_m)
    return door if opening.stair is None else min(door, stair_capacity_ps(opening.width_m, opening.stair))
