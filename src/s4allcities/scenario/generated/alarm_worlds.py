"""Composed worlds that alarms are judged in: a flood in which six acts happen at once, and a quiet day of a
festival.
"""

from msgspec import Struct

from s4allcities.domain import US_PER_S, Detection, Place, derived_ulid

from .worlds import Act, DetectedAs, GeneratedWorld, Generator

__all__ = ("FLOOD_ACTS", "FLOOD_S", "Chatter", "flood_world", "quiet_day")

FLOOD_S = 1500.0
VIGOUR = 0.9
"""An attack is not shy: every act of the flood can be perceived well."""
FLOOD_ACTS: tuple[Act, ...] = (
    Act(story="cyber-intrusion", zone="east-passage", at_s=240.0, vigour=VIGOUR),
    Act(story="fire", zone="ticket-hall", at_s=260.0, vigour=VIGOUR),
    Act(story="armed-attacker", zone="main-hall", at_s=290.0, vigour=VIGOUR),
    Act(story="left-bag", zone="west-passage", at_s=300.0, vigour=VIGOUR),
    Act(story="toxic-release", zone="metro-platform", at_s=330.0, vigour=VIGOUR),
    Act(story="vehicle-as-weapon", zone="station-square", at_s=360.0, vigour=VIGOUR),
)
HARMLESS = 48
HARMLESS_FROM_S, HARMLESS_EVERY_S = 180.0, 12.0


class Chatter(Struct, frozen=True, kw_only=True):
    """A faulty device that states the same over and over: ``every_s`` seconds within the span."""

    sensor: str
    kind: str
    zone: str
    from_s: float
    to_s: float
    every_s: float


CHATTER: tuple[Chatter, ...] = (
    Chatter(sensor="heat-41", kind="sensor-anomaly", zone="compass-hall", from_s=230, to_s=900, every_s=4),
    Chatter(sensor="strain-2", kind="structure-vibration", zone="main-hall", from_s=260, to_s=900, every_s=5),
)


def flood_world(generator: Generator, seed: int, *, law: str = "bursts", purpose: str = "") -> GeneratedWorld:
    """Make the flood: six acts within two minutes in six zones, 48 harmless causes that look like something, false
    alarms that come in bursts, and two faulty devices that chatter. For the demonstration site.
    """
    stories, zones = list(generator.catalogue.stories), [zone.slug for zone in generator.site.zones]
    harmless = tuple(
        Act(
            story=stories[number % len(stories)],
            zone=zones[(3 * number + 1) % len(zones)],
            at_s=HARMLESS_FROM_S + HARMLESS_EVERY_S * number,
            twin=True,
        )
        for number in range(HARMLESS)
    )
    world = generator.compose(
        "alarm-flood", FLOOD_ACTS + harmless, seed, law, duration_s=FLOOD_S, purpose=purpose
    )
    more = [each for chatter in CHATTER for each in _chatter(chatter, world)]
    detections = sorted((*world.detections, *more), key=lambda each: (each.arrives_us, each.detection.id))
    return GeneratedWorld(
        name=world.name, law=law, seed=seed, hypothesis=world.hypothesis, duration_s=world.duration_s,
        start_us=world.start_us, events=world.events, detections=tuple(detections),
    )  # fmt: skip


def _chatter(chatter: Chatter, world: GeneratedWorld) -> list[DetectedAs]:
    out = []
    for number in range(int((chatter.to_s - chatter.from_s) / chatter.every_s)):
        t_us = world.start_us + round((chatter.from_s + number * chatter.every_s) * US_PER_S)
        detection = Detection(
            id=derived_ulid(t_us, chatter.sensor, number), t_us=t_us, mode="simulation", kind=chatter.kind,
            detector="generated", sensor=chatter.sensor, group=chatter.sensor, place=Place(zone=chatter.zone),
            confidence=0.8,
        )  # fmt: skip
        out.append(
            DetectedAs(detection=detection, cause=chatter.sensor, event="", arrives_us=t_us, x_m=0.0, y_m=0.0)
        )
    return out


def quiet_day(generator: Generator, seed: int, *, purpose: str = "") -> GeneratedWorld:
    """Make a day on which nothing dangerous happens, with its false alarms and harmless causes."""
    return generator.make("ordinary-day", seed, purpose=purpose)
