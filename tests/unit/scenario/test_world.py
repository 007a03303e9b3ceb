"""The world: the same seed is the same story, messages keep to their forms, people follow the signs."""

import json

import msgspec
import numpy as np
import pytest
from tests.unit.scenario.conftest import HELSINKI, START_US, Play

from s4allcities.domain import RawMessage
from s4allcities.edge.sources import SourceTable, built_in_sources
from s4allcities.scenario.crowd import Crowd
from s4allcities.scenario.families import CHANNELS, channel_of
from s4allcities.scenario.files import CrowdParameters
from s4allcities.scenario.hazards import Ramp, neighbours
from s4allcities.scenario.instruments import NODE
from s4allcities.scenario.options import ScenarioOptions
from s4allcities.scenario.story import tell_story
from s4allcities.scenario.world import Datum, World
from s4allcities.site import SensorSpec, load_site

SITE = load_site(HELSINKI)


def messages(name: str, seed: int, seconds: float = 60.0) -> list[Datum]:
    world = World(*tell_story(HELSINKI, name, ScenarioOptions(seed=seed)), start_us=START_US)
    data: list[Datum] = []
    while world.t_s < seconds:
        data += world.step()
    return data


@pytest.mark.parametrize("name", ["station-fire", "station-rush-hour"])
def test_the_same_seed_tells_the_same_story_to_the_byte(name: str) -> None:
    assert messages(name, 7) == messages(name, 7)


def test_another_seed_tells_another(played: Play) -> None:
    assert messages("station-fire", 7, 5.0) != messages("station-fire", 8, 5.0)
    stories = [played("station-fire", seed).story for seed in range(20)]
    assert len({story.fire_s for story in stories}) == 20
    assert len({tuple(sorted(story.faults)) for story in stories}) > 15


@pytest.mark.parametrize("name", ["station-fire", "station-rush-hour"])
def test_every_message_is_understood_by_the_platform_sources(played: Play, name: str) -> None:
    table = SourceTable(built_in_sources())
    for each in played(name, 2).data:
        source = table.pick(each.family, each.sensor)
        assert source is not None
        raw = RawMessage(family=each.family, sensor=each.sensor, data=each.payload, t_received_us=each.due_us)
        decoded = source.decode(raw)
        assert decoded.rejected == ""
        columns = decoded.columns
        times = {row.t_us for row in decoded.observations} if columns is None else {int(columns.t_us[-1])}
        assert times == {each.t_us}


FORMS = {
    "smoke": {"t", "smoke_pct_m"},
    "co": {"t", "co_ppm"},
    "heat": {"t", "heat_c"},
    "door": {"t", "open"},
    "camera": {"t", "frame_hash", "people"},
    "sign": {"t", "status", "showing"},
    "traffic": {"t", "speed_kmh", "flow_per_h"},
    "building": {"t", *NODE},
    "weather": {"t", "wind_mps", "wind_from_deg", "temperature_c"},
}


def test_every_message_has_the_form_of_its_family(played: Play) -> None:
    physical = {each.slug: each.family for each in SITE.sensors}
    for each in played("station-fire", 2).data:
        message = json.loads(each.payload)
        if "t_us" in message:
            continue  # what a node kept has a test of its own
        family = physical[each.sensor]
        if family == "counter":
            zone = each.sensor.startswith("occupancy-")
            assert set(message) == ({"t", "people"} if zone else {"t", "out_per_min", "in_per_min"})
            assert each.protocol == ("http" if zone else "mqtt")
        elif family == "ids":
            assert {"timestamp", "event_type", "src_ip", "dest_ip"} <= set(message)
        else:
            assert set(message) == FORMS[family]
            assert each.protocol == CHANNELS[family].protocol
        assert each.family == (
            channel.family if (channel := channel_of(_spec(each.sensor), _zones())) else ""
        )


def test_building_nodes_send_what_they_kept_first(played: Play) -> None:
    nodes = {each.slug for each in SITE.sensors if each.family == "building"}
    for slug in nodes:
        sent = [json.loads(each.payload) for each in played("station-fire", 2).data if each.sensor == slug]
        kept = [message for message in sent if "t_us" in message]
        assert kept == sent[:2]
        times = [t_us for message in kept for t_us in message["t_us"]]
        assert times == sorted(times)
        assert (START_US - times[0]) / 1e6 == 700.0
        assert times[-1] < START_US
        assert {len(message[name]) for message in kept for name in NODE} == {70}


def _spec(slug: str) -> SensorSpec:
    return SITE.sensor(slug)


def _zones() -> set[str]:
    return {zone.slug for zone in SITE.zones}


def test_every_sensor_speaks(played: Play) -> None:
    heard = {each.sensor for each in played("station-fire", 2).data}
    assert heard == {each.slug for each in SITE.sensors}


def test_a_sign_answers_shows_and_people_leave() -> None:
    world = World(*tell_story(HELSINKI, "station-fire", ScenarioOptions(seed=1)), start_us=START_US)
    for _ in range(20):
        world.step()
    before = world.truth()
    now_us = world.at_us(world.t_s)
    told = msgspec.json.encode({"id": "c1", "show": "LEAVE BY EXIT A"})
    answer = world.command("vms-08", told, now_us)
    assert answer is not None
    assert 0.2e6 <= answer.due_us - now_us <= 1.0e6
    assert json.loads(answer.payload)["ack"] == "c1"
    assert json.loads(answer.payload)["showing"] == "LEAVE BY EXIT A"
    assert world.command("vms-03", told, now_us) is None
    assert world.command("smoke-21", told, now_us) is None
    assert world.command("vms-08", b"not JSON", now_us) is None
    shown: list[str] = []
    for _ in range(60):
        shown += [json.loads(each.payload)["showing"] for each in world.step() if each.sensor == "vms-08"]
    after = world.truth()
    assert after["leaving"]
    assert after["people"]["ticket-hall"] < 0.75 * before["people"]["ticket-hall"]
    assert after["out_per_min"]["exit-a"] > 1.5 * before["out_per_min"]["exit-a"]
    assert set(shown) == {"LEAVE BY EXIT A"}


def crowd(closed: str = "") -> Crowd:
    return Crowd(SITE, CrowdParameters(), np.random.default_rng(3), closed=(closed,))


def test_a_blocked_exit_empties_within_seconds() -> None:
    people = crowd()
    people.block("exit-j")
    for step in range(8):
        people.step(0.5, step * 0.5)
    assert people.out_per_min[people.exits.index("exit-j")] < 1


def test_signs_keep_people_out_of_closed_exits() -> None:
    people = crowd()
    usual = people.out_per_min.copy()
    people.told("EXIT R CLOSED USE A")
    for step in range(20):
        people.step(0.5, step * 0.5)
    assert people.out_per_min[people.exits.index("exit-r")] < usual[people.exits.index("exit-r")]
    assert people.out_per_min[people.exits.index("exit-a")] > usual[people.exits.index("exit-a")]


def test_people_never_become_fewer_than_none_and_all_get_out() -> None:
    people = crowd("exit-a")
    people.told("LEAVE BY EXIT B")
    for step in range(1200):
        people.step(0.5, step * 0.5)
        assert (people.people >= 0).all()
    indoor = [index for index, zone in enumerate(SITE.zones) if not zone.outdoor]
    assert people.people[indoor].sum() < 30
    assert people.out_per_min[people.exits.index("exit-a")] == 0


def test_a_ramp_ends_and_leaves_its_share() -> None:
    ramp = Ramp(t_s=0.0, most=10.0, rise_s=1.0, t_end_s=20.0, left=0.5)
    assert ramp.at(-1.0) == 0.0
    assert ramp.at(20.0) == pytest.approx(10.0)
    assert ramp.at(20.0 + 600) == pytest.approx(5.0, rel=0.01)


def test_neighbours_are_indoor_zones_that_touch() -> None:
    assert neighbours(SITE, "kitchen") == ("main-hall",)
    assert neighbours(SITE, "ticket-hall") == (
        "compass-hall",
        "east-passage",
        "north-passage",
        "west-passage",
    )
