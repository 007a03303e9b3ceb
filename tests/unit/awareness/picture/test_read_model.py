"""Records folded into collections, and what of it counts as changed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from s4allcities.awareness.picture import Picture
from s4allcities.awareness.picture.log import log_entries
from s4allcities.awareness.picture.read_model import COLLECTIONS, KEPT
from s4allcities.domain import (
    Alert,
    Command,
    Context,
    Detection,
    Event,
    Incident,
    ObservationBatch,
    Order,
    Place,
    Refusal,
    Rejected,
    Risk,
    SensorHealth,
    Series,
)
from s4allcities.site import load_site

SITE = load_site(Path(__file__).parents[4] / "sites" / "helsinki-station")
ALERT = Alert(
    id="01A", t_us=5, version=1, level="critical", state="new", incident_id="01I", hypothesis="fire",
    zone="ticket-hall", t_annunciated_us=5, title="Fire in the ticket hall", lines=("a",),
)  # fmt: skip
INCIDENT = Incident(
    id="01I", t_us=5, version=1, status="confirmed", hypothesis="fire", probability=0.9, hypotheses={"fire": 0.9},
    zones=("ticket-hall",), place=Place(zone="ticket-hall"), t_first_evidence_us=1, t_opened_us=5,
)  # fmt: skip
RISK = Risk(
    id="01R", t_us=5, zone="ticket-hall", hypothesis="fire", value=0.8, low=0.7, high=0.9, threat=0.9,
    vulnerability=0.9, impact=0.9, band="very high",
)  # fmt: skip


@pytest.fixture
def picture() -> Picture:
    return Picture(SITE)


def fact(subject: str, attribute: str, value: Any, **more: Any) -> Context:
    return Context(
        id=f"{subject}{attribute}", t_us=5, subject=subject, attribute=attribute, value=value, **more
    )


def batch(*rows: tuple[str, str, float], t_us: int = 9) -> ObservationBatch:
    series = tuple(Series(sensor=sensor, quantity=quantity, unit="x") for sensor, quantity, _ in rows)
    return ObservationBatch(
        family="env", partition=0, series=series, series_ix=np.arange(len(rows), dtype=np.uint32),
        t_us=np.full(len(rows), t_us, np.int64), value=np.array([value for *_, value in rows], np.float64),
        quality=np.zeros(len(rows), np.uint8),
    )  # fmt: skip


def test_it_begins_with_all_places_and_nothing_changed(picture: Picture) -> None:
    assert set(picture.snapshot()) == set(COLLECTIONS)
    assert len(picture.collections["zones"]) == len(SITE.zones)
    assert len(picture.collections["sensors"]) == len(SITE.sensors)
    assert {entry["state"] for entry in picture.collections["exits"].values()} == {"usable"}
    assert picture.take_changes() == []


def test_records_land_in_their_collections(picture: Picture) -> None:
    picture.apply([ALERT, INCIDENT, RISK])
    changed = {(change.collection, change.id) for change in picture.take_changes()}
    assert {
        ("alerts", "01A"),
        ("incidents", "01I"),
        ("risks", "ticket-hall/fire"),
        ("zones", "ticket-hall"),
    } <= changed
    assert picture.collections["zones"]["ticket-hall"]["band"] == "very high"
    assert picture.take_changes() == []


def test_the_newest_value_of_an_entry_is_one_change(picture: Picture) -> None:
    picture.apply([ALERT, replace(ALERT, version=2, state="acknowledged", changed_by="x")])
    alerts = [change for change in picture.take_changes() if change.collection == "alerts"]
    assert [change.value["state"] for change in alerts] == ["acknowledged"]


def test_tentative_incidents_are_not_shown_and_closed_ones_free_their_sensors(picture: Picture) -> None:
    picture.apply([replace(INCIDENT, status="tentative", t_opened_us=None)])
    assert picture.collections["incidents"] == {}
    picture.apply([replace(INCIDENT, status="closed", t_opened_us=None)])
    assert picture.collections["incidents"] == {}
    picture.apply([INCIDENT, replace(INCIDENT, status="closed", version=2)])
    assert picture.collections["incidents"]["01I"]["status"] == "closed"
    assert picture.incidents == {}


def test_facts_reach_zones_exits_and_streets(picture: Picture) -> None:
    exit_slug = SITE.exits[0].slug
    street = next(each.slug for each in SITE.streets if each.carriageway)
    picture.apply([
        fact("ticket-hall", "people", 120), fact(exit_slug, "exit_rate", 38.0),
        fact(street, "traffic", "jam"), fact(street, "speed_kmh", 4.0),
        fact(exit_slug, "exit_state", "unusable", reason="works"),
    ])  # fmt: skip
    zone = picture.collections["zones"]["ticket-hall"]
    assert zone["people"] == 120
    assert zone["density_p_m2"] > 0
    assert picture.collections["streets"][street]["traffic"] == "jam"
    assert picture.collections["streets"][street]["speed_kmh"] == 4.0
    exit_entry = picture.collections["exits"][exit_slug]
    assert (exit_entry["out_per_min"], exit_entry["state"], exit_entry["reason"]) == (
        38.0,
        "unusable",
        "works",
    )


def test_a_record_that_does_not_fit_is_counted_and_stops_nothing(picture: Picture) -> None:
    picture.apply([fact("ticket-hall", "people", "many"), fact("x", "hazard", 7), ALERT])
    assert picture.errors == 2
    assert "01A" in picture.alerts


def test_facts_about_unknown_places_change_nothing(picture: Picture) -> None:
    picture.apply(
        [fact("nowhere", "people", 3), fact("nowhere", "traffic", "jam"), fact("nowhere", "odd", 1)]
    )
    assert picture.errors == 0
    assert [c for c in picture.take_changes() if c.collection in ("zones", "streets", "exits")] == []


def test_growing_collections_are_bounded(picture: Picture) -> None:
    seen = Detection(id="", t_us=1, detector="x", kind="smoke", sensor="s", group="g", place=Place())
    picture.apply(replace(seen, id=f"d{number:05}") for number in range(KEPT["detections"] + 5))
    assert len(picture.collections["detections"]) == KEPT["detections"]
    assert "d00004" not in picture.collections["detections"]


def test_of_many_alerts_closed_ones_leave_first(picture: Picture) -> None:
    for number in range(KEPT["alerts"]):
        picture.apply([replace(ALERT, id=f"a{number:05}", state="closed" if number == 7 else "new")])
    picture.take_changes()
    picture.apply([replace(ALERT, id="one-more")])
    assert "a00007" not in picture.alerts
    assert "a00000" in picture.collections["alerts"]
    gone = [change for change in picture.take_changes() if change.value is None]
    assert ("alerts", "a00007") in {(change.collection, change.id) for change in gone}


def test_live_values_are_coalesced(picture: Picture) -> None:
    picture.live.batch(batch(("heat-02", "heat_c", 20.0), ("heat-02", "heat_c", 21.0), ("new-1", "x", 1.0)))
    picture.live.batch(batch(("heat-02", "heat_c", float("nan"))))
    picture.flush_live()
    changes = {change.id: change.value for change in picture.take_changes()}
    assert changes["heat-02"]["values"] == {"heat_c": {"value": 21.0, "t_us": 9, "unit": "x"}}
    assert (changes["new-1"]["zone"], changes["new-1"]["family"]) == ("", "env")
    picture.flush_live()
    assert picture.take_changes() == []


def test_a_back_fill_does_not_replace_what_is_newer(picture: Picture) -> None:
    picture.live.batch(batch(("heat-02", "heat_c", 20.0)))
    picture.live.batch(batch(("heat-02", "heat_c", 90.0), ("heat-02", "humidity", 40.0), t_us=8))
    picture.flush_live()
    (change,) = (change for change in picture.take_changes() if change.id == "heat-02")
    assert {name: shown["value"] for name, shown in change.value["values"].items()} == {
        "heat_c": 20.0,
        "humidity": 40.0,
    }


def test_health_is_shown_and_counted(picture: Picture) -> None:
    picture.apply([SensorHealth(id="h", t_us=5, sensor="heat-02", family="env", state="on time")])
    picture.flush_live()
    assert picture.collections["sensors"]["heat-02"]["state"] == "on time"
    assert picture.live.counts() == (len(SITE.sensors), 1)


def test_rejected_input_is_counted_by_reason(picture: Picture) -> None:
    for number in range(3):
        picture.apply([Rejected(id=str(number), t_us=5, source="env/x", reason="not JSON")])
    assert picture.rejected_by_reason == {"not JSON": 3}
    assert len(picture.rejected) == 3


def test_the_log_tells_who_did_what() -> None:
    moved = replace(
        ALERT, version=2, state="assigned", owner="anna", changed_by="x", actor="otto", role="operator"
    )
    texts: list[tuple[Event, str]] = [
        (ALERT, "Alert: Fire in the ticket hall"),
        (moved, "Assigned to anna"),
        (replace(moved, state="closed", reason="drill"), "Closed: drill"),
        (
            Order(id="o", t_us=1, course_of_action_id="c", incident_id="i", actor="otto", role="operator"),
            "Ordered the recommended course of action",
        ),
        (
            Command(id="c", t_us=1, order_id="o", device="vms-01", text="A", state="no_answer", attempts=3),
            "vms-01 does not answer after 3 tries",
        ),
        (Refusal(id="r", t_us=1, action_id="x", reason="old version"), "Refused: old version"),
        (replace(INCIDENT, status="closed"), "Incident closed: fire"),
    ]
    for event, text in texts:
        assert [entry["text"] for entry in log_entries(event)] == [text]
    assert log_entries(replace(ALERT, version=3)) == []
    (entry,) = log_entries(moved)
    assert (entry["actor"], entry["role"], entry["alert_id"]) == ("otto", "operator", "01A")


def test_the_same_step_twice_is_two_lines(picture: Picture) -> None:
    step = replace(ALERT, version=2, state="acknowledged", changed_by="x")
    picture.apply([step, replace(step, version=5, t_us=90)])
    assert [entry["text"] for entry in picture.collections["log"].values()] == [
        "Acknowledged",
        "Acknowledged",
    ]


def test_a_restored_picture_has_the_kept_log_and_no_changes(picture: Picture) -> None:
    lines = [
        {"id": "l1", "t_us": 1, "text": "Alert (critical): Fire"},
        {"id": "l2", "t_us": 2, "text": "x", "actor": "otto"},
    ]
    picture.restore([replace(ALERT, version=4, state="closed", changed_by="y")], lines)
    assert picture.take_changes() == []
    assert [entry["actor"] for entry in picture.collections["log"].values()] == ["platform", "otto"]
    assert picture.collections["alerts"]["01A"]["state"] == "closed"
