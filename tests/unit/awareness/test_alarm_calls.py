"""Whether an alert calls for attention: shelving, works, grouping, floods, chatter, escalation, calling again."""

from typing import Any

import pytest

from s4allcities.awareness.alarms import alarm_settings
from s4allcities.awareness.context import entry_from, statement
from s4allcities.domain import Alert, AlertAction, AlertVerb, Context, Event, Incident, Link, derived_ulid

from .alarm_stories import T0_US, Desk, S, incident, intrusion, linked, risk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def entry(**fields: Any) -> Context:
    made = entry_from(fields)
    return statement(made, made.id, T0_US)


def bag(number: int, zone: str = "ticket-hall", **changes: Any) -> Incident:
    given: dict[str, Any] = {
        "id": derived_ulid(T0_US + number, "bag", number), "zones": (zone,), "t_opened_us": T0_US + number
    }  # fmt: skip
    return incident("left-bag", **(given | changes))


def supervised(desk: Desk, verb: AlertVerb, **more: Any) -> list[Event]:
    desk.number += 1
    last = desk.latest()
    action = AlertAction(
        id=f"s-{desk.number}", t_us=T0_US, alert_id=last.id, verb=verb, actor="supervisor 1", role="supervisor",
        expected_version=last.version, **more,
    )  # fmt: skip
    return desk.give(action)


# --- shelving -----------------------------------------------------------------------------------------


def test_shelving_ends_by_itself_and_the_alert_calls_again(desk: Desk) -> None:
    desk.give(bag(1))
    desk.act("shelve", reason="known fault", t_until_us=T0_US + 600 * S)
    assert (desk.latest().state, desk.latest().held) == ("shelved", "shelved: known fault")
    desk.give(at_s=599)
    assert desk.latest().state == "shelved"
    desk.give(at_s=600)
    assert (desk.latest().state, desk.latest().held) == ("new", "")
    assert desk.latest().t_annunciated_us == T0_US + 600 * S


def test_unshelving_goes_back_to_where_it_was(desk: Desk) -> None:
    desk.give(bag(1))
    desk.act("assign", assignee="guard 2")
    desk.act("shelve", reason="known fault", t_until_us=T0_US + 600 * S)
    desk.act("unshelve")
    assert (desk.latest().state, desk.latest().owner, desk.latest().held) == ("assigned", "guard 2", "")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"reason": "x"}, "Shelving needs an end, at most 60 min from now for role operator."),
        ({"reason": "x", "t_until_us": T0_US + 3601 * S}, "Shelving needs an end, at most 60 min"),
        ({"reason": "x", "t_until_us": T0_US - S}, "Shelving needs an end"),
        ({"t_until_us": T0_US + 60 * S}, "Shelving needs a reason"),
    ],
)
def test_shelving_needs_an_end_and_a_reason(desk: Desk, more: dict[str, Any], why: str) -> None:
    desk.give(bag(1))
    desk.act("shelve", **more)
    assert desk.refused[0].reason.startswith(why)
    assert desk.latest().state == "new"


def test_only_a_supervisor_shelves_what_is_critical(desk: Desk) -> None:
    desk.give(incident())
    desk.act("shelve", reason="x", t_until_us=T0_US + 60 * S)
    assert desk.refused[0].reason == "Only a supervisor may shelve a critical alert."
    supervised(desk, "shelve", reason="drill", t_until_us=T0_US + 7200 * S)
    assert desk.latest().state == "shelved"


def test_only_a_supervisor_suppresses(desk: Desk) -> None:
    desk.give(bag(1))
    desk.act("suppress", reason="works")
    assert desk.refused[0].reason == "Only a supervisor may suppress an alert; you are operator."
    supervised(desk, "suppress", reason="works")
    assert desk.latest().state == "suppressed"
    supervised(desk, "unsuppress")
    assert desk.latest().state == "new"


def test_false_and_duplicate_end_an_alert(desk: Desk) -> None:
    desk.give(bag(1))
    first = desk.latest()
    desk.act("false")
    assert desk.refused[-1].reason.startswith("Calling an alert false needs a reason")
    desk.act("false", reason="a suitcase with its owner")
    assert desk.latest().state == "false"
    desk.give(bag(2, "north-passage"))
    desk.act("duplicate")
    assert desk.refused[-1].reason.startswith("A duplicate needs the alert that it repeats")
    desk.act("duplicate", duplicate_of="nowhere")
    assert desk.refused[-1].reason.startswith("There is no alert nowhere")
    desk.act("duplicate", duplicate_of=first.id)
    assert (desk.latest().state, desk.latest().duplicate_of) == ("duplicate", first.id)


# --- works and grouping -------------------------------------------------------------------------------


def test_announced_works_suppress_and_it_calls_when_they_are_over(desk: Desk) -> None:
    works = entry(
        type="works", id="weld", name="welding on the stairs", zones=["ticket-hall"], hypotheses=["fire"],
        until="2026-11-19T15:50:21Z",
    )  # fmt: skip
    desk.give(works, incident())
    assert (desk.latest().state, desk.latest().held) == (
        "suppressed",
        "announced works: welding on the stairs",
    )
    desk.give(incident("toxic-release", zones=("ticket-hall",)))
    assert desk.latest().state == "new", "only what was announced is suppressed"
    fire = desk.said[0]
    desk.give(at_s=601)
    after = next(alert for alert in reversed(desk.said) if alert.id == fire.id)
    assert (after.state, after.held) == ("new", "")


def test_a_mere_consequence_is_part_of_its_cause(desk: Desk) -> None:
    fire = incident()
    desk.give(fire)
    tampered = incident("sabotage", zones=("north-passage",), links=(linked(fire),))
    desk.give(risk(tampered, 3, "north-passage", vulnerability=0.1, impact=0.1), tampered, at_s=1)
    sabotage = next(alert for alert in desk.said if alert.hypothesis == "sabotage")
    assert sabotage.level == "high", "a tie to a danger to life raises it: it is no mere consequence"
    assert sabotage.held == ""


def test_a_low_consequence_is_listed_inside_and_comes_out_when_its_cause_ends(desk: Desk) -> None:
    first = bag(1)
    desk.give(risk(first, 60), first)
    assert desk.latest().level == "critical"
    second = bag(2, "north-passage", links=(Link(incident=first.id, reason="Same site, 1 min apart"),))
    desk.give(risk(second, 0, "north-passage", impact=0.1), second, at_s=1)
    inner = desk.latest()
    assert (inner.level, inner.group) == ("medium", desk.state.alert_of[first.id])
    assert inner.held.startswith("part of: Bag left alone")
    assert next(e.alert for e in desk.state.entries.values() if e.alert.id == inner.group).first_out
    desk.act("acknowledge", alert_id=inner.group, expected=1, at_s=2)
    desk.act("close", alert_id=inner.group, expected=2, reason="owner came back", at_s=3)
    desk.give(at_s=4)
    outside = desk.state.entries[inner.id].alert
    assert (outside.group, outside.held) == ("", "")


def test_a_second_device_while_the_first_is_critical_is_critical(desk: Desk) -> None:
    first = bag(1)
    desk.give(risk(first, 300), first)
    second = bag(2, "north-passage", links=(Link(incident=first.id, reason="Same site, 1 min apart"),))
    desk.give(risk(second, 300, "north-passage"), second, at_s=30)
    assert [alert.level for alert in desk.said] == ["critical", "critical"]
    assert [alert.held for alert in desk.said] == ["", ""]


# --- flood --------------------------------------------------------------------------------------------


def calling(desk: Desk) -> list[Alert]:
    return [entry.alert for entry in desk.state.entries.values() if not entry.alert.held]


def test_in_a_flood_the_less_grave_wait_and_nothing_is_lost(desk: Desk) -> None:
    many = [bag(number, f"zone-{number}") for number in range(30)]
    for number, each in enumerate(many):
        desk.give(risk(each, 0, f"zone-{number}", impact=0.15), each, at_s=number)
    assert {alert.level for alert in desk.said} == {"medium"}
    assert len(calling(desk)) == desk.stage.settings.budget["medium"] == 5
    assert len(desk.state.entries) == 30
    held = [entry.alert.held for entry in desk.state.entries.values() if entry.alert.held]
    assert set(held) == {"flood: waits for its turn"}
    assert "operator" in desk.state.flood
    fire = incident()
    desk.give(risk(fire, 200), fire, at_s=31)
    assert desk.latest().level == "critical"
    assert desk.latest().held == "", "critical never waits"


def test_what_waited_calls_when_there_is_room(desk: Desk) -> None:
    for number in range(8):
        each = bag(number, f"zone-{number}")
        desk.give(risk(each, 0, f"zone-{number}", impact=0.15), each, at_s=number)
    assert len(calling(desk)) == 5
    desk.give(at_s=602)
    assert len(calling(desk)) == 8
    assert desk.latest().reason.startswith("Calls now")
    desk.give(at_s=1300)
    assert not desk.state.flood


def test_what_waits_can_be_taken_by_hand(desk: Desk) -> None:
    for number in range(6):
        each = bag(number, f"zone-{number}")
        desk.give(risk(each, 0, f"zone-{number}", impact=0.15), each, at_s=number)
    assert desk.latest().held
    desk.act("acknowledge", at_s=7)
    assert (desk.latest().state, desk.latest().held) == ("acknowledged", "")


# --- chatter and coming back --------------------------------------------------------------------------


def test_an_alert_that_comes_and_goes_is_one_alert_and_chatter_is_shelved() -> None:
    desk = Desk(settings=alarm_settings({"off_delay_s": 0}))
    for number in range(3):
        each = bag(number)
        desk.give(risk(each, 0, impact=0.15), each, at_s=10 * number)
        desk.give(msg(each), at_s=10 * number + 5)
    assert len(desk.state.entries) == 1
    last = desk.latest()
    assert (last.times, last.state) == (3, "resolved")
    assert any(alert.state == "shelved" and "chatters: 3 times" in alert.held for alert in desk.said)


def msg(one: Incident) -> Incident:
    return incident("left-bag", id=one.id, zones=one.zones, version=2, status="closed")


def test_a_critical_alert_never_chatters() -> None:
    desk = Desk(settings=alarm_settings({"off_delay_s": 0}))
    for number in range(4):
        each = incident(id=derived_ulid(T0_US + number, "fire", number))
        desk.give(risk(each, 200), each, at_s=10 * number)
        desk.give(incident(id=each.id, version=2, status="closed"), at_s=10 * number + 5)
    assert all(alert.state != "shelved" for alert in desk.said)
    assert desk.latest().times == 4


def test_the_off_delay_bridges_a_gap(desk: Desk) -> None:
    desk.give(incident())
    desk.give(incident(version=2, status="closed"), at_s=1)
    desk.give(incident(version=3), at_s=4)
    desk.give(at_s=20)
    assert desk.latest().state == "new"


def test_the_on_delay_keeps_what_lasts_too_short() -> None:
    desk = Desk(settings=alarm_settings({"on_delay_s": 10}))
    desk.give(incident())
    desk.give(incident(version=2, status="closed"), at_s=5)
    desk.give(at_s=20)
    assert desk.said == []
    desk.give(incident(version=3), at_s=30)
    desk.give(at_s=40)
    assert len(desk.said) == 1


def test_a_level_that_rises_calls_again(desk: Desk) -> None:
    desk.give(intrusion())
    desk.act("assign")
    desk.give(incident(), at_s=10)
    desk.give(intrusion(version=2, links=(linked(incident()),)), at_s=11)
    again = desk.latest()
    assert (again.hypothesis, again.level, again.state, again.owner) == (
        "cyber-intrusion", "high", "new", "operator 1",
    )  # fmt: skip
    assert again.reason.startswith("Now high: ")
    assert again.t_annunciated_us == T0_US + 11 * S


def test_who_is_at_work_is_not_called_again(desk: Desk) -> None:
    desk.give(intrusion())
    desk.act("assign")
    desk.act("start")
    desk.give(incident(), at_s=10)
    desk.give(intrusion(version=2, links=(linked(incident()),)), at_s=11)
    assert (desk.latest().level, desk.latest().state) == ("high", "in progress")


# --- escalation ---------------------------------------------------------------------------------------


def test_what_nobody_takes_goes_on_to_the_next(desk: Desk) -> None:
    desk.give(incident())
    desk.give(at_s=119)
    assert desk.latest().state == "new"
    desk.give(at_s=121)
    assert (desk.latest().state, desk.latest().escalated_to) == ("escalated", "supervisor")
    desk.give(at_s=900)
    assert desk.latest().escalation_step == 1, "there is nobody after the supervisor"
    desk.act("acknowledge", at_s=901)
    assert desk.latest().state == "acknowledged"


def test_escalation_follows_roles_and_shifts(desk: Desk) -> None:
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    day = [{"days": days, "start": "06:00", "end": "18:00"}]
    night = [{"days": days, "start": "18:00", "end": "06:00"}]
    desk.give(
        entry(type="responsible", id="a", role="desk north", zones=["ticket-hall"], step=1),
        entry(type="responsible", id="b", role="duty officer, night", step=2, shifts=night),
        entry(type="responsible", id="c", role="duty officer, day", step=2, shifts=day),
        entry(type="responsible", id="d", role="crisis staff", step=3),
        incident(),
    )
    assert desk.latest().position == "desk north"
    desk.give(at_s=121)
    assert desk.latest().escalated_to == "duty officer, day"
    desk.give(at_s=242)
    assert desk.latest().escalated_to == "crisis staff"


def test_who_took_it_is_left_alone(desk: Desk) -> None:
    desk.give(incident())
    desk.act("acknowledge", at_s=60)
    desk.give(at_s=900)
    assert desk.latest().state == "acknowledged"


# --- calling again for something else -----------------------------------------------------------------


def turned(number: int, hypothesis: str, version: int = 2) -> Incident:
    """The bag of a number has turned out to be something else, no graver for the few people there."""
    return incident(
        hypothesis, id=bag(number).id, version=version, hypotheses={"benign": 0.03, hypothesis: 0.97},
        t_opened_us=T0_US + number,
    )  # fmt: skip


def fires(desk: Desk, count: int) -> None:
    for number in range(count):
        each = incident(id=derived_ulid(T0_US, "fire", number), zones=(f"zone-{number}",))
        desk.give(risk(each, 200, f"zone-{number}"), each, at_s=1 + number)


def of_bag(desk: Desk) -> Alert:
    return desk.state.entries[desk.state.alert_of[bag(1).id]].alert


def test_what_still_calls_changes_in_place() -> None:
    desk = Desk()
    desk.give(incident(id=bag(1).id))
    desk.give(turned(1, "toxic-release"), at_s=10)
    after = of_bag(desk)
    assert (after.hypothesis, after.state, after.t_annunciated_us) == ("toxic-release", "new", T0_US)
    assert after.reason.startswith("Now critical: Toxic release")


def test_who_took_it_before_it_changed_is_called_again() -> None:
    """An operator who saw the fire and not yet the toxic release did not take the toxic release."""
    desk = Desk()
    desk.give(incident(id=bag(1).id))
    desk.give(turned(1, "toxic-release"), at_s=10)
    desk.act("acknowledge", alert_id=of_bag(desk).id, expected=1, at_s=11)
    assert (of_bag(desk).state, of_bag(desk).t_annunciated_us) == ("new", T0_US + 11 * S)


def test_who_took_it_as_it_is_now_is_left_alone() -> None:
    desk = Desk()
    desk.give(incident(id=bag(1).id))
    desk.give(turned(1, "toxic-release"), at_s=10)
    desk.act("acknowledge", at_s=11)
    desk.give(at_s=300)
    assert of_bag(desk).state == "acknowledged"


def test_in_a_flood_new_alerts_come_before_changes_of_known_ones() -> None:
    desk = Desk()
    desk.give(incident(id=bag(1).id))
    desk.act("acknowledge")
    fires(desk, 5)
    desk.give(turned(1, "toxic-release"), at_s=20)
    put_off = of_bag(desk)
    assert (put_off.state, put_off.held) == ("acknowledged", ""), "it stays where it was, in plain sight"
    assert put_off.title.startswith("Toxic release")
    fresh = incident(id=derived_ulid(T0_US, "more"), zones=("zone-9",))
    desk.give(risk(fresh, 200, "zone-9"), fresh, at_s=21)
    assert desk.latest().held == "", "the first call of a critical alert never waits"
    desk.give(at_s=700)
    assert (of_bag(desk).state, of_bag(desk).t_annunciated_us) == ("new", T0_US + 700 * S)


def test_what_changes_back_owes_no_call() -> None:
    desk = Desk()
    desk.give(incident(id=bag(1).id))
    desk.act("acknowledge")
    fires(desk, 5)
    desk.give(turned(1, "toxic-release"), at_s=20)
    desk.give(incident(id=bag(1).id, version=3), at_s=30)
    desk.give(at_s=700)
    assert of_bag(desk).state == "acknowledged"


def test_what_becomes_graver_than_it_ever_called_calls_at_once_in_a_flood() -> None:
    desk = Desk()
    desk.give(risk(bag(1), 0, impact=0.15), bag(1))
    desk.act("acknowledge")
    assert of_bag(desk).level == "medium"
    fires(desk, 12)
    desk.give(turned(1, "toxic-release"), at_s=20)
    assert (of_bag(desk).level, of_bag(desk).state) == ("critical", "new")
    assert of_bag(desk).t_annunciated_us == T0_US + 20 * S
