"""The same stories with other places, times, confidences and stray alarms: over many seeds."""

import random

import pytest

from s4allcities.domain import Detection
from s4allcities.fusion import Topology

from .conftest import Run, detection

SEEDS = range(12)


def strays(rng: random.Random, to_s: float) -> list[Detection]:
    """Three alarms about nothing, each of a kind that the story does not need, at least 400 m away."""
    return [
        detection(
            kind, rng.uniform(0, to_s), f"stray-{kind}", x_m=rng.uniform(-900, -400), y_m=rng.uniform(400, 900),
            sigma_m=10.0, confidence=rng.uniform(0.2, 0.5),
        )
        for kind in ("crowd-run", "left-object", "smoke")
    ]  # fmt: skip


def device(rng: random.Random, name: str, at_s: float, x_m: float) -> list[Detection]:
    """A bag seen by two cameras, with a spectrum of its content by two instruments, each some metres off."""
    return [
        detection(
            kind, at_s + rng.uniform(0, 20), f"{kind}-{name}-{n}", group=f"{kind}-{name}-{n}",
            x_m=x_m + rng.gauss(0, 6), y_m=rng.gauss(0, 6), sigma_m=8.0, confidence=rng.uniform(0.75, 0.95),
        )
        for kind in ("left-object", "spectrum-match")
        for n in range(2)
    ]  # fmt: skip


def in_order(detections: list[Detection]) -> list[Detection]:
    return sorted(detections, key=lambda each: (each.t_us, each.id))


@pytest.mark.parametrize("seed", SEEDS)
def test_two_devices_150_m_and_90_s_apart_are_two_incidents(seed: int) -> None:
    rng, run = random.Random(seed), Run(Topology())
    first, second = device(rng, "a", 0, 0.0), device(rng, "b", 90, 150.0)
    run.give(in_order([*first, *second, *strays(rng, 110)]))
    owners = [{run.state.owner(each.id) for each in part} for part in (first, second)]
    assert [len(found) for found in owners] == [1, 1]
    assert owners[0] != owners[1]
    assert {each.id for each in run.confirmed} == owners[0] | owners[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_attacker_among_the_evacuees_is_one_incident_that_follows(seed: int) -> None:
    """He walks 130 m in 90 s with a crowd that runs all around; cameras and microphones are some metres off."""
    rng, run, story = random.Random(seed), Run(Topology()), []
    for step in range(12):
        at_s, x_m = 8.0 * step, 11.0 * step
        for kind, name, sigma_m, after_s in (
            ("crowd-run", f"counter-{step % 3}", 25.0, 0.0), ("gunshot", f"mic-{step}", 10.0, 1.0),
            ("weapon-seen", f"camera-{step}", 6.0, 2.0),
        ):  # fmt: skip
            x, y = x_m + rng.gauss(0, 0.8 * sigma_m), rng.gauss(0, 0.8 * sigma_m)
            confidence = rng.uniform(0.6, 0.95)
            story.append(
                detection(kind, at_s + after_s, name, sigma_m=sigma_m, x_m=x, y_m=y, confidence=confidence)
            )
    run.give(in_order([*story, *strays(rng, 90)]))
    (found,) = [each for each in run.confirmed if each.hypothesis == "armed-attacker"]
    assert found.place.x_m == pytest.approx(121.0, abs=25.0)
    seen = [each for each in story if each.kind == "weapon-seen"]
    assert {run.state.owner(each.id) for each in seen} == {found.id}
