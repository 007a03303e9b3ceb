"""All that changes in the risk stage, and how it takes events in."""

from collections.abc import Collection
from math import isfinite
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.domain import BENIGN, Alert, Context, Event, Incident, SensorHealth

from ..context.graph import ENTRY
from .forecast import Crowd

__all__ = ("Case", "Kept", "RiskState", "Shown", "learn")

LEAST_P = 0.05
"""Hypotheses less probable than this do not make a zone affected."""
CAMERA_OFF = ("frozen", "gone", "offline", "dark", "doubtful")
SENSOR_OFF = ("stale", "gone")
MOST_SAMPLES = 512


class Case(Struct):
    """The part of an incident that risk needs; ``ended_us`` since when it has no evidence any more (0 = it has)."""

    hypothesis: str
    hypotheses: dict[str, float]
    zones: tuple[str, ...]
    entities: tuple[str, ...]
    version: int
    ended_us: int = 0


class Shown(Struct):
    """What was published of every cell, as arrays of Z x K in order: value f8, people f8 (-1 = not yet published),
    class u1, other class since i8; ``incident`` by cell number.
    """

    value: bytes = b""
    people: bytes = b""
    band: bytes = b""
    other_since_us: bytes = b""
    incident: dict[int, str] = {}


class Kept(Struct):
    """What a snapshot holds."""

    now_us: int = 0
    cells: str = ""
    people: dict[str, float] = {}
    exits: dict[str, str] = {}
    cameras: dict[str, bool] = {}
    silent: dict[str, bool] = {}
    cases: dict[str, Case] = {}
    entries: dict[str, Any] = {}
    shown: Shown = msgspec.field(default_factory=Shown)
    crowds: dict[str, Crowd] = {}
    performance: dict[str, list[tuple[int, float]]] = {}
    resilience: dict[str, float] = {}


class RiskState:
    """``kept`` survives in snapshots; the arrays are what was published, the rest is worked out again when needed."""

    def __init__(self, cells: str, count: int, kept: Kept | None = None) -> None:
        self.kept = kept if kept is not None and kept.cells == cells else _without_cells(kept, cells)
        shown = self.kept.shown
        self.value = _array(shown.value, np.float64, count, 0.0)
        self.people = _array(shown.people, np.float64, count, -1.0)
        self.band = _array(shown.band, np.uint8, count, 0)
        self.other_since_us = _array(shown.other_since_us, np.int64, count, 0)
        self.incident = shown.incident
        self.slow: Any = None
        """What follows from context entries and the minute; made anew when either changes."""
        self.dirty = True

    @property
    def now_us(self) -> int:
        """The latest time heard of."""
        return self.kept.now_us

    def freeze(self) -> bytes:
        """Encode it."""
        self.kept.shown = Shown(
            self.value.tobytes(),
            self.people.tobytes(),
            self.band.tobytes(),
            self.other_since_us.tobytes(),
            self.incident,
        )
        return msgspec.msgpack.encode(self.kept)


def _without_cells(kept: Kept | None, cells: str) -> Kept:
    """Begin with what is known, but nothing published: the site has other zones than before."""
    kept = kept or Kept()
    kept.cells, kept.shown = cells, Shown()
    return kept


def _array(data: bytes, kind: Any, count: int, fill: float) -> NDArray[Any]:
    found = np.frombuffer(data, kind)
    return found.copy() if found.size == count else np.full(count, fill, kind)


def learn(
    state: RiskState, event: Event, zones: Collection[str], exits: Collection[str], cameras: Collection[str]
) -> None:
    """Take an event in; what concerns no zone and no device of the site is passed over."""
    match event:
        case Incident():
            _incident(state, event)
        case Context():
            _fact(state, event, zones, exits, cameras)
        case SensorHealth() if event.sensor in cameras:
            state.kept.silent[event.sensor] = event.state in SENSOR_OFF
            state.dirty = True
        case Alert() if event.state in ("false", "duplicate"):
            if state.kept.cases.pop(event.incident_id, None) is not None:
                state.dirty = True


def _incident(state: RiskState, incident: Incident) -> None:
    cases = state.kept.cases
    known = cases.get(incident.id)
    if known is not None and incident.version < known.version:
        return
    state.dirty = True
    if incident.status == "closed":
        merged = any(link.reason.startswith("Merged") for link in incident.links)
        if known is None or incident.t_opened_us is None or merged:
            cases.pop(incident.id, None)
        elif not known.ended_us:
            known.ended_us, known.version = state.kept.now_us, incident.version
        return
    probable = {k: p for k, p in incident.hypotheses.items() if k != BENIGN and p >= LEAST_P}
    if incident.probability >= LEAST_P:
        probable[incident.hypothesis] = incident.probability
    if not probable:
        cases.pop(incident.id, None)
        return
    cases[incident.id] = Case(
        incident.hypothesis, probable, incident.zones, incident.entities, incident.version
    )


def _fact(
    state: RiskState, fact: Context, zones: Collection[str], exits: Collection[str], cameras: Collection[str]
) -> None:
    kept = state.kept
    match fact.attribute:
        case "people" if fact.subject in zones and _is_count(fact.value):
            kept.people[fact.subject] = float(fact.value)
        case "exit_state" if fact.subject in exits:
            kept.exits[fact.subject] = str(fact.value)
        case "camera_state" if fact.subject in cameras:
            kept.cameras[fact.subject] = str(fact.value) not in CAMERA_OFF
        case name if name == ENTRY:
            key = fact.subject.removeprefix(f"{ENTRY}/")
            if fact.value is None:
                kept.entries.pop(key, None)
            else:
                kept.entries[key] = fact.value
            state.slow = None
        case _:
            return
    state.dirty = True


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0
