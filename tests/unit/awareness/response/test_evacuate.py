"""The evacuation playbook on the real station: routes keep off smoke, doubtful exits and jams; the answer follows."""

from collections.abc import Sequence
from functools import cache

import msgspec
import numpy as np
import pytest
from shapely import LineString
from shapely.geometry import shape
from shapely.ops import unary_union

from s4allcities.awareness.response import EvacuatePlaybook, PlanStage, Situation
from s4allcities.awareness.response.options import PlanOptions
from s4allcities.awareness.response.routes import Told
from s4allcities.awareness.response.situation import Doubt
from s4allcities.awareness.response.stage import PlanState
from s4allcities.domain import Context, CourseOfAction, Detection, Incident, Order, Place
from s4allcities.planning.wording import LANGUAGES
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


def of_attribute(events: Sequence[object], attribute: str) -> list[Context]:
    """Pick the facts of one kind."""
    return [event for event in events if isinstance(event, Context) and event.attribute == attribute]


def rate(exit_: str, per_min: float, t_us: int) -> Context:
    """What a counter at an exit says."""
    return Context(id="", t_us=t_us, subject=exit_, attribute="exit_rate", value=per_min)


def test_what_stands_beside_a_course_follows_one_step_later_and_agrees_with_it() -> None:
    plan = stage()
    state = plan.start()
    plan.step(state, facts(situation()), 0)
    (course,) = courses(plan.step(state, [incident()], 1_000_000))
    (fact,) = of_attribute(plan.step(state, [], 2_000_000), "options")
    options = msgspec.convert(fact.value, PlanOptions)
    assert options.course_id == course.id
    assert 1 <= len(options.lines) <= 6
    assert all(set(line.texts) == set(LANGUAGES) for line in options.lines)
    said = {(zone, exit_) for line in options.lines for zone in line.zones for exit_ in line.exits}
    ways = {(route.from_zone, route.exit) for route in course.routes}
    # All but those whose way closes soon, which no sentence can tell, go as they are told.
    told = sum(route.people for route in course.routes if (route.from_zone, route.exit) in said)
    assert told >= 0.9 * course.people
    assert options.price_s == pytest.approx(options.expected_s - options.optimum_s)
    assert options.proof is not None
    assert options.proof.proven
    assert [answer.response for answer in options.answers] == ["evacuate", "invacuate", "lockdown", "hold"]
    evacuate, _, _, hold = options.answers
    assert evacuate.exposure_person_s < hold.exposure_person_s
    assert {exit_ for _, exit_ in ways}.isdisjoint(evacuate.free_exits)
    through = {exit_: sum(r.people for r in course.routes if r.exit == exit_) for _, exit_ in ways}
    assert {exit_: curve[-1][1] for exit_, curve in options.planned.items()} == pytest.approx(through, abs=1)
    assert of_attribute(plan.step(state, [], 4_000_000), "options") == []


def ordered(plan: PlanStage, state: PlanState, **people: float) -> CourseOfAction:
    """Plan at 1 s and order it at 2 s."""
    now = situation()
    now.people |= people
    plan.step(state, facts(now), 0)
    (course,) = courses(plan.step(state, [incident()], 1_000_000))
    order = Order(
        id="o", t_us=2, course_of_action_id=course.id, incident_id=course.incident_id, actor="a", role="r"
    )
    plan.step(state, [order], 2_000_000)
    return course


def follow_plan(plan: PlanStage, state: PlanState, share: dict[str, float], until_s: int) -> list[object]:
    """Let each exit count a share of what the plan expects there, every five seconds."""
    out: list[object] = []
    watch = state.watches["01INCIDENT"]
    for second in range(5, until_s, 5):
        t_us = 2_000_000 + second * 1_000_000
        rates = []
        for exit_, curve in watch.planned.items():
            due = [people for moment, people in curve if moment <= second + 5]
            before = [people for moment, people in curve if moment <= second]
            more = (due[-1] if due else 0) - (before[-1] if before else 0)
            rates.append(rate(exit_, 12.0 * more * share.get(exit_, 1.0), t_us))
        out += plan.step(state, rates, t_us)
        if courses(out):
            break
    return out


def test_counts_at_the_exits_are_compared_with_the_plan_that_was_ordered() -> None:
    plan = stage()
    state = plan.start()
    course = ordered(plan, state)
    out = follow_plan(plan, state, {}, 100)
    assert courses(out) == []
    last = of_attribute(out, "watch")[-1].value
    assert last["course_id"] == course.id
    assert last["off_plan"] == []
    busiest = max(last["exits"], key=lambda each: each["counted"][-1][1])
    assert abs(busiest["off"]) < 0.1
    assert busiest["counted"][-1][1] > 20


def test_an_exit_that_lets_through_half_is_taken_for_what_it_is_and_planned_for() -> None:
    plan = stage()
    state = plan.start()
    course = ordered(plan, state, **{"platform-concourse": 1500.0})
    watch = state.watches["01INCIDENT"]
    slow = "exit-w"  # the concourse waits for it
    out = follow_plan(plan, state, {slow: 0.4}, 200)
    assert state.situation.capacity_ps[slow] < 0.7 * watch.capacity_ps[slow]
    assert slow in of_attribute(out, "watch")[-1].value["off_plan"]
    (again,) = courses(out)
    assert again.supersedes == course.id
    before = sum(route.people for route in course.routes if route.exit == slow)
    assert sum(route.people for route in again.routes if route.exit == slow) < before
    assert any("as counted" in each for each in again.assumptions)


def test_a_zone_keeps_for_a_minute_what_it_was_told_unless_that_became_unsafe() -> None:
    plan = stage()
    state = plan.start()
    course = ordered(plan, state)
    told = state.watches["01INCIDENT"].told
    used = course.routes[0].exit
    shut = Context(id="", t_us=4, subject=used, attribute="exit_state", value="unusable", reason="shut")
    (again,) = courses(plan.step(state, [shut], 20_000_000))
    now: dict[str, set[str]] = {}
    for route in again.routes:
        now.setdefault(route.from_zone, set()).add(route.exit)
    kept = [zone for zone, exits in told.items() if used not in exits]
    assert kept
    for zone in kept:
        assert now[zone] <= set(told[zone])


def test_an_option_stays_while_another_saves_little() -> None:
    now = situation()
    playbook = EvacuatePlaybook(the_graph(), seed=1)
    first = playbook.advise(incident(), now, 1_000_000)
    told: dict[str, set[str]] = {}
    for route in first.course.routes:
        told.setdefault(route.from_zone, set()).add(route.exit)
    now.people["main-hall"] *= 1.05
    kept = {zone: tuple(sorted(exits)) for zone, exits in told.items()}
    again = playbook.advise(incident(), now, 2_000_000, told=Told(kept))
    assert again.as_told
    assert {(r.from_zone, r.exit) for r in again.course.routes} <= {
        (zone, exit_) for zone, exits in kept.items() for exit_ in exits
    }
