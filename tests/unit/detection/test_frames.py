import itertools
from typing import Any

from tests.unit.detection.feeds import Row, Spec, at, feed_of

from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.frames import FramesStage, frames_config
from s4allcities.domain import Detection

SENSORS = {"cam-7": Spec(slug="cam-7", name="CAM-7", family="camera")}


def frame(t: float, picture: str, sensor: str = "cam-7") -> Row:
    return (sensor, "frame_hash", t, ("frame-hash/1", picture))


def detections(rows: list[Row], **changes: Any) -> list[Detection]:
    stage = FramesStage(frames_config(changes), sensors=SENSORS)
    steps, _ = run_stage(stage, feed_of(rows, "camera"))
    return [event for events in steps for event in events if isinstance(event, Detection)]


ALIVE = [frame(t, f"{t:016x}") for t in range(30)]
FROZEN = [frame(30 + t, f"{29:016x}") for t in range(40)]


def test_the_same_picture_again_and_again_is_frozen() -> None:
    found = detections(ALIVE + FROZEN)
    assert found[0].t_us == at(35)
    assert {b.t_us - a.t_us for a, b in itertools.pairwise(found)} == {5_000_000}
    assert found[0].kind == "camera-frozen"
    assert found[0].text == "CAM-7: the picture has not changed for 6 s (7 equal frames)"
    assert (found[0].group, found[0].place.entities) == ("cam-7", ("cam-7",))
    assert found[-1].confidence == 0.95 > found[0].confidence


def test_a_live_picture_is_not_even_when_few_frames_come_twice() -> None:
    assert not detections(ALIVE)
    assert not detections([frame(t, f"{t // 3:016x}") for t in range(300)])


def test_a_message_sent_twice_or_after_a_pause_is_no_frozen_picture() -> None:
    assert not detections([frame(0, "aa")] * 40)
    assert not detections([frame(t * 20.0, "aa") for t in range(20)])


def test_a_film_that_goes_in_a_circle_is_found() -> None:
    found = detections(ALIVE + [frame(30 + t, f"{t % 30:016x}") for t in range(60)])
    assert found
    assert found[0].text == "CAM-7: 15 frames in a row repeat those of 30 frames before"
    assert found[0].t_us == at(44)


def test_pictures_that_return_in_another_order_are_no_circle() -> None:
    assert not detections([frame(t, f"{(t * t) % 97:016x}") for t in range(300)])


def test_memory_of_pictures_is_bounded() -> None:
    stage = FramesStage(frames_config({"loop_most_frames": 50}))
    _, state = run_stage(stage, feed_of([frame(t, f"{t:x}") for t in range(500)], "camera"))
    assert len(state.cameras["cam-7"].seen) == 50


def test_payloads_that_are_no_hash_are_counted() -> None:
    stage = FramesStage()
    rows: list[Row] = [
        ("cam-7", "frame_hash", 0.0, ("frame-hash/1", data)) for data in (None, 5, "", "x" * 999)
    ]
    _, state = run_stage(stage, feed_of(rows, "camera"))
    assert state.unread == 4


def test_it_keeps_the_contract_of_a_stage() -> None:
    check_stage(lambda: FramesStage(sensors=SENSORS), feed_of(ALIVE + FROZEN, "camera", 3.0))
