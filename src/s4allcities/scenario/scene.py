"""The state of the world at a moment, as sensors see it."""

from typing import Any

from s4allcities.site import Site

from .crowd import Crowd
from .families import CHANNELS
from .hazards import AMBIENT_C
from .randomness import stream
from .story import Story
from .traffic import Traffic

__all__ = ("Scene",)


class Scene:
    """Truth: people, traffic, hazards, doors, pictures. ``t_s`` is the time since the start."""

    def __init__(self, site: Site, story: Story) -> None:
        self.site, self.story = site, story
        self.t_s = 0.0
        self.crowd = Crowd(
            site, story.file.crowd, stream(story.seed, "crowd"), closed=(story.closed, story.locked)
        )
        loops = {
            slug
            for each in site.sensors
            if CHANNELS.get(each.family) is CHANNELS["traffic"]
            for slug in each.covers
        }
        self.traffic = Traffic(sorted(loops), story.jam, story.file.traffic, stream(story.seed, "traffic"))
        self._wind = stream(story.seed, "wind")
        self.wind_mps, self.wind_from_deg, self.temperature_c = 4.0, 225.0, 3.0
        self.zone_index = {zone.slug: index for index, zone in enumerate(site.zones)}
        self.exit_index = {slug: index for index, slug in enumerate(self.crowd.exits)}
        self.street_index = {slug: index for index, slug in enumerate(self.traffic.streets)}

    def step(self, dt_s: float) -> None:
        """Move on by ``dt_s`` seconds."""
        self.t_s += dt_s
        if self.t_s >= self.story.write_s:
            self.crowd.block(self.story.attacked)
        self.crowd.step(dt_s, self.t_s)
        self.traffic.step(dt_s)
        self.wind_mps = max(0.0, self.wind_mps + 0.05 * dt_s * float(self._wind.normal()))
        self.wind_from_deg = (self.wind_from_deg + 0.6 * dt_s * float(self._wind.normal())) % 360.0

    def hazard(self, sensor: str, t_s: float) -> float:
        """Give what smoke, CO, heat or flame adds to a sensor's reading, in the sensor's unit."""
        ramp = self.story.ramps.get(sensor)
        return ramp.at(t_s) if ramp else 0.0

    def door_open(self, exit_slug: str) -> bool:
        """Tell what a door's controller says: after the attack it says open whatever is the case."""
        return exit_slug not in (self.story.closed, self.story.locked)

    def frozen(self, camera: str, t_s: float) -> bool:
        """Tell whether a camera repeats its last picture."""
        return camera == self.story.frozen_camera and t_s >= self.story.freeze_s

    def truth(self) -> dict[str, Any]:
        """Give the state in plain names, rounded."""
        crowd, fire = self.crowd, self.story.fire_zone
        burning = bool(fire) and self.t_s >= self.story.fire_s
        return {
            "people": {slug: round(float(crowd.people[i])) for slug, i in self.zone_index.items()},
            "out_per_min": {
                slug: round(float(crowd.out_per_min[i]), 1) for slug, i in self.exit_index.items()
            },
            "blocked": [slug for slug, i in self.exit_index.items() if crowd.blocked[i]],
            "speed_kmh": {
                slug: round(float(self.traffic.speed_kmh[i]), 1) for slug, i in self.street_index.items()
            },
            "burning": fire if burning else "",
            "hazards": self._hazards(),
            "leaving": crowd.leaving,
            "ambient_c": AMBIENT_C,
        }

    def _hazards(self) -> dict[str, float]:
        values = {slug: ramp.at(self.t_s) for slug, ramp in self.story.ramps.items()}
        return {slug: round(value, 2) for slug, value in values.items() if value >= 0.01}
