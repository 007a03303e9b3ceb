"""The settings of the time-series detector: one rule for each quantity."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from ..config import load_config

__all__ = ("FAR", "Fall", "Rise", "Rule", "TimeseriesConfig", "timeseries_config")

_Positive = Annotated[float, Meta(gt=0)]
_Share = Annotated[float, Meta(ge=0, le=1)]
FAR = 1e300
"""Stands for "no limit": finite, so that it passes through TOML and arithmetic alike."""


class Rise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a value is too high: at least ``least``, ``above`` more than usual and ``times`` as much.

    ``confidence_from`` and ``confidence_to`` are (x, confidence), where x is the value or, with ``of = "rise"``, the
    value minus the usual. ``absolute`` leaves the usual out altogether (a crush is one even where it is usual).
    ``unless`` names a quantity of the same sensor that must be below half of its own usual.
    """

    kind: str
    least: float = -FAR
    above: Annotated[float, Meta(ge=0)] = 0.0
    times: Annotated[float, Meta(ge=0)] = 0.0
    confidence_from: tuple[float, _Share] = (0.0, 0.3)
    confidence_to: tuple[float, _Share] = (1.0, 0.9)
    of: Literal["value", "rise", "z"] = "value"
    absolute: bool = False
    unless: str = ""


class Fall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a value is too low: usual at least ``usual_least``, ``below`` less than usual, at most ``share`` of it.

    ``confidence_from`` and ``confidence_to`` are (x, confidence), x being the share of the usual that is missing
    or, with ``of = "z"``, the distance in scales.
    """

    kind: str
    usual_least: float = -FAR
    below: Annotated[float, Meta(ge=0)] = 0.0
    share: float = FAR
    confidence_from: tuple[float, _Share] = (0.5, 0.3)
    confidence_to: tuple[float, _Share] = (1.0, 0.8)
    of: Literal["share", "z"] = "share"


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one quantity is watched.

    ``floor`` and ``floor_share`` (of the usual) bound the scale of ordinary noise from below. The usual is learnt with
    time constant ``tau_s`` within ``usual_least`` .. ``usual_most`` and its scale with ``scale_tau_s``; a residual
    teaches at most ``huber`` scales once the rule is warm. ``hold_s`` is after how long an unusual level is taken as
    the new usual (0 = never). ``warm_up`` readings are needed before anything is said. ``group`` names the kind of
    measurement, ``said`` stands for the unit in sentences.
    """

    group: str = ""
    unit: str = ""
    said: str = ""
    floor: _Positive = 1e-9
    floor_share: Annotated[float, Meta(ge=0)] = 0.0
    tau_s: _Positive = 300.0
    scale_tau_s: _Positive = 900.0
    huber: _Positive = 3.0
    usual_least: float = -FAR
    usual_most: float = FAR
    hold_s: Annotated[float, Meta(ge=0)] = 0.0
    warm_up: Annotated[int, Meta(ge=0)] = 0
    entities: bool = False
    rise: Rise | None = None
    fall: Fall | None = None


class TimeseriesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings. ``slack``, ``limit`` and ``clip`` are those of the cumulative sum, in scales.

    A reading adds its distance from usual, at most ``clip``, minus ``slack``; at ``limit`` a detection starts. While it
    lasts it is said again every ``repeat_s`` at most, and the usual is learnt ``slow`` times more slowly. Quantities
    without a rule follow ``unknown``; families and quantities to leave out are named. Readings further ahead than
    ``future_s`` of the platform's time are left out.
    """

    slack: _Positive = 1.5
    limit: _Positive = 12.0
    clip: _Positive = 6.0
    slow: Annotated[float, Meta(ge=1)] = 20.0
    repeat_s: _Positive = 5.0
    gap_most_s: _Positive = 30.0
    future_s: _Positive = 60.0
    series_most: Annotated[int, Meta(ge=1)] = 1_000_000
    leave_out_families: frozenset[str] = frozenset()
    leave_out_quantities: frozenset[str] = frozenset()
    density: Rise = msgspec.field(default_factory=lambda: Rise(kind="crowd-density"))
    unknown: Rule = Rule()
    quantities: dict[str, Rule] = {}


def timeseries_config(changes: Mapping[str, Any] | None = None) -> TimeseriesConfig:
    """Give the settings shipped with the detector, with an installation's changes.

    :raises ConfigError: a setting is unknown or not allowed.
    """
    return load_config(__package__ or "", TimeseriesConfig, changes)
