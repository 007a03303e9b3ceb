"""The read model of the Common Operational Picture: every record folded into collections by id, changes numbered.

Pure: it takes events and batches in and tells what changed; storing and sending are done by others. A value in a
collection is plain data (dicts, lists, numbers, text), as it goes to the page.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from s4allcities.domain import (
    Alert,
    Command,
    Context,
    CourseOfAction,
    Detection,
    Event,
    Incident,
    Notification,
    Order,
    Rejected,
    Risk,
    SensorHealth,
)
from s4allcities.site import Site

from ..response.situation import Situation, fold
from .live import LiveValues
from .log import PLATFORM, log_entries

__all__ = ("COLLECTIONS", "Change", "Picture")

COLLECTIONS = (
    "alerts",
    "incidents",
    "risks",
    "courses",
    "orders",
    "commands",
    "detections",
    "sensors",
    "zones",
    "exits",
    "streets",
    "hazards",
    "releases",
    "entries",
    "forecasts",
    "options",
    "watches",
    "services",
    "kpis",
    "notifications",
    "log",
    "platform",
)
KEPT = {
    "detections": 300,
    "log": 1000,
    "commands": 2000,
    "courses": 200,
    "orders": 500,
    "alerts": 1000,
    "incidents": 1000,
    "notifications": 300,
    "options": 50,
    "watches": 50,
}
"""How many of a growing collection stay in the picture, closed ones leaving first; the store keeps all."""

log = structlog.get_logger(__name__)


class Change(Struct, frozen=True):
    """One entry of one collection has a new value, or none any more."""

    collection: str
    id: str
    value: Any

    def to_wire(self) -> dict[str, Any]:
        """Write it as the page reads it."""
        return {"in": self.collection, "id": self.id, "value": self.value}


class Picture:
    """All collections of one site, and what they know of its places."""

    def __init__(self, site: Site) -> None:
        self.collections: dict[str, dict[str, Any]] = {name: {} for name in COLLECTIONS}
        self.alerts: dict[str, Alert] = {}
        self.incidents: dict[str, Incident] = {}
        self.courses: dict[str, CourseOfAction] = {}
        self.orders: dict[str, Order] = {}
        self.commands: dict[str, Command] = {}
        self.rejected: deque[Rejected] = deque(maxlen=200)
        self.rejected_by_reason: dict[str, int] = {}
        self.errors = 0
        self._kept: dict[str, dict[str, Any]] = {
            "alerts": self.alerts, "courses": self.courses, "orders": self.orders, "commands": self.commands,
        }  # fmt: skip
        self._site = site
        self._zones = {zone.slug: zone for zone in site.zones}
        self._exit_slugs = frozenset(opening.slug for opening in site.exits)
        self._situation = Situation()
        self._changes: list[Change] = []
        self.live = LiveValues(site)
        self._seed()

    def _seed(self) -> None:
        for zone in self._site.zones:
            self._set("zones", zone.slug, {"id": zone.slug, "name": zone.name, "level": zone.level, "people": None,
                "density_p_m2": None, "risk": None, "band": None, "outdoor": zone.outdoor})  # fmt: skip
        for opening in self._site.exits:
            self._set("exits", opening.slug, {"id": opening.slug, "letter": opening.letter, "name": opening.name,
                "level": opening.level, "state": "usable", "reason": "", "out_per_min": None})  # fmt: skip
        for street in self._site.streets:
            if street.carriageway:
                self._set("streets", street.slug, {"id": street.slug, "name": street.name, "traffic": "unknown",
                    "speed_kmh": None})  # fmt: skip
        for entry in self.live.sensors():
            self._set("sensors", entry["id"], entry)
        self._changes.clear()

    def _set(self, collection: str, key: str, value: Any) -> None:
        entries = self.collections[collection]
        if entries.get(key) == value:
            return
        entries[key] = value
        self._changes.append(Change(collection, key, value))
        limit = KEPT.get(collection)
        if limit is not None and len(entries) > limit:
            oldest = next((old for old, entry in entries.items() if _closed(entry)), next(iter(entries)))
            del entries[oldest]
            self._kept.get(collection, {}).pop(oldest, None)
            self._changes.append(Change(collection, oldest, None))

    def _update(self, collection: str, key: str, **fields: Any) -> None:
        entry = self.collections[collection].get(key)
        if entry is not None:
            self._set(collection, key, {**entry, **fields})

    def take_changes(self) -> list[Change]:
        """Give what changed since the last call, the newest value of each entry only."""
        newest = {(change.collection, change.id): change for change in self._changes}
        self._changes = []
        return list(newest.values())

    def snapshot(self) -> dict[str, Any]:
        """Give all collections."""
        return self.collections

    def apply(self, events: Iterable[Event]) -> None:
        """Fold records in, in the order of the stream. One that does not fit is counted in ``errors``, not shown."""
        for event in events:
            try:
                self._apply(event)
            except Exception:  # whatever a record holds, the others are shown
                self.errors += 1
                log.exception("a record does not fit the picture", kind=type(event).__name__, id=event.id)

    def _apply(self, event: Event) -> None:
        before = self._situation.exits.copy()
        fold(self._situation, (event,), self._exit_slugs)
        if self._situation.exits != before:
            self._show_exits()
        match event:
            case Alert():
                self.alerts[event.id] = event
                self._record("alerts", event)
            case Incident():
                self._incident(event)
            case Risk():
                self._risk(event)
            case CourseOfAction():
                self.courses[event.id] = event
                self._record("courses", event)
                self._show_exits()
            case Order():
                self.orders[event.id] = event
                self._record("orders", event)
            case Notification():
                self._record("notifications", event)
            case Command():
                self.commands[event.id] = event
                self._record("commands", event)
            case Detection():
                self._record("detections", event)
            case Context():
                self._context(event)
            case SensorHealth():
                self.live.health(event)
            case Rejected():
                self.rejected.append(event)
                self.rejected_by_reason[event.reason] = self.rejected_by_reason.get(event.reason, 0) + 1
            case _:
                pass
        for entry in log_entries(event):
            self._set("log", entry["id"], entry)

    def _record(self, collection: str, record: Event) -> None:
        self._set(collection, record.id, msgspec.to_builtins(record))

    def _incident(self, incident: Incident) -> None:
        self.incidents[incident.id] = incident
        if incident.t_opened_us is not None:  # else it was never confirmed: nobody was shown it
            self._record("incidents", incident)
        open_ = [each for each in self.incidents.values() if each.status == "confirmed"]
        self.live.mark_abnormal(
            {
                sensor: each.id
                for each in open_
                for term in each.terms
                if term.llr > 0
                for sensor in term.sensors
            }
        )
        if incident.status == "closed":
            del self.incidents[incident.id]

    def _risk(self, risk: Risk) -> None:
        self._set("risks", f"{risk.zone}/{risk.hypothesis}", msgspec.to_builtins(risk))
        here = [each for each in self.collections["risks"].values() if each["zone"] == risk.zone]
        worst = max(here, key=lambda each: float(each["value"]))
        self._update("zones", risk.zone, risk=worst["value"], band=worst["band"])

    def _context(self, fact: Context) -> None:
        match fact.attribute:
            case "people":
                zone = self._zones.get(fact.subject)
                if zone is not None:
                    people = float(fact.value)
                    self._update(
                        "zones", zone.slug, people=people, density_p_m2=round(people / zone.area_m2, 2)
                    )
            case "exit_rate":
                self._update("exits", fact.subject, out_per_min=fact.value)
            case "traffic":
                self._update("streets", fact.subject, traffic=fact.value)
            case "speed_kmh":
                self._update("streets", fact.subject, speed_kmh=fact.value)
            case "entry":
                self._entry(fact)
            case "resilience" | "forecast":
                kind, _, key = fact.subject.partition("/")
                collection = "services" if fact.attribute == "resilience" else "forecasts"
                self._set(collection, key or kind, {"id": key or kind, "t_us": fact.t_us, **fact.value})
            case "options" | "watch":
                key = fact.subject.partition("/")[2]
                collection = "options" if fact.attribute == "options" else "watches"
                self._set(collection, key, {"id": key, "t_us": fact.t_us, **fact.value})
            case "hazard":
                for key, hazard in fact.value.items():
                    self._set("hazards", key, {"id": key, **hazard})
            case _:
                pass

    def _entry(self, fact: Context) -> None:
        """An entry of the context graph was stated or withdrawn."""
        key = fact.subject.removeprefix("entry/")
        if fact.value is None:
            if self.collections["entries"].pop(key, None) is not None:
                self._changes.append(Change("entries", key, None))
            return
        said = {"version": fact.version, "stated_by": fact.source, "t_us": fact.t_us}
        self._set("entries", key, {**fact.value, **said})

    def _show_exits(self) -> None:
        planned: dict[str, str] = {}
        for course in list(self.courses.values())[-1:]:
            planned = {each.exit: each.reason for each in course.exits_not_used}
        for slug in self.collections["exits"]:
            doubt = self._situation.exits.get(slug)
            reason = planned.get(slug, "")
            if doubt is not None:
                state, reason = ("unusable" if doubt.unusable else "doubtful"), doubt.reason
            elif reason.startswith(("smoke", "traffic jam")):
                state = "unusable"
            else:
                state, reason = "usable", ""
            self._update("exits", slug, state=state, reason=reason)

    def flush_live(self) -> None:
        """Move the newest sensor values, coalesced, into the picture."""
        for entry in self.live.take():
            self._set("sensors", entry["id"], entry)

    def set_platform(self, **fields: Any) -> None:
        """Replace what the picture says of the platform itself."""
        self._set("platform", "now", {"id": "now", **fields})

    def show_kpis(self, kpis: dict[str, dict[str, Any]]) -> None:
        """Replace the alarm figures by operator position."""
        for position, value in kpis.items():
            self._set("kpis", position, {"id": position, **value})

    def show_releases(self, waiting: dict[str, dict[str, Any]]) -> None:
        """Show the requests for a public warning that wait for a second person, by id; all others go."""
        for gone in self.collections["releases"].keys() - waiting.keys():
            del self.collections["releases"][gone]
            self._changes.append(Change("releases", gone, None))
        for release_id, value in waiting.items():
            self._set("releases", release_id, value)

    def restore(self, records: Sequence[Event], log_lines: Sequence[dict[str, Any]] = ()) -> None:
        """Fill the picture from the store at start, oldest first; nothing counts as changed.

        ``log_lines`` are the log as it was kept: the records alone know their last version only.
        """
        self.apply(records)
        if log_lines:
            self.collections["log"].clear()
        for line in log_lines:
            self._set("log", line["id"], {"actor": "", "role": "", **line, **_by_platform(line)})
        self.flush_live()
        self._changes.clear()


def _closed(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("state", entry.get("status")) in (
        "closed",
        "false",
        "duplicate",
    )


def _by_platform(line: dict[str, Any]) -> dict[str, Any]:
    return {} if line.get("actor") else {"actor": PLATFORM}
