"""Badge rules: each has a story in which it speaks, and that story's benign twin in which it must not."""

from collections.abc import Iterable
from datetime import timedelta, timezone
from typing import Any

import pytest
from tests.unit.detection.feeds import Row, Spec, at, feed_of

from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.badges import BadgeStage, portals_of
from s4allcities.domain import Detection

SENSORS = {
    "lock-1": Spec(slug="lock-1", family="access", covers=("door-a",), zone="office"),
    "lock-2": Spec(slug="lock-2", family="access", covers=("door-b",), zone="plant", x_m=300.0),
    "ctl-1": Spec(slug="ctl-1", family="door", covers=("door-a",), zone="office"),
    "count-1": Spec(slug="count-1", family="people", covers=("door-a",), zone="office"),
    "cam-2": Spec(slug="cam-2", family="camera", covers=("door-b",), zone="plant"),
}
WALK_S = {("lock-1", "lock-2"): 240.0, ("lock-2", "lock-1"): 240.0}
DAY_S = 86_400.0


def grant(t: float, reader: str = "lock-1", badge: str = "p-1", **more: Any) -> Row:
    return (reader, "access", t, ("access/1", {"result": "granted", "badge": badge, **more}))


def deny(t: float, reader: str = "lock-1", **more: Any) -> Row:
    return (reader, "access", t, ("access/1", {"result": "denied", **more}))


def door(t: float, is_open: bool) -> Row:
    return ("ctl-1", "open", t, float(is_open))


def flow(t_from: float, t_to: float, per_min: float) -> list[Row]:
    return [("count-1", "in_per_min", float(t), per_min) for t in range(int(t_from), int(t_to), 2)]


def seen(t_from: float, t_to: float, people: float) -> list[Row]:
    return [("cam-2", "people", float(t), people) for t in range(int(t_from), int(t_to), 5)]


def feed(rows: Iterable[Row]) -> list[tuple[Any, int]]:
    rows = sorted(rows, key=lambda row: row[2])
    families = {"access": "access", "open": "door", "in_per_min": "people", "people": "camera"}
    parts = [
        item
        for quantity, family in families.items()
        for item in feed_of([row for row in rows if row[1] == quantity], family)
    ]
    return sorted(parts, key=lambda item: item[1])


def stage() -> BadgeStage:
    return BadgeStage(sensors=SENSORS, walk_s=WALK_S)


def said(rows: Iterable[Row]) -> list[Detection]:
    steps, _ = run_stage(stage(), feed(rows))
    return [event for events in steps for event in events if isinstance(event, Detection)]


def kinds(rows: Iterable[Row]) -> list[str]:
    return [each.kind for each in said(rows)]


def habits(hour: int, days: int = 110) -> list[Row]:
    """Two visits a day about one hour of the day, by a hundred bearers, and nobody else."""
    return [
        grant(day * DAY_S + hour * 3600 + 600 * n, badge=f"p-{day}-{n}", role="cleaner")
        for day in range(days)
        for n in (0, 3)
    ]


VISIT = [*flow(0, 20, 0.0), door(0.0, False), grant(20.2), door(21.0, True), door(27.0, False)]
ONE_IN = [*flow(22, 24, 30.0), *flow(24, 40, 0.0)]
THREE_IN = [*flow(22, 28, 30.0), *flow(28, 40, 0.0)]

HURRIED = [grant(0.0), grant(60.0, "lock-2")]
STORIES = [
    pytest.param(HURRIED, [grant(0.0), grant(200.0, "lock-2")], "badge-cloned", id="travel"),
    pytest.param(HURRIED, [grant(0.0), grant(60.0, "lock-2", "p-2")], "badge-cloned", id="two badges"),
    pytest.param([*VISIT, *THREE_IN], [*VISIT, *ONE_IN], "tailgating", id="slipped in"),
    pytest.param(
        [*VISIT, *THREE_IN],
        [*VISIT, grant(20.4, badge="p-2"), grant(20.6, badge="p-3"), grant(22.5, badge="p-4"), *THREE_IN],
        "tailgating",
        id="a party with badges",
    ),
    pytest.param([door(0.0, False), door(5.0, True)], [grant(2.0), door(5.0, True)], "door-forced", id="forced"),
    pytest.param(
        [grant(0.5), *(door(1.0 + 5 * n, True) for n in range(12))],
        [grant(0.5), *(door(1.0 + 5 * n, True) for n in range(8)), door(41.0, False)],
        "door-held",
        id="held",
    ),
    pytest.param(
        [*seen(0, 60, 0.0), grant(20.2, "lock-2")],
        [*seen(0, 20, 0.0), *seen(20, 60, 1.0), grant(20.2, "lock-2")],
        "badge-anomaly",
        id="unseen",
    ),
    pytest.param(
        [*seen(0, 60, 0.0), grant(20.2, "lock-2")],
        [*seen(0, 10, 0.0), ("cam-2", "people", 45.0, 0.0), grant(90.2, "lock-2"), grant(120.0, badge="p-2")],
        "badge-anomaly",
        id="a camera that is off",
    ),
    pytest.param(
        [*habits(9), grant(200 * DAY_S + 3 * 3600, badge="p-x", role="cleaner")],
        [*habits(9), grant(200 * DAY_S + 10 * 3600, badge="p-x", role="cleaner")],
        "badge-anomaly",
        id="rare hour",
    ),
    pytest.param(
        [*habits(9), grant(200 * DAY_S + 3 * 3600, badge="p-x", role="cleaner")],
        [*habits(9, days=20), grant(200 * DAY_S + 3 * 3600, badge="p-x", role="cleaner")],
        "badge-anomaly",
        id="too little known",
    ),
    pytest.param([deny(10.0 * n) for n in range(4)], [deny(200.0 * n) for n in range(4)], "lock-attack", id="denials"),
    pytest.param(
        [grant(0.0, warnings=["modelling attack suspected"], distance_bits=30)],
        [grant(0.0, warnings=["20 pairs left"], distance_bits=13)],
        "lock-attack",
        id="verifier's warning",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("story", "twin", "kind"), STORIES)
def test_each_rule_speaks_in_its_story_and_not_in_the_benign_twin(
    story: list[Row], twin: list[Row], kind: str
) -> None:
    assert kinds(story) == [kind]
    assert kinds(twin) == []


def test_what_is_said_has_place_reason_and_both_ends() -> None:
    (cloned,) = said(HURRIED)
    assert cloned.text == "One badge at LOCK-1 and 60 s later at LOCK-2, 240 s away on foot"
    assert cloned.place.entities == ("lock-2", "lock-1")
    assert (cloned.place.zone, cloned.t_us) == ("plant", at(60))
    assert "p-1" not in cloned.text
    (tail,) = said([*VISIT, *THREE_IN])
    assert tail.text == "3 people went through CTL-1 on 1 badge"


def test_the_nearer_to_impossible_the_surer() -> None:
    (fast,) = said([grant(0.0), grant(5.0, "lock-2")])
    (slow,) = said([grant(0.0), grant(90.0, "lock-2")])
    assert fast.confidence > slow.confidence


def test_hours_are_the_sites_own() -> None:
    """At 23 h UTC it is 9 h where the site is; nothing is rare about it there."""
    far = BadgeStage(sensors=SENSORS, zone=timezone(timedelta(hours=10)))
    rows = [*habits(23), grant(200 * DAY_S + 23 * 3600, badge="p-x", role="cleaner")]
    steps, state = run_stage(far, feed(rows))
    assert not any(steps)
    assert sum(state.hours["cleaner"]) == 221


def test_readers_are_put_together_with_what_covers_their_door() -> None:
    one, two = portals_of(SENSORS)
    assert (one.reader, one.door, one.counters, one.sights) == ("lock-1", "ctl-1", ("count-1",), ("count-1",))
    assert (two.reader, two.door, two.counters, two.sights) == ("lock-2", "", (), ("cam-2",))


def test_the_generic_checks_hold() -> None:
    rows = [*VISIT, *THREE_IN, grant(30.2, "lock-2"), *seen(0, 60, 0.0), *(deny(50.0 + n) for n in range(4))]
    check_stage(stage, feed(rows))
