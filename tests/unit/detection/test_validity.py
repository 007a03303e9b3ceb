from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.detection.feeds import Row, Spec, at, batch_of, feed_of

from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.config import ConfigError
from s4allcities.detection.validity import ValidityStage, validity_config
from s4allcities.domain import Detection, empty_batch

SENSORS = {"co-31": Spec(slug="co-31", name="CO-31")}


def detections(feed: list[tuple[Any, int]], **options: Any) -> list[Detection]:
    steps, _ = run_stage(ValidityStage(sensors=SENSORS, **options), feed)
    return [event for events in steps for event in events if isinstance(event, Detection)]


def moving(
    sensor: str, quantity: str, seconds: int, stuck_from: int = 10**9, value: float = 4.0
) -> list[Row]:
    random = np.random.default_rng(len(sensor))
    noise = random.normal(0, 0.5, seconds)
    return [(sensor, quantity, float(t), value + float(noise[min(t, stuck_from)])) for t in range(seconds)]


def test_a_reading_out_of_range_is_named_with_what_is_allowed() -> None:
    found = detections(feed_of([("co-31", "co_ppm", float(t), -5.0) for t in range(8)]))
    assert [d.t_us for d in found] == [at(0), at(5)]
    assert found[0].kind == "sensor-range"
    assert found[0].text == "CO-31: co_ppm reads -5; it can read 0 to 2000"
    assert found[0].place.zone == "ticket-hall"


def test_the_sensors_own_bounds_come_first() -> None:
    class Bounds(msgspec.Struct, frozen=True):
        name: str
        low: float | None = None
        high: float | None = None

    class Bounded(Spec, frozen=True, kw_only=True):
        quantities: tuple[Bounds, ...] = ()

    spec = Bounded(slug="co-31", name="CO-31", quantities=(Bounds("co_ppm", None, 50.0),))
    stage = ValidityStage(sensors={"co-31": spec})
    assert stage.step(stage.start(), batch_of([("co-31", "co_ppm", 0.0, -5.0)]), at(1)) == []
    assert len(stage.step(stage.start(), batch_of([("co-31", "co_ppm", 0.0, 60.0)]), at(1))) == 1


def test_a_sensor_that_stands_still_while_others_move_is_stuck() -> None:
    rows = (
        moving("co-31", "co_ppm", 700, 100) + moving("co-3", "co_ppm", 700) + moving("co-032", "co_ppm", 700)
    )
    found = detections(feed_of(rows))
    assert {(d.kind, d.sensor) for d in found} == {("sensor-stuck", "co-31")}
    assert found[0].t_us == at(400)
    assert found[0].text.endswith("for 300 s while 2 others of its kind moved")


def test_standing_still_is_ordinary_when_all_do_or_at_night_or_for_doors() -> None:
    def still(sensor: str, quantity: str, value: float) -> list[Row]:
        return [(sensor, quantity, float(t), value) for t in range(1200)]

    assert not detections(feed_of(still("a", "co_ppm", 3.0) + still("b", "co_ppm", 3.1)))
    assert not detections(feed_of(still("a", "people", 0.0) + moving("b", "people", 1200, value=30.0)))
    assert not detections(feed_of(still("a", "open", 1.0)))


def test_silence_is_found_at_the_next_tick_and_said_every_minute() -> None:
    feed: list[tuple[Any, int]] = list(feed_of(moving("co-31", "co_ppm", 60)))
    feed += [(empty_batch(at(60 + s)), at(60 + s)) for s in range(150)]
    found = detections(feed)
    assert {d.kind for d in found} == {"sensor-gap"}
    assert [d.t_us for d in found] == [at(68), at(128), at(188)]
    assert found[0].text == "CO-31: silent for 8 s, usual every 1 s"


def test_a_sensor_of_two_quantities_is_silent_once_and_only_when_both_are() -> None:
    both = moving("co-31", "co_ppm", 60) + moving("co-31", "heat_c", 80)
    feed: list[tuple[Any, int]] = list(feed_of(both))
    feed += [(empty_batch(at(s)), at(s)) for s in range(1, 120)]
    found = detections(sorted(feed, key=lambda item: item[1]))
    assert [(d.kind, d.t_us) for d in found] == [("sensor-gap", at(88))]


def test_a_flood_is_found_and_a_backlog_is_not() -> None:
    usual = feed_of(moving("co-31", "co_ppm", 60))
    flood = [("co-31", "co_ppm", 60 + i / 100, 4.0 + i / 1e4) for i in range(1000)]
    assert {d.kind for d in detections([*usual, *feed_of(flood)])} == {"sensor-rate"}
    backlog = (batch_of([("co-31", "co_ppm", 60 + i, 4.0 + i / 1e4) for i in range(1000)]), at(2000))
    assert not detections([*usual, backlog])


def test_device_messages_are_counted_as_decided() -> None:
    stage = ValidityStage()
    batch = msgspec.structs.replace(batch_of([("co-31", "co_ppm", 0.0, 4.0)] * 3), n_raw=3)
    _, state = run_stage(stage, [(batch, at(1)), (batch, at(2))])
    assert state.decided == 6


def test_series_beyond_the_limit_are_refused_and_counted() -> None:
    stage = ValidityStage(validity_config({"series_most": 2}))
    _, state = run_stage(stage, [(batch_of([(f"s{i}", "co_ppm", 0.0, 4.0) for i in range(5)]), at(1))])
    assert (len(state), state.refused) == (2, 3)


def test_a_wrong_setting_is_one_clear_line() -> None:
    with pytest.raises(ConfigError, match=r"settings of validity: .*gap_least_s"):
        validity_config({"gap_least_s": 0})


def test_it_keeps_the_contract_of_a_stage() -> None:
    rows = (
        moving("co-31", "co_ppm", 400, 20) + moving("co-3", "co_ppm", 400) + moving("co-032", "co_ppm", 400)
    )
    rows += [("co-9", "co_ppm", float(t), -1.0) for t in range(30)]
    feed: list[tuple[Any, int]] = list(feed_of(rows, every_s=5.0))
    feed += [(empty_batch(at(400 + s)), at(400 + s)) for s in range(20)]
    check_stage(lambda: ValidityStage(sensors=SENSORS), feed)
