"""Small records of every kind that the recorder keeps."""

from typing import Any

from s4allcities.domain import (
    Alert,
    Clearance,
    Command,
    Context,
    CourseOfAction,
    Detection,
    Event,
    Incident,
    Order,
    Place,
    Refusal,
    Rejected,
    Risk,
    SensorHealth,
)

S = 1_000_000


def alert(id: str = "A1", version: int = 1, **changes: Any) -> Alert:
    values: dict[str, Any] = {
        "level": "critical",
        "state": "new",
        "incident_id": "I1",
        "hypothesis": "fire",
        "zone": "ticket-hall",
        "t_annunciated_us": S,
        "title": "Fire in the ticket hall",
        "lines": ("Ticket hall",),
    }
    return Alert(id=id, t_us=version * S, version=version, **(values | changes))


def incident(id: str = "I1", version: int = 1, **changes: Any) -> Incident:
    values: dict[str, Any] = {
        "status": "confirmed",
        "hypothesis": "fire",
        "probability": 0.97,
        "hypotheses": {"fire": 0.97, "benign": 0.03},
        "zones": ("ticket-hall",),
        "place": Place(zone="ticket-hall"),
        "t_first_evidence_us": S,
    }
    return Incident(id=id, t_us=version * S, version=version, **(values | changes))


def course(id: str = "C1", version: int = 1) -> CourseOfAction:
    clearance = Clearance(p50=240.0, p95=400.0, runs=200)
    return CourseOfAction(
        id=id, t_us=version * S, version=version, name="Evacuate", incident_id="I1", routes=(), exits_not_used=(),
        clearance_s=clearance,
    )  # fmt: skip


def order(id: str = "O1") -> Order:
    return Order(
        id=id,
        t_us=5 * S,
        course_of_action_id="C1",
        incident_id="I1",
        actor="Aino",
        role="operator",
        note="Go",
    )


def command(id: str = "M1", state: Any = "sent", attempts: int = 1) -> Command:
    return Command(
        id=id, t_us=6 * S, order_id="O1", device="sign-1", text="Exit B", state=state, attempts=attempts
    )


def risk(value: float, t_us: int, zone: str = "ticket-hall") -> Risk:
    return Risk(
        id=f"R{t_us}", t_us=t_us, zone=zone, hypothesis="fire", value=value, low=0.0, high=1.0, threat=1.0,
        vulnerability=1.0, impact=1.0, band="high",
    )  # fmt: skip


def context(value: Any, t_us: int, subject: str = "platform-1", attribute: str = "people") -> Context:
    return Context(id=f"X{t_us}", t_us=t_us, subject=subject, attribute=attribute, value=value)


def health(state: Any, t_us: int, sensor: str = "smoke-1") -> SensorHealth:
    return SensorHealth(id=f"H{t_us}", t_us=t_us, sensor=sensor, family="env", state=state)


def detection(id: str, t_us: int = S) -> Detection:
    place = Place(zone="ticket-hall")
    return Detection(
        id=id, t_us=t_us, kind="smoke", detector="ewma", sensor="smoke-1", group="g", place=place
    )


def rejected(id: str, reason: str = "not JSON", t_us: int = S) -> Rejected:
    return Rejected(id=id, t_us=t_us, source="mqtt", reason=reason)


def refusal(id: str = "F1") -> Refusal:
    return Refusal(id=id, t_us=3 * S, action_id="B1", reason="someone else was first")


def story() -> list[tuple[int, list[Event]]]:
    """One of each kind and several versions, as the messages of a stream."""
    return [
        (1, [context(5, S), context(7, 2 * S), health("on time", S)]),
        (2, [detection("D1"), detection("D2", 2 * S)]),
        (3, [incident(version=1, status="tentative")]),
        (4, [incident(version=2)]),
        (5, [risk(0.4, S), risk(0.9, 3 * S)]),
        (6, [alert(version=1)]),
        (
            7,
            [
                alert(
                    version=2,
                    state="acknowledged",
                    changed_by="B1",
                    actor="Aino",
                    role="operator",
                    reason="Seen",
                )
            ],
        ),
        (8, [refusal()]),
        (9, [course(version=1)]),
        (10, [course(version=2), order()]),
        (11, [command(state="sent")]),
        (12, [command(state="no_answer")]),
        (13, [command(state="sent", attempts=2), rejected("J1"), rejected("J2"), rejected("J3", "too late")]),
        (14, [command(state="acknowledged", attempts=2), health("stale", 9 * S)]),
    ]
