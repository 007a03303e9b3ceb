"""The expected story, sentence by sentence."""

from math import log

import pytest

from s4allcities.domain import Alert, AlertState, Context, SensorHealth

from .conftest import T0_US, Run, S, detection, fire, intrusion, smoke


def alert(incident_id: str, at_s: float, state: AlertState = "new", reason: str = "") -> Alert:
    return Alert(
        id="01ALERT", t_us=T0_US + round(at_s * S), version=1, level="high", state=state,
        incident_id=incident_id, hypothesis="fire", zone="ticket-hall", t_annunciated_us=T0_US, title="",
        lines=(), reason=reason,
    )  # fmt: skip


def test_scan_write_contradiction_and_frozen_camera_are_one_intrusion(run: Run) -> None:
    run.give(intrusion(0))
    (found,) = run.confirmed
    assert not run.tentative
    assert found.hypothesis == "cyber-intrusion"
    assert found.probability > 0.9
    assert set(found.zones) == {"north-passage", "ticket-hall"}
    assert {"10.20.4.77", "door-dc-07", "exit-j", "camera-12"} <= set(found.entities)
    assert found.t_opened_us is not None
    assert found.t_opened_us - found.t_first_evidence_us <= 15 * S
    assert found.text.startswith("Cyber intrusion at exit J: 9")


def test_one_network_source_alone_confirms_nothing(run: Run) -> None:
    for at_s in range(0, 300, 5):
        run.give(intrusion(at_s)[:2])
    assert not run.confirmed
    assert len(run.tentative) == 1


def test_smoke_co_and_heat_are_one_fire(run: Run) -> None:
    run.give(fire(0))
    (found,) = run.confirmed
    assert not run.tentative
    assert found.hypothesis == "fire"
    assert found.zones == ("ticket-hall",)
    assert found.place.level == -1
    assert len({term.group for term in found.terms if term.group}) == 3
    assert (
        found.text
        == f"Fire in Ticket hall, level \u22121: {found.probability * 100:.0f} % sure, from smoke, CO and heat."
    )


def test_fire_that_spreads_stays_one_incident(run: Run) -> None:
    for at_s, zone in ((0, "ticket-hall"), (20, "east-passage"), (40, "platform"), (45, "north-passage")):
        run.give(fire(at_s, zone))
    (found,) = run.confirmed
    assert not run.tentative
    assert found.zones == ("ticket-hall", "east-passage", "platform", "north-passage")


def test_fire_seen_beyond_a_silent_zone_is_still_one_fire(run: Run) -> None:
    run.give(fire(0))
    run.give(fire(20, "platform"))  # two zones on; nothing reported from between
    (found,) = run.confirmed
    assert set(found.zones) == {"ticket-hall", "platform"}


def test_two_fires_far_apart_are_two_incidents(run: Run) -> None:
    run.give(fire(0))
    run.give(fire(20, "kitchen"))
    assert len(run.confirmed) == 2


def test_first_smoke_beyond_a_gap_joins_when_the_gap_closes(run: Run) -> None:
    run.give(fire(0))
    run.give([smoke(10, "platform", "smoke-17")])
    assert len(run.tentative) == 1
    run.give([smoke(20, "east-passage", "smoke-10")])
    run.give([smoke(25, "platform", "smoke-17")])
    assert not run.tentative
    (found,) = run.confirmed
    assert "platform" in found.zones
    (gone,) = run.with_status("closed")
    assert gone.t_opened_us is None
    assert gone.links[0].incident == found.id


def test_fire_and_intrusion_are_two_linked_incidents(run: Run) -> None:
    run.give(intrusion(0))
    run.give(fire(60, "north-passage"))
    by = {found.hypothesis: found for found in run.confirmed}
    assert set(by) == {"fire", "cyber-intrusion"}
    assert not run.tentative
    (link,) = by["fire"].links
    assert link.incident == by["cyber-intrusion"].id
    assert link.llr > 2
    assert link.reason == "Tampered exit J serves North passage, 60 s apart"
    assert by["cyber-intrusion"].links[0].incident == by["fire"].id


def test_same_zone_and_far_zone_links(run: Run) -> None:
    run.give(intrusion(0))
    run.give(fire(120, "kitchen"))
    by = {found.hypothesis: found for found in run.confirmed}
    assert by["fire"].links[0].reason.startswith("Same site, 2 min apart")
    assert by["fire"].links[0].llr < 2


def test_smoke_in_the_zone_of_an_intrusion_starts_its_own_incident(run: Run) -> None:
    run.give(intrusion(0)[:2])  # still tentative
    run.give([smoke(5, "north-passage", "smoke-08")])
    assert sorted(found.hypothesis for found in run.tentative) == ["cyber-intrusion", "fire"]


@pytest.mark.parametrize("kind", ["co", "heat", "smoke"])
def test_one_absurd_sensor_opens_nothing(run: Run, kind: str) -> None:
    for at_s in range(0, 600, 5):
        run.give([detection(kind, at_s, f"{kind}-99", zone="ticket-hall", confidence=1.0)])
    assert not run.confirmed


def test_a_lying_sensor_that_is_found_out_counts_little(run: Run) -> None:
    run.give([detection("co", 0, "co-31", zone="ticket-hall", confidence=1.0)])
    run.give([smoke(1, confidence=0.95)])
    assert len(run.confirmed) == 1
    run.give([detection("sensor-range", 2, "co-31", zone="ticket-hall", confidence=1.0)])
    found = next(iter(run.last.values()))
    assert found.probability < 0.3
    assert any("CO-31 counts 10 %: reading out of range" in term.name for term in found.terms)


def test_stuck_and_dying_sensors_open_nothing(run: Run) -> None:
    run.give([detection("sensor-stuck", 0, "co-31", zone="ticket-hall")])
    run.give([detection("sensor-gap", 1, "smoke-21", zone="ticket-hall")])
    for state in ("late", "stale", "gone"):
        health = SensorHealth(id="", t_us=T0_US + 2 * S, sensor="smoke-21", family="env", state=state)
        run.give([health])
    run.give([detection("sensor-anomaly", 3, "smoke-21", zone="ticket-hall", confidence=0.6)])
    assert not run.confirmed
    assert run.state.counters.get("unknown_kind", 0) == 0


def test_health_that_recovers_gives_trust_back(run: Run) -> None:
    run.give([smoke(0)])
    full = run.versions[-1].terms[-1].llr
    gone = SensorHealth(id="", t_us=T0_US, sensor="smoke-21", family="env", state="clock wrong")
    run.give([gone, smoke(2)])
    assert run.versions[-1].terms[-1].llr < 0.5 * full
    run.give(
        [SensorHealth(id="", t_us=T0_US + 3 * S, sensor="smoke-21", family="env", state="on time"), smoke(4)]
    )
    assert run.versions[-1].terms[-1].llr > full
    assert not run.state.doubts


def test_announced_scan_is_benign_by_a_named_term(run: Run) -> None:
    plan = Context(id="c", t_us=T0_US, subject="10.20.4.9", attribute="planned_scan", value=True,
                   t_until_us=T0_US + 3600 * S)  # fmt: skip
    run.give([plan])
    for at_s in range(0, 600, 5):
        run.give([detection("network-scan", at_s, "ids-1", group="10.20.4.9", entities=("10.20.4.9",))])
    (found,) = run.tentative
    assert found.hypotheses["benign"] > 0.95
    (term,) = [term for term in found.terms if term.name.startswith("Announced maintenance scan")]
    assert term.llr < -3


def test_a_scan_that_goes_on_after_its_announced_end_loses_the_excuse(run: Run) -> None:
    plan = Context(
        id="c", t_us=T0_US, subject="h", attribute="planned_scan", value=True, t_until_us=T0_US + 60 * S
    )
    run.give([plan])
    for at_s in (0, 120):
        run.give([detection("network-scan", at_s, "ids-1", group="h", entities=("h",))])
    assert not any("Announced" in term.name for term in run.tentative[0].terms)


def test_kitchen_smoke_stays_tentative(run: Run) -> None:
    for at_s in range(0, 600, 5):
        run.give([smoke(at_s, "kitchen", "smoke-06", 0.25), smoke(at_s + 1, "kitchen", "smoke-07", 0.2)])
    assert not run.confirmed
    assert run.tentative[0].probability < 0.1


def test_dense_crowd_confirms_nothing(run: Run) -> None:
    run.give([Context(id="c", t_us=T0_US, subject="site", attribute="rush_hour", value=True)])
    for at_s in range(0, 600, 5):
        for n, zone in enumerate(("ticket-hall", "east-passage", "north-passage")):
            run.give([detection("crowd-density", at_s + n, f"counter-{n}", zone=zone)])
    assert not run.confirmed
    assert any("Rush hour" in term.name for found in run.tentative for term in found.terms)


def test_faded_tentative_incident_disappears_and_reaches_back_no_further(run: Run) -> None:
    run.give([smoke(0, confidence=0.3)])
    run.wait(1200, 5)
    assert not run.tentative
    assert run.with_status("closed")[0].t_opened_us is None
    run.give(fire(1200))
    (found,) = run.confirmed
    assert found.t_first_evidence_us == T0_US + 1200 * S


def test_faded_noise_inside_a_living_incident_is_forgotten(run: Run) -> None:
    run.give([smoke(0, confidence=0.2)])
    for at_s in range(0, 900, 60):
        run.give([detection("sensor-anomaly", at_s, "x", zone="ticket-hall", confidence=0.6)])
    run.give([smoke(900, confidence=0.9)])
    row = next(row for each in run.state.active() for row in each.rows.values() if row.kind == "smoke")
    assert row.t_first_us == T0_US + 900 * S


def test_confirmed_incident_stays_while_its_alert_is_open(run: Run) -> None:
    run.give(fire(0))
    run.give([alert(run.confirmed[0].id, 5)])
    run.wait(1500, 5, since_s=5)
    assert len(run.confirmed) == 1
    run.give([alert(run.confirmed[0].id, 1500, "closed", "fire out")])
    assert not run.confirmed


def test_confirmed_incident_without_alert_closes_when_faded(run: Run) -> None:
    run.give(fire(0))
    run.wait(900, 5)
    assert not run.confirmed
    assert run.with_status("closed")[0].t_opened_us is not None


def test_closing_as_false_raises_the_bar_for_a_while_by_a_named_term(run: Run) -> None:
    run.give(fire(0))
    (found,) = run.confirmed
    run.give([alert(found.id, 5), alert(found.id, 6, "closed", "false alarm: smoke machine")])
    run.give(fire(10)[:3])
    assert not run.confirmed
    (again,) = run.tentative
    assert any(term.name == "Closed by an operator: false alarm: smoke machine" for term in again.terms)
    run.give([detection("heat", 20, "heat-x", zone="ticket-hall"), *fire(21)])
    assert run.confirmed, "a real fire still gets through"


def test_reopened_alert_reopens_its_incident(run: Run) -> None:
    run.give(fire(0))
    (found,) = run.confirmed
    run.give(
        [alert(found.id, 5), alert(found.id, 6, "closed", "false alarm"), alert(found.id, 7, "acknowledged")]
    )
    assert [each.id for each in run.confirmed] == [found.id]
    assert not run.state.closures


def test_terms_read_in_plain_words(run: Run) -> None:
    run.give([smoke(0, confidence=1.0), detection("co", 1, "co-31", zone="ticket-hall", confidence=1.0)])
    (found,) = run.confirmed
    assert [term.name for term in found.terms] == ["Usual rate of fires here", "CO: CO-31", "Smoke: S-21"]
    odds = sum(term.llr for term in found.terms)
    assert odds == pytest.approx(log(found.probability / found.hypotheses["benign"]), abs=1e-9)


def test_stream_stays_small(run: Run) -> None:
    for at_s in range(0, 300, 5):
        run.give(fire(at_s))
    assert len(run.versions) < 40
    versions = [version.version for version in run.versions]
    assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize("zone", ["ticket-hall", "east-passage"])
def test_a_sensor_that_has_long_been_lying_dates_and_places_no_fire(run: Run, zone: str) -> None:
    lies = [detection("co", at_s, "co-99", zone=zone, confidence=1.0) for at_s in range(0, 320, 5)]
    story = sorted([*lies, *fire(300), *fire(310, "north-passage")], key=lambda each: each.t_us)
    run.give(story)
    (found,) = run.confirmed
    assert found.hypothesis == "fire"
    assert found.t_first_evidence_us == T0_US + 300 * S
    assert found.t_opened_us is not None
    assert found.t_opened_us - found.t_first_evidence_us <= 15 * S
    assert found.zones[0] == "ticket-hall"


def test_a_tentative_incident_that_merely_repeats_says_little(run: Run) -> None:
    run.give(
        [detection("co", at_s, "co-99", zone="ticket-hall", confidence=1.0) for at_s in range(0, 600, 5)]
    )
    assert len(run.versions) < 10


def test_the_last_version_still_says_what_it_was_about(run: Run) -> None:
    run.give([smoke(0)])
    run.wait(1200, 5)
    (gone,) = run.with_status("closed")
    assert (gone.hypothesis, gone.zones) == ("fire", ("ticket-hall",))
    assert gone.text == "Closed: fire in Ticket hall, level \u22121."
