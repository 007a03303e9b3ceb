"""What truly happens in a world: events with their cues, where they are at which moment."""

from collections.abc import Iterator
from math import hypot

import numpy as np
from msgspec import Struct
from shapely import intersects_xy

from s4allcities.site import Opening, Site, Zone

from .data import Cue, Story

__all__ = ("BENIGN", "Active", "Event", "Spot", "make_event", "random_point", "spot_at")

BENIGN = "benign"
VIGOUR = (0.45, 1.0)
LEG_M = 30.0
"""What moves outdoors or in a large hall walks legs of about this length."""
LEGS = 40
TWIN_SPEED = 0.3
"""A delivery does not race, and who carries an umbrella strolls."""


class Spot(Struct, frozen=True, kw_only=True):
    """A place at a moment: metres in the site's frame, storey, zone."""

    x_m: float
    y_m: float
    level: int
    zone: str


class Active(Struct, frozen=True, kw_only=True):
    """A cue of an event, its times and strength drawn; ``zone`` is set where it has spread to another one."""

    cue: str
    from_s: float
    to_s: float
    strength: float
    grow_s: float
    zone: str = ""

    def at(self, t_s: float) -> float:
        """Strength at a moment of the world, 0..1."""
        if not self.from_s <= t_s <= self.to_s:
            return 0.0
        return self.strength * min(1.0, (t_s - self.from_s) / self.grow_s if self.grow_s else 1.0)


class Event(Struct, frozen=True, kw_only=True):
    """Something that truly happens: an act of a hypothesis, or a benign cause that looks like one.

    ``path`` is where it is from which second on; ``entities`` names the host, door, exit and camera it is about.
    ``visible`` is how well a camera's look shows that it is dangerous.
    """

    id: str
    hypothesis: str
    cause: str
    from_s: float
    to_s: float
    vigour: float
    path: tuple[tuple[float, Spot], ...]
    entities: dict[str, str] = {}
    cues: tuple[Active, ...] = ()
    visible: float = 0.0

    @property
    def dangerous(self) -> bool:
        """Whether it is what an operator must hear of."""
        return self.hypothesis != BENIGN


def spot_at(event: Event, t_s: float) -> Spot:
    """Where an event is at a moment: the last place it came to."""
    here = event.path[0][1]
    for since_s, spot in event.path:
        if since_s > t_s:
            break
        here = spot
    return here


def random_point(zone: Zone, rng: np.random.Generator) -> Spot:
    """Draw a point of a zone, uniformly in its area; its inner point if it is too thin to hit."""
    low_x, low_y, high_x, high_y = zone.polygon.bounds
    for _ in range(60):
        x_m, y_m = float(rng.uniform(low_x, high_x)), float(rng.uniform(low_y, high_y))
        if intersects_xy(zone.polygon, x_m, y_m):
            return Spot(x_m=x_m, y_m=y_m, level=zone.level, zone=zone.slug)
    return Spot(x_m=zone.x_m, y_m=zone.y_m, level=zone.level, zone=zone.slug)


def make_event(
    site: Site,
    name: str,
    story: Story,
    rng: np.random.Generator,
    *,
    id_: str,
    at_s: float,
    twin: bool,
    tempo: float = 1.0,
    in_zone: str = "",
    vigour: float = 0.0,
) -> Event:
    """Draw an event of a story, or of its benign twin, beginning at ``at_s`` of the world; in a zone of the story
    unless
    ``in_zone`` names one, and of a drawn vigour unless one is given.
    """
    drawn = story.zones[int(rng.integers(len(story.zones)))]
    zone = site.zone(in_zone or drawn)
    door = _door(site, zone, rng)
    start = random_point(zone, rng)
    if story.anchor == "door" and door is not None:
        start = Spot(x_m=door.x_m, y_m=door.y_m, level=door.level, zone=zone.slug)
    drawn_vigour = float(rng.uniform(*VIGOUR))
    vigour = vigour or drawn_vigour
    cues = tuple(_cues(site, story.twin if twin else story.act, zone, rng, at_s, vigour, tempo))
    from_s, to_s = min(each.from_s for each in cues), max(each.to_s for each in cues)
    speed_mps = story.speed_mps * (TWIN_SPEED if twin else 1.0)
    return Event(
        id=id_,
        hypothesis=BENIGN if twin else name,
        cause=story.cause if twin else name,
        from_s=from_s,
        to_s=to_s,
        vigour=vigour,
        path=tuple(_path(site, start, speed_mps / tempo, from_s, to_s, rng)),
        entities=_entities(site, zone, door, rng),
        cues=cues,
        visible=0.0 if twin else story.visible * vigour,
    )


def _cues(
    site: Site,
    wanted: tuple[Cue, ...],
    zone: Zone,
    rng: np.random.Generator,
    at_s: float,
    vigour: float,
    tempo: float,
) -> Iterator[Active]:
    for cue in wanted:
        from_s = max(at_s + float(rng.uniform(*cue.after_s)) * tempo, 0.0)
        lasts_s = float(rng.uniform(*cue.lasts_s)) * tempo
        strength = float(rng.uniform(*cue.strength)) * vigour
        grow_s = cue.grow_s * tempo
        yield Active(cue=cue.cue, from_s=from_s, to_s=from_s + lasts_s, strength=strength, grow_s=grow_s)
        if cue.spreads_s is None:
            continue
        later_s = float(rng.uniform(*cue.spreads_s)) * tempo
        for other in _neighbours(site, zone)[:2]:
            if later_s < lasts_s:
                yield Active(
                    cue=cue.cue,
                    from_s=from_s + later_s,
                    to_s=from_s + lasts_s,
                    strength=strength / 2,
                    grow_s=grow_s,
                    zone=other,
                )


def _neighbours(site: Site, zone: Zone) -> list[str]:
    """Zones indoors one can go to from a zone, by name."""
    pairs = [each.connects for each in site.openings] + [(link.lower, link.upper) for link in site.links]
    indoors = {each.slug for each in site.zones if not each.outdoor}
    near = {other for pair in pairs if zone.slug in pair for other in pair if other != zone.slug}
    return sorted(near & indoors)


def _door(site: Site, zone: Zone, rng: np.random.Generator) -> Opening | None:
    """One of the zone's doors that have a controller, else the nearest one."""
    doors = [each for each in site.exits if each.controller]
    if not doors:
        return None
    own = [each for each in doors if zone.slug in each.connects]
    if own:
        return own[int(rng.integers(len(own)))]
    return min(doors, key=lambda each: hypot(each.x_m - zone.x_m, each.y_m - zone.y_m))


def _entities(site: Site, zone: Zone, door: Opening | None, rng: np.random.Generator) -> dict[str, str]:
    found = {"host": f"10.20.4.{int(rng.integers(100, 251))}"}
    cameras = site.sensors_of(zone.slug, "camera")
    if cameras:
        found["camera"] = cameras[0].slug
    if door is not None:
        found |= {"door": door.controller, "exit": door.slug}
    return found


def _path(
    site: Site, start: Spot, speed_mps: float, from_s: float, to_s: float, rng: np.random.Generator
) -> Iterator[tuple[float, Spot]]:
    """Where it goes: leg by leg to points of its zone and, indoors, of the zones next to it."""
    yield from_s, start
    t_s, here = from_s, start
    for _ in range(LEGS if speed_mps else 0):
        zone = site.zone(here.zone)
        ways = [] if zone.outdoor else _neighbours(site, zone)
        if ways and rng.random() < 0.4:
            zone = site.zone(ways[int(rng.integers(len(ways)))])
        goal = random_point(zone, rng)
        span_m = max(hypot(goal.x_m - here.x_m, goal.y_m - here.y_m), 1.0)
        share = min(1.0, LEG_M / span_m) if goal.zone == here.zone else 1.0
        step = Spot(
            x_m=here.x_m + share * (goal.x_m - here.x_m),
            y_m=here.y_m + share * (goal.y_m - here.y_m),
            level=goal.level,
            zone=goal.zone,
        )
        t_s += share * span_m / speed_mps
        if t_s > to_s:
            return
        yield t_s, step
        here = step
