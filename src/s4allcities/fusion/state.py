"""All that changes in fusion: the engine with its incidents, doubts about sensors, context facts, lessons, counters."""

from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ..domain import IncidentStatus, Link
from . import _layout as at
from .engine import Engine, Frozen
from .names import Names, Places

__all__ = (
    "ClosedByOperator",
    "Counter",
    "Fact",
    "FusionState",
    "IncidentState",
    "Known",
    "Lesson",
    "Piece",
    "Reported",
    "Row",
    "SensorDoubt",
    "Told",
)

STATUSES: tuple[IncidentStatus, ...] = ("closed", "tentative", "confirmed", "closed")
PIECES_SHOWN = 64


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

    @property
    def key(self) -> str:
        """Its place among the rows of an incident."""
        return "\x1f".join((self.group, self.kind, self.sensor, *self.zones, "", *self.entities))


class Reported(Struct):
    """What the last published version of an incident said, to tell whether something material has changed.

    Tuples are sorted: sets freeze in an order that differs from one process to the next.
    """

    version: int
    status: str
    hypothesis: str
    probability: float
    zones: tuple[str, ...]
    groups: tuple[str, ...]
    links: tuple[str, ...]
    priors: tuple[str, ...] = ()


class IncidentState(Struct):
    """An incident with its evidence, as people read it. ``belief`` (H,) is that of its last change.

    ``t_began_us`` and ``began_in`` (zones, in order) are fixed once it is confirmed: what joins later, such as a faulty
    sensor next door that has long been lying, changes neither when nor where it began. ``birth`` is the number of the
    detection that began it; ``var_m2`` is below 0 while no position is known.
    """

    id: str
    created_us: int
    status: IncidentStatus = "tentative"
    birth: int = 0
    rows: dict[str, Row] = {}
    belief: list[float] = []
    links: dict[str, Link] = {}
    t_last_us: int = 0
    t_opened_us: int | None = None
    t_began_us: int = 0
    began_in: tuple[str, ...] = ()
    closed_us: int = 0
    x_m: float = 0.0
    y_m: float = 0.0
    var_m2: float = -1.0
    alert_open: bool = False
    closed_by_operator: bool = False
    merged_into: str = ""
    decisive: str = ""


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
    incident_id: str = ""


class Lesson(Struct):
    """What one closing says of one sensor: that it spoke for something that was there, or was not."""

    sensor: str
    false_alarm: bool
    actor: str
    role: str
    incident_id: str
    t_us: int


class Known(Struct):
    """What is known beside evidence: about sensors, the context, and what operators decided.

    No doubt is over before ``doubts_until_us``.
    """

    doubts: dict[str, dict[str, SensorDoubt]] = {}
    doubts_until_us: int = 0
    silent: dict[str, str] = {}
    facts: dict[str, Fact] = {}
    closures: list[ClosedByOperator] = []
    lessons: list[Lesson] = []


class Told(Struct, array_like=True):
    """The quick part of what was last reported of an incident, to skip those in which nothing moved."""

    probability: float
    status: int
    rows: int
    said: list[int]


Counter = Literal[
    "detections",
    "duplicates",
    "unknown_kind",
    "bad_confidence",
    "retracted",
    "retraction_unmatched",
    "without_incident",
    "merged",
    "split",
    "late",
    "horizon_shortened",
    "crowded",
    "clear_refused",
    "places_cut",
    "evicted_incidents",
    "evicted_rows",
    "evicted_facts",
    "evicted_lessons",
]


class _Frozen(Struct):
    now_us: int
    ticked_us: int
    heard_us: int
    known: Known
    counters: dict[str, int]
    engine: Frozen
    sensors: list[str | None]
    groups: list[str | None]
    places: tuple[
        list[str | None], list[str | None], list[tuple[tuple[int, ...], tuple[int, ...]] | None], int
    ]
    births: dict[int, str]
    told: dict[int, Told]
    reported: dict[str, Reported]
    begun: dict[str, tuple[int, tuple[str, ...], int]]
    links: dict[str, dict[str, Link]]
    void: list[str]
    waiting: dict[str, list[int]]


Source = tuple[str, str, str, str | None, tuple[str, ...]]
"""Kind, sensor, group, zone and entities of a detection."""


class FusionState:
    """The whole state of the stage; bounded, and what falls out is in ``counters``."""

    def __init__(self, engine: Engine, places: Places, sensors: Names[str]) -> None:
        self.now_us = 0
        self.ticked_us = 0
        self.heard_us = 0
        self.known = Known()
        self.own: dict[str, int] = {}
        self.engine = engine
        self.places = places
        self.sensors = sensors
        self.groups: Names[str] = Names()
        self.births: dict[int, str] = {}
        self.told: dict[int, Told] = {}
        self.reported: dict[str, Reported] = {}
        self.begun: dict[str, tuple[int, tuple[str, ...], int]] = {}
        self.links: dict[str, dict[str, Link]] = {}
        self.void: dict[str, None] = {}
        self.waiting: dict[str, list[int]] = {}
        self.dirty = True
        self.sources: dict[Source, tuple[int, float, float, int, int, int]] = {}
        """A cache, no part of the state: kind, reliability, sigma, sensor, group, place of sources met before."""
        self.swept = 0
        """How many names were left when those that nobody uses were last forgotten."""

    def count(self, what: Counter, by: int = 1) -> None:
        """Add to a counter."""
        self.own[what] = self.own.get(what, 0) + by

    @property
    def named(self) -> int:
        """How many names are remembered: of sensors, groups, places or sources, whichever are most."""
        places = self.places
        return max(
            len(self.sensors.index),
            len(self.groups.index),
            len(places.sets.index),
            len(places.memo),
            len(self.sources),
        )

    @property
    def counters(self) -> dict[str, int]:
        """What was taken in, left out and dropped so far."""
        g, engine = self.engine.t.g, self.engine
        found = {
            **self.own,
            "without_incident": int(g[at.N_WITHOUT]),
            "merged": int(g[at.N_MERGED]),
            "split": int(g[at.N_SPLIT]),
            "crowded": int(g[at.N_CROWDED]),
            "evicted_incidents": int(g[at.N_EVICTED]),
            "evicted_rows": int(g[at.N_ROWS_EVICTED]),
            "horizon_shortened": engine.shortened,
            "places_cut": self.places.cut,
        }
        for name, column in (("retracted", at.N_RETRACTED), ("retraction_unmatched", at.N_UNMATCHED)):
            found[name] = found.get(name, 0) + int(g[column])
        return {name: value for name, value in found.items() if value}

    @property
    def incidents(self) -> dict[str, IncidentState]:
        """All incidents that are remembered, by id, in order of their beginning."""
        found = [self.view(int(i)) for i in self.engine.used()]
        return {each.id: each for each in sorted(found, key=lambda each: (each.created_us, each.id))}

    def owner(self, detection_id: str) -> str:
        """The incident that holds a detection now, by the assignment log; nothing when none does."""
        t, engine = self.engine.t, self.engine
        serial = engine.seen.get(detection_id)
        if serial is None or not engine.remembered(serial):
            return ""
        event = t.ev_i[serial % engine.size]
        row = int(event[at.ROW])
        if row < 0 or event[at.GONE] or t.row_i[row, at.OWNER] < 0 or t.row_i[row, at.BORN] != event[at.INC]:
            return ""
        return self.births.get(int(t.inc_i[int(t.row_i[row, at.OWNER]), at.BIRTH]), "")

    def owners_of(self, serials: NDArray[np.int64]) -> NDArray[np.int64]:
        """`owner` for many: births of the incidents that hold detections (N,) now, by serial; -1 where none does."""
        t, engine = self.engine.t, self.engine
        events = t.ev_i[serials % engine.size]
        rows = events[:, at.ROW]
        held = (events[:, at.SERIAL] == serials) & (rows >= 0) & (events[:, at.GONE] == 0)
        owners = t.row_i[rows, at.OWNER]
        held &= (owners >= 0) & (t.row_i[rows, at.BORN] == events[:, at.INC])
        return np.where(held, t.inc_i[owners, at.BIRTH], -1)

    def active(self) -> list[IncidentState]:
        """The incidents that are not closed, in order of creation."""
        return [each for each in self.incidents.values() if each.status != "closed"]

    def view(self, i: int) -> IncidentState:
        """Make an incident readable."""
        t, engine = self.engine.t, self.engine
        row = t.inc_i[i]
        birth = int(row[at.BIRTH])
        id_ = self.births.get(birth, "")
        t_began_us, began_in, _ = self.begun.get(id_, (0, (), 0))
        merged = int(row[at.MERGED])
        return IncidentState(
            id=id_,
            birth=birth,
            created_us=int(row[at.CREATED]),
            status=STATUSES[int(row[at.STATUS])],
            rows=self._rows(i),
            belief=[float(p) for p in t.belief[i]],
            links=self.links.get(id_, {}),
            t_last_us=int(row[at.T_LAST]),
            t_opened_us=int(row[at.T_OPENED]) or None,
            t_began_us=t_began_us,
            began_in=began_in,
            closed_us=int(row[at.T_CLOSED]),
            x_m=float(t.inc_f[i, at.X]),
            y_m=float(t.inc_f[i, at.Y]),
            var_m2=float(t.inc_f[i, at.VAR]),
            alert_open=bool(row[at.ALERT]),
            closed_by_operator=bool(row[at.BY_OPERATOR]),
            merged_into=self.births.get(merged, "") if merged != at.NONE else "",
            decisive=engine.id_of(int(row[at.DECISIVE])),
        )

    def _rows(self, i: int) -> dict[str, Row]:
        t = self.engine.t
        out: list[tuple[int, Row]] = []
        r = int(t.inc_i[i, at.HEAD])
        while r >= 0:
            out.append((int(t.row_i[r, at.BORN]), self._row(r)))
            r = int(t.row_i[r, at.NEXT])
        out.sort(key=lambda each: (each[1].key, each[0]))
        return {f"{row.key}\x1f{born}": row for born, row in out}

    def _row(self, r: int) -> Row:
        t, cells = self.engine.t, self.engine.t.row_i[r]
        place = int(cells[at.WHERE])
        return Row(
            kind=self.kinds[int(cells[at.KIND])],
            group=self.groups.name(int(cells[at.GROUP])),
            sensor=self.sensors.name(int(cells[at.SENSOR])),
            landmark_us=int(cells[at.LANDMARK]),
            total=float(t.row_f[r, at.TOTAL]),
            peak=float(t.row_f[r, at.PEAK]),
            settled_peak=float(t.row_f[r, at.SETTLED]),
            t_first_us=int(cells[at.T_FIRST]),
            t_last_us=int(cells[at.T_ROW]),
            pieces=self._pieces(int(cells[at.LAST])),
            zones=self.places.zones_of(place),
            entities=self.places.entities_of(place),
        )

    def _pieces(self, serial: int) -> list[Piece]:
        t, engine = self.engine.t, self.engine
        out: list[Piece] = []
        while engine.remembered(serial) and len(out) < PIECES_SHOWN:
            slot = serial % len(engine.ids)
            if not t.ev_i[slot, at.GONE]:
                out.append(Piece(engine.ids[slot], int(t.ev_i[slot, at.T]), float(t.ev_f[slot, at.E_WEIGHT])))
            serial = int(t.ev_i[slot, at.PREV])
        return out[::-1]

    kinds: tuple[str, ...] = ()

    @property
    def doubts(self) -> dict[str, dict[str, SensorDoubt]]:
        """What is held against sensors."""
        return self.known.doubts

    @property
    def facts(self) -> dict[str, Fact]:
        """Context facts in force."""
        return self.known.facts

    @property
    def closures(self) -> list[ClosedByOperator]:
        """What operators closed lately."""
        return self.known.closures

    def freeze(self) -> bytes:
        """Encode it; `thaw` gives it back."""
        return msgspec.msgpack.encode(
            _Frozen(
                now_us=self.now_us,
                ticked_us=self.ticked_us,
                heard_us=self.heard_us,
                known=self.known,
                counters={**self.own, "horizon_shortened": self.engine.shortened},
                engine=self.engine.freeze(),
                sensors=self.sensors.names,
                groups=self.groups.names,
                places=self.places.freeze(),
                births=self.births,
                told=self.told,
                reported=self.reported,
                begun=self.begun,
                links=self.links,
                void=list(self.void),
                waiting=self.waiting,
            )
        )

    def thaw(self, data: bytes) -> Frozen:
        """Take over what `freeze` made, but for the engine, which needs its world first: give its frozen form."""
        frozen = msgspec.msgpack.decode(data, type=_Frozen)
        self.now_us, self.ticked_us, self.heard_us = frozen.now_us, frozen.ticked_us, frozen.heard_us
        self.known, self.own = frozen.known, frozen.counters
        self.engine.shortened = self.own.pop("horizon_shortened", 0)
        self.sensors, self.groups = Names(frozen.sensors), Names(frozen.groups)
        self.places.thaw(*frozen.places)
        self.births, self.told, self.reported = frozen.births, frozen.told, frozen.reported
        self.begun, self.links = frozen.begun, frozen.links
        self.void, self.waiting = dict.fromkeys(frozen.void), frozen.waiting
        self.dirty = True
        return frozen.engine
