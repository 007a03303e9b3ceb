"""The context graph: entries by id, what holds at a moment, and the typed edges between things."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from s4allcities.domain import US_PER_S, Context

from .entries import (
    Asset,
    Coverage,
    Entry,
    Event,
    ExpectedCrowd,
    Measure,
    Node,
    OpeningHours,
    Responders,
    Responsible,
    Service,
    ThreatLevel,
    VulnerableGroup,
    Weather,
    WeekSlot,
    Works,
)

__all__ = ("ENTRY", "ContextGraph", "Edge", "in_slots", "plain", "statement")

ENTRY = "entry"
"""The attribute of a fact that states or withdraws an entry."""
CLOSED_SHARE = 0.05
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GROUP_FACTOR = {"children": 1.0, "elderly": 1.0, "reduced-mobility": 1.5, "patients": 2.0, "visitors": 0.3}
"""How much more one of a group adds to harm than another person, judged."""
WEATHER_DELAY_S = {"snow": 120.0, "ice": 240.0, "storm": 180.0, "fog": 60.0}
USUAL_LEVEL = 2

N = TypeVar("N", bound=Node)


class Edge(Struct, frozen=True, kw_only=True):
    """One thing stands in a relation to another: ("asset-1", "in", "main-square")."""

    one: str
    relation: str
    other: str


def plain(entry: Entry) -> dict[str, Any]:
    """Give an entry as plain data, the same as it comes back from the bus (lists, no tuples)."""
    made: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(entry))
    return made


def statement(
    entry: Entry | None, key: str, t_us: int, *, id: str = "", version: int = 0, **more: Any
) -> Context:
    """Make the fact that states an entry, or withdraws the one of id ``key``."""
    value = None if entry is None else plain(entry)
    return Context(
        id=id, t_us=t_us, subject=f"{ENTRY}/{key}", attribute=ENTRY, value=value, version=version, **more
    )


def in_slots(slots: Iterable[WeekSlot], t_us: int, zone: tzinfo | None) -> WeekSlot | None:
    """Give the slot that holds a moment, or None.

    >>> night = WeekSlot(days=("fri",), start="22:00", end="02:00")
    >>> in_slots((night,), 1_700_261_999_000_000, None) is night  # a Friday, 22:59:59 UTC
    True
    """
    moment = datetime.fromtimestamp(t_us / US_PER_S, zone or UTC)
    now = moment.hour * 60 + moment.minute
    today, yesterday = DAYS[moment.weekday()], DAYS[moment.weekday() - 1]
    for slot in slots:
        start, end = _minutes(slot.start), _minutes(slot.end)
        over = end <= start
        if today in slot.days and start <= now and (over or now < end):
            return slot
        if over and yesterday in slot.days and now < end:
            return slot
    return None


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


class ContextGraph:
    """Entries by id. Pure: it is told what is stated, and answers for any moment.

    ``zone`` is the site's time zone, in which slots of the week are read; UTC if none.

    >>> graph = ContextGraph()
    >>> graph.put(ThreatLevel(id="national", level=4))
    >>> graph.odds(0)
    {'*': 4.0}
    """

    def __init__(self, entries: Iterable[Entry] = (), *, zone: tzinfo | None = None) -> None:
        self.entries: dict[str, Entry] = {entry.id: entry for entry in entries}
        self.zone = zone

    def put(self, entry: Entry) -> None:
        """State an entry; one with the same id is replaced."""
        self.entries[entry.id] = entry

    def withdraw(self, key: str) -> None:
        """Take an entry back."""
        self.entries.pop(key, None)

    def learn(self, fact: Context) -> bool:
        """Take a fact in; tell whether it changed the graph. One that is no entry is passed over."""
        if fact.attribute != ENTRY:
            return False
        key = fact.subject.removeprefix(f"{ENTRY}/")
        before = self.entries.get(key)
        if fact.value is None:
            self.withdraw(key)
        else:
            try:
                self.put(msgspec.convert(fact.value, Entry))
            except msgspec.ValidationError:
                return False
        return self.entries.get(key) != before

    def of(self, kind: type[N], t_us: int) -> Iterator[N]:
        """Give the entries of a type that hold at a moment, by id."""
        for key in sorted(self.entries):
            entry = self.entries[key]
            if isinstance(entry, kind) and entry.holds(t_us):
                yield entry

    # --- what follows for zones -----------------------------------------------------------------------

    def odds(self, t_us: int, zone: str = "") -> dict[str, float]:
        """By threat ("*" = all), what to multiply its base odds with in a zone; the site's alone without one."""
        found: dict[str, float] = {}
        for level in self.of(ThreatLevel, t_us):
            if not level.zones or zone in level.zones:
                for threat in level.threats or ("*",):
                    found[threat] = found.get(threat, 1.0) * 2.0 ** (level.level - USUAL_LEVEL)
        for event in self.of(Event, t_us):
            if not event.zones or zone in event.zones:
                for threat, factor in event.odds.items():
                    found[threat] = found.get(threat, 1.0) * factor
        return found

    def expected_people(self, t_us: int, capacities: Mapping[str, float]) -> dict[str, float]:
        """How many people to expect by zone, where the graph says anything; ``capacities`` share out an event's."""
        found: dict[str, float] = {}
        for crowd in self.of(ExpectedCrowd, t_us):
            slot = in_slots(crowd.slots, t_us, self.zone)
            found |= dict.fromkeys(crowd.zones, slot.people if slot else 0.0)
        for hours in self.of(OpeningHours, t_us):
            if in_slots(hours.slots, t_us, self.zone) is None:
                for zone in hours.zones:
                    found[zone] = CLOSED_SHARE * found.get(zone, 0.3 * capacities.get(zone, 0.0))
        for event in self.of(Event, t_us):
            whole = sum(capacities.get(zone, 0.0) for zone in event.zones)
            for zone in event.zones:
                share = capacities.get(zone, 0.0) / whole if whole else 1.0 / len(event.zones)
                found[zone] = found.get(zone, 0.0) + event.people * share
        return found

    def harm_factor(self, t_us: int) -> dict[str, float]:
        """By zone ("" = everywhere), how much more a person there adds to harm because of who is there."""
        found: dict[str, float] = {}
        for group in self.of(VulnerableGroup, t_us):
            for zone in group.zones or ("",):
                found[zone] = found.get(zone, 1.0) + group.share * GROUP_FACTOR[group.group]
        return found

    def response_delay_s(self, t_us: int) -> dict[str, float]:
        """By zone ("" = everywhere), how long the first responders need."""
        slow = sum(WEATHER_DELAY_S.get(each.condition, 0.0) for each in self.of(Weather, t_us))
        found: dict[str, float] = {}
        for each in self.of(Responders, t_us):
            for zone in each.zones or ("",):
                found[zone] = min(found.get(zone, float("inf")), each.delay_s + slow)
        for event in self.of(Event, t_us):
            for zone in event.zones if event.delay_s else ():
                found[zone] = found.get(zone, found.get("", 0.0)) + event.delay_s
        return found

    def measures(self, t_us: int) -> list[tuple[Measure, float]]:
        """Give the measures with the share that is in force by plan: their shifts, and what was said."""
        return [
            (each, each.available if not each.shifts or in_slots(each.shifts, t_us, self.zone) else 0.0)
            for each in self.of(Measure, t_us)
        ]

    def covering(self, sensor: str, t_us: int) -> tuple[str, ...]:
        """Give the zones that a sensor sees beside those of the site file."""
        return tuple(zone for each in self.of(Coverage, t_us) if each.sensor == sensor for zone in each.zones)

    def works_on(
        self, hypothesis: str, zones: Iterable[str], entities: Iterable[str], t_us: int
    ) -> Works | None:
        """Give the works that explain an alert of this kind there, or None."""
        places, things = set(zones), set(entities)
        for works in self.of(Works, t_us):
            here = bool(places & set(works.zones)) or bool(things & set(works.entities))
            if hypothesis in works.hypotheses and here:
                return works
        return None

    def responsible(self, zone: str, t_us: int) -> list[Responsible]:
        """Give who answers for a zone now, in the order in which they are asked."""
        found = [
            each
            for each in self.of(Responsible, t_us)
            if (not each.zones or zone in each.zones)
            and (not each.shifts or in_slots(each.shifts, t_us, self.zone) is not None)
        ]
        return sorted(found, key=lambda each: (each.step, not each.zones, each.id))

    # --- services -------------------------------------------------------------------------------------

    def services(self, t_us: int) -> dict[str, Service]:
        """Give the services by id."""
        return {each.id: each for each in self.of(Service, t_us)}

    def assets(self, t_us: int) -> list[Asset]:
        """Give the assets."""
        return list(self.of(Asset, t_us))

    def edges(self, t_us: int) -> list[Edge]:
        """Give all relations that hold at a moment."""
        return [
            edge
            for key in sorted(self.entries)
            if self.entries[key].holds(t_us)
            for edge in _edges(self.entries[key])
        ]


def _edges(entry: Entry) -> Iterator[Edge]:
    relation = {Measure: "protects", Coverage: "sees", Responsible: "answers for", Asset: "in"}.get(
        type(entry), "at"
    )
    one = entry.sensor if isinstance(entry, Coverage) else entry.id
    for zone in entry.zones:
        yield Edge(one=one, relation=relation, other=zone)
    match entry:
        case Service():
            for other in entry.depends_on:
                yield Edge(one=entry.id, relation="depends on", other=other)
        case Asset() if entry.service:
            yield Edge(one=entry.id, relation="carries", other=entry.service)
        case Measure():
            for other in entry.needs:
                yield Edge(one=entry.id, relation="needs", other=other)
        case Works():
            for other in entry.entities:
                yield Edge(one=entry.id, relation="works on", other=other)
