"""Worlds played to their end, each once for all tests."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from s4allcities.scenario.options import ScenarioOptions
from s4allcities.scenario.story import Story, tell_story
from s4allcities.scenario.world import Datum, World

HELSINKI = Path(__file__).parents[3] / "sites" / "helsinki-station"
START_US = 1_790_000_000_000_000


Message = tuple[float, dict[str, Any]]


class Played(Struct, frozen=True):
    """A world after its story: what was sent, in order of arrival, and the truth once a second."""

    story: Story
    world: World
    data: list[Datum]
    truth: list[dict[str, Any]]
    by_sensor: dict[str, list[Message]]

    def of(self, sensor: str) -> list[Message]:
        """Give (seconds from the start, message) of a sensor."""
        return self.by_sensor.get(sensor, [])

    def values(self, sensor: str, field: str) -> list[tuple[float, float]]:
        return [(t_s, message[field]) for t_s, message in self.of(sensor)]


@cache
def play(name: str, seed: int, fire_at: str = "", jam: str = "", close: str = "") -> Played:
    options = ScenarioOptions(seed=seed, fire_at=fire_at, jam=jam, close=close)
    site, story = tell_story(HELSINKI, name, options)
    world = World(site, story, start_us=START_US)
    data: list[Datum] = []
    truth = []
    while world.t_s < story.duration_s:
        data += world.step()
        if world.t_s == int(world.t_s):
            truth.append(world.truth())
    by_sensor: dict[str, list[Message]] = {}
    for each in data:
        message = ((each.t_us - START_US) / 1e6, msgspec.json.decode(each.payload))
        by_sensor.setdefault(each.sensor, []).append(message)
    return Played(story, world, data, truth, by_sensor)


Play = Callable[..., Played]


@pytest.fixture(scope="session")
def played() -> Play:
    return play
