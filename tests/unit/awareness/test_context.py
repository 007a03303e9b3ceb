from typing import Any

import numpy as np
import pytest
from tests.unit.detection.feeds import Row, Spec, at, batch_of, feed_of

from s4allcities.awareness.context import ContextStage, context_config
from s4allcities.checks import check_stage, run_stage
from s4allcities.domain import Context, Event, ObservationBatch, Series, empty_batch
from s4allcities.formats.network import read_network_policy

SENSORS = {
    "loop-1": Spec(slug="loop-1", family="traffic", zone="", covers=("kaivokatu",)),
    "count-c": Spec(slug="count-c", family="counter", covers=("exit-c",)),
    "hall-1": Spec(slug="hall-1", family="counter", covers=("ticket-hall",)),
    "hall-2": Spec(slug="hall-2", family="counter", covers=("ticket-hall",)),
}


def facts(feed: list[tuple[Any, int]], **options: Any) -> list[Context]:
    steps, _ = run_stage(ContextStage(sensors=SENSORS, **options), feed)
    return [event for events in steps for event in events if isinstance(event, Context)]


def speeds(*parts: tuple[float, int]) -> list[tuple[Any, int]]:
    rows: list[Row] = []
    for speed, count in parts:
        rows += [("loop-1", "speed_kmh", 5.0 * (len(rows) + i), speed) for i in range(count)]
    return list(feed_of(rows, "traffic", 5.0))


def states(*parts: tuple[float, int]) -> list[tuple[float, str]]:
    said = [
        f
        for f in facts(speeds(*parts), config=context_config({"refresh_s": 1e9}))
        if f.attribute == "traffic"
    ]
    assert {f.subject for f in said} <= {"kaivokatu"}
    return [((f.t_us - at(0)) / 1e6, f.value) for f in said]


def test_traffic_goes_from_free_to_jam_when_it_lasts() -> None:
    assert states((40, 4), (6, 6)) == [(0, "free"), (30, "jam")]


def test_traffic_does_not_flicker() -> None:
    assert states((40, 4), (6, 2), (40, 4)) == [(0, "free")]
    assert states((40, 4), (6, 4), (12, 4), (6, 4), (12, 4)) == [(0, "free"), (30, "jam")]
    assert states((6, 4), (18, 4), (40, 4)) == [(10, "jam"), (30, "slow"), (50, "free")]


def test_a_jam_says_why() -> None:
    jam = next(f for f in facts(speeds((40, 4), (6, 6))) if f.value == "jam")
    assert jam.reason == "6 km/h for 10 s"
    assert jam.source == "loop-1"


def test_people_of_a_zone_are_the_sum_of_its_counters() -> None:
    rows: list[Row] = [("hall-1", "people", 0.0, 100.0), ("hall-2", "people", 0.0, 50.0)]
    rows += [("hall-1", "people", 3.0, 110.0), ("hall-1", "people", 60.0, 90.0)]
    said = facts(feed_of(rows, "people"))
    assert [(f.subject, f.value) for f in said] == [
        ("ticket-hall", 100.0),
        ("ticket-hall", 160.0),
        ("ticket-hall", 90.0),
    ]


def test_cameras_count_only_where_no_counter_does() -> None:
    cameras: list[Row] = [("cam-1", "people", 0.0, 12.0), ("cam-2", "people", 5.0, 20.0)]
    assert [f.value for f in facts(feed_of(cameras, "camera"))] == [12.0, 20.0]
    counted = feed_of([("hall-1", "people", 0.0, 100.0)], "people")
    assert [f.value for f in facts([*counted, *feed_of(cameras, "camera")])] == [100.0]


def test_a_fact_is_given_on_change_at_most_every_two_seconds_and_refreshed() -> None:
    rows: list[Row] = [("co-31", "co_ppm", t / 2, 4.0 + 2 * (t % 2)) for t in range(12)]
    assert [f.t_us for f in facts(feed_of(rows))] == [at(0), at(2.5), at(5)]
    still: list[Row] = [("co-31", "co_ppm", float(t), 4.0 + 0.1 * (t % 2)) for t in range(25)]
    assert [f.t_us for f in facts(feed_of(still))] == [at(0), at(10), at(20)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("count-c", "out_per_min", 0.0, 38.0), ("exit-c", "exit_rate", 38.0, "1/min")),
        (("smoke-21", "smoke_pct_m", 0.0, 0.25), ("smoke-21", "smoke_pct_m", 0.25, "%/m")),
        (("door-c", "open", 0.0, 1.0), ("door-c", "door_state", "open", "")),
        (("cam-1", "frame_hash", 0.0, ("frame-hash/1", "aa")), ("cam-1", "camera_state", "delivering", "")),
        (("loop-9", "speed_kmh", 0.0, 50.0), ("loop-9", "speed_kmh", 50.0, "km/h")),
    ],
)
def test_each_quantity_becomes_the_fact_of_its_subject(row: Row, expected: tuple[Any, ...]) -> None:
    fact = facts([(batch_of([row]), at(1))])[0]
    assert (fact.subject, fact.attribute, fact.value, fact.unit) == expected


def test_a_planned_scan_is_a_fact_once_while_it_lasts() -> None:
    policy = read_network_policy("planned_scans: [{host: 10.20.0.9, reason: yearly test}]")
    ticks = [(empty_batch(at(s)), at(s)) for s in range(3)]
    (fact,) = facts(list(ticks), policy=policy)
    assert (fact.subject, fact.attribute, fact.value) == ("10.20.0.9", "planned_scan", True)
    assert fact.reason == "yearly test"


def test_late_readings_change_nothing() -> None:
    feed = [(batch_of([("co-31", "co_ppm", t, value)]), at(20)) for t, value in ((10.0, 4.0), (3.0, 90.0))]
    assert [f.value for f in facts(list(feed))] == [4.0]


@pytest.mark.parametrize("rows", [1, 40])
def test_a_back_fill_says_nothing_about_now(rows: int) -> None:
    old_s = -3 * 86_400.0
    back_fill = batch_of([("co-31", "co_ppm", old_s + n, 90.0 + n) for n in range(rows)])
    mixed = batch_of(
        [("co-31", "co_ppm", old_s + rows + n, 90.0 + n) for n in range(rows)]
        + [("co-31", "co_ppm", 9.0, 4.0)]
    )
    assert facts([(back_fill, at(10))]) == []
    assert [f.value for f in facts([(back_fill, at(10)), (mixed, at(10))])] == [4.0]
    radio_gap = batch_of([("co-31", "co_ppm", -3600.0, 7.0)])
    assert [f.value for f in facts([(radio_gap, at(10))])] == [7.0]


def test_a_wrong_setting_is_one_clear_line() -> None:
    with pytest.raises(ValueError, match=r"settings of context: .*every_s"):
        context_config({"every_s": -1})


def test_it_keeps_the_contract_of_a_stage() -> None:
    rows: list[Row] = [("co-31", "co_ppm", float(t), 4.0 + t % 3) for t in range(30)]
    rows += [("loop-1", "speed_kmh", float(t), 40.0 if t < 12 else 5.0) for t in range(30)]
    rows += [("hall-1", "people", float(t), 100.0 + t) for t in range(30)]
    check_stage(lambda: ContextStage(sensors=SENSORS), feed_of(rows, every_s=4.0))


def late_us(rng: np.random.Generator, n: int) -> Any:
    """Make some readings of a feed a day old."""
    return np.where(rng.random(n) < 0.1, 86_400 * 10**6, 0)


@pytest.mark.parametrize("seed", range(6))
def test_many_readings_of_one_sensor_say_what_each_one_would(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 400
    columns: dict[str, Any] = {
        "t_us": (np.cumsum(rng.integers(-200_000, 900_000, n)) + 10**15).astype(np.int64) - late_us(rng, n),
        "value": np.where(rng.random(n) < 0.05, np.nan, 20 + np.cumsum(rng.normal(0, 0.05, n)).round(4)),
        "quality": rng.choice(np.array([0, 0, 0, 0, 1, 2], np.uint8), n),
    }
    series = tuple(Series(sensor=name, quantity="heat_c") for name in "ab")
    which = rng.integers(0, 2, n).astype(np.uint32)
    now_us = int(columns["t_us"].max()) - 5 * 10**6 - 60 * 10**6
    said, given = [], []
    for size in (150, 1):  # at once, and one by one
        stage = ContextStage()
        state = stage.start()
        found: list[Event] = []
        for begin in range(0, n, size):
            part = slice(begin, begin + size)
            batch = ObservationBatch(
                family="env", partition=0, series=series, series_ix=which[part],
                **{name: column[part] for name, column in columns.items()},
            )  # fmt: skip
            found += stage.step(state, batch, now_us)
        said.append(found)
        given.append(state.given)
    assert said[0] == said[1]
    assert len(said[0]) > 5
    assert given[0] == given[1]
