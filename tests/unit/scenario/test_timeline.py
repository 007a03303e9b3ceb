"""Which sensor exceeds which value when: for 20 seeds and for each zone that can burn."""

import msgspec
import pytest
from tests.unit.scenario.conftest import START_US, Play, Played

from s4allcities.formats.eve import decode_eve
from s4allcities.scenario.hazards import neighbours
from s4allcities.scenario.world import Datum
from s4allcities.site import SensorSpec

SEEDS = range(20)
ZONES = (
    "compass-hall", "east-passage", "kitchen", "main-hall", "metro-platform",
    "north-passage", "platform-concourse", "ticket-hall", "west-passage",
)  # fmt: skip


def sensors(run: Played, zone: str, family: str) -> list[SensorSpec]:
    return [each for each in run.world.site.sensors if each.zone == zone and each.family == family]


def first_above(run: Played, sensor: str, field: str, limit: float) -> float:
    return next((t_s for t_s, value in run.values(sensor, field) if value > limit), float("inf"))


def peak(run: Played, sensor: str, field: str) -> float:
    return max(value for _, value in run.values(sensor, field))


def check_fire(run: Played, zone: str) -> None:
    fire_s = run.story.fire_s
    smoke = sorted(first_above(run, each.slug, "smoke_pct_m", 3.0) for each in sensors(run, zone, "smoke"))
    assert smoke[0] - fire_s < 10
    together = [t_s for t_s in smoke if t_s - smoke[0] <= 9.0]
    assert 2 <= len(together) <= 4
    assert all(6.0 <= peak(run, each.slug, "smoke_pct_m") <= 13.5 for each in sensors(run, zone, "smoke"))
    for each in sensors(run, zone, "co"):
        assert -2 < first_above(run, each.slug, "co_ppm", 30.0) - smoke[0] < 8
        assert 58 <= peak(run, each.slug, "co_ppm") <= 132
    for each in sensors(run, zone, "heat"):
        heat = run.values(each.slug, "heat_c")
        assert 4 < heat[-1][1] - heat[0][1] < 9
    quiet = {zone, *neighbours(run.world.site, zone)}
    for each in run.world.site.sensors:
        if each.family == "smoke" and each.zone not in quiet and run.of(each.slug):
            assert peak(run, each.slug, "smoke_pct_m") < 0.5
        if each.family == "smoke" and each.zone in quiet - {zone}:
            assert peak(run, each.slug, "smoke_pct_m") < 2.0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_fire_starts_and_spreads_as_told(played: Play, seed: int) -> None:
    run = played("station-fire", seed)
    assert abs(run.story.fire_s - 40) <= 1
    check_fire(run, "ticket-hall")


@pytest.mark.parametrize("zone", ZONES)
def test_it_burns_where_it_is_told_to(played: Play, zone: str) -> None:
    run = played("station-fire", 3, fire_at=zone)
    assert run.story.fire_zone == zone
    check_fire(run, zone)


@pytest.mark.parametrize("seed", SEEDS)
def test_before_the_fire_nothing_rises(played: Play, seed: int) -> None:
    run = played("station-fire", seed)
    for each in sensors(run, "ticket-hall", "smoke"):
        assert all(
            value < 0.5 for t_s, value in run.values(each.slug, "smoke_pct_m") if t_s < run.story.fire_s
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_network_story(played: Play, seed: int) -> None:
    run = played("station-fire", seed)
    records = [(t_s, decode_eve(msgspec.json.encode(record))) for t_s, record in run.of("ids-1")]
    hostile = [(t_s, event) for t_s, event in records if event.src_ip == "10.20.4.66"]
    scan = [(t_s, event) for t_s, event in hostile if not event.write and "write" not in _said(event)]
    writes = [(t_s, event) for t_s, event in hostile if event.write]
    assert abs(scan[0][0] - 20) <= 1.6
    assert scan[-1][0] - scan[0][0] < 4.5
    assert 40 <= len(scan) <= 80
    assert len({event.dest_ip for _, event in scan if event.dest_port == 502}) >= 15
    assert {event.dest_port for _, event in scan} == {502, 44818, 47808, 80, 23}
    assert [(event.dest_ip, event.write) for _, event in writes] == [("10.20.4.17", "modbus WrSingleCoil")]
    assert 4 <= writes[0][0] - run.story.scan_s <= 7


def _said(event: object) -> str:
    alert = getattr(event, "alert", None)
    return alert.signature if alert else ""


@pytest.mark.parametrize("seed", SEEDS)
def test_the_door_says_open_while_nobody_passes(played: Play, seed: int) -> None:
    run = played("station-fire", seed)
    assert {message["open"] for _, message in run.of("door-dc-07")} == {1}
    out = run.values("counter-04", "out_per_min")
    assert min(value for t_s, value in out if t_s < run.story.write_s - 0.5) > 20
    assert max(value for t_s, value in out if t_s > run.story.write_s + 4) <= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_picture_near_the_door_freezes_and_no_other(played: Play, seed: int) -> None:
    run = played("station-fire", seed)
    assert run.story.frozen_camera == "camera-01"
    for each in (each for each in run.world.site.sensors if each.family == "camera"):
        frames = run.of(each.slug)
        after = {message["frame_hash"] for t_s, message in frames if t_s >= run.story.freeze_s}
        before = [message["frame_hash"] for t_s, message in frames if t_s < run.story.freeze_s]
        assert len(set(before)) == len(before)
        assert (len(after) == 1) == (each.slug == "camera-01")


@pytest.mark.parametrize(
    ("jam", "slug"), [("", "kaivokatu"), ("Simonkatu", "simonkatu"), ("postikatu", "postikatu")]
)
def test_one_street_is_jammed_from_the_start(played: Play, jam: str, slug: str) -> None:
    run = played("station-fire", 4, jam=jam)
    for each in (each for each in run.world.site.sensors if each.family == "traffic"):
        speeds = [value for _, value in run.values(each.slug, "speed_kmh")]
        assert (max(speeds) < 6) if each.covers == (slug,) else (min(speeds) > 20)


@pytest.mark.parametrize(("close", "slug", "counter", "door"), [
    ("A", "exit-a", "counter-01", "door-dc-01"), ("exit-t", "exit-t", "counter-18", "door-dc-20"),
])  # fmt: skip
def test_a_closed_exit(played: Play, close: str, slug: str, counter: str, door: str) -> None:
    run = played("station-fire", 5, close=close)
    assert {message["open"] for _, message in run.of(door)} == {0}
    assert max(value for _, value in run.values(counter, "out_per_min")) <= 1
    fact = run.story.announcements[0]
    assert (fact.subject, fact.attribute, fact.value) == (slug, "exit_state", "unusable")
    assert fact.reason == "closed for works"


def test_a_closed_exit_is_not_the_one_that_is_attacked(played: Play) -> None:
    run = played("station-fire", 5, close="J")
    assert run.story.attacked not in ("", "exit-j")
    assert run.story.attacked_controller.startswith("door-dc-")


@pytest.mark.parametrize("seed", SEEDS)
def test_rush_hour_stays_below(played: Play, seed: int) -> None:
    run = played("station-rush-hour", seed)
    lies = {slug for slug, fault in run.story.faults.items() if fault.lies}
    smoky = [each.slug for each in sensors(run, "kitchen", "smoke")]
    assert all(1.3 <= peak(run, slug, "smoke_pct_m") <= 2.2 for slug in smoky)
    for each in run.world.site.sensors:
        if each.family == "smoke" and each.slug not in smoky and run.of(each.slug):
            assert peak(run, each.slug, "smoke_pct_m") < 0.5
        if each.family == "co" and each.slug not in lies and run.of(each.slug):
            assert peak(run, each.slug, "co_ppm") < 8
        if each.family == "heat" and each.slug not in lies and run.of(each.slug):
            heat = [value for _, value in run.values(each.slug, "heat_c")]
            assert max(heat) - heat[0] < 2.5
    assert run.story.announcements[0].subject == "10.20.4.9"
    assert {m["src_ip"] for _, m in run.of("ids-1")} <= {"10.20.4.2", "10.20.4.9"}


def test_rush_hour_has_twice_the_people(played: Play) -> None:
    calm, rush = played("station-fire", 1).truth[10], played("station-rush-hour", 1).truth[10]
    assert sum(rush["people"].values()) == pytest.approx(2 * sum(calm["people"].values()), rel=0.05)


@pytest.mark.parametrize("name", ["station-fire", "station-rush-hour"])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_sensor_lies_and_one_dies(played: Play, name: str, seed: int) -> None:
    run = played(name, seed)
    liars = [slug for slug, fault in run.story.faults.items() if fault.lies]
    dead = [slug for slug, fault in run.story.faults.items() if fault.dies_s < 95]
    assert (len(liars), len(dead)) == (1, 1)
    said = [list(message.values())[1] for _, message in run.of(liars[0])]
    assert min(said) > (20 if liars[0].startswith("co") else 32)
    assert max(t_s for t_s, _ in run.of(dead[0])) < run.story.faults[dead[0]].dies_s
    zones = {each.slug: each.zone for each in run.world.site.sensors}
    busy = {run.story.fire_zone, "north-passage"} if name == "station-fire" else {"kitchen"}
    assert zones[liars[0]] not in busy
    assert zones[dead[0]] not in busy


def is_kept(datum: Datum) -> bool:
    """Tell what a building node measured before the story began."""
    return b"t_us" in datum.payload


def test_messages_arrive_late_in_order_and_some_never(played: Play) -> None:
    run = played("station-fire", 6)
    skewed = {slug for slug, fault in run.story.faults.items() if fault.skew_s}
    late_s = [
        (each.due_us - each.t_us) / 1e6
        for each in run.data
        if each.sensor not in skewed and each.family != "eve" and not is_kept(each)
    ]
    assert 0.05 <= min(late_s) <= max(late_s) <= 0.45
    assert 0.005 < run.world.never_sent / (run.world.never_sent + len(run.data)) < 0.03
    by_sensor: dict[str, list[int]] = {}
    for each in run.data:
        by_sensor.setdefault(each.sensor, []).append(each.due_us)
    assert all(due == sorted(due) for due in by_sensor.values())
    assert len(skewed) == 4
    assert all(each.t_us > START_US - 1_000_000 for each in run.data if not is_kept(each))
