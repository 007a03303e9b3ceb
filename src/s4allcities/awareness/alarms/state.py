"""All that changes in the alarm stage."""

from typing import Any

import msgspec
from msgspec import Struct

from s4allcities.domain import Alert, AlertLevel, CourseOfAction, Incident, Risk

__all__ = ("AlarmState", "Cell", "Entry", "Pending")


class Entry(Struct):
    """An alert as published, and what is needed to change it with care.

    ``moved_at`` is the version in which state or level last changed; ``lower_since_us`` since when a lower level
    would do (0 = it would not); ``shown`` is the material part of the text; ``ended_us`` since when its incident has no
    evidence (0 = it has); ``told`` are the hypotheses that people were called for, ``called_at`` the gravest level at
    which; ``waits`` says that a flood holds it, ``owes`` that it has called and something in it has changed since that
    people were not called for.
    """

    alert: Alert
    moved_at: int = 1
    lower_since_us: int = 0
    shown: tuple[str, ...] = ()
    ended_us: int = 0
    told: tuple[str, ...] = ()
    waits: bool = False
    owes: bool = False
    called_at: AlertLevel = "info"
    t_unattended_us: int = 0


class Pending(Struct):
    """A confirmed incident whose on-delay runs."""

    incident: Incident
    since_us: int


class Cell(Struct, array_like=True):
    """What the level needs of the risk of one zone from one threat."""

    vulnerability: float
    impact: float
    people: float


class AlarmState(Struct):
    """Alerts by id, what is known of their incidents, and answered actions; bounded.

    ``calls`` are the times of annunciations by position, ``activations`` those of each kind and place; ``flood`` names
    the positions in flood since when.
    """

    now_us: int = 0
    entries: dict[str, Entry] = {}
    alert_of: dict[str, str] = {}
    incidents: dict[str, Incident] = {}
    pending: dict[str, Pending] = {}
    cells: dict[str, Cell] = {}
    risks: dict[str, Risk] = {}
    courses: dict[str, CourseOfAction] = {}
    answered: dict[str, int] = {}
    counters: dict[str, int] = {}
    calls: dict[str, list[int]] = {}
    activations: dict[str, list[int]] = {}
    flood: dict[str, int] = {}
    context: dict[str, Any] = {}

    def count(self, what: str) -> None:
        """Add one to a counter."""
        self.counters[what] = self.counters.get(what, 0) + 1

    def entry_of(self, incident_id: str) -> Entry | None:
        """Give the entry of an incident's alert."""
        return self.entries.get(self.alert_of.get(incident_id, ""))

    def freeze(self) -> bytes:
        """Encode it; `thaw` gives it back."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def thaw(cls, data: bytes) -> "AlarmState":
        """Decode what `freeze` made."""
        return msgspec.msgpack.decode(data, type=cls)
