"""The settings of the detector that tells unusual from usual; one is for people, the others are fixed and few."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from ..config import load_config
from . import _layout as at

__all__ = ("Expected", "UnusualConfig", "Weights", "settings_of", "unusual_config", "weights_of")

_Positive = Annotated[float, Meta(gt=0)]
_Weight = Annotated[float, Meta(ge=0)]
_Count = Annotated[int, Meta(ge=1)]

MONTH_S = 30 * 86400.0
BAR_AT_5_MIN = 3.0
"""Deviations at which a series read every five minutes is unusual, one false alarm a month being the wish."""


class Weights(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much each way of looking at a series counts; they are compared by their largest."""

    seasonal: _Weight = 1.0
    forecast: _Weight = 0.7
    level: _Weight = 0.7
    shift: _Weight = 0.7
    cycle: _Weight = 0.7
    variance: _Weight = 0.7
    flat: _Weight = 0.5
    jump: _Weight = 0.4
    range: _Weight = 0.4
    pattern: _Weight = 0.4


class Expected(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time at which the unusual is expected (a festival, a holiday): what happens in ``zones`` then is no anomaly.

    ``zones`` empty means everywhere; ``quantities`` empty means every quantity.
    """

    what: str
    t_from_us: int
    t_until_us: int
    zones: frozenset[str] = frozenset()
    quantities: frozenset[str] = frozenset()


class UnusualConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    ``false_alarms_per_month`` is the wish for one sensor. ``false_discoveries`` is the share of what is said at about
    the same time over all sensors that may be false. ``warm_up`` readings of a series are needed before anything is
    said of it. The first ``series_most`` series are watched in full, ``quick_most`` more by level and spread alone.
    ``tests_least`` readings are taken to be tested in five minutes where fewer are, as when only some series of a site
    are replayed. Of ``event_quantities`` nothing is said in zones where the calendar says that an event is on.
    """

    false_alarms_per_month: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    false_discoveries: Annotated[float, Meta(gt=0, le=1)] = 0.1
    warm_up: _Count = 600
    tests_least: Annotated[int, Meta(ge=0)] = 0
    series_most: _Count = 100_000
    quick_most: Annotated[int, Meta(ge=0)] = 1_000_000
    future_s: _Positive = 60.0
    weights: Weights = Weights()
    leave_out_families: frozenset[str] = frozenset()
    leave_out_quantities: frozenset[str] = frozenset()
    expected: tuple[Expected, ...] = ()
    event_quantities: frozenset[str] = frozenset()


def unusual_config(changes: Mapping[str, Any] | None = None) -> UnusualConfig:
    """Give the shipped settings with an installation's changes. :raises ConfigError: not allowed."""
    return load_config(__package__ or "", UnusualConfig, changes)


# Found once on the benchmark's files and on simulated series, the same for every series ever since: rates per reading.
_FIXED: Sequence[tuple[int, float]] = (
    (at.A_SLOW, 0.001), (at.A_FAST, 0.1), (at.A_VARIANCE, 0.1), (at.A_SEASON, 0.03), (at.A_WEEK, 0.15),
    (at.A_NOVELTY, 0.001), (at.A_NORMAL, 0.001), (at.STEP_FORECAST, 0.02), (at.TAIL, 0.95), (at.A_QUANTILE, 0.01),
    (at.FLOOR_NORMAL, 0.3), (at.FLOOR_SCALE, 0.02), (at.REST_SHARE, 0.1), (at.REST_MOST, 125.0), (at.BAR_STEP, 0.2),
    (at.SHORT_S, 300.0),
)  # fmt: skip


def settings_of(config: UnusualConfig, t_most_us: float = 9e18) -> NDArray[np.float64]:
    """Give the vector of settings of the kernel; readings later than ``t_most_us`` are left out."""
    settings = np.zeros(at.N_SETTINGS)
    for place, value in _FIXED:
        settings[place] = value
    least = max(2.0, BAR_AT_5_MIN - math.log(config.false_alarms_per_month))
    settings[at.BAR_LEAST] = least
    settings[at.BAR_MONTH] = least + math.log(300.0)
    settings[at.BAR_DECAY] = settings[at.BAR_STEP] * config.false_alarms_per_month / MONTH_S
    settings[at.FUTURE_US] = t_most_us
    return settings


def weights_of(config: UnusualConfig) -> NDArray[np.float64]:
    """Give (streams,) weights; season and season mean count through the stream that they make together."""
    w, out = config.weights, np.zeros(at.N_STREAMS)
    out[at.SEASONAL], out[at.FORECAST], out[at.LEVEL] = w.seasonal, w.forecast, w.level
    out[at.SHIFT], out[at.VARIANCE], out[at.FLAT] = w.shift, w.variance, w.flat
    out[at.CYCLE] = w.cycle
    out[at.JUMP], out[at.RANGE], out[at.PATTERN] = w.jump, w.range, w.pattern
    return out
