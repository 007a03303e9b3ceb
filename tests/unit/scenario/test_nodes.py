"""The building nodes of the stories, read by their detector: they name the fire, and nothing else."""

import json
from collections.abc import Iterator

import pytest
from tests.unit.detection.feeds import Row, batch_of
from tests.unit.scenario.conftest import HELSINKI, Play, Played

from s4allcities.detection.building import BuildingStage
from s4allcities.domain import Detection
from s4allcities.scenario.instruments import NODE
from s4allcities.site import load_site

SITE = load_site(HELSINKI)
FEED_T0_US = batch_of([("", "", 0.0, 0.0)]).t_us[0]


def said(run: Played) -> Iterator[tuple[float, Detection]]:
    """Give the seconds from the start, and what the detector made of all that the nodes sent."""
    stage = BuildingStage(sensors={spec.slug: spec for spec in SITE.sensors})
    state = stage.start()
    for each in run.data:
        if each.family != "building":
            continue
        message = json.loads(each.payload)
        kept = "t_us" in message
        times = message["t_us"] if kept else [each.t_us]
        rows: list[Row] = [
            (each.sensor, name, (t_us - FEED_T0_US) / 1e6, message[name][row] if kept else message[name])
            for row, t_us in enumerate(times)
            for name in NODE
        ]
        for found in stage.step(state, batch_of(rows, "building", zone=""), each.due_us):
            assert isinstance(found, Detection)
            yield (found.t_us - run.world.start_us) / 1e6, found


@pytest.mark.parametrize("seed", range(10))
def test_the_node_of_the_burning_hall_names_the_fire_soon(played: Play, seed: int) -> None:
    run = played("station-fire", seed)
    t_s, first = next(said(run))
    assert (first.kind, first.sensor, first.place.zone) == ("fire-signature", "node-01", "ticket-hall")
    assert 0.0 < t_s - run.story.fire_s < 22.0


def test_the_node_of_the_kitchen_names_a_fire_there(played: Play) -> None:
    _, first = next(said(played("station-fire", 3, fire_at="kitchen")))
    assert (first.kind, first.sensor) == ("fire-signature", "node-02")


@pytest.mark.parametrize("seed", range(10))
def test_a_bad_day_without_danger_names_none(played: Play, seed: int) -> None:
    assert not list(said(played("station-rush-hour", seed)))
