"""Worlds through fusion: every detection has at most one owner, cases know their incident, versions are in order."""

from pathlib import Path

import pytest

from s4allcities.app.scoring.cases import LOOKS_S, cases_of, held_of
from s4allcities.app.scoring.forecasts import OURS, judge
from s4allcities.app.scoring.fused import FusedWorld, fuse_world
from s4allcities.fusion import FusionStage, topology_of
from s4allcities.scenario.generated.worlds import Generator
from s4allcities.site import load_site

SITE = Path(__file__).parents[4] / "sites" / "helsinki-station"


@pytest.fixture(scope="module")
def stage() -> FusionStage:
    return FusionStage(topology_of(load_site(SITE)))


@pytest.fixture(scope="module")
def fire(stage: FusionStage) -> FusedWorld:
    return fuse_world(stage, Generator(load_site(SITE)).make("fire", 3))


def test_owners_are_incidents_that_were_published(fire: FusedWorld) -> None:
    ids = {each.detection.id for each in fire.world.detections}
    assert set(fire.owner) <= ids
    assert len(fire.owner) > 0.9 * len(ids)
    moments = [version.t_us for versions in fire.versions.values() for version in versions]
    assert min(moments) >= fire.world.start_us
    for versions in fire.versions.values():
        assert [each.t_us for each in versions] == sorted(each.t_us for each in versions)
        assert all(abs(each.p.sum() - 1) < 1e-9 for each in versions)


def test_the_incident_of_the_fire_is_known_to_be_about_it(fire: FusedWorld, stage: FusionStage) -> None:
    held = held_of(fire, dict(stage.data.kind_index))
    assert sum(len(each.evidence.t_s) for each in held.values()) == len(fire.owner)
    largest = max(held.values(), key=lambda each: len(each.evidence.t_s))
    assert (largest.event, largest.hypothesis) == ("act", "fire")


def test_looks_are_after_the_first_detection_and_while_it_lasts(fire: FusedWorld) -> None:
    case = next(each for each in cases_of(fire) if each.dangerous)
    first_us = min(each.arrives_us for each in fire.world.detections if each.event == "act")
    assert [round((look.t_us - first_us) / 1e6) for look in case.looks] == list(LOOKS_S[: len(case.looks)])
    assert case.looks[-1].incident


def test_without_rules_there_is_only_fusion(fire: FusedWorld, stage: FusionStage) -> None:
    found = judge(fire, (), stage.data.slugs, dict(stage.data.kind_index))
    assert list(found) == [OURS]
    (act,) = found[OURS].acts
    assert act[1] == "fire"
    assert max(peak.top for peak in found[OURS].peaks if peak.event == "act") > 0.5
