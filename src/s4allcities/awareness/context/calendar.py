"""The calendar stage: publishes the entries of the site's context file, and plain facts when entries begin and end."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Any

from msgspec import Struct

from s4allcities.domain import US_PER_S, Context
from s4allcities.domain import Event as AnyEvent
from s4allcities.domain.snapshots import StructSnapshots

from .entries import Entry, ThreatLevel, Works
from .entries import Event as Happening
from .graph import ENTRY, ContextGraph, plain, statement

__all__ = ("CalendarStage", "CalendarState")

RAISED_LEVEL = 3
RUSH_SHARE = 0.5
LOOK_EVERY_US = US_PER_S


class CalendarState(Struct):
    """Entries as stated last (None = withdrawn), their versions, which came from the file, and the plain facts given.

    ``given`` has subject and attribute as its key, and the value.
    """

    now_us: int = 0
    t_looked_us: int = 0
    stated: dict[str, Any] = {}
    versions: dict[str, int] = {}
    from_file: dict[str, Any] = {}
    given: dict[str, Any] = {}


class CalendarStage(StructSnapshots[CalendarState]):
    """States the entries of the site's context file once, and again when the file changed; knows what people state.

    Risk and alarms read entries as facts of attribute ``entry``. Fusion reads plain facts, which this stage gives when
    they begin and takes back when they end: ``threat_level`` (site), ``hot_work`` and ``kitchen_hours`` (zone),
    ``planned_scan`` (host), ``rush_hour`` (site). Detectors read ``event`` (zone or site): many people are no anomaly.

    What people state about an entry of the file rules until the file's own entry changes.

    >>> stage = CalendarStage((ThreatLevel(id="national", level=4),))
    >>> [fact.attribute for fact in stage.step(stage.start(), [], 1_700_000_000_000_000)]
    ['entry', 'threat_level']
    """

    name = "calendar"
    inputs: tuple[str, ...] = ("ctx.>",)
    heavy = False
    state_type = CalendarState

    def __init__(
        self, entries: Iterable[Entry] = (), *, zone: tzinfo | None = None, capacity_people: float = 0.0
    ) -> None:
        self.entries = {entry.id: entry for entry in entries}
        self.zone = zone
        self.capacity_people = capacity_people

    def step(self, state: CalendarState, batch: Sequence[AnyEvent], now_us: int) -> list[AnyEvent]:
        """Take what people stated in; give the file's entries that are new and the plain facts that changed."""
        state.now_us = max(state.now_us, now_us)
        learned = False
        for fact in batch:
            if isinstance(fact, Context) and fact.attribute == ENTRY:
                self._learn(state, fact)
                learned = True
        out: list[AnyEvent] = list(self._state_file(state))
        if learned or out or state.now_us - state.t_looked_us >= LOOK_EVERY_US:
            state.t_looked_us = state.now_us
            out += self._plain(state)
        return out

    def _learn(self, state: CalendarState, fact: Context) -> None:
        key = fact.subject.removeprefix(f"{ENTRY}/")
        state.stated[key] = fact.value
        state.versions[key] = max(fact.version, state.versions.get(key, 0) + 1)

    def _state_file(self, state: CalendarState) -> Iterator[Context]:
        """Give what the file says that it did not say before; entries gone from it are withdrawn."""
        for key in sorted(self.entries.keys() | state.from_file.keys()):
            entry = self.entries.get(key)
            raw = None if entry is None else plain(entry)
            if state.from_file.get(key) == raw:
                continue
            if raw is None:
                del state.from_file[key]
            else:
                state.from_file[key] = raw
            state.stated[key] = raw
            state.versions[key] = state.versions.get(key, 0) + 1
            yield statement(
                entry,
                key,
                state.now_us,
                version=state.versions[key],
                source="site file",
                reason=entry.reason if entry else "no longer in the site's context file",
                t_until_us=entry.t_until_us if entry else 0,
            )

    def _plain(self, state: CalendarState) -> Iterator[Context]:
        graph = self._graph(state)
        wanted = dict(self._facts(graph, state.now_us))
        for key in sorted(wanted.keys() | state.given.keys()):
            if wanted.get(key) == state.given.get(key):
                continue
            subject, _, attribute = key.partition("\x1f")
            value = wanted.get(key, ["", False, 0])
            if key in wanted:
                state.given[key] = value
            else:
                del state.given[key]
            yield Context(
                id="", t_us=state.now_us, subject=subject, attribute=attribute, value=value[1], reason=value[0],
                source="calendar", t_until_us=value[2] if key in wanted else state.now_us,
            )  # fmt: skip

    def _graph(self, state: CalendarState) -> ContextGraph:
        graph = ContextGraph(zone=self.zone)
        for key, value in state.stated.items():
            graph.learn(Context(id="", t_us=0, subject=f"{ENTRY}/{key}", attribute=ENTRY, value=value))
        return graph

    def _facts(self, graph: ContextGraph, now_us: int) -> Iterator[tuple[str, list[Any]]]:
        """Give the plain facts that hold: by subject and attribute [reason, value, until]."""
        for works in graph.of(Works, now_us):
            for fact in works.facts:
                for subject in works.entities if fact == "planned_scan" else works.zones:
                    yield f"{subject}\x1f{fact}", [works.reason or works.name, True, works.t_until_us]
        for happening in graph.of(Happening, now_us):
            for subject in happening.zones or ("site",):
                yield f"{subject}\x1fevent", [happening.reason or happening.name, True, happening.t_until_us]
        raised = [each for each in graph.of(ThreatLevel, now_us) if each.level >= RAISED_LEVEL]
        if raised:
            worst = max(raised, key=lambda each: each.level)
            yield "site\x1fthreat_level", [worst.reason or worst.name, worst.level, worst.t_until_us]
        expected = sum(graph.expected_people(now_us, {}).values())
        if self.capacity_people and expected >= RUSH_SHARE * self.capacity_people:
            yield "site\x1frush_hour", ["Many people are expected at this time", True, 0]
