"""All that changes in fusion: incidents with their evidence rows, doubts about sensors, context facts, counters."""

from typing import Literal

import msgspec
from msgspec import Struct

from ..domain import IncidentStatus, Link

__all__ = (
    "ClosedByOperator",
    "Fact",
    "FusionState",
    "IncidentState",
    "Piece",
    "Reported",
    "Row",
    "SensorDoubt",
)


class Piece(Struct, array_like=True):
    """One detection inside a row; ``weight`` is its confidence times the reliability of its kind."""

    id: str
    t_us: int
    weight: float


class Row(Struct):
    """Evidence of one sensor and one kind in one source group, as sums in landmark time.

    ``total`` = sum of weight * exp((t - landmark) / tau), ``peak`` the largest of those. Nothing decays in place: a
    read-out multiplies by exp(-(now - landmark) / tau), so sums are exact in any order and merge by adding.
    """

    kind: str
    group: str
    sensor: str
    landmark_us: int
    total: float = 0.0
    peak: float = 0.0
    settled_peak: float = 0.0
    t_first_us: int = 0
    t_last_us: int = 0
    pieces: list[Piece] = []
    zones: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    x_m: float | None = None
    y_m: float | None = None
    sigma_m: float = 30.0

    @property
    def key(self) -> str:
        """Its place among the rows of an incident."""
        return "\x1f".join((self.group, self.kind, self.sensor, *self.zones))


class Reported(Struct):
    """What the last published version of an incident said, to tell whether something material has changed.

    Tuples are sorted: sets freeze in an order that differs from one process to the next.
    """

    status: str
    hypothesis: str
    probability: float
    zones: tuple[str, ...]
    groups: tuple[str, ...]
    links: tuple[str, ...]
    priors: tuple[str, ...] = ()


class IncidentState(Struct):
    """An incident with its evidence. ``belief`` (H,) is that of the last read-out.

    ``t_began_us`` and ``began_in`` (zones, in order) are fixed when it is confirmed: what joins later, such as a faulty
    sensor next door that has long been lying, changes neither when nor where it began.
    """

    id: str
    created_us: int
    status: IncidentStatus = "tentative"
    version: int = 0
    rows: dict[str, Row] = {}
    belief: list[float] = []
    links: dict[str, Link] = {}
    t_opened_us: int | None = None
    t_began_us: int = 0
    began_in: tuple[str, ...] = ()
    closed_us: int = 0
    alert_open: bool = False
    closed_by_operator: bool = False
    merged_into: str = ""
    decisive: str = ""
    reported: Reported | None = None

    @property
    def t_last_us(self) -> int:
        """When the youngest evidence was seen."""
        return max((row.t_last_us for row in self.rows.values()), default=self.created_us)


class SensorDoubt(Struct):
    """One thing held against a sensor until ``t_until_us`` (0 = until its health says otherwise)."""

    weight: float
    t_until_us: int = 0


class Fact(Struct):
    """A context fact that changes what is to be expected, valid for evidence between the two times (0 = open)."""

    subject: str
    attribute: str
    t_from_us: int
    t_until_us: int = 0
    reason: str = ""


class ClosedByOperator(Struct):
    """An operator closed an incident: the same hypothesis in these zones needs more evidence for a while."""

    hypothesis: str
    zones: tuple[str, ...]
    t_us: int
    reason: str


Counter = Literal[
    "detections",
    "duplicates",
    "unknown_kind",
    "bad_confidence",
    "retracted",
    "retraction_unmatched",
    "without_incident",
    "merged",
    "evicted_incidents",
    "evicted_rows",
    "evicted_facts",
]


class FusionState(Struct):
    """The whole state of the stage; bounded, and what falls out is in ``counters``."""

    now_us: int = 0
    refreshed_us: int = 0
    incidents: dict[str, IncidentState] = {}
    doubts: dict[str, dict[str, SensorDoubt]] = {}
    facts: dict[str, Fact] = {}
    closures: list[ClosedByOperator] = []
    seen: dict[str, str] = {}
    counters: dict[str, int] = {}

    def count(self, what: Counter) -> None:
        """Add one to a counter."""
        self.counters[what] = self.counters.get(what, 0) + 1

    def active(self) -> list[IncidentState]:
        """The incidents that are not closed, in order of creation."""
        return [each for each in self.incidents.values() if each.status != "closed"]

    def freeze(self) -> bytes:
        """Encode it; `thaw` gives it back."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def thaw(cls, data: bytes) -> "FusionState":
        """Decode what `freeze` made."""
        return msgspec.msgpack.decode(data, type=cls)
