"""What would change our mind, lessons from closings, and incidents that belong together."""

from math import exp, log

import pytest

from s4allcities.domain import Alert
from s4allcities.fusion import load_hypotheses
from s4allcities.fusion.reliability import learned_weight
from s4allcities.fusion.state import Lesson

from .conftest import T0_US, Run, S, detection, fire, intrusion, smoke
from .test_story import alert

LEARNING = load_hypotheses().learning


def closing(
    incident_id: str, at_s: float, actor: str, *, reason: str = "false alarm", role: str = "operator"
) -> Alert:
    return Alert(
        id=f"A-{actor}", t_us=T0_US + round(at_s * S), version=1, level="high", state="closed", incident_id=incident_id,
        hypothesis="fire", zone="ticket-hall", t_annunciated_us=T0_US, title="", lines=(), reason=reason, actor=actor,
        role=role,
    )  # fmt: skip


def test_without_a_sensor_is_the_belief_without_its_rows(run: Run) -> None:
    run.give(fire(0))
    version = run.confirmed[-1]
    other = Run()
    other.give([each for each in fire(0) if each.sensor != "heat-ticket-hall"])
    other.wait(4, since_s=2)
    (left,) = other.state.active()
    (what,) = [each for each in version.what_if if each.sensor == "heat-ticket-hall"]
    heat = next(term for term in version.terms if term.sensors == ("heat-ticket-hall",))
    assert what.llr == pytest.approx(heat.llr, abs=1e-9)
    odds = log(version.probability / version.hypotheses["benign"]) - what.llr
    assert what.probability / version.hypotheses["benign"] > 0
    assert what.probability == pytest.approx(exp(odds) / (1 + exp(odds)), abs=0.05)
    assert left.rows


def test_the_next_look_says_what_either_answer_would_mean(run: Run) -> None:
    run.give([smoke(0, confidence=1.0)])
    look = run.tentative[-1].next_look
    assert look is not None
    danger = 1 - run.tentative[-1].hypotheses["benign"]
    assert look.if_seen > danger > look.if_not
    assert 0 < look.flips < 1
    assert look.text.startswith(("Ask ", "Send a guard"))
    assert f"{look.if_seen:.0%}".rstrip("%") in look.text.replace(" %", "")


def test_nobody_is_sent_where_nothing_is_likely(run: Run) -> None:
    run.give([smoke(0, confidence=0.1)])
    assert run.tentative[-1].next_look is None


def lesson(actor: str, *, false_alarm: bool = True, role: str = "operator", sensor: str = "s") -> Lesson:
    return Lesson(sensor, false_alarm, actor, role, "i", 0)


def test_one_person_teaches_nothing_alone() -> None:
    assert learned_weight([lesson("anna")] * 50, "s", LEARNING) == 1.0


def test_two_persons_or_a_supervisor_do_and_never_below_the_least() -> None:
    assert learned_weight([lesson("anna"), lesson("ben")], "s", LEARNING) == pytest.approx(0.7)
    assert learned_weight([lesson("eve", role="supervisor")], "s", LEARNING) == pytest.approx(0.85)
    crowd = [lesson(f"p{n}") for n in range(100)]
    assert learned_weight(crowd, "s", LEARNING) == LEARNING.least
    assert learned_weight(crowd, "another", LEARNING) == 1.0


def test_true_alarms_give_trust_back() -> None:
    lessons = [lesson("anna"), lesson("ben"), *(lesson(name, false_alarm=False) for name in ("anna", "ben"))]
    assert learned_weight(lessons, "s", LEARNING) == 1.0


def test_closings_of_two_persons_lower_a_sensor_and_reopening_takes_it_back(run: Run) -> None:
    for number, actor in enumerate(("anna", "ben")):
        run.give(fire(1000 * number))
        found = next(each for each in run.confirmed)
        run.give([closing(found.id, 1000 * number + 20, actor)])
        run.wait(1000 * (number + 1), 10, since_s=1000 * number + 21)
    assert len(run.state.known.lessons) == 8
    run.give([smoke(2000, sensor="smoke-ticket-hall-1")])
    assert any("false alarms closed by operators" in term.name for term in run.tentative[-1].terms)


def test_reopening_takes_lessons_back(run: Run) -> None:
    run.give(fire(0))
    found = run.confirmed[0]
    run.give([closing(found.id, 6, "anna")])
    assert run.state.known.lessons
    run.give([alert(found.id, 8, "acknowledged")])
    assert not run.state.known.lessons


def test_a_reason_that_says_nothing_false_teaches_trust(run: Run) -> None:
    run.give(fire(0))
    run.give([closing(run.confirmed[0].id, 6, "anna", reason="fire brigade put it out")])
    assert not any(each.false_alarm for each in run.state.known.lessons)


def test_linked_incidents_are_a_campaign_whose_terms_add_up(run: Run) -> None:
    run.give(intrusion(0))
    run.give(fire(60, "north-passage"))
    found = [each.campaign for each in run.confirmed if each.campaign]
    assert found
    campaign = found[-1]
    assert set(campaign.incidents) == {each.id for each in run.confirmed}
    odds = sum(term.llr for term in campaign.terms)
    assert campaign.probability == pytest.approx(1 / (1 + exp(-odds)), abs=1e-9)
    assert "that one plan is behind them" in campaign.text


def test_far_and_long_apart_are_no_campaign(run: Run) -> None:
    run.give(fire(0))
    run.wait(900, 10, since_s=5)
    run.give([detection("left-object", 1000, "c", zone="square", x_m=0.0, y_m=200.0)])
    assert not [each for each in run.versions if each.campaign]
