"""What could be done now, over the API: from what the picture shows of people, exits and hazards."""

from typing import Any

import pytest
from litestar.testing import TestClient
from shapely import box
from shapely.geometry import mapping
from tests.unit.app.parts import SITE, Behind

from s4allcities.app.options import hazards_shown
from s4allcities.domain import Context

T_US = 1_700_000_000_000_000


def fact(subject: str, attribute: str, value: Any, **more: Any) -> Context:
    return Context(id="", t_us=T_US, subject=subject, attribute=attribute, value=value, source="x", **more)


def outline(half_m: float, hole_m: float = 0.0, **properties: Any) -> dict[str, Any]:
    """A square round the middle of the ticket hall, in degrees; ``hole_m`` leaves a smaller one out."""
    hall = SITE.zone("ticket-hall")
    squares = [
        box(hall.x_m - half, hall.y_m - half, hall.x_m + half, hall.y_m + half)
        for half in (half_m, hole_m)
        if half
    ]
    rings = [SITE.frame.ring_to_lonlat(list(each.exterior.coords)).tolist() for each in squares]
    geometry = {"type": "Polygon", "coordinates": rings}
    return {
        "level": hall.level,
        "geojson": {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "geometry": geometry, "properties": properties}],
        },
    }


def test_hazards_are_read_with_their_times_and_levels() -> None:
    now, later = hazards_shown(SITE, {"now": outline(10), "5min": outline(20, level=0, hazard="smoke")})
    assert (now.from_s, now.level, now.kind) == (0.0, SITE.zone("ticket-hall").level, "hazard")
    assert (later.from_s, later.level, later.kind) == (300.0, 0, "smoke")
    assert now.area.area == pytest.approx(400, rel=0.01)


def test_an_outline_that_is_none_is_left_out() -> None:
    line = {"type": "Feature", "geometry": mapping(box(24, 60, 25, 61).exterior), "properties": {}}
    broken = [
        line,
        {"type": "Feature", "geometry": None},
        {"geometry": {"type": "Polygon", "coordinates": 7}},
    ]
    shown = {"now": {"level": 0, "geojson": {"type": "FeatureCollection", "features": broken}}}
    assert hazards_shown(SITE, shown) == ()


@pytest.mark.timeout(120)
def test_the_options_follow_from_what_the_picture_shows() -> None:
    behind = Behind()
    behind.hub.picture.apply(
        [
            fact("ticket-hall", "people", 180.0),
            fact("main-hall", "people", 240.0),
            fact("exit-a", "exit_state", "unusable", reason="locked at the door"),
            fact("smoke", "hazard", {"now": outline(9), "5min": outline(14)}),
        ]
    )
    exit_a = behind.hub.picture.collections["exits"]["exit-a"]
    exit_a["state"], exit_a["reason"] = "unusable", "locked at the door"
    with TestClient(behind.app(), cookies={"s4_session": "open"}) as client:
        found = client.get("/api/v1/plan/options?closed=B").json()
        again = client.get("/api/v1/plan/options?closed=exit-b").json()
        wrong = client.get("/api/v1/plan/options?closed=moon")
        client.cookies.clear()
        stranger = client.get("/api/v1/plan/options")
    assert again == found, "asked again within seconds it is the same answer"
    assert (wrong.status_code, stranger.status_code) == (400, 401)
    assert "closed 'moon': no exit, opening, stairs or street" in wrong.json()["detail"]
    assert found["closed"] == ["exit-a", "exit-b"]
    assert found["counted"] == ["main-hall", "ticket-hall"]
    plan = found["plan"]
    assert plan["occupancy"]["ticket-hall"] == 180
    by_name = {each["response"]: each for each in plan["alternatives"]}
    assert list(by_name) == ["evacuate", "invacuate", "lockdown", "hold"]
    assert by_name["evacuate"]["exposure_person_s"] < by_name["hold"]["exposure_person_s"]
    assert by_name["hold"]["threatened"][0][1] >= 180
    assert len(by_name["hold"]["threatened"]) == 1, "nobody moves"
    assert by_name["evacuate"]["threatened"][-1][1] < by_name["evacuate"]["threatened"][0][1]
    exits = {each["exit"]: each for each in plan["exits"]}
    assert (exits["exit-a"]["state"], exits["exit-a"]["reason"]) == ("unusable", "locked at the door")
    assert exits["exit-b"]["reason"] == "closed by the request"
    assert all(route["exit"] not in ("exit-a", "exit-b") for route in plan["routes"])
    assert set(plan["give_out"]["texts"]) == {"en", "el", "es", "eu", "cs"}
    assert found["names"]["ticket-hall"] == SITE.zone("ticket-hall").name


@pytest.mark.timeout(120)
def test_who_is_shut_in_by_smoke_is_led_out_through_it() -> None:
    behind = Behind()
    behind.hub.picture.apply(
        [fact("ticket-hall", "people", 180.0), fact("smoke", "hazard", {"now": outline(60, hole_m=8)})]
    )
    exit_a = behind.hub.picture.collections["exits"]["exit-a"]
    exit_a["state"], exit_a["reason"] = "unusable", "smoke at the exit"
    with TestClient(behind.app(), cookies={"s4_session": "open"}) as client:
        found = client.get("/api/v1/plan/options").json()
    plan = found["plan"]
    assert plan["shut_in"]["ticket-hall"] > 0
    assert plan["stranded"] == {}
    through = [route for route in plan["routes"] if route["through"]]
    assert {route["from_zone"] for route in through} == set(plan["shut_in"]), "nobody else is led through"
    assert all(route["through"] for route in plan["routes"] if route["exit"] == "exit-a")
    assert {each["exit"]: each["reason"] for each in plan["exits"]}["exit-a"] == "smoke at the exit"
    assert sum(route["people"] for route in through) == sum(plan["shut_in"].values())
    assert sum(each["people"] for each in plan["exits"]) >= sum(route["people"] for route in through)
    hall = plan["give_out"]["texts"]["en"][-1]
    assert hall.startswith(SITE.zone("ticket-hall").name), "those with no other way are told last"
    for line in plan["give_out"]["texts"]["en"]:
        assert "do not use" not in line.lower() or line.startswith("Everybody but "), "they have no other way"
    assert "exits A, " in hall, "by name: the nearest exit is what the others must keep off"
    evacuate, _, _, hold = plan["alternatives"]
    assert evacuate["without_way"] == 0
    assert evacuate["exposure_person_s"] < hold["exposure_person_s"]
