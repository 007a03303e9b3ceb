"""A plan checked by simulation: the exits it gives to each zone, and how long that takes, beside everybody's
nearest exit.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from .evacuate import evacuate
from .outcome import CrowdOptions, CrowdResult
from .site_ground import SiteGround

__all__ = ("PlanCheck", "check_plan")


class PlanCheck(Struct, frozen=True, kw_only=True):
    """Clearance by the plan at each compliance, and with everybody at the nearest exit; ``gain`` is 1 - plan /
    nearest.
    """

    nearest: CrowdResult
    planned: dict[str, CrowdResult]
    gain: dict[str, float | None]


def check_plan(
    ground: SiteGround,
    occupancy: Mapping[str, float],
    shares: Mapping[str, Mapping[str, float]] | None = None,
    *,
    named: Mapping[str, Sequence[str]] | None = None,
    compliance: tuple[float, ...] = (1.0, 0.7),
    options: CrowdOptions | None = None,
) -> PlanCheck:
    """Simulate a plan's exit shares by zone, or the exits ``named`` to each zone of which people take the nearest, at
    these shares of people who follow it; the others take the nearest exit of all.

    The comparison is with people who go to the nearest exit and stay with it, as a plan by nearest exit would have
    them.

    :raises ValueError: as ``evacuate``.
    """
    base = msgspec.structs.replace(options or CrowdOptions(), look_round=False)
    nearest = evacuate(ground, occupancy, options=base)
    planned = {
        f"{share:g}": evacuate(
            ground,
            occupancy,
            shares=shares,
            named=named,
            options=msgspec.structs.replace(base, compliance=share),
        )
        for share in compliance
    }
    return PlanCheck(
        nearest=nearest, planned=planned, gain={key: _gain(nearest, found) for key, found in planned.items()}
    )


def _gain(nearest: CrowdResult, planned: CrowdResult) -> float | None:
    """By the time to safety where the run went on to the assembly points, else by the time out of the building."""
    whole = nearest.options.until == "assembly"
    before, after = (each.safe_s if whole else each.clearance_s for each in (nearest, planned))
    return round(1 - after / before, 4) if before and after is not None else None
