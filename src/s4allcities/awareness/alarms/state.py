"""All that changes in the alarm stage."""

import msgspec
from msgspec import Struct

from s4allcities.domain import Alert, CourseOfAction, Incident

__all__ = ("AlarmState", "Entry")


class Entry(Struct):
    """An alert as published, and what is needed to change it with care.

    ``moved_at`` is the version in which state or level last changed; ``lower_since_us`` since when a lower level
    would do (0 = it would not); ``shown`` is the material part of the text.
    """

    alert: Alert
    moved_at: int = 1
    lower_since_us: int = 0
    shown: tuple[str, ...] = ()


class AlarmState(Struct):
    """Alerts by id, what is known of their incidents, and answered actions; bounded."""

    now_us: int = 0
    entries: dict[str, Entry] = {}
    alert_of: dict[str, str] = {}
    incidents: dict[str, Incident] = {}
    people: dict[str, dict[str, float]] = {}
    courses: dict[str, CourseOfAction] = {}
    answered: dict[str, int] = {}
    counters: dict[str, int] = {}

    def count(self, what: str) -> None:
        """Add one to a counter."""
        self.counters[what] = self.counters.get(what, 0) + 1

    def freeze(self) -> bytes:
        """Encode it; `thaw` gives it back."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def thaw(cls, data: bytes) -> "AlarmState":
        """Decode what `freeze` made."""
        return msgspec.msgpack.decode(data, type=cls)
