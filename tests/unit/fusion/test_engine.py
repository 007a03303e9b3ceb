"""What comes late, is taken back, falls apart or does not fit: exactly, bounded, and counted."""

import msgspec
import pytest

from s4allcities.domain import Detection, Place, SensorHealth
from s4allcities.fusion import FusionStage, SensorPlace, Topology, ZonePlace, load_hypotheses
from s4allcities.fusion.topology import Passage, ways_through

from .conftest import STATION, T0_US, Run, S, detection, fire, intrusion, smoke


def word(at_s: float, *gone: str) -> Detection:
    return Detection(
        id=f"word-{at_s}", t_us=T0_US + round(at_s * S), kind="note", detector="", sensor="desk", group="",
        place=Place(), retracts=gone,
    )  # fmt: skip


def test_what_comes_a_second_late_makes_the_same_incident(run: Run) -> None:
    events = [*fire(0), *intrusion(2)]
    run.give(sorted(events, key=lambda each: each.t_us))
    other = Run()
    late = sorted(events, key=lambda each: each.t_us + (1_500_000 if each.kind == "smoke" else 0))
    for each in late:
        shift = 1_500_000 if each.kind == "smoke" else 0
        other.stage.step(other.state, [each], each.t_us + shift)
    names = [{each.id: each.status for each in side.state.incidents.values()} for side in (run, other)]
    assert names[0] == names[1]
    assert other.state.engine.gone_back >= 1
    assert "late" not in other.state.counters


def test_what_comes_later_than_the_horizon_still_counts_and_is_counted(run: Run) -> None:
    run.give(fire(0)[:1])
    run.wait(20)
    run.stage.step(run.state, [smoke(10, sensor="smoke-22")], T0_US + 20 * S)
    assert run.state.counters["late"] == 1
    (only,) = run.state.active()
    assert len(only.rows) == 2


def test_a_settled_piece_taken_back_is_subtracted(run: Run) -> None:
    pieces = fire(0)
    run.give(pieces)
    run.wait(10, since_s=5)
    (whole,) = run.state.incidents.values()
    run.give([word(10, pieces[0].id, pieces[1].id)])
    assert run.state.counters["retracted"] == 2
    (left,) = run.state.incidents.values()
    assert left.belief[0] > whole.belief[0]
    assert {row.kind for row in left.rows.values()} == {"co", "heat"}


def test_what_only_a_retracted_piece_held_together_is_split(run: Run) -> None:
    """Smoke in the hall and on the platform are one fire only because of the smoke seen between."""
    run.give([smoke(0), smoke(1, sensor="smoke-22")])
    run.give([smoke(2, "platform", "smoke-17"), smoke(3, "platform", "smoke-18")])
    bridge = smoke(4, "east-passage", "smoke-10")
    run.give([bridge])
    assert len(run.state.active()) == 1
    run.wait(10, since_s=4)
    run.give([word(10, bridge.id)])
    assert run.state.counters["split"] == 1
    parts = run.state.incidents.values()
    zones = [{zone for row in each.rows.values() for zone in row.zones} for each in parts if each.rows]
    assert sorted(map(sorted, zones)) == [["platform"], ["ticket-hall"]]


def test_taken_back_before_it_came(run: Run) -> None:
    run.give([word(0, smoke(1).id), smoke(1)])
    assert not run.state.active()
    assert run.state.counters["retracted"] == 1


def test_a_child_that_comes_before_its_parent_counts_in_its_group(run: Run) -> None:
    parent = smoke(0)
    child = detection("heat", 1, "model-1", zone="ticket-hall", parents=(parent.id,))
    for each in (child, parent):
        run.stage.step(run.state, [each], T0_US + S)
    (only,) = run.state.active()
    assert {row.group for row in only.rows.values()} == {"smoke@ticket-hall"}


def test_clear_counts_only_from_healthy_sensors_that_look_there(run: Run) -> None:
    run.give(fire(0))
    elsewhere = detection("clear", 5, "camera-09", zone="ticket-hall")
    gone = SensorHealth(id="", t_us=T0_US + 6 * S, sensor="camera-12", family="camera", state="gone")
    run.give([elsewhere, gone, detection("clear", 7, "camera-12", zone="ticket-hall")])
    assert run.state.counters["clear_refused"] == 2
    back = SensorHealth(id="", t_us=T0_US + 8 * S, sensor="camera-12", family="camera", state="on time")
    run.give([back, detection("clear", 9, "camera-12", zone="ticket-hall")])
    assert any(row.kind == "clear" for row in run.state.active()[0].rows.values())


def test_a_sensor_that_was_taken_over_counts_against_what_it_says(run: Run) -> None:
    run.give(fire(0))
    before = run.state.active()[0].belief[0]
    run.give([detection("sensor-compromised", 6, "co-ticket-hall", zone="ticket-hall", confidence=1.0)])
    terms = {term.name: term.llr for version in run.confirmed for term in version.terms}
    assert run.state.active()[0].belief[0] > before
    assert any(name.startswith("CO") and llr < 0 for name, llr in terms.items())


def test_an_attacker_among_the_evacuees_is_one_incident_that_follows(run: Run) -> None:
    """Seen every 8 s while he walks 130 m with the crowd, which runs and turns back all around."""
    for step in range(12):
        at_s, x_m = 8.0 * step, 11.0 * step
        crowd = detection("crowd-run", at_s, f"counter-{step % 3}", x_m=x_m + 30, y_m=20.0, sigma_m=25.0)
        shot = detection("gunshot", at_s + 1, f"mic-{step}", x_m=x_m, y_m=4.0, sigma_m=10.0)
        seen = detection("weapon-seen", at_s + 2, f"camera-{step}", x_m=x_m, y_m=-2.0, sigma_m=6.0)
        run.give([crowd, shot, seen])
    (found,) = run.confirmed
    assert found.hypothesis == "armed-attacker"
    assert found.place.x_m == pytest.approx(121.0, abs=20.0)
    assert not [each for each in run.tentative if each.hypothesis == "armed-attacker"]


def two_halls(door_x_m: float) -> Topology:
    """Two halls side by side, joined by one door."""
    return Topology(
        zones={"left": ZonePlace(name="Left"), "right": ZonePlace(name="Right")},
        adjacent={"left": ("right",)},
        sensors={"a": SensorPlace(name="A", zone="left"), "b": SensorPlace(name="B", zone="right")},
        ways=ways_through([Passage(zones=("left", "right"), ends_m=((door_x_m, 0.0), (door_x_m, 0.0)))]),
    )


@pytest.mark.parametrize(("door_x_m", "incidents"), [(5.0, 1), (200.0, 2)])
def test_walls_part_and_doors_join(door_x_m: float, incidents: int) -> None:
    run = Run(two_halls(door_x_m))
    run.give(
        [
            detection("weapon-seen", 0, "a", zone="left", x_m=0.0, y_m=3.0, sigma_m=4.0),
            detection("weapon-seen", 2, "b", zone="right", x_m=0.0, y_m=-3.0, sigma_m=4.0),
        ]
    )
    assert len(run.state.active()) == incidents


def test_one_above_the_other_is_not_the_same_place() -> None:
    run = Run(Topology())
    for level, at_s in ((0, 0.0), (1, 1.0)):
        place = Place(x_m=0.0, y_m=0.0, level=level, sigma_m=5.0)
        seen = detection("weapon-seen", at_s, f"camera-{level}")
        run.give([msgspec.structs.replace(seen, place=place)])
    assert len(run.state.active()) == 2


def test_many_late_ones_wait_and_are_taken_in_together() -> None:
    data = load_hypotheses()
    data.reorder = msgspec.structs.replace(data.reorder, cheap=4)
    stage = FusionStage(STATION, data)
    state = stage.start()
    for n in range(40):
        stage.step(state, [smoke(n * 0.01, sensor=f"s-{n}")], T0_US + round((n + 1) * 0.01 * S))
    went_back = state.engine.gone_back
    for n in range(5):
        stage.step(state, [smoke(0.001 * n, sensor=f"late-{n}")], T0_US + round(0.401 * S))
    assert state.engine.gone_back == went_back + 1
    assert len(state.engine.pen) == 4
    stage.step(state, [], T0_US + S)
    stage.step(state, [], T0_US + 2 * S)
    assert not state.engine.pen
    assert len(state.active()[0].rows) == 45


def test_names_that_nobody_uses_are_forgotten() -> None:
    data = load_hypotheses()
    data.limits = msgspec.structs.replace(data.limits, names=50)
    stage = FusionStage(STATION, data)
    state = stage.start()
    for n in range(400):
        seen = detection(
            "citizen-report", 10 * n, f"phone-{n}", x_m=5000.0 * (n % 7), y_m=0.0, entities=(f"e{n}",)
        )
        stage.step(state, [seen], T0_US + 10 * n * S)
    # About as many as still count, evidence of half an hour, and the 50 that may be remembered beyond them.
    assert max(len(state.sensors), len(state.sources), len(state.places.memo)) < 280
    assert state.named < 280
    assert all(row.sensor.startswith("phone-") for each in state.active() for row in each.rows.values())


def test_a_detection_that_names_itself_as_its_parent_counts_in_its_own_group(run: Run) -> None:
    odd = detection("heat", 0, "heat-1", zone="ticket-hall")
    run.give([msgspec.structs.replace(odd, parents=(odd.id,))])
    (only,) = run.state.active()
    assert {row.group for row in only.rows.values()} == {"heat@ticket-hall"}


def test_a_batch_is_taken_in_like_its_detections_one_by_one() -> None:
    """Sources met before, doubles, children, retractions and a full memory, in batches of ten and singly."""
    data = load_hypotheses()
    data.limits = msgspec.structs.replace(data.limits, events=64)
    given: list[Detection] = []
    for n in range(300):
        zone = ("ticket-hall", "platform", "east-passage")[n % 3]
        seen = smoke(n * 0.1, zone, f"smoke-{n % 7}")
        if n % 11 == 0:
            seen = msgspec.structs.replace(seen, parents=(given[-1].id,) if given else ())
        given.append(given[-2] if n % 13 == 12 else seen)
        if n % 17 == 16 and given[-3].id != given[-1].id:
            given.append(word(n * 0.1, given[-3].id))
    told = []
    for size in (1, 10):
        stage = FusionStage(STATION, data)
        state = stage.start()
        for at in range(0, len(given), size):
            batch = given[at : at + size]
            now_us = given[min(at - at % 10 + 9, len(given) - 1)].t_us
            stage.step(state, batch, now_us)
            stage.step(state, [], now_us)
        rows = [
            sorted((row.key, row.total, row.peak) for row in each.rows.values()) for each in state.active()
        ]
        assert rows
        told.append((sorted(rows), state.counters["detections"], state.counters["duplicates"]))
    assert told[0] == told[1]
