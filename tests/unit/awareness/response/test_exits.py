"""Exits watched in peace: a door that is shut is an incident with its cost, unless somebody has said why."""

from collections.abc import Sequence
from math import log

import pytest

from s4allcities.app.plan_stage import plan_stage
from s4allcities.awareness.response.exits import (
    EXIT_LOST,
    HOLD_US,
    REASON,
    WAY_OUT_LOST,
    ExitCost,
    ExitPatrol,
    Shut,
)
from s4allcities.awareness.response.situation import Doubt, Situation
from s4allcities.domain import US_PER_S, Context, Detection, Event, Incident, Place
from s4allcities.site import Site, load_site

NOTHING = ExitCost(with_s=300.0, without_s=303.0, cut_off=0)
SOME = ExitCost(with_s=300.0, without_s=340.0, cut_off=0)
MUCH = ExitCost(with_s=300.0, without_s=420.0, cut_off=12)


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site("sites/helsinki-station")


def door(site: Site, slug: str, value: str, t_us: int) -> Context:
    controller = site.opening(slug).controller
    return Context(
        id="", t_us=t_us, subject=controller, attribute="door_state", value=value, source=controller
    )


def watched(site: Site) -> str:
    return next(each.slug for each in site.exits if each.controller)


def crowded() -> Situation:
    return Situation(people={"main-hall": 300.0})


def run(
    patrol: ExitPatrol, shut: dict[str, Shut], situation: Situation, events: Sequence[Event], now_us: int
) -> list[Event]:
    patrol.note(shut, events)
    return patrol.step(shut, situation, now_us)


@pytest.mark.parametrize(("cost", "kind"), [(SOME, EXIT_LOST), (MUCH, WAY_OUT_LOST)])
def test_a_door_that_stays_shut_is_an_incident_with_its_cost(site: Site, cost: ExitCost, kind: str) -> None:
    slug, shut = watched(site), dict[str, Shut]()
    patrol = ExitPatrol(site, lambda *_: cost)
    assert run(patrol, shut, crowded(), [door(site, slug, "closed", 1_000_000)], 1_000_000) == []
    assert run(patrol, shut, crowded(), [], HOLD_US) == []
    fact, incident = run(patrol, shut, crowded(), [], HOLD_US + 1_000_000)
    assert isinstance(fact, Context)
    assert (fact.subject, fact.attribute, fact.value) == (slug, "exit_state", "unusable")
    assert isinstance(incident, Incident)
    assert (incident.hypothesis, incident.status, incident.entities[0]) == (kind, "confirmed", slug)
    z = log(incident.hypotheses[kind] / incident.hypotheses["benign"])
    assert sum(term.llr for term in incident.terms) == pytest.approx(z, abs=1e-9)
    assert "instead of 5 min 0 s" in incident.text
    assert ("12 people would have no way out" in incident.text) == (cost is MUCH)
    assert run(patrol, shut, crowded(), [], 10 * HOLD_US) == [], "said once"


def test_an_open_door_again_ends_it_after_a_while(site: Site) -> None:
    slug, shut = watched(site), dict[str, Shut]()
    patrol = ExitPatrol(site, lambda *_: SOME)
    run(patrol, shut, crowded(), [door(site, slug, "closed", 0)], 0)
    _, incident = run(patrol, shut, crowded(), [], HOLD_US)
    assert isinstance(incident, Incident)
    t_us = HOLD_US + US_PER_S
    known = crowded()
    known.exits[slug] = Doubt(REASON, HOLD_US, unusable=True)
    assert run(patrol, shut, known, [door(site, slug, "open", t_us)], t_us) == []
    fact, closed = run(patrol, shut, known, [], t_us + 10 * US_PER_S)
    assert isinstance(fact, Context)
    assert fact.value == "usable"
    assert isinstance(closed, Incident)
    assert (closed.id, closed.version, closed.status) == (incident.id, 2, "closed")
    assert shut == {}


@pytest.mark.parametrize("stated", [False, True])
def test_an_open_door_does_not_clear_an_exit_of_another_doubt(site: Site, stated: bool) -> None:
    slug, shut = watched(site), dict[str, Shut]()
    patrol = ExitPatrol(site, lambda *_: NOTHING)
    run(patrol, shut, crowded(), [door(site, slug, "closed", 0)], 0)
    run(patrol, shut, crowded(), [], HOLD_US)
    written = Detection(
        id="d", t_us=HOLD_US, detector="cyber", kind="unauthorised-write", sensor="ids", group="ids", confidence=0.9,
        place=Place(entities=(slug,)),
    )  # fmt: skip
    known = crowded()
    known.exits[slug] = Doubt("a guard says so" if stated else REASON, HOLD_US, unusable=True)
    t_us = HOLD_US + US_PER_S
    run(patrol, shut, known, [written, door(site, slug, "open", t_us)], t_us)
    said = run(patrol, shut, known, [], t_us + 10 * US_PER_S)
    assert [(each.value, each.reason[:8]) for each in said if isinstance(each, Context)] == (
        [] if stated else [("doubtful", "doubtful")]
    )


def test_a_door_that_flutters_is_said_once(site: Site) -> None:
    slug, shut = watched(site), dict[str, Shut]()
    patrol = ExitPatrol(site, lambda *_: SOME)
    run(patrol, shut, crowded(), [door(site, slug, "closed", 0)], 0)
    said = run(patrol, shut, crowded(), [], HOLD_US)
    for second in range(31, 60, 4):
        t_us = second * US_PER_S
        said += run(patrol, shut, crowded(), [door(site, slug, "open", t_us)], t_us)
        said += run(patrol, shut, crowded(), [door(site, slug, "closed", t_us + 2)], t_us + 2 * US_PER_S)
    assert sum(isinstance(each, Incident) for each in said) == 1


def test_nobody_is_called_for_what_is_known_costs_nothing_or_is_at_night(site: Site) -> None:
    slug = watched(site)
    shut_door = [door(site, slug, "closed", 0)]
    known = crowded()
    known.exits[slug] = Doubt("closed for works", 0, unusable=True)
    assert run(ExitPatrol(site, lambda *_: MUCH), {}, known, shut_door, 2 * HOLD_US) == []
    said = run(ExitPatrol(site, lambda *_: NOTHING), {}, crowded(), shut_door, 2 * HOLD_US)
    assert [type(each) for each in said] == [Context]
    night = Situation(people={"main-hall": 4.0})
    assert run(ExitPatrol(site, lambda *_: MUCH), {}, night, shut_door, 2 * HOLD_US) == []


def test_a_door_that_opens_in_time_is_never_said(site: Site) -> None:
    slug, shut = watched(site), dict[str, Shut]()
    patrol = ExitPatrol(site, lambda *_: MUCH)
    run(patrol, shut, crowded(), [door(site, slug, "closed", 0)], 0)
    assert run(patrol, shut, crowded(), [door(site, slug, "open", 5_000_000)], 5_000_000) == []
    assert shut == {}
    assert run(patrol, shut, crowded(), [], 5 * HOLD_US) == []


def test_the_plan_stage_works_the_cost_out_and_keeps_it_over_a_restart(site: Site) -> None:
    stage = plan_stage(site, seed=1)
    state = stage.start()
    zones = [zone.slug for zone in site.zones if not zone.outdoor]
    people = [
        Context(id="", t_us=0, subject=zone, attribute="people", value=400.0, source="c") for zone in zones
    ]
    doors = [door(site, each.slug, "closed", 0) for each in site.exits if each.controller]
    assert stage.step(state, [*people, *doors], 0) == []
    said: list[Event] = []
    for second in range(31, 31 + 2 * len(doors)):
        state = stage.restore(stage.snapshot(state))
        new = stage.step(state, said[-2:], second * US_PER_S)
        said += new
    facts = [each for each in said if isinstance(each, Context)]
    incidents = [each for each in said if isinstance(each, Incident)]
    assert len(facts) == len(doors)
    assert incidents
    assert all("instead of" in each.text or "no way out" in each.text for each in incidents)
