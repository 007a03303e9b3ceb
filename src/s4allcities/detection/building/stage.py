"""The stage: readings of multi-sensor nodes in; fire and gas out."""

from collections.abc import Mapping
from math import exp, isfinite
from typing import Any

from msgspec import Struct

from ...domain import US_PER_S, Detection, ObservationBatch
from ...domain.events import Event
from ...domain.snapshots import StructSnapshots
from ..config import load_config
from ..rows import Reading, readings_of
from ..sensors import Sensors, entities_of, name_of, place_of, zone_of
from .evidence import CHANNELS, EvidenceConfig, Node, take

__all__ = ("BuildingConfig", "BuildingStage", "BuildingState", "building_config")

_INDEX = {name: index for index, name in enumerate(CHANNELS)}
_SHOWN = {
    "smoke_pct_m": ("smoke", "%/m"),
    "co_ppm": ("CO", "ppm"),
    "temperature_c": ("temperature", "°C"),
    "flame": ("flame", ""),
    "lpg_pct_lel": ("LPG", "% LEL"),
    "cng_pct_lel": ("CNG", "% LEL"),
}
_NEVER_US = -(2**62)
_LARGEST = 1e6


class BuildingConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings: the evidence's, and how soon a thing is said again."""

    evidence: EvidenceConfig
    repeat_s: float


class BuildingState(Struct):
    """All nodes."""

    nodes: dict[str, Node] = {}


def building_config(changes: Mapping[str, Any] | None = None) -> BuildingConfig:
    """Give the shipped settings with an installation's changes. :raises ConfigError: not allowed."""
    return load_config(__package__ or "", BuildingConfig, changes)


class BuildingStage(StructSnapshots[BuildingState]):
    """Says ``fire-signature`` and ``gas`` of nodes that measure several quantities at one place.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug. Limits: see
    ``docs/reference/detectors/building.md``.
    """

    name = "building"
    inputs: tuple[str, ...] = ("obs.building.>",)
    heavy = False
    state_type = BuildingState

    def __init__(self, config: BuildingConfig | None = None, sensors: Sensors | None = None) -> None:
        self.config = config or building_config()
        self.sensors: Sensors = sensors or {}

    def step(self, state: BuildingState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in."""
        found: list[Event] = []
        for reading in readings_of(batch, now_us):
            channel = _INDEX.get(reading.quantity)
            if channel is None or not isfinite(reading.value) or abs(reading.value) > _LARGEST:
                continue
            node = state.nodes.setdefault(reading.sensor, Node())
            if take(node, channel, reading.value, reading.t_us, self.config.evidence):
                found += self._judge(node, reading)
        return found

    def _judge(self, node: Node, reading: Reading) -> list[Event]:
        evidence = self.config.evidence
        sums = (
            (
                "fire-signature",
                node.fire / evidence.fire_least,
                ("smoke_pct_m", "co_ppm", "temperature_c", "flame"),
            ),
            ("gas", node.gas / evidence.gas_least, ("lpg_pct_lel", "cng_pct_lel")),
        )
        found: list[Event] = []
        for kind, share, channels in sums:
            again_us = node.t_said_us.get(kind, _NEVER_US) + round(self.config.repeat_s * US_PER_S)
            if share >= 1.0 and reading.t_us >= again_us:
                node.t_said_us[kind] = reading.t_us
                found.append(self._detection(kind, share, node, reading, channels))
        return found

    def _detection(
        self, kind: str, share: float, node: Node, reading: Reading, channels: tuple[str, ...]
    ) -> Detection:
        unit = self.config.evidence.unit
        risen = sorted(
            (name for name in channels if node.level[_INDEX[name]] > node.usual[_INDEX[name]] + unit[name]),
            key=lambda name: (node.usual[_INDEX[name]] - node.level[_INDEX[name]]) / unit[name],
        )
        first = (risen or list(channels))[0]
        place = place_of(
            self.sensors, reading.sensor, reading.zone, entities_of(self.sensors, reading.sensor)
        )
        return Detection(
            id="",
            t_us=reading.t_us,
            kind=kind,
            detector=self.name,
            sensor=reading.sensor,
            group=f"building@{zone_of(self.sensors, reading.sensor, reading.zone) or reading.sensor}",
            place=place,
            confidence=round(1.0 - exp(-1.2 * share), 3),
            value=round(node.level[_INDEX[first]], 2),
            usual=round(node.usual[_INDEX[first]], 2),
            unit=_SHOWN[first][1],
            text=f"{name_of(self.sensors, reading.sensor)}: {_words(node, risen or [first])}",
            provenance=(reading.sensor,),
        )


def _words(node: Node, risen: list[str]) -> str:
    parts = []
    for name in risen:
        what, unit = _SHOWN[name]
        now, usual = node.level[_INDEX[name]], node.usual[_INDEX[name]]
        parts.append(f"{what} {now:.3g} {unit}".strip() + f", usual {usual:.2g}")
    return "; ".join(parts)
