"""One alert per confirmed incident: level, words, life cycle."""

from zoneinfo import ZoneInfo

import pytest

from s4allcities.awareness.alarms import AlarmStage, Stakes, level_of
from s4allcities.checks import stages as checks
from s4allcities.domain import AlertState, AlertVerb, Event, Link

from .alarm_stories import NAMES, T0_US, Desk, S, course, incident, intrusion, linked, risk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_tentative_incident_raises_nothing(desk: Desk) -> None:
    assert desk.give(incident(status="tentative", t_opened_us=None)) == []


def test_a_confirmed_incident_raises_one_alert(desk: Desk) -> None:
    for version in (1, 2, 3):
        desk.give(incident(version=version), at_s=version)
    assert len(desk.said) == 1
    assert desk.latest().incident_id == incident().id
    assert (desk.latest().state, desk.latest().version, desk.latest().level) == ("new", 1, "critical")
    assert desk.latest().t_annunciated_us == T0_US + S


def test_fire_in_three_lines() -> None:
    desk = Desk(zone=ZoneInfo("Europe/Helsinki"))
    desk.give(incident())
    assert desk.latest().title == "Fire, ticket hall, level \u22121"
    assert desk.latest().lines == (
        "Fire in the ticket hall, level \u22121.",
        "97 % sure: smoke, CO and heat rise together.",
        "Prepare evacuation; send a guard to look before 17:43.",
    )
    assert desk.latest().why == ("smoke", "CO", "heat")
    desk.give(course(incident()), at_s=3)
    assert desk.latest().lines[2] == "Order evacuation before 17:43: leave by A, B and P."
    assert desk.latest().version == 2


def test_clock_times_are_utc_unless_a_zone_is_given(desk: Desk) -> None:
    desk.give(incident())
    assert desk.latest().lines[2].endswith("before 15:43.")
    assert desk.latest().t_deadline_us % (60 * S) == 0


def test_intrusion_in_three_lines(desk: Desk) -> None:
    desk.give(intrusion())
    assert desk.latest().title == "Cyber intrusion, door DC-07"
    assert desk.latest().lines == (
        "Someone controls door DC-07 at exit J, level \u22121.",
        "92 % sure: network scan, write without ticket and 1 more.",
        "Send a guard to exit J before 15:46; block 10.20.4.77.",
    )


@pytest.mark.parametrize("hypothesis", [*AlarmStage().profiles, "never-heard-of"])
@pytest.mark.parametrize(
    "zones", [(), ("long",), ("elielinaukio",), ("a-zone-that-nobody-named-in-the-site-file-at-all",)]
)
@pytest.mark.parametrize(
    "entities", [(), ("exit-j",), ("door-dc-07", "exit-j", "fe80:1234:5678:9abc:def0:1234:5678:9abc")]
)
def test_lines_always_fit(
    hypothesis: str, zones: tuple[str, ...], entities: tuple[str, ...], desk: Desk
) -> None:
    one = incident(hypothesis, zones=zones, entities=entities)
    desk.give(one)
    desk.give(course(one, tuple(f"exit-with-a-long-name-{n}" for n in range(9))))
    assert len(desk.latest().lines) == 3
    for line in (*desk.latest().lines, desk.latest().title):
        assert 0 < len(line) <= 62
        assert "{" not in line
        assert "!" not in line
        assert "possible" not in line
    assert all(desk.latest().lines)


def test_proper_names_keep_their_capital(desk: Desk) -> None:
    desk.give(incident(zones=("elielinaukio",)))
    assert desk.latest().lines[0] == "Fire in Elielinaukio, level 0."


@pytest.mark.parametrize(
    ("stakes", "level"),
    [
        (Stakes(consequence=0.7, act_within_s=120), "critical"),
        (Stakes(consequence=0.2, act_within_s=120), "high"),
        (Stakes(consequence=0.1, act_within_s=120), "medium"),
        (Stakes(consequence=0.03, act_within_s=120), "low"),
        (Stakes(consequence=0.01, act_within_s=120), "info"),
        (Stakes(consequence=0.7, act_within_s=3600), "high"),
        (Stakes(consequence=0.7, act_within_s=20_000), "medium"),
        (Stakes(consequence=0.01, act_within_s=20_000), "info"),
        (Stakes(consequence=0.05, act_within_s=120, stake="life", people=3.0), "high"),
        (Stakes(consequence=0.05, act_within_s=120, stake="life", people=None), "high"),
        (Stakes(consequence=0.05, act_within_s=120, stake="life", people=0.0), "low"),
        (Stakes(consequence=0.05, act_within_s=120, stake="control", danger="critical"), "high"),
        (Stakes(consequence=0.7, act_within_s=120, stake="control", danger="high"), "critical"),
    ],
)
def test_level_is_consequence_times_time(stakes: Stakes, level: str) -> None:
    assert level_of(stakes)[0] == level


def test_a_level_that_a_rule_keeps_up_says_so(desk: Desk) -> None:
    one = incident()
    desk.give(risk(one, 1, impact=0.1), one)
    grounds = desk.latest().grounds
    assert grounds is not None
    assert (desk.latest().level, grounds.floor) == ("high", "people may be hurt")
    assert grounds.consequence == pytest.approx(0.97 * 0.8 * 0.1)


def test_an_intrusion_linked_to_a_fire_rises_at_once(desk: Desk) -> None:
    desk.give(intrusion())
    assert desk.latest().level == "medium"
    desk.give(incident(), at_s=10)
    desk.give(intrusion(version=2, links=(linked(incident()),)), at_s=11)
    assert (desk.latest().hypothesis, desk.latest().level) == ("cyber-intrusion", "high")


def test_level_falls_only_after_a_while(desk: Desk) -> None:
    one = incident()
    desk.give(risk(one, 184), one)
    assert (desk.latest().level, desk.latest().people) == ("critical", 184.0)
    desk.give(risk(one, 0), at_s=10)
    assert (desk.latest().level, desk.latest().people) == ("critical", 0.0)
    desk.give(at_s=69)
    assert desk.latest().level == "critical"
    desk.give(risk(one, 100), at_s=69.5)
    desk.give(risk(one, 0), at_s=69.8)
    desk.give(at_s=75)
    assert desk.latest().level == "critical", "people came back in between: the wait starts again"
    desk.give(at_s=130)
    assert desk.latest().level == "high"


def test_text_changes_only_for_something_material(desk: Desk) -> None:
    desk.give(incident())
    desk.give(incident(version=2, probability=0.95), at_s=1)
    assert len(desk.said) == 1
    desk.give(incident(version=3, probability=0.9), at_s=2)
    assert desk.latest().version == 2
    assert desk.latest().lines[1].startswith("90 % sure")
    desk.give(incident(version=4, probability=0.9, zones=("north-passage",)), at_s=3)
    assert desk.latest().title == "Fire, north passage, level \u22121"


def test_a_passed_deadline_says_now(desk: Desk) -> None:
    desk.give(incident())
    desk.act("acknowledge")
    desk.give(at_s=300)
    assert desk.latest().lines[2] == "Prepare evacuation; send a guard to look now."
    desk.give(at_s=400)
    assert len(desk.said) == 3


def test_older_versions_of_an_incident_are_ignored(desk: Desk) -> None:
    desk.give(incident(version=5))
    desk.give(incident(version=4, probability=0.5))
    assert len(desk.said) == 1


def test_the_whole_life_of_an_alert(desk: Desk) -> None:
    desk.give(incident())
    steps: list[tuple[AlertVerb, AlertState]] = [
        ("acknowledge", "acknowledged"), ("assign", "assigned"), ("start", "in progress"), ("resolve", "resolved"),
        ("close", "closed"), ("reopen", "reopened"),
    ]  # fmt: skip
    for number, (verb, state) in enumerate(steps, start=1):
        desk.act(verb, reason="fire out")
        assert (desk.latest().state, desk.latest().version) == (state, number + 1)
        assert (desk.latest().changed_by, desk.latest().actor) == (f"action-{number}", "operator 1")
    assert desk.latest().owner == "operator 1"
    assert not desk.refused


def test_assigning_to_somebody_else(desk: Desk) -> None:
    desk.give(incident())
    desk.act("assign", assignee="guard 3")
    desk.act("start")
    assert desk.latest().owner == "guard 3"


def test_closing_without_a_reason_is_refused(desk: Desk) -> None:
    desk.give(incident())
    desk.act("acknowledge")
    desk.act("close", reason="  ")
    (refusal,) = desk.refused
    assert refusal.action_id == "action-2"
    assert refusal.reason.startswith("Closing needs a reason")
    assert desk.latest().state == "acknowledged"


@pytest.mark.parametrize("verb", ["start", "resolve", "close", "reopen"])
def test_illegal_steps_are_refused_with_what_is_allowed(desk: Desk, verb: AlertVerb) -> None:
    desk.give(incident())
    desk.act(verb, reason="r")
    assert desk.refused[0].reason == (
        f"Cannot {verb} an alert that is new;"
        " allowed now: acknowledge, assign, escalate, shelve, suppress, false, duplicate."
    )


def test_two_operators_at_once_one_wins(desk: Desk) -> None:
    desk.give(incident())
    desk.act("acknowledge", expected=1)
    desk.act("assign", expected=1)
    assert desk.latest().state == "acknowledged"
    assert "you saw version 1" in desk.refused[0].reason


def test_a_change_of_text_alone_refuses_nobody(desk: Desk) -> None:
    desk.give(incident())
    desk.give(course(incident()), at_s=1)
    assert desk.latest().version == 2
    desk.act("acknowledge", expected=1)
    assert (desk.latest().state, desk.latest().version) == ("acknowledged", 3)


def test_a_change_of_level_must_have_been_seen(desk: Desk) -> None:
    desk.give(intrusion())
    desk.give(incident(), intrusion(version=2, links=(linked(incident()),)), at_s=1)
    cyber = next(alert for alert in desk.said if alert.hypothesis == "cyber-intrusion")
    desk.act("acknowledge", expected=1, alert_id=cyber.id)
    assert len(desk.refused) == 1


@pytest.mark.parametrize("expected", [0, 2, 99, -1])
def test_versions_that_never_were_are_refused(desk: Desk, expected: int) -> None:
    desk.give(incident())
    desk.act("acknowledge", expected=expected)
    assert len(desk.refused) == 1


def test_unknown_alert_is_refused(desk: Desk) -> None:
    desk.give(incident())
    desk.act("acknowledge", alert_id="nowhere")
    assert desk.refused[0].reason == "There is no alert nowhere."


def test_a_doubled_action_is_ignored(desk: Desk) -> None:
    desk.give(incident())
    (version,) = desk.act("acknowledge")
    desk.number -= 1
    assert desk.act("acknowledge") == []
    assert desk.latest() == version
    assert desk.state.counters["doubled_actions"] == 1


def test_incident_that_became_part_of_another_closes_its_alert_as_duplicate(desk: Desk) -> None:
    desk.give(incident())
    merged = Link(incident="other", reason="Merged into it: the same story, nearby")
    desk.give(incident(version=2, status="closed", links=(merged,)))
    assert (desk.latest().state, desk.latest().reason) == ("duplicate", "Duplicate: part of another incident")


def test_incident_that_faded_resolves_its_alert_and_people_close_it(desk: Desk) -> None:
    desk.give(incident())
    desk.give(incident(version=2, status="closed"))
    assert desk.latest().state == "new", "the off-delay still runs"
    desk.give(at_s=5)
    assert (desk.latest().state, desk.latest().reason) == ("resolved", "Its evidence has faded")
    desk.act("close", reason="no action needed")
    assert desk.latest().state == "closed"
    desk.give(incident(version=3))
    assert desk.latest().state == "closed", "an incident never reopens an alert by itself"


def test_a_closed_alert_says_nothing_more(desk: Desk) -> None:
    desk.give(incident())
    desk.act("acknowledge")
    desk.act("close", reason="false alarm")
    count = len(desk.said)
    desk.give(incident(version=2, zones=("north-passage",)), at_s=500)
    assert len(desk.said) == count


def feed() -> list[tuple[list[Event], int]]:
    one, other = incident(), intrusion()
    events: list[Event] = [
        other,
        one,
        risk(one, 184),
        course(one),
        intrusion(version=2, links=(linked(one),)),
    ]
    events += [risk(one, 0), incident(version=2, probability=0.8), incident(version=3, status="closed")]
    steps: list[tuple[list[Event], int]] = [([event], T0_US + n * S) for n, event in enumerate(events)]
    return steps + [([], T0_US + n * 30 * S) for n in range(1, 12)]


@pytest.mark.parametrize("check", ["check_deterministic", "check_snapshots", "check_causal"])
def test_contract_of_stages(check: str) -> None:
    getattr(checks, check)(lambda: AlarmStage(NAMES), feed())
