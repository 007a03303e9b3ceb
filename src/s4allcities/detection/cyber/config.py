"""The settings of the cyber detector."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from ..config import load_config

__all__ = ("AlertRules", "CyberConfig", "ScanRules", "cyber_config")

_Seconds = Annotated[float, Meta(gt=0)]
_Count = Annotated[int, Meta(ge=1)]


class ScanRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scan: one port on ``hosts_least`` hosts or ``ports_least`` ports of one host within ``window_s``.

    Memory holds ``sources_most`` sources and ``keys_most`` hosts and ports of each; the longest unseen go first.
    """

    window_s: _Seconds = 120.0
    hosts_least: _Count = 12
    ports_least: _Count = 15
    probe_packets_most: _Count = 3
    sources_most: _Count = 4096
    keys_most: _Count = 256


class AlertRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Folding of alerts: the same alert of the same source is said again after 5, 10, 20 ... ``repeat_most_s``."""

    groups_most: _Count = 4096
    repeat_most_s: _Seconds = 300.0
    engine_quiet_s: _Seconds = 180.0
    engine_fold_s: _Seconds = 900.0


class CyberConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings."""

    repeat_s: _Seconds = 5.0
    scan: ScanRules = ScanRules()
    alerts: AlertRules = AlertRules()


def cyber_config(changes: Mapping[str, Any] | None = None) -> CyberConfig:
    """Give the shipped settings with an installation's changes. :raises ConfigError: not allowed."""
    return load_config(__package__ or "", CyberConfig, changes)
