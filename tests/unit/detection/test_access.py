from typing import Any

import pytest
from tests.unit.detection.feeds import Row, Spec, at, feed_of

from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.access import AccessStage, guards_of
from s4allcities.domain import Detection

SENSORS = {
    "door-c": Spec(slug="door-c", name="DOOR-C", family="door", covers=("exit-c",), zone="concourse"),
    "count-c": Spec(slug="count-c", name="COUNT-C", family="people", covers=("exit-c", "concourse")),
    "count-d": Spec(slug="count-d", name="COUNT-D", family="people", covers=("exit-d", "concourse")),
}


def story(
    rate: float, door: float = 1.0, elsewhere: float = 30.0, door_until: float = 1e9
) -> list[tuple[Any, int]]:
    """Two quiet minutes, then ``rate`` people a minute at exit C and ``elsewhere`` at D."""
    counters: list[Row] = []
    doors: list[Row] = []
    for t in range(0, 180, 2):
        calm = t < 120
        counters.append(("count-c", "out_per_min", float(t), 38.0 + t % 3 if calm else rate))
        counters.append(("count-d", "out_per_min", float(t), 30.0 + t % 3 if calm else elsewhere))
        if t < door_until:
            doors.append(("door-c", "open", float(t), door))
    feed = feed_of(doors, "door", 2.0) + feed_of(counters, "people", 2.0)
    return sorted(feed, key=lambda item: item[1])


def detections(feed: list[tuple[Any, int]]) -> list[Detection]:
    steps, _ = run_stage(AccessStage(sensors=SENSORS, exits=("exit-c", "exit-d")), feed)
    return [event for events in steps for event in events if isinstance(event, Detection)]


def test_an_open_door_behind_which_nobody_comes_out_is_doubted() -> None:
    found = detections(story(0.0))
    assert found[0].t_us == at(126)
    assert found[0].kind == "door-contradiction"
    assert found[0].place.entities == ("door-c", "count-c", "exit-c")
    assert (found[0].group, found[0].place.zone) == ("door-c", "concourse")
    assert found[0].text == "DOOR-C says open, but COUNT-C counts 0 people a minute out, usual 39, for 6 s"
    assert found[-1].confidence > found[0].confidence


@pytest.mark.parametrize(
    "feed",
    [
        pytest.param(story(0.0, door=0.0), id="the door says closed"),
        pytest.param(story(20.0), id="people still leave"),
        pytest.param(story(0.0, elsewhere=0.0), id="nobody leaves anywhere"),
        pytest.param(story(0.0, door_until=90.0), id="the door is silent"),
    ],
)
def test_without_a_contradiction_nothing_is_said(feed: list[tuple[Any, int]]) -> None:
    assert not detections(feed)


def test_at_night_nothing_is_said() -> None:
    rows: list[Row] = [
        ("count-c", "out_per_min", float(t), 2.0 if t < 120 else 0.0) for t in range(0, 200, 2)
    ]
    doors: list[Row] = [("door-c", "open", float(t), 1.0) for t in range(0, 200, 2)]
    assert not detections(sorted(feed_of(doors, "door") + feed_of(rows, "people"), key=lambda item: item[1]))


def test_controllers_and_counters_are_paired_by_the_exit_they_cover() -> None:
    assert [(g.exit, g.controller, g.counter) for g in guards_of(SENSORS)] == [
        ("exit-c", "door-c", "count-c")
    ]


def test_it_keeps_the_contract_of_a_stage() -> None:
    check_stage(lambda: AccessStage(sensors=SENSORS, exits=("exit-c", "exit-d")), story(0.0))
