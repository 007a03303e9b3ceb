"""Why a sensor may be blind: what about it, or about the settings, differs from others of its kind."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.detection.groups import GroupsConfig
from s4allcities.detection.unusual import UnusualConfig
from s4allcities.domain import US_PER_S
from s4allcities.site import SensorSpec

from .attacks import noise_of
from .recording import Named

__all__ = ("Profile", "causes_of", "profile_of")

TIMES_SLOWER, TIMES_NOISIER = 4.0, 3.0


class Profile(Struct, frozen=True, kw_only=True):
    """How a series reads: how often in all, every how many seconds, how restlessly."""

    readings: int
    interval_s: float
    noise: float


def profile_of(t_us: NDArray[np.int64], value: NDArray[np.float64], times: float = 1.0) -> Profile:
    """Look at one series; ``times`` as long as what is given is the time that taught."""
    every = float(np.median(np.diff(t_us))) / US_PER_S if len(t_us) > 1 else 0.0
    return Profile(readings=round(len(t_us) * times), interval_s=every, noise=noise_of(value)[0])


def causes_of(
    target: int,
    named: Sequence[Named],
    profiles: Sequence[Profile],
    noise: Sequence[float],
    spec: SensorSpec | None,
    unusual: UnusualConfig,
    groups: GroupsConfig,
    span_us: tuple[int, int],
) -> tuple[str, ...]:
    """Say what is known to make a series hard to watch, in plain words; nothing is known = empty.

    ``noise`` is what is ordinary for each series, from the others of its quantity.
    """
    me, mine = named[target].series, profiles[target]
    others = [
        profiles[i]
        for i, each in enumerate(named)
        if each.series.quantity == me.quantity
        and each.series.sensor != me.sensor
        and profiles[i].readings > 1
    ]
    out = []
    usual_s = float(np.median([each.interval_s for each in others])) if others else 0.0
    if usual_s and mine.interval_s > TIMES_SLOWER * usual_s:
        out.append(f"it reads every {_time(mine.interval_s)}, others of its kind every {_time(usual_s)}")
    if mine.readings <= unusual.warm_up:
        out.append(
            f"it read {mine.readings} times in the days that taught;"
            f" `unusual` says nothing before {unusual.warm_up}"
        )
    if noise[target] and mine.noise > TIMES_NOISIER * noise[target]:
        out.append(f"its noise is {mine.noise / noise[target]:.0f} times that of its kind")
    zone = (spec.zone if spec is not None else "") or me.zone
    for each in unusual.expected:
        covered = (not each.zones or zone in each.zones) and (
            not each.quantities or me.quantity in each.quantities
        )
        if covered and each.t_from_us < span_us[1] and each.t_until_us > span_us[0]:
            where = f"in {zone}" if each.zones else "everywhere"
            out.append(
                f"the settings of `unusual` expect {each.what!r} {where}, and are silent for that long"
            )
    if me.quantity in unusual.leave_out_quantities or named[target].family in unusual.leave_out_families:
        out.append("the settings of `unusual` leave it out")
    if f"{me.sensor}/{me.quantity}" in groups.left_out:
        out.append("the settings of `groups` leave it out of its group")
    return tuple(out)


def _time(seconds: float) -> str:
    return (
        f"{seconds / 3600:.3g} h"
        if seconds >= 3600
        else f"{seconds / 60:.3g} min"
        if seconds >= 120
        else f"{seconds:.3g} s"
    )
