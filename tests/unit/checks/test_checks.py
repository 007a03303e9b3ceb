"""The checks find what they are there to find."""

from random import Random
from typing import Any

import msgspec
import pytest
from tests.unit.detection.feeds import feed_of

from s4allcities.checks import CheckFailed, check_source, check_stage
from s4allcities.domain import Decoded, Detection, Observation, ObservationBatch, Place, RawMessage
from s4allcities.domain.snapshots import StructSnapshots


class Count(msgspec.Struct):
    rows: int = 0


class Honest(StructSnapshots[Count]):
    name = "honest"
    inputs: tuple[str, ...] = ("obs.>",)
    heavy = False
    state_type = Count

    def step(self, state: Count, batch: ObservationBatch, now_us: int) -> list[Any]:
        found = []
        for t_us in batch.t_us.tolist():
            state.rows += 1
            if state.rows % 5 == 0:
                found.append(self.detection(min(t_us, now_us)))
        return found

    def detection(self, t_us: int, confidence: float = 1.0) -> Detection:
        return Detection(
            id="", t_us=t_us, kind="k", detector="honest", sensor="s", group="g", place=Place(),
            confidence=confidence,
        )  # fmt: skip


class Forgetful(Honest):
    def restore(self, data: bytes) -> Count:
        return Count()


class Hidden(Honest):
    def __init__(self) -> None:
        self.seen = 0

    def step(self, state: Count, batch: ObservationBatch, now_us: int) -> list[Any]:
        self.seen += 1
        return [self.detection(now_us, confidence=1 / self.seen)]


class ByBatch(Honest):
    def step(self, state: Count, batch: ObservationBatch, now_us: int) -> list[Any]:
        return [self.detection(now_us)] if len(batch) else []


class Rolling(Honest):
    def step(self, state: Count, batch: ObservationBatch, now_us: int) -> list[Any]:
        return [self.detection(now_us, confidence=Random().random())]


class Prophet(Honest):
    def detection(self, t_us: int, confidence: float = 1.0) -> Detection:
        return msgspec.structs.replace(super().detection(t_us, confidence), t_us=t_us + 10**9)


class Fragile(Honest):
    def step(self, state: Count, batch: ObservationBatch, now_us: int) -> list[Any]:
        [int(value) for value in batch.value.tolist()]
        return super().step(state, batch, now_us)


class Silent(Honest):
    def step(self, state: Count, batch: ObservationBatch, now_us: int) -> list[Any]:
        return []


FEED = feed_of([("s", "q", float(t), 1.0) for t in range(40)], every_s=3.0)


def test_an_honest_stage_passes() -> None:
    check_stage(Honest, FEED)


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        (Forgetful, "thawed state freezes differently"),
        (Hidden, "run again differs"),
        (ByBatch, "batches of 1 rows"),
        (Rolling, "differs at step 0"),
        (Prophet, "speaks of the future"),
        (Fragile, "bad values raised ValueError"),
        (Silent, "says nothing"),
    ],
)
def test_a_stage_that_breaks_its_contract_is_found(stage: type[Honest], says: str) -> None:
    with pytest.raises(CheckFailed, match=says):
        check_stage(stage, FEED)


class Lines:
    name = "lines"
    families: tuple[str, ...] = ("env",)

    def decode(self, message: RawMessage) -> Decoded:
        try:
            value = msgspec.json.decode(message.data, type=dict[str, float])["v"]
        except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, RecursionError) as error:
            return Decoded(rejected=f"not understood: {error}")
        return Decoded(
            observations=(Observation(family="env", sensor="s", quantity="v", t_us=0, value=value),)
        )


class Raising(Lines):
    def decode(self, message: RawMessage) -> Decoded:
        msgspec.json.decode(message.data)
        return Decoded(rejected="x")


class Mute(Lines):
    def decode(self, message: RawMessage) -> Decoded:
        return Decoded()


def test_a_source_must_decode_or_say_why_not() -> None:
    check_source(Lines(), [b'{"v": 1.5}'])
    with pytest.raises(CheckFailed, match="raised DecodeError"):
        check_source(Raising(), [b'{"v": 1.5}'])
    with pytest.raises(CheckFailed, match="neither readings nor a reason"):
        check_source(Mute(), [b'{"v": 1.5}'])
