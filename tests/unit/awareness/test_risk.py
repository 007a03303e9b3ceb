"""Risk of zones: the formula, the band, classes with hysteresis, reasons, and what is worth publishing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.awareness.risk import RiskStage, ZoneFacts, load_threats
from s4allcities.awareness.risk.model import Exposure, band_of, factors_of, settle_band
from s4allcities.checks import stages as checks
from s4allcities.domain import Context, Event, Incident, Risk

from .alarm_stories import T0_US, S, incident, intrusion

ZONES = {
    "ticket-hall": ZoneFacts(
        name="Ticket hall", capacity_people=600, neighbours=("east-passage", "north-passage"),
        exits={"exit-r": "exit R"}, cameras=("camera-12",),
    ),
    "north-passage": ZoneFacts(name="North passage", neighbours=("ticket-hall",), exits={"exit-j": "exit J"}),
    "east-passage": ZoneFacts(name="East passage", capacity_people=200, neighbours=("ticket-hall",)),
    "kitchen": ZoneFacts(name="Kitchen"),
}  # fmt: skip


def fact(subject: str, attribute: str, value: Any) -> Context:
    return Context(id="c", t_us=T0_US, subject=subject, attribute=attribute, value=value)


class Watch:
    def __init__(self) -> None:
        self.stage = RiskStage(ZONES)
        self.state = self.stage.start()
        self.last: dict[str, Risk] = {}
        self.count = 0

    def give(self, *events: Event, at_s: float = 0.0) -> dict[str, Risk]:
        out = [
            each
            for each in self.stage.step(self.state, events, T0_US + round(at_s * S))
            if isinstance(each, Risk)
        ]
        self.count += len(out)
        found = {f"{each.zone}/{each.hypothesis}": each for each in out}
        self.last |= found
        return found


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_no_incident_no_risk(watch: Watch) -> None:
    assert watch.give(fact("ticket-hall", "people", 184)) == {}


def test_fire_in_a_full_hall(watch: Watch) -> None:
    watch.give(fact("ticket-hall", "people", 184))
    found = watch.give(incident())
    assert set(found) == {"ticket-hall/fire", "north-passage/fire", "east-passage/fire"}
    hall = found["ticket-hall/fire"]
    assert hall.value == pytest.approx(hall.threat * hall.vulnerability * hall.impact)
    assert hall.low < hall.value < hall.high <= 1
    assert (hall.people, hall.incident_id) == (184.0, incident().id)
    assert hall.before < 0.05
    assert found["east-passage/fire"].value < hall.value
    assert hall.reasons[0].text == "Fire here, 97 % sure"
    assert {reason.text for reason in hall.reasons} >= {"184 people inside"}
    assert sum(reason.share for reason in hall.reasons) == pytest.approx(1.0)
    assert found["east-passage/fire"].reasons[0].text == "Fire next door in Ticket hall, 97 % sure"


def test_uncounted_people_are_assumed_not_zero(watch: Watch) -> None:
    found = watch.give(incident())
    hall, passage = found["ticket-hall/fire"], found["north-passage/fire"]
    assert hall.people == pytest.approx(180.0)
    assert passage.people == 20.0
    assert any("not counted" in reason.text for reason in hall.reasons)
    counted = Watch()
    counted.give(fact("ticket-hall", "people", 180))
    exact = counted.give(incident())["ticket-hall/fire"]
    assert hall.high / hall.low > exact.high / exact.low


def test_an_intrusion_raises_the_risk_of_the_zones_it_touches(watch: Watch) -> None:
    watch.give(fact("north-passage", "people", 90))
    fire = incident(zones=("north-passage",))
    alone = watch.give(fire)["north-passage/fire"]
    both = watch.give(intrusion(zones=("north-passage",)))["north-passage/fire"]
    assert both.vulnerability > alone.vulnerability
    assert both.value > alone.value
    assert any(reason.text == "Exit J cannot be relied on" for reason in both.reasons)
    assert both.before == pytest.approx(alone.before)


def test_dark_cameras_and_shut_exits_count(watch: Watch) -> None:
    before = watch.give(incident())["ticket-hall/fire"]
    watch.give(fact("exit-r", "exit_state", "unusable"), fact("camera-12", "camera_state", "frozen"))
    after = watch.last["ticket-hall/fire"]
    assert after.vulnerability > before.vulnerability
    assert any(reason.text == "Exit R cannot be relied on" for reason in after.reasons)


def test_the_crowd_is_live(watch: Watch) -> None:
    watch.give(fact("ticket-hall", "people", 20), incident())
    low = watch.last["ticket-hall/fire"].value
    watch.give(fact("ticket-hall", "people", 400))
    assert watch.last["ticket-hall/fire"].value > low
    assert watch.last["ticket-hall/fire"].people == 400.0


def test_only_material_changes_are_published(watch: Watch) -> None:
    watch.give(fact("ticket-hall", "people", 184), incident())
    count = watch.count
    watch.give(fact("ticket-hall", "people", 186), incident(version=2, probability=0.971))
    watch.give()
    assert watch.count == count


def test_over_is_said_once(watch: Watch) -> None:
    watch.give(incident())
    ended = watch.give(incident(version=2, status="closed"))
    assert ended["ticket-hall/fire"].incident_id == ""
    assert ended["ticket-hall/fire"].value == pytest.approx(ended["ticket-hall/fire"].before)
    assert watch.give() == {}
    assert not watch.state.shown


def test_what_is_unknown_or_absurd_is_left_out(watch: Watch) -> None:
    watch.give(incident(zones=("nowhere",)), incident("unheard-of"))
    for value in (float("nan"), -3, "many", True, None):
        watch.give(fact("ticket-hall", "people", value))
    watch.give(fact("nowhere", "people", 3))
    assert watch.count == 0
    assert not watch.state.people


def test_improbable_incidents_affect_nothing(watch: Watch) -> None:
    assert watch.give(incident(status="tentative", probability=0.02)) == {}


def test_classes_do_not_flicker() -> None:
    assert band_of(0.34) == "medium"
    assert settle_band(0.36, "medium", 0.0) == "medium"
    assert settle_band(0.36, "medium", 30.0) == "high"
    assert settle_band(0.39, "medium", 0.0) == "high"
    assert settle_band(0.34, "high", 10.0) == "high"
    assert settle_band(0.30, "high", 0.0) == "medium"
    assert settle_band(0.9, "very low", 0.0) == "very high"


def test_class_changes_after_30_s_on_the_other_side(watch: Watch) -> None:
    """A value just beyond an edge keeps its class at first; the class is published once it has stayed there."""
    watch.give(fact("ticket-hall", "people", 184))
    p = next(n / 1000 for n in range(50, 1000) if _value(n / 1000) >= 0.6)
    watch.give(incident(probability=p - 0.01))
    assert watch.last["ticket-hall/fire"].band == "high"
    watch.give(incident(version=2, probability=p + 0.005), at_s=1)
    watch.give(at_s=20)
    assert watch.last["ticket-hall/fire"].band == "high"
    assert watch.give(at_s=32)["ticket-hall/fire"].band == "very high"


def _value(probability: float) -> float:
    watch = Watch()
    watch.give(fact("ticket-hall", "people", 184))
    return watch.give(incident(probability=probability))["ticket-hall/fire"].value


@given(
    hypothesis=st.sampled_from(sorted(load_threats())),
    weights=st.lists(st.floats(0, 1), max_size=4),
    people=st.floats(0, 5000),
    exits=st.floats(0, 1),
    cameras=st.floats(0, 1),
    more=st.floats(0, 1),
)
def test_risk_is_monotone(
    hypothesis: str, weights: list[float], people: float, exits: float, cameras: float, more: float
) -> None:
    threat = load_threats()[hypothesis]

    def value(**changes: Any) -> float:
        given_: dict[str, Any] = {
            "weights": tuple(weights), "people": people, "exits_ok": exits, "cameras_ok": cameras
        }  # fmt: skip
        found = factors_of(threat, Exposure(**(given_ | changes)))
        assert 0 <= found.low <= found.value <= found.high <= 1
        return found.value

    base = value()
    assert value(weights=(*weights, more)) >= base - 1e-12
    assert value(people=people + 100 * more) >= base - 1e-12
    assert value(exits_ok=exits * more) >= base - 1e-12
    assert value(cameras_ok=cameras * more) >= base - 1e-12


def test_every_hypothesis_of_fusion_has_a_threat() -> None:
    from s4allcities.fusion import load_hypotheses

    assert set(load_threats()) == set(load_hypotheses().slugs) - {"benign"}


def feed() -> list[tuple[list[Event], int]]:
    events: list[Event] = [
        fact("ticket-hall", "people", 100.0),
        incident(),
        intrusion(zones=("ticket-hall",)),
    ]
    events += [fact("ticket-hall", "people", 300.0), incident(version=2, probability=0.4), fact("x", "y", 1)]
    later: list[Incident] = [incident(version=3, status="closed"), intrusion(version=2, status="closed")]
    return [([event], T0_US + n * 10 * S) for n, event in enumerate([*events, *later])] + [
        ([], T0_US + 200 * S)
    ]


@pytest.mark.parametrize("check", ["check_deterministic", "check_snapshots", "check_causal"])
def test_contract_of_stages(check: str) -> None:
    getattr(checks, check)(lambda: RiskStage(ZONES), feed())
