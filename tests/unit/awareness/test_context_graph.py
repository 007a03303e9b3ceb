"""The context graph: entries from files, what holds when, and the stage that states them."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from s4allcities.awareness.context import (
    CalendarStage,
    ContextError,
    ContextGraph,
    entry_from,
    entry_to,
    load_context,
    read_context,
    statement,
)
from s4allcities.awareness.context.graph import in_slots
from s4allcities.checks import stages as checks
from s4allcities.domain import Context, Event, from_rfc3339

NOW_US = from_rfc3339("2026-06-20T18:00:00Z")  # a Saturday
S = 1_000_000
FILE = """
entries:
  - {type: event, id: festival, name: Festival, zones: [square, hall], people: 900, odds: {"*": 2, drone: 3},
     from: 2026-06-20T16:00:00+03:00, until: 2026-06-21T01:00:00+03:00, delay_s: 120}
  - {type: threat-level, id: national, level: 4, threats: [armed-attacker]}
  - {type: responders, id: police, organisation: Police, delay_s: 300}
  - {type: weather, id: now, condition: storm}
  - {type: vulnerable-group, id: school, zones: [hall], group: children, share: 0.5}
  - {type: measure, id: guards, zones: [square], effect: {"*": 0.4},
     shifts: [{days: [sat], start: "20:00", end: "04:00"}]}
  - {type: works, id: weld, zones: [hall], hypotheses: [fire], facts: [hot_work], until: 2026-06-20T18:30:00Z}
  - {type: coverage, id: c9, sensor: camera-9, zones: [hall]}
  - {type: asset, id: switch, zones: [hall], criticality: 0.8, service: network}
  - {type: service, id: network, depends_on: {power: 0.9}}
"""


@pytest.fixture
def graph() -> ContextGraph:
    return ContextGraph(read_context(FILE), zone=ZoneInfo("Europe/Helsinki"))


def test_an_event_holds_in_its_time_and_place(graph: ContextGraph) -> None:
    assert graph.odds(NOW_US, "square") == {"armed-attacker": 4.0, "*": 2.0, "drone": 3.0}
    assert graph.odds(NOW_US, "kitchen") == {"armed-attacker": 4.0}
    assert graph.odds(NOW_US + 24 * 3600 * S, "square") == {"armed-attacker": 4.0}
    assert graph.expected_people(NOW_US, {"square": 200.0, "hall": 100.0}) == {"square": 600.0, "hall": 300.0}


def test_weather_and_crowds_slow_responders(graph: ContextGraph) -> None:
    assert graph.response_delay_s(NOW_US) == {"": 480.0, "square": 600.0, "hall": 600.0}
    assert graph.harm_factor(NOW_US) == {"hall": 1.5}


def test_shifts_are_read_in_the_sites_time_zone(graph: ContextGraph) -> None:
    (measure,) = graph.measures(NOW_US)
    assert measure[1] == 1.0, "21:00 in Helsinki"
    assert graph.measures(NOW_US - 3 * 3600 * S)[0][1] == 0.0
    assert graph.measures(NOW_US + 6 * 3600 * S)[0][1] == 1.0, "03:00 on Sunday belongs to Saturday's shift"


def test_works_and_relations(graph: ContextGraph) -> None:
    works = graph.works_on("fire", ["hall"], [], NOW_US)
    assert works is not None
    assert works.id == "weld"
    assert graph.works_on("drone", ["hall"], [], NOW_US) is None
    assert graph.works_on("fire", ["hall"], [], NOW_US + 3600 * S) is None
    edges = {(edge.one, edge.relation, edge.other) for edge in graph.edges(NOW_US)}
    assert {
        ("guards", "protects", "square"), ("camera-9", "sees", "hall"), ("switch", "carries", "network"),
        ("network", "depends on", "power"), ("switch", "in", "hall"),
    } <= edges  # fmt: skip


def test_entries_are_written_as_they_are_read(graph: ContextGraph) -> None:
    for entry in graph.entries.values():
        assert entry_from(entry_to(entry)) == entry


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("entries: [", "not YAML"),
        ("[]", "allowed is a map with a list `entries`"),
        ("entries: [{type: event}]", "entry 1 (event without id)"),
        ("entries: [{type: event, id: a}, {type: event, id: a}]", "id 'a' comes twice"),
        ("entries: [{type: threat-level, id: a, level: 9}]", "level"),
        ("entries: [{type: event, id: a, zones: [moon]}]", "no zone 'moon' on this site; allowed: hall"),
        ("entries: [3]", "is int; allowed is a map"),
    ],
)
def test_a_bad_file_is_refused_with_where_and_what(text: str, words: str) -> None:
    with pytest.raises(ContextError) as caught:
        read_context(text, known={"zones": ["hall"]})
    assert words in str(caught.value)


def test_a_site_without_a_file_has_no_entries(tmp_path: Path) -> None:
    assert load_context(tmp_path) == ()


def step(stage: CalendarStage, state: Any, at_s: float, *facts: Event) -> list[Context]:
    return [e for e in stage.step(state, list(facts), NOW_US + round(at_s * S)) if isinstance(e, Context)]


def test_the_stage_states_the_file_once_and_plain_facts_as_they_begin_and_end() -> None:
    stage = CalendarStage(read_context(FILE), capacity_people=1000)
    state = stage.start()
    first = step(stage, state, 0)
    assert sum(fact.attribute == "entry" for fact in first) == 10
    plain = {(fact.subject, fact.attribute): fact.value for fact in first if fact.attribute != "entry"}
    assert plain == {
        ("hall", "hot_work"): True, ("site", "threat_level"): 4, ("site", "rush_hour"): True,
        ("square", "event"): True, ("hall", "event"): True,
    }  # fmt: skip
    assert step(stage, state, 1) == []
    (over,) = step(stage, state, 1800)
    assert (over.subject, over.attribute, over.value) == ("hall", "hot_work", False)


def test_people_rule_until_the_file_changes() -> None:
    entries = read_context("entries: [{type: threat-level, id: national, level: 2}]")
    stage = CalendarStage(entries)
    state = stage.start()
    step(stage, state, 0)
    higher = entry_from({"type": "threat-level", "id": "national", "level": 4})
    (fact,) = step(stage, state, 5, statement(higher, "national", NOW_US, version=2))
    assert (fact.attribute, fact.value) == ("threat_level", 4)
    changed = CalendarStage(read_context("entries: [{type: threat-level, id: national, level: 3}]"))
    again = step(changed, changed.restore(stage.snapshot(state)), 10)
    assert [(fact.attribute, fact.version or fact.value) for fact in again] == [
        ("entry", 3),
        ("threat_level", 3),
    ]
    gone = CalendarStage(())
    withdrawn = step(gone, gone.restore(changed.snapshot(changed.restore(stage.snapshot(state)))), 20)
    assert withdrawn[0].value is None


def test_slots_over_midnight() -> None:
    night = entry_from(
        {"type": "opening-hours", "id": "n", "zones": ["hall"], "slots": [
            {"days": ["fri"], "start": "22:00", "end": "02:00"}]}
    )  # fmt: skip
    graph = ContextGraph((night,))
    friday_us = from_rfc3339("2026-06-19T23:30:00Z")
    assert graph.expected_people(friday_us, {"hall": 100.0}) == {}
    assert graph.expected_people(friday_us + 2 * 3600 * S, {"hall": 100.0}) == {}
    assert graph.expected_people(friday_us + 3 * 3600 * S, {"hall": 100.0}) == {"hall": pytest.approx(1.5)}
    assert in_slots((), friday_us, None) is None


@pytest.mark.parametrize("check", ["check_deterministic", "check_snapshots", "check_causal"])
def test_contract_of_stages(check: str) -> None:
    higher = entry_from({"type": "threat-level", "id": "national", "level": 5})
    said: list[Event] = [statement(higher, "national", NOW_US), statement(None, "festival", NOW_US)]
    feed: list[tuple[list[Event], int]] = [([], NOW_US), ([said[0]], NOW_US + S), ([said[1]], NOW_US + 2 * S)]
    feed += [([], NOW_US + n * 600 * S) for n in range(1, 5)]
    getattr(checks, check)(lambda: CalendarStage(read_context(FILE), capacity_people=1000), feed)
