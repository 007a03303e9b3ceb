"""The data files of generated worlds: what detectors do, what happens, by which laws sensors err."""

import tomllib
from importlib import resources
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from ..errors import ScenarioError

__all__ = ("Catalogue", "Cue", "Detector", "Law", "Story", "load_catalogue")

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
T = TypeVar("T")
NotNegative = Annotated[float, Meta(ge=0)]
Range = tuple[float, float]
"""Least and most; the seed draws between them."""


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a data file: unknown keys are refused."""


class Detector(_Table, frozen=True, kw_only=True):
    """One kind of detection: see the head of ``detectors.toml`` for what each figure means."""

    on: str
    senses: dict[str, Share]
    look_s: Positive
    sees: Share
    pd: Share
    source: str
    reach_m: NotNegative = 0.0
    false_per_day: NotNegative = 0.0
    repeats: Annotated[float, Meta(ge=1)] = 1.0
    sure: Share = 0.8
    unsure: Share = 0.6
    place: Literal["sensor", "point", "entity"] = "sensor"
    sigma_m: NotNegative = 0.0
    names: tuple[str, ...] = ()
    group: Literal["zone", "device", "kind"] = "device"
    latency_s: Positive = 1.0


class Cue(_Table, frozen=True, kw_only=True):
    """Something a sensor can perceive of an event. Times are seconds from the event's beginning."""

    cue: str
    after_s: Range
    lasts_s: Range
    strength: tuple[Share, Share]
    grow_s: NotNegative = 0.0
    spreads_s: Range | None = None


class Story(_Table, frozen=True, kw_only=True):
    """What an act of one hypothesis looks like, and its benign twin. ``visible``: how well a camera's look shows it."""

    zones: tuple[str, ...]
    cause: str
    visible: Share
    act: tuple[Cue, ...]
    twin: tuple[Cue, ...]
    anchor: Literal["point", "door"] = "point"
    speed_mps: NotNegative = 0.0


class Law(_Table, frozen=True, kw_only=True):
    """How sensors err in a world: see ``laws.toml``. Figures left out are those of the standard world.

    Place errors are normal, or with ``place_dof`` > 0 after Student; ``burst`` is the mean number of repeats of a false
    alarm, ``shared_per_h`` causes trip ``shared_share`` of a zone's devices, a ``drift_share`` of devices has up to
    ``drift_factor`` times the false alarms and ``drift_pd`` of the true ones, a ``silent_share`` sends nothing for
    ``silent_s``. ``tempo`` stretches events in time, ``look_scale`` the time between two looks.
    """

    summary: str
    place_dof: NotNegative = 0.0
    place_scale: Positive = 1.0
    latency_s: Positive = 1.0
    latency_spread: Positive = 0.5
    dropout: Share = 0.02
    false_scale: Positive = 1.0
    burst: NotNegative = 0.0
    burst_gap_s: Positive = 10.0
    shared_per_h: NotNegative = 0.0
    shared_share: Share = 0.0
    drift_share: Share = 0.0
    drift_factor: Annotated[float, Meta(ge=1)] = 1.0
    drift_pd: Share = 1.0
    silent_share: Share = 0.0
    silent_s: Range = (180.0, 600.0)
    silent_kept: Share = 0.0
    tempo: Positive = 1.0
    look_scale: Positive = 1.0
    sure: Range | None = None
    spoofed: bool = False


class Catalogue(Struct, frozen=True, kw_only=True):
    """All three files, checked against each other."""

    detectors: dict[str, Detector]
    stories: dict[str, Story]
    laws: dict[str, Law]

    def law(self, name: str) -> Law:
        """Give a law. :raises ScenarioError: there is none of that name."""
        if name not in self.laws:
            raise ScenarioError(f"there is no law {name!r}; allowed are {', '.join(self.laws)}")
        return self.laws[name]


def load_catalogue() -> Catalogue:
    """Read the data files of the package. :raises ScenarioError: one of them is wrong."""
    found = Catalogue(
        detectors=_read("detectors.toml", dict[str, Detector]),
        stories=_read("stories.toml", dict[str, Story]),
        laws=_read("laws.toml", dict[str, Law]),
    )
    sensed = {cue for detector in found.detectors.values() for cue in detector.senses}
    told = {cue.cue for story in found.stories.values() for cue in (*story.act, *story.twin)}
    if sensed != told:
        raise ScenarioError(f"stories and detectors name different cues: {', '.join(sorted(sensed ^ told))}")
    return found


def _read(name: str, kind: type[T]) -> T:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ScenarioError(f"{name}: {error}") from None
