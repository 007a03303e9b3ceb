"""The life cycle of alerts against a plain model, with operators who act at once on pictures of different age.

Whatever happens in whatever order: nobody's action is lost or overwritten, no state comes about that the rules do not
know, every action is answered exactly once, and the ledger of it all verifies.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.awareness.alarm_stories import NAMES, T0_US, S, incident, intrusion, linked, risk

from s4allcities.awareness.alarms import AlarmStage, allowed_verbs, apply_action
from s4allcities.domain import (
    Alert,
    AlertAction,
    AlertState,
    AlertVerb,
    Event,
    Incident,
    Refusal,
    derived_ulid,
)
from s4allcities.security.ledger import GENESIS, LedgerChain, verify
from s4allcities.store.entries import ledger_entry
from s4allcities.store.ledger import LedgerRow

OPERATORS = {
    "operator 1": "operator",
    "operator 2": "operator",
    "supervisor 1": "supervisor",
    "auditor 1": "auditor",
}
VERBS: tuple[AlertVerb, ...] = (
    "acknowledge", "assign", "escalate", "start", "resolve", "close", "reopen", "shelve", "unshelve", "suppress",
    "unsuppress", "false", "duplicate",
)  # fmt: skip
KINDS = ("fire", "left-bag", "cyber-intrusion", "drone")
ZONES = ("ticket-hall", "north-passage")
GRAVITY = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}

# What the model allows, written down by hand from the ISA-18.2 figure and not taken from the code under test.
MOVES: dict[AlertState, dict[AlertVerb, AlertState]] = {
    "new": {"acknowledge": "acknowledged", "assign": "assigned", "escalate": "escalated", "shelve": "shelved",
            "suppress": "suppressed", "false": "false", "duplicate": "duplicate"},
    "reopened": {"acknowledge": "acknowledged", "assign": "assigned", "escalate": "escalated", "start": "in progress",
                 "resolve": "resolved", "close": "closed", "shelve": "shelved", "suppress": "suppressed",
                 "false": "false", "duplicate": "duplicate"},
    "acknowledged": {"assign": "assigned", "escalate": "escalated", "start": "in progress", "resolve": "resolved",
                     "close": "closed", "shelve": "shelved", "suppress": "suppressed", "false": "false",
                     "duplicate": "duplicate"},
    "assigned": {"assign": "assigned", "escalate": "escalated", "start": "in progress", "resolve": "resolved",
                 "close": "closed", "shelve": "shelved", "suppress": "suppressed", "false": "false",
                 "duplicate": "duplicate"},
    "escalated": {"acknowledge": "acknowledged", "assign": "assigned", "start": "in progress", "resolve": "resolved",
                  "close": "closed", "false": "false", "duplicate": "duplicate"},
    "in progress": {"assign": "assigned", "escalate": "escalated", "resolve": "resolved", "close": "closed",
                    "false": "false", "duplicate": "duplicate"},
    "resolved": {"close": "closed", "reopen": "reopened"},
    "closed": {"reopen": "reopened"},
    "false": {"reopen": "reopened"},
    "duplicate": {"reopen": "reopened"},
    "shelved": {"unshelve": "new", "false": "false", "duplicate": "duplicate"},
    "suppressed": {"unsuppress": "new"},
}  # fmt: skip


class Control(RuleBasedStateMachine):
    """A control room: incidents come and go, four people act on what each of them saw last."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = AlarmStage(NAMES)
        self.state = self.stage.start()
        self.now_us = T0_US
        self.alerts: dict[str, Alert] = {}
        self.versions: dict[tuple[str, int], Alert] = {}
        self.incidents: dict[str, Incident] = {}
        self.seen: dict[str, dict[str, int]] = {name: {} for name in OPERATORS}
        self.asked: dict[str, AlertAction] = {}
        self.answers: dict[str, Alert | Refusal] = {}
        self.rows: list[LedgerRow] = []
        self.number = 0

    @initialize()
    def begin(self) -> None:
        for zone in ZONES:
            for kind in KINDS:
                self.step(risk(incident(kind), 50, zone))

    # --- the room -------------------------------------------------------------------------------------

    def step(self, *events: Event) -> None:
        for event in self.stage.step(self.state, events, self.now_us):
            match event:
                case Alert():
                    self.take(event)
                case Refusal():
                    assert event.action_id not in self.answers, "answered twice"
                    self.answers[event.action_id] = event
            self.enter(event)

    def take(self, alert: Alert) -> None:
        known = self.alerts.get(alert.id)
        assert alert.version == (known.version + 1 if known else 1), "a version was lost or came twice"
        assert (alert.id, alert.version) not in self.versions
        self.versions[alert.id, alert.version] = self.alerts[alert.id] = alert
        if alert.changed_by in self.asked:
            assert alert.changed_by not in self.answers, "answered twice"
            self.answers[alert.changed_by] = alert
            assert known is not None
            self.check_move(known, alert, self.asked[alert.changed_by])

    def check_move(self, before: Alert, after: Alert, action: AlertAction) -> None:
        """What a person's action did is what the model says, and nothing else of the alert was touched."""
        wanted = MOVES[before.state].get(action.verb)
        assert wanted is not None, f"{action.verb} is not allowed when {before.state}"
        assert after.state == (before.returns_to if action.verb == "unshelve" else wanted)
        assert (after.actor, after.role) == (action.actor, action.role)
        seen = self.versions[after.id, action.expected_version]
        for version in range(action.expected_version + 1, before.version + 1):
            between = self.versions[after.id, version]
            assert not between.changed_by, "somebody moved it on in between: the action overwrote that"
            assert (between.state, between.level) == (seen.state, seen.level)
        owned = action.verb in ("assign", "start")
        assert after.owner == before.owner or owned
        kept = ("level", "title", "lines", "incident_id", "hypothesis", "probability", "position", "grounds")
        assert all(getattr(before, name) == getattr(after, name) for name in kept)

    def enter(self, event: Event) -> None:
        entry = ledger_entry(event)
        if entry is None:
            return
        record = msgspec.msgpack.encode({"subject": entry.subject, **entry.record}, order="sorted")
        previous = self.rows[-1].hash if self.rows else GENESIS
        number = len(self.rows) + 1
        made = LedgerChain().link(previous, number, event.t_us, entry.kind, record)
        self.rows.append(LedgerRow(number, event.t_us, entry.kind, record, previous, made))

    # --- what happens ---------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(KINDS), zone=st.sampled_from(ZONES), p=st.sampled_from([0.75, 0.97]))
    def something_happens(self, kind: str, zone: str, p: float) -> None:
        if len(self.incidents) < 8:
            self.number += 1
            new = incident(
                kind, id=derived_ulid(self.now_us, "i", self.number), zones=(zone,), probability=p,
                t_opened_us=self.now_us, hypotheses={"benign": 1 - p, kind: p},
            )  # fmt: skip
            self.incidents[new.id] = new
            self.step(new)

    @precondition(lambda self: self.incidents)
    @rule(data=st.data(), what=st.sampled_from(["fades", "back", "linked", "graver", "merged"]))
    def it_goes_on(self, data: st.DataObject, what: str) -> None:
        one = self.incidents[data.draw(st.sampled_from(sorted(self.incidents)))]
        changes: dict[str, Any] = {"version": one.version + 1}
        if what == "fades":
            changes["status"] = "closed"
        elif what == "linked":
            changes["links"] = (linked(next(iter(self.incidents.values()))),)
        elif what == "graver":
            changes |= {"probability": 0.99, "status": "confirmed"}
        elif what == "merged":
            merged = msgspec.structs.replace(linked(intrusion()), reason="Merged into it: the same story")
            changes |= {"status": "closed", "links": (merged,)}
        else:
            changes["status"] = "confirmed"
        self.incidents[one.id] = msgspec.structs.replace(one, **changes)
        self.step(self.incidents[one.id])

    @rule(seconds=st.sampled_from([0.1, 3, 20, 200, 2000]))
    def time_passes(self, seconds: float) -> None:
        self.now_us += round(seconds * S)
        self.step()

    @rule(who=st.sampled_from(sorted(OPERATORS)))
    def looks(self, who: str) -> None:
        self.seen[who] = {alert.id: alert.version for alert in self.alerts.values()}

    @precondition(lambda self: any(self.seen.values()))
    @rule(data=st.data(), at_once=st.integers(1, 3))
    def people_act(self, data: st.DataObject, at_once: int) -> None:
        """Several actions in one message: nobody has seen what the others do."""
        actions = []
        for _ in range(at_once):
            who = data.draw(st.sampled_from(sorted(name for name, seen in self.seen.items() if seen)))
            alert_id = data.draw(st.sampled_from(sorted(self.seen[who])))
            self.number += 1
            actions.append(
                AlertAction(
                    id=f"action-{self.number}",
                    t_us=self.now_us,
                    alert_id=alert_id,
                    actor=who,
                    role=OPERATORS[who],
                    verb=data.draw(st.sampled_from(VERBS)),
                    expected_version=self.seen[who][alert_id],
                    reason=data.draw(st.sampled_from(["", "fire out", "known fault"])),
                    assignee=data.draw(st.sampled_from(["", "guard 3"])),
                    t_until_us=self.now_us + data.draw(st.sampled_from([0, 60, 7200])) * S,
                    duplicate_of=data.draw(st.sampled_from(["", *sorted(self.alerts)])),
                )
            )
        self.asked |= {action.id: action for action in actions}
        self.step(*actions)
        for action in actions:
            assert action.id in self.answers, "an action was lost"
        again = [action for action in actions if action.id in self.answers]
        before = dict(self.alerts)
        self.step(*again)
        said_by_people = [a for a in self.alerts.values() if a.changed_by in self.asked and before[a.id] != a]
        assert said_by_people == [], "an action that came twice was carried out twice"

    # --- what always holds ----------------------------------------------------------------------------

    @invariant()
    def states_are_known(self) -> None:
        for alert in self.alerts.values():
            assert alert.state in MOVES
            assert bool(alert.held) or alert.state not in ("shelved", "suppressed")
            assert alert.state != "shelved" or alert.t_shelved_until_us > 0
            assert alert.level in GRAVITY

    @invariant()
    def critical_alerts_call_unless_people_put_them_aside(self) -> None:
        for alert in self.alerts.values():
            if alert.level == "critical" and alert.state in ("new", "reopened", "escalated"):
                assert not alert.held

    @invariant()
    def nothing_is_hidden(self) -> None:
        """Every incident that is confirmed and was never ended has an alert."""
        raised = set(self.state.alert_of)
        assert all(id_ in raised for id_, one in self.incidents.items() if one.status == "confirmed")

    def teardown(self) -> None:
        report = verify(self.rows, [], b"\0" * 32)
        assert report.ok, report.findings
        thawed = self.stage.restore(self.stage.snapshot(self.state))
        assert self.stage.snapshot(thawed) == self.stage.snapshot(self.state)


TestControl = Control.TestCase
TestControl.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("state", sorted(MOVES))
def test_the_code_allows_what_the_model_allows(state: AlertState) -> None:
    assert set(allowed_verbs(state)) == set(MOVES[state])


@pytest.mark.parametrize("state", sorted(MOVES))
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_every_step_from_every_state(state: AlertState, verb: AlertVerb, role: str) -> None:
    stage = AlarmStage(NAMES)
    kept = stage.start()
    (alert,) = stage.step(kept, [incident("left-bag")], T0_US)
    assert isinstance(alert, Alert)
    there = msgspec.structs.replace(alert, state=state, level="high", returns_to="assigned")
    action = AlertAction(
        id="a", t_us=T0_US, alert_id=alert.id, verb=verb, actor="x", role=role, expected_version=1, reason="because",
        t_until_us=T0_US + 60 * S, duplicate_of="other",
    )  # fmt: skip
    answer = apply_action(there, action, T0_US, moved_at=1)
    allowed = verb in MOVES[state] and (role == "supervisor" or verb not in ("suppress", "unsuppress"))
    assert isinstance(answer, Alert) == allowed
    if isinstance(answer, Alert):
        assert answer.state == ("assigned" if verb == "unshelve" else MOVES[state][verb])
        assert answer.version == 2
