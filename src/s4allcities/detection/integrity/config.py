"""The settings of the integrity checks."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from ..config import load_config

__all__ = ("IntegrityConfig", "integrity_config")

_Positive = Annotated[float, Meta(gt=0)]


class IntegrityConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    A stretch is replayed when it correlates with one of the series' own past by at least ``alike`` and by
    ``alike_margin`` standard deviations more than its stretches usually do. A sensor drifts when its distance from the
    median of its neighbours has moved, slowly, by ``drift_sigmas`` of that distance's noise, and is apart when a
    stretch of it is ``apart_sigmas`` away. Said again every ``repeat_s`` at most.
    Of ``local_quantities`` (smoke near a fire) a difference from neighbours is news, so only replays are looked for.
    """

    alike: Annotated[float, Meta(gt=0, lt=1)] = 0.95
    alike_margin: _Positive = 4.0
    drift_sigmas: _Positive = 4.0
    apart_sigmas: _Positive = 8.0
    repeat_s: _Positive = 300.0
    series_most: Annotated[int, Meta(ge=1)] = 5000
    leave_out_families: frozenset[str] = frozenset()
    leave_out_quantities: frozenset[str] = frozenset()
    local_quantities: frozenset[str] = frozenset()


def integrity_config(changes: Mapping[str, Any] | None = None) -> IntegrityConfig:
    """Give the shipped settings with an installation's changes. :raises ConfigError: not allowed."""
    return load_config(__package__ or "", IntegrityConfig, changes)
