"""From truth to what devices state: looks at cues, misses, false alarms, how sure they say they are."""

from collections.abc import Iterable, Iterator
from math import exp, hypot

import numpy as np
from msgspec import Struct

from ..randomness import stream
from .data import Detector, Law
from .devices import Device
from .events import Active, Event, Spot, spot_at

__all__ = ("Places", "Statement", "confidence", "false_alarms", "perceived", "response", "rng_of")

ELSEWHERE = 0.25
"""How much of a cue with a reach gets into another zone of the same storey: walls stand between."""
GONE = 0.02
PERSISTENT = ("caller", "poster", "guard", "ids")
S_PER_DAY = 86_400.0
CONCENTRATION = 9.0


class Statement(Struct, kw_only=True):
    """What a device states, before errors of place and time are added. ``cause`` is the truth: an event's id, or the
    name of a false alarm. ``spot`` is where it truly is.
    """

    kind: str
    device: Device
    t_s: float
    cause: str
    spot: Spot
    confidence: float
    true: bool
    entities: dict[str, str] = {}


def confidence(mean: float, rng: np.random.Generator, law: Law) -> float:
    """Draw a stated confidence: beta distributed about its mean, or what the law says."""
    if law.sure is not None:
        return float(rng.uniform(*law.sure))
    return float(np.clip(rng.beta(mean * CONCENTRATION, (1 - mean) * CONCENTRATION), 0.05, 0.99))


def response(
    detector: Detector, device: Device, spot: Spot, spread_to: str, entities: dict[str, str]
) -> float:
    """How much of a cue reaches a device, 0..1, whatever the cue's strength."""
    if detector.on in PERSISTENT:
        return 1.0
    if detector.on == "radio":
        return 1.0 if spot.zone == device.zone else 0.0
    if detector.on == "door":
        return 1.0 if device.slug == entities.get("door") else 0.0
    if detector.names == ("camera",):
        return 1.0 if device.slug == entities.get("camera") else 0.0
    zone = spread_to or spot.zone
    same = zone == device.zone or zone in device.covers or not device.zone
    if detector.reach_m <= 0 or spread_to:
        return 1.0 if same else 0.0
    if not same and device.level != spot.level:
        return 0.0
    away = hypot(device.x_m - spot.x_m, device.y_m - spot.y_m) / detector.reach_m
    value = exp(-away * away) * (1.0 if same else ELSEWHERE)
    return value if value > GONE else 0.0


def perceived(
    kind: str,
    detector: Detector,
    devices: Iterable[Device],
    event: Event,
    law: Law,
    drifting: frozenset[str],
    rng: np.random.Generator,
) -> Iterator[Statement]:
    """What one kind of detector states about one event.

    A device that cannot perceive the event never does (one draw for all its looks); else each look may miss.
    """
    active = [(each, detector.senses[each.cue]) for each in event.cues if each.cue in detector.senses]
    if not active:
        return
    for device in devices:
        able = rng.random() < detector.sees
        weak = law.drift_pd if device.slug in drifting else 1.0
        for cue, sensitivity in active if able else ():
            yield from _looks(kind, detector, device, event, cue, sensitivity * weak, law, rng)


def _looks(
    kind: str,
    detector: Detector,
    device: Device,
    event: Event,
    cue: Active,
    sensitivity: float,
    law: Law,
    rng: np.random.Generator,
) -> Iterator[Statement]:
    look_s = detector.look_s * law.look_scale
    t_s = cue.from_s + float(rng.uniform(0, min(look_s, 30.0)))
    while t_s <= cue.to_s:
        spot = spot_at(event, t_s)
        reached = response(detector, device, spot, cue.zone, event.entities)
        if reached and rng.random() < detector.pd * sensitivity * cue.at(t_s) * reached:
            yield Statement(
                kind=kind,
                device=device,
                t_s=t_s,
                cause=event.id,
                spot=spot,
                confidence=confidence(detector.sure if event.dangerous else detector.unsure, rng, law),
                true=True,
                entities=event.entities,
            )
        t_s += look_s * float(rng.uniform(0.8, 1.2))


def false_alarms(
    kind: str,
    detector: Detector,
    devices: Iterable[Device],
    duration_s: float,
    law: Law,
    drifting: frozenset[str],
    where: "Places",
    rng: np.random.Generator,
) -> Iterator[Statement]:
    """Statements about nothing: they come at random, and repeat themselves while their cause lasts."""
    for device in devices:
        aged = float(rng.uniform(1.0, law.drift_factor)) if device.slug in drifting else 1.0
        rate = detector.false_per_day * law.false_scale * aged * duration_s / S_PER_DAY
        for number in range(int(rng.poisson(rate))):
            t_s = float(rng.uniform(0, duration_s))
            spot, entities = where.anywhere(device, rng)
            repeats = int(rng.geometric(1 / max(law.burst, detector.repeats)))
            gap_s = law.burst_gap_s if law.burst else detector.look_s * law.look_scale
            for _ in range(repeats):
                if t_s > duration_s:
                    break
                yield Statement(
                    kind=kind,
                    device=device,
                    t_s=t_s,
                    cause=f"false-{kind}-{device.slug}-{number}",
                    spot=spot,
                    confidence=confidence(detector.unsure, rng, law),
                    true=False,
                    entities=entities,
                )
                t_s += gap_s * float(rng.uniform(0.7, 1.3))


class Places:
    """Where false statements of a site's devices seem to be. Holds the site's zones and doors, nothing else."""

    def __init__(self, spots: dict[str, list[Spot]], doors: list[tuple[str, str]]) -> None:
        self.spots, self.doors = spots, doors

    def anywhere(self, device: Device, rng: np.random.Generator) -> tuple[Spot, dict[str, str]]:
        """Draw a spot that the device may speak about, and names of things at random."""
        zones = sorted(self.spots)
        zone = device.zone if device.zone in self.spots else zones[int(rng.integers(len(zones)))]
        held = self.spots[zone]
        entities = {"host": f"10.20.4.{int(rng.integers(100, 251))}", "camera": device.slug}
        if device.exit:
            entities |= {"door": device.slug, "exit": device.exit}
        elif self.doors:
            door, exit_ = self.doors[int(rng.integers(len(self.doors)))]
            entities |= {"door": door, "exit": exit_}
        return held[int(rng.integers(len(held)))], entities


def rng_of(seed: int, *names: str) -> np.random.Generator:
    """Give the stream of one part of a world."""
    return stream(seed, "/".join(names))
