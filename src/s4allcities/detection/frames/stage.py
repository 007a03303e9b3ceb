"""The stage: hashes of camera frames in; pictures that stand still or go in a circle out."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from ...domain import US_PER_S, Detection, ObservationBatch
from ...domain.events import Event
from ...domain.snapshots import StructSnapshots
from ..config import load_config
from ..rows import Reading, readings_of
from ..sensors import Sensors, name_of, place_of

__all__ = ("Camera", "FramesConfig", "FramesStage", "FramesState", "frames_config")

_NEVER_US = -(2**62)
_Positive = Annotated[float, Meta(gt=0)]
_Count = Annotated[int, Meta(ge=2)]


class FramesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    A picture is frozen when ``frozen_frames`` equal hashes span ``frozen_s``; from ``sure_s`` on the confidence is
    full. It is looped when ``loop_frames`` in a row repeat earlier ones in the same order, at most
    ``loop_most_frames`` back. A pause of ``gap_s`` between frames starts afresh.
    """

    frozen_s: _Positive = 6.0
    frozen_frames: _Count = 5
    sure_s: _Positive = 30.0
    loop_frames: _Count = 15
    loop_most_frames: _Count = 4096
    gap_s: _Positive = 15.0
    repeat_s: _Positive = 5.0


def frames_config(changes: Mapping[str, Any] | None = None) -> FramesConfig:
    """Give the shipped settings with an installation's changes. :raises ConfigError: not allowed."""
    return load_config(__package__ or "", FramesConfig, changes)


class Camera(Struct):
    """One camera: its last hash and how long it has been the same; at which frame each hash was last seen."""

    last: str = ""
    t_last_us: int = _NEVER_US
    t_same_us: int = 0
    same: int = 0
    frames: int = 0
    seen: dict[str, int] = {}
    lag: int = 0
    repeated: int = 0
    t_said_us: int = _NEVER_US


class FramesState(Struct):
    """All cameras; ``unread`` counts payloads that are no hash."""

    cameras: dict[str, Camera] = {}
    unread: int = 0


class FramesStage(StructSnapshots[FramesState]):
    """Says ``camera-frozen`` when a camera still delivers but its picture is the same, or a circle of earlier ones.

    A still scene is not frozen: sensor noise changes every picture, so the hash (of the whole frame, made at the edge)
    changes too. Equal hashes therefore mean that the same picture is sent again.

    Limits: not for cameras that send a new picture only on motion, nor for perceptual hashes, which are meant to be
    equal for a still scene; a looped film that was recompressed has new hashes.
    """

    name = "frames"
    inputs: tuple[str, ...] = ("obs.camera.>",)
    heavy = False
    state_type = FramesState

    def __init__(self, config: FramesConfig | None = None, sensors: Sensors | None = None) -> None:
        self.config = config or frames_config()
        self.sensors: Sensors = sensors or {}

    def step(self, state: FramesState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in."""
        found: list[Event] = []
        for reading in readings_of(batch, now_us):
            if reading.schema != "frame-hash/1":
                continue
            if not isinstance(reading.data, str) or not 0 < len(reading.data) <= 128:
                state.unread += 1
                continue
            camera = state.cameras.setdefault(reading.sensor, Camera())
            if reading.t_us > camera.t_last_us:
                self._frame(camera, reading.data, reading.t_us)
                found += self._say(camera, reading)
        return found

    def _frame(self, camera: Camera, picture: str, t_us: int) -> None:
        if t_us - camera.t_last_us > self.config.gap_s * US_PER_S:
            camera.last, camera.lag, camera.repeated = "", 0, 0
        if picture == camera.last:
            camera.same += 1
        else:
            camera.t_same_us, camera.same = t_us, 1
            lag = camera.frames - camera.seen[picture] if picture in camera.seen else 0
            camera.repeated = camera.repeated + 1 if lag and lag == camera.lag else int(lag > 1)
            camera.lag = lag
        camera.seen.pop(picture, None)
        camera.seen[picture] = camera.frames
        while len(camera.seen) > self.config.loop_most_frames:
            del camera.seen[next(iter(camera.seen))]
        camera.frames += 1
        camera.last, camera.t_last_us = picture, t_us

    def _say(self, camera: Camera, reading: Reading) -> list[Event]:
        t_us = reading.t_us
        seconds = (t_us - camera.t_same_us) / US_PER_S
        frozen = camera.same >= self.config.frozen_frames and seconds >= self.config.frozen_s
        looped = camera.repeated >= self.config.loop_frames
        if not (frozen or looped) or t_us - camera.t_said_us < self.config.repeat_s * US_PER_S:
            return []
        camera.t_said_us = t_us
        name = name_of(self.sensors, reading.sensor)
        if frozen:
            text = f"{name}: the picture has not changed for {seconds:.0f} s ({camera.same} equal frames)"
            confidence = min(0.95, 0.6 + 0.35 * seconds / self.config.sure_s)
            value, unit = seconds, "s"
        else:
            text = f"{name}: {camera.repeated} frames in a row repeat those of {camera.lag} frames before"
            confidence, value, unit = 0.9, float(camera.repeated), "frames"
        return [
            Detection(
                id="",
                t_us=t_us,
                kind="camera-frozen",
                detector=self.name,
                sensor=reading.sensor,
                group=reading.sensor,
                place=place_of(self.sensors, reading.sensor, reading.zone, (reading.sensor,)),
                confidence=round(confidence, 3),
                value=value,
                unit=unit,
                text=text,
                provenance=(reading.sensor,),
            )
        ]
