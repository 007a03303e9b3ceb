"""The settings of the validity checks."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from ..config import load_config

__all__ = ("ValidityConfig", "validity_config")

_Positive = Annotated[float, Meta(gt=0)]
_Count = Annotated[int, Meta(ge=1)]


class ValidityConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    A gap is silence for ``gap_intervals`` usual intervals and at least ``gap_least_s``; it is said every
    ``repeat_gap_s`` for ``gap_most_s``. A rate is too high at ``rate_times`` the usual and ``rate_least_per_s``,
    counted over ``rate_window_s`` of arrival; readings older than ``late_s`` (kept back by a cut link) do not count.
    A series is stuck when it has not changed for ``stuck_readings`` and the seconds of ``stuck_s`` while
    ``peers_least`` others of its quantity moved; ``stuck_alone_times`` as long where there are no others.
    """

    repeat_s: _Positive = 5.0
    repeat_gap_s: _Positive = 60.0
    gap_least_s: _Positive = 8.0
    gap_intervals: _Positive = 5.0
    gap_most_s: _Positive = 3600.0
    warm_up: _Count = 5
    rate_window_s: _Positive = 10.0
    rate_times: _Positive = 5.0
    rate_least_per_s: _Positive = 10.0
    late_s: _Positive = 30.0
    stuck_readings: _Count = 30
    stuck_alone_times: _Positive = 10.0
    peers_least: _Count = 2
    series_most: _Count = 100_000
    leave_out_families: frozenset[str] = frozenset()
    bounds: dict[str, tuple[float, float]] = {}
    stuck_s: dict[str, _Positive] = {}
    still: dict[str, tuple[float, ...]] = {}


def validity_config(changes: Mapping[str, Any] | None = None) -> ValidityConfig:
    """Give the shipped settings with an installation's changes. :raises ConfigError: not allowed."""
    return load_config(__package__ or "", ValidityConfig, changes)
