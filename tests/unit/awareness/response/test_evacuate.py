"""The evacuation playbook on the real station: routes keep off smoke, doubtful exits and jams; the answer follows."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from shapely import LineString
from shapely.geometry import shape
from shapely.ops import unary_union

from s4allcities.awareness.response import EvacuatePlaybook, PlanStage, Situation
from s4allcities.awareness.response.situation import Doubt
from s4allcities.domain import Context, CourseOfAction, Detection, Incident, Order, Place
from s4allcities.site import Site, WalkGraph, build_graph, load_site

ZONES = ("ticket-hall", "north-passage", "east-passage", "west-passage", "compass-hall", "metro-platform",
         "kitchen", "main-hall", "platform-concourse")  # fmt: skip
JAMS = ("kaivokatu", "mannerheimintie", "simonkatu", "keskuskatu")


@cache
def the_site() -> Site:
    """Load the station once."""
    return load_site("sites/helsinki-station")


@cache
def the_graph() -> WalkGraph:
    """Build its graph once."""
    return build_graph(the_site())


def incident(zone: str = "ticket-hall", *, status: str = "confirmed") -> Incident:
    """Make a fire."""
    return Incident(
        id="01INCIDENT", t_us=0, version=1, status=status, hypothesis="fire", probability=0.97,  # type: ignore[arg-type]
        hypotheses={"fire": 0.97, "benign": 0.03}, zones=(zone,), place=Place(zone=zone), t_first_evidence_us=0,
    )  # fmt: skip


def situation(zone: str = "ticket-hall") -> Situation:
    """A fire in a zone: its detectors read 8 %/m, all others next to nothing; 120 people in every zone."""
    smoke = {
        spec.slug: 8.0 if spec.zone == zone else 0.1 for spec in the_site().sensors if spec.family == "smoke"
    }
    burning = [slug for slug, value in smoke.items() if value > 1][:3]
    smoke = {slug: 8.0 if slug in burning else 0.1 for slug in smoke}
    return Situation(people=dict.fromkeys(ZONES, 120.0), smoke_pct_m=smoke)


def propose(now: Situation, zone: str = "ticket-hall") -> CourseOfAction:
    """Ask the playbook."""
    (course,) = EvacuatePlaybook(the_graph(), seed=1).propose(incident(zone), now, 1_000_000)
    return course


@pytest.mark.parametrize("zone", ZONES)
def test_no_route_crosses_smoke_and_everybody_leaves(zone: str) -> None:
    course = propose(situation(zone), zone)
    assert course.unreachable_zones == ()
    assert sum(route.people for route in course.routes) == 120 * len(ZONES)
    hazard = unary_union([shape(feature["geometry"]) for feature in course.hazard["features"]])
    assert not hazard.is_empty
    for route in course.routes:
        assert len(route.path) == len(route.levels) >= 2
        below = (
            any("above or below" in each for each in course.assumptions)
            and route.from_zone == "metro-platform"
        )
        if not below:
            assert not LineString(route.path).intersects(hazard), (route.from_zone, route.exit)
        for start, end, *levels in zip(
            route.path, route.path[1:], route.levels, route.levels[1:], strict=False
        ):
            if the_site().zone(zone).level in levels:
                assert not LineString([start, end]).intersects(hazard), (route.from_zone, route.exit)


def test_an_exit_in_doubt_is_not_used_and_its_reason_is_given() -> None:
    now = situation()
    before = propose(now)
    used = {route.exit for route in before.routes}
    assert used
    doubted = sorted(used)[0]
    now.exits[doubted] = Doubt("doubtful: says open but nobody passes", 0)
    after = propose(now)
    assert doubted not in {route.exit for route in after.routes}
    assert {each.exit: each.reason for each in after.exits_not_used}[doubted].startswith("doubtful")


def test_a_jam_on_another_street_changes_the_routes() -> None:
    plans = set()
    for street in JAMS:
        now = situation()
        now.jams[street] = 4.0
        course = propose(now)
        plans.add(tuple(sorted((route.from_zone, route.exit, route.path) for route in course.routes)))
        arcs = the_graph().street_arcs(street)
        jammed = [
            LineString(
                [(the_graph().lon[v], the_graph().lat[v]) for v in (the_graph().tail[a], the_graph().head[a])]
            )
            for a in arcs
        ]
        if "jammed street" not in " ".join(course.assumptions):
            on_jam = unary_union(jammed)
            for route in course.routes:
                assert LineString(route.path).intersection(on_jam).length < 1e-6
    assert len(plans) == len(JAMS)


def test_every_exit_is_used_or_has_a_reason() -> None:
    course = propose(situation())
    used = {route.exit for route in course.routes}
    reasons = {each.exit: each.reason for each in course.exits_not_used}
    assert used | set(reasons) == {opening.slug for opening in the_site().exits}
    assert not used & set(reasons)
    assert all(reasons.values())


def test_clearance_has_a_band_and_the_same_seed_gives_the_same_plan() -> None:
    first, second = propose(situation()), propose(situation())
    assert first == second
    clearance = first.clearance_s
    assert clearance.runs == 200
    assert clearance.p50 is not None
    assert clearance.p95 is not None
    assert 30 < clearance.p50 < clearance.p95 < 3600


def test_sentences_are_short_and_signs_never_send_people_to_a_closed_exit() -> None:
    now = situation()
    now.exits["exit-j"] = Doubt("doubtful", 0)
    course = propose(now)
    assert all(len(route.sentence.split()) <= 12 for route in course.routes)
    used = {the_site().opening(route.exit).letter for route in course.routes}
    assert course.signs
    for sign in course.signs:
        assert sign.text.split()[-1] in used | {"CLOSED"}


def test_with_every_exit_shut_the_zones_are_named() -> None:
    now = situation()
    for opening in the_site().exits:
        now.exits[opening.slug] = Doubt("closed", 0, unusable=True)
    course = propose(now)
    assert set(course.unreachable_zones) == set(ZONES)
    assert course.routes == ()
    assert course.clearance_s.p50 is None
    assert course.clearance_s.reason


def stage() -> PlanStage:
    """Make the stage."""
    exits = frozenset(opening.slug for opening in the_site().exits)
    return PlanStage(EvacuatePlaybook(the_graph(), seed=1), exits)


def facts(now: Situation) -> list[Context]:
    """Write a situation as context facts."""
    people = [Context(id="", t_us=0, subject=z, attribute="people", value=n) for z, n in now.people.items()]
    smoke = [
        Context(id="", t_us=0, subject=s, attribute="smoke_pct_m", value=v)
        for s, v in now.smoke_pct_m.items()
    ]
    return [*people, *smoke]


def courses(events: Sequence[object]) -> list[CourseOfAction]:
    """Pick the courses."""
    return [event for event in events if isinstance(event, CourseOfAction)]


def test_the_stage_plans_once_and_again_when_an_exit_falls() -> None:
    plan = stage()
    state = plan.start()
    assert plan.step(state, facts(situation()), 0) == []
    first = courses(plan.step(state, [incident()], 1_000_000))
    assert len(first) == 1
    assert courses(plan.step(state, [], 9_000_000)) == []
    write = Detection(
        id="d", t_us=0, kind="unauthorised-write", detector="cyber", sensor="ids-1", group="10.0.0.9",
        place=Place(entities=("10.0.0.9", first[0].routes[0].exit)),
    )  # fmt: skip
    again = courses(plan.step(state, [write], 10_000_000))
    assert len(again) == 1
    assert again[0].supersedes == first[0].id
    assert first[0].routes[0].exit not in {route.exit for route in again[0].routes}


def test_after_an_order_advice_stays_unless_it_became_unsafe() -> None:
    plan = stage()
    state = plan.start()
    plan.step(state, facts(situation()), 0)
    (course,) = courses(plan.step(state, [incident()], 1_000_000))
    order = Order(
        id="o", t_us=2, course_of_action_id=course.id, incident_id=course.incident_id, actor="a", role="r"
    )
    plan.step(state, [order], 2_000_000)
    jam = Context(id="", t_us=3, subject="simonkatu", attribute="traffic", value="jam")
    assert courses(plan.step(state, [jam], 20_000_000)) == []
    used = course.routes[0].exit
    shut = Context(id="", t_us=4, subject=used, attribute="exit_state", value="unusable", reason="shut")
    assert len(courses(plan.step(state, [shut], 40_000_000))) == 1


def test_the_stage_goes_on_from_a_snapshot() -> None:
    plan = stage()
    straight, state = plan.start(), plan.start()
    plan.step(straight, facts(situation()), 0)
    plan.step(state, facts(situation()), 0)
    thawed = plan.restore(plan.snapshot(state))
    assert plan.step(straight, [incident()], 5) == plan.step(thawed, [incident()], 5)


def test_a_closed_incident_is_not_planned_for() -> None:
    plan = stage()
    state = plan.start()
    plan.step(state, facts(situation()), 0)
    plan.step(state, [incident()], 1_000_000)
    plan.step(state, [incident(status="closed")], 2_000_000)
    assert state.open == {}
    assert np.isfinite(state.planned["01INCIDENT"].t_us)


def test_where_nobody_counts_a_share_of_capacity_is_planned_for_and_said() -> None:
    now = situation()
    now.people.clear()
    course = propose(now)
    assert course.people > 1000
    assert any("Nobody counts people in Ticket hall" in each for each in course.assumptions)
    assert course.clearance_s.p50 is not None
