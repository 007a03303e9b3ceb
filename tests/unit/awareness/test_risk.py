"""Risk of zones: the formula, the band, classes with hysteresis, reasons, and what is worth publishing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.awareness.context import ContextGraph, Entry, entry_from, statement
from s4allcities.awareness.risk import RiskStage, ZoneFacts, factors_of, load_checklist, load_threats
from s4allcities.awareness.risk.model import band_of, settle_band
from s4allcities.checks import stages as checks
from s4allcities.domain import Alert, Context, Event, Incident, MeasureShare, Risk, RiskBasis, SensorHealth

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


def entry(**fields: Any) -> Context:
    made: Entry = entry_from(fields)
    return statement(made, made.id, T0_US)


class Watch:
    """A risk stage that has published all its cells once, as it does when it starts."""

    def __init__(self, *before: Event) -> None:
        self.stage = RiskStage(ZONES)
        self.state = self.stage.start()
        self.last: dict[str, Risk] = {}
        self.count = 0
        self.give(*before)
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


def test_every_zone_has_a_risk_of_every_threat_from_the_start(watch: Watch) -> None:
    assert len(watch.last) == len(ZONES) * len(load_threats())
    assert all(each.band == "very low" and not each.incident_id for each in watch.last.values())
    assert watch.give(fact("kitchen", "people", 21)) == {}


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
    hall, passage = found["ticket-hall/fire"], watch.last["north-passage/fire"]
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
    watch.give(intrusion(zones=("north-passage",)))
    both = watch.last["north-passage/fire"]
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


def test_an_incident_that_ended_by_itself_fades(watch: Watch) -> None:
    burning = watch.give(incident())["ticket-hall/fire"].value
    watch.give(incident(version=2, status="closed"), at_s=10)
    watch.give(at_s=310)
    later = watch.last["ticket-hall/fire"]
    assert later.before < later.value < 0.45 * burning
    assert later.reasons[0].text == "Fire here until lately"
    watch.give(at_s=2000)
    over = watch.last["ticket-hall/fire"]
    assert over.incident_id == ""
    assert over.value == pytest.approx(over.before)
    assert not watch.state.kept.cases
    assert watch.give(at_s=2001) == {}


@pytest.mark.parametrize("how", ["false", "duplicate"])
def test_a_false_alert_ends_its_risk_at_once(watch: Watch, how: Any) -> None:
    watch.give(incident())
    one = incident()
    alert = Alert(
        id="a", t_us=T0_US, version=2, level="critical", state=how, incident_id=one.id, hypothesis="fire", zone="",
        t_annunciated_us=T0_US, title="", lines=(),
    )  # fmt: skip
    over = watch.give(alert)["ticket-hall/fire"]
    assert over.value == pytest.approx(over.before)


def test_what_is_unknown_or_absurd_is_left_out(watch: Watch) -> None:
    watch.give(incident(zones=("nowhere",)), incident("unheard-of"))
    for value in (float("nan"), -3, "many", True, None):
        watch.give(fact("ticket-hall", "people", value))
    watch.give(fact("nowhere", "people", 3))
    assert watch.count == 0
    assert not watch.state.kept.people


def test_improbable_incidents_affect_nothing(watch: Watch) -> None:
    weak = incident(status="tentative", probability=0.02, hypotheses={"benign": 0.98, "fire": 0.02})
    assert watch.give(weak) == {}


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
    p = next(n / 1000 for n in range(700, 1000) if _value(n / 1000) >= 0.6)
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
    weights=st.lists(st.floats(0, 1), max_size=4),
    harms=st.tuples(*[st.floats(0, 20)] * 4),
    measures=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4),
    base=st.floats(0, 1),
    bare=st.floats(0, 1),
    more=st.floats(0, 1),
)
def test_risk_is_monotone(
    weights: list[float], harms: tuple[float, ...], measures: list[tuple[float, float]], base: float, bare: float,
    more: float,
) -> None:  # fmt: skip
    def value(**changes: Any) -> float:
        names = ("people_harm", "asset_harm", "service_harm", "delay_harm")
        given_: dict[str, Any] = {
            "base": base, "bare": bare, "weights": {str(n): w for n, w in enumerate(weights)},
            "measures": tuple(MeasureShare(name="m", effect=e, available=a) for e, a in measures),
            **dict(zip(names, harms, strict=True)),
        }  # fmt: skip
        found = factors_of(RiskBasis(**(given_ | changes)))
        assert 0 <= found.low <= found.value + 1e-15
        assert found.value <= found.high + 1e-15 <= 1 + 2e-15
        return found.value

    now = value()
    assert value(weights={**{str(n): w for n, w in enumerate(weights)}, "new": more}) >= now - 1e-12
    assert value(people_harm=harms[0] + more) >= now - 1e-12
    assert value(service_harm=harms[2] + more) >= now - 1e-12
    assert value(delay_harm=harms[3] + more) >= now - 1e-12
    fewer = tuple(MeasureShare(name="m", effect=e, available=a * more) for e, a in measures)
    assert value(measures=fewer) >= now - 1e-12


def test_a_festival_makes_the_same_fire_worse(watch: Watch) -> None:
    quiet = watch.give(incident(zones=("north-passage",)))["north-passage/fire"]
    festival = entry(
        type="event",
        id="festival",
        name="Festival",
        zones=["north-passage"],
        people=900,
        odds={"*": 4},
        delay_s=300,
    )
    loud = Watch(festival)
    there = loud.give(incident(zones=("north-passage",)))["north-passage/fire"]
    assert there.value > 2 * quiet.value
    assert there.people == 900.0
    assert there.before > quiet.before
    assert any("900 expected" in reason.text for reason in there.reasons)


def test_threat_level_multiplies_odds() -> None:
    calm = Watch().last["kitchen/armed-attacker"]
    raised = Watch(entry(type="threat-level", id="national", level=4)).last["kitchen/armed-attacker"]
    assert raised.threat / (1 - raised.threat) == pytest.approx(4 * calm.threat / (1 - calm.threat))
    assert any(reason.text == "Threat level 4 of 5" for reason in raised.reasons)


def test_measures_count_only_while_what_they_need_works(watch: Watch) -> None:
    guarded = entry(
        type="measure", id="gate", name="Bag search", zones=["ticket-hall"], effect={"armed-attacker": 0.5},
        needs=["camera-12"],
    )  # fmt: skip
    watch.give(guarded, incident("armed-attacker"))
    with_gate = watch.last["ticket-hall/armed-attacker"]
    health = SensorHealth(id="h", t_us=T0_US, sensor="camera-12", family="camera", state="gone")
    watch.give(health)
    without = watch.last["ticket-hall/armed-attacker"]
    assert without.vulnerability > 1.9 * with_gate.vulnerability
    texts = {reason.text for reason in without.reasons}
    assert "Camera-12: no true picture" in texts or "Bag search not in full force" in texts
    assert watch.last["kitchen/armed-attacker"].vulnerability == pytest.approx(0.9 * 0.85 * 0.925)


def test_a_service_two_hops_away_takes_measures_along(watch: Watch) -> None:
    chain: list[Event] = [
        entry(type="service", id="power", people_served=100_000, recovery_h=6),
        entry(type="service", id="network", depends_on={"power": 0.9}),
        entry(type="service", id="doors", depends_on={"network": 1.0}),
        entry(type="asset", id="substation", zones=["kitchen"], criticality=1.0, service="power"),
        entry(
            type="measure",
            id="locks",
            name="Locks",
            zones=["ticket-hall"],
            effect={"*": 0.6},
            needs=["doors"],
        ),
    ]
    watch.give(*chain, incident("sabotage"))
    before = watch.last["ticket-hall/sabotage"].vulnerability
    out = watch.stage.step(watch.state, [incident(zones=("kitchen",))], T0_US)
    facts = {each.subject: each for each in out if isinstance(each, Context)}
    assert set(facts) == {"service/power", "service/network", "service/doors"}
    lost = 1 - facts["service/power"].value["performance"]
    assert 1 - facts["service/doors"].value["performance"] == pytest.approx(0.9 * lost)
    assert facts["service/power"].value["t_90_h"] > 0
    after = next(each for each in out if isinstance(each, Risk) and each.id == "ticket-hall/sabotage")
    assert after.vulnerability > before
    assert any(reason.text == "Locks not in full force" for reason in after.reasons)


def test_a_survey_sets_the_bare_vulnerability(watch: Watch) -> None:
    best = dict.fromkeys(load_checklist().questions, 4)
    watch.give(
        entry(type="survey", id="s", zones=["kitchen"], answers=best),
        fact("kitchen", "people", 500),
        incident(zones=("kitchen",)),
    )
    basis = watch.last["kitchen/fire"].basis
    assert basis is not None
    assert basis.bare == pytest.approx(0.30)
    elsewhere = watch.last["ticket-hall/fire"].basis
    assert elsewhere is not None
    assert elsewhere.bare == 0.95


def test_every_figure_follows_from_its_basis(watch: Watch) -> None:
    watch.give(fact("ticket-hall", "people", 184), intrusion(zones=("ticket-hall",)), incident())
    for each in watch.last.values():
        assert each.basis is not None
        again = factors_of(each.basis)
        assert (again.value, again.low, again.high, again.before) == (
            each.value,
            each.low,
            each.high,
            each.before,
        )


def test_withdrawn_entries_count_no_more() -> None:
    graph = ContextGraph()
    assert graph.learn(entry(type="threat-level", id="n", level=5))
    assert graph.odds(T0_US) == {"*": 8.0}
    assert graph.learn(statement(None, "n", T0_US))
    assert graph.odds(T0_US) == {}


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
