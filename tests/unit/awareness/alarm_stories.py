"""Incidents, courses and actions for the tests of alarms and risk."""

from math import exp
from typing import Any

from s4allcities.awareness.alarms import AlarmStage, Names, ZoneName
from s4allcities.domain import (
    Alert,
    AlertAction,
    AlertVerb,
    Clearance,
    CourseOfAction,
    Event,
    Incident,
    Link,
    Place,
    Refusal,
    Risk,
    Route,
    Term,
    derived_ulid,
    from_rfc3339,
)

S = 1_000_000
T0_US = from_rfc3339("2026-11-19T15:40:21Z")

NAMES = Names(
    zones={
        "ticket-hall": ZoneName(name="Ticket hall", level=-1),
        "north-passage": ZoneName(name="North passage", level=-1),
        "elielinaukio": ZoneName(name="Elielinaukio"),
        "long": ZoneName(name="Lower intermediate hall of the western metro interchange", level=-2),
    },
    exits={"exit-j": "exit J", "exit-a": "exit A", "exit-b": "exit B", "exit-p": "exit P"},
    doors={"door-dc-07": "DC-07"},
)

FIRE_TERMS = (
    Term(name="Usual rate of fires here", llr=-6.0),
    Term(name="Smoke: S-21, S-22", llr=4.6, group="smoke@ticket-hall"),
    Term(name="CO: CO-31", llr=2.4, group="co@ticket-hall"),
    Term(name="Heat: H-33", llr=2.3, group="heat@ticket-hall"),
    Term(name="Looked and saw nothing: C-12", llr=-0.5, group="camera-12"),
)
CYBER_TERMS = (
    Term(name="Usual rate of intrusions here", llr=-6.0),
    Term(name="Network scan and write without ticket: ids-1", llr=4.9, group="10.20.4.77"),
    Term(name="Door contradicts counter: DC-07", llr=3.0, group="door-dc-07"),
)


def incident(hypothesis: str = "fire", **changes: Any) -> Incident:
    given: dict[str, Any] = {
        "id": derived_ulid(T0_US, hypothesis),
        "t_us": T0_US,
        "version": 1,
        "status": "confirmed",
        "hypothesis": hypothesis,
        "probability": 0.97,
        "hypotheses": {"benign": 0.03, hypothesis: 0.97},
        "zones": ("ticket-hall",),
        "place": Place(zone="ticket-hall"),
        "t_first_evidence_us": T0_US - 5 * S,
        "t_opened_us": T0_US,
        "terms": FIRE_TERMS,
    }
    return Incident(**(given | changes))


def intrusion(**changes: Any) -> Incident:
    given: dict[str, Any] = {
        "zones": ("north-passage",),
        "entities": ("10.20.4.77", "counter-10", "door-dc-07", "exit-j"),
        "terms": CYBER_TERMS,
        "probability": 0.92,
    }
    return incident("cyber-intrusion", **(given | changes))


def linked(one: Incident) -> Link:
    return Link(incident=one.id, reason="Tampered exit J serves Ticket hall, 2 min apart", llr=3.0)


def risk(one: Incident, people: float, zone: str = "ticket-hall", **changes: float) -> Risk:
    """The risk of a zone; its impact follows from the people, as it would for a fire."""
    impact = 1 - exp(-(0.017 * people + 0.3))
    given: dict[str, Any] = {
        "threat": 0.9,
        "vulnerability": 0.8,
        "impact": impact,
        "value": 0.7 * impact,
    } | changes
    return Risk(
        id="r", t_us=T0_US, zone=zone, hypothesis=one.hypothesis, low=0.6, high=0.8, band="very high",
        people=float(people), incident_id=one.id, **given,
    )  # fmt: skip


def course(one: Incident, exits: tuple[str, ...] = ("exit-a", "exit-b", "exit-p")) -> CourseOfAction:
    routes = tuple(
        Route(from_zone="ticket-hall", exit=slug, path=((24.9, 60.1),), people=100 - n)
        for n, slug in enumerate(exits)
    )
    return CourseOfAction(
        id="c", t_us=T0_US, name="Evacuate", incident_id=one.id, routes=routes, exits_not_used=(),
        clearance_s=Clearance(p50=290.0, p95=380.0, runs=200),
    )  # fmt: skip


class Desk:
    """An alarm stage with an operator."""

    def __init__(self, **options: Any) -> None:
        self.stage = AlarmStage(NAMES, **options)
        self.state = self.stage.start()
        self.said: list[Alert] = []
        self.refused: list[Refusal] = []
        self.number = 0

    def give(self, *events: Event, at_s: float = 0.0) -> list[Event]:
        out = self.stage.step(self.state, events, T0_US + round(at_s * S))
        self.said += [event for event in out if isinstance(event, Alert)]
        self.refused += [event for event in out if isinstance(event, Refusal)]
        return out

    def act(
        self, verb: AlertVerb, *, at_s: float = 0.0, expected: int | None = None, **more: Any
    ) -> list[Event]:
        self.number += 1
        last = self.said[-1]
        seen = last.version if expected is None else expected
        action = AlertAction(
            id=f"action-{self.number}", t_us=T0_US, alert_id=more.pop("alert_id", last.id), verb=verb,
            actor="operator 1", role="operator", expected_version=seen, **more,
        )  # fmt: skip
        return self.give(action, at_s=at_s)

    def latest(self) -> Alert:
        return self.said[-1]
