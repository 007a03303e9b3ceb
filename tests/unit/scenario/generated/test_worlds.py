"""Generated worlds: repeatable, true to their laws, and every hypothesis has an act and a twin."""

import statistics
from collections import Counter
from math import hypot

import pytest

from s4allcities.fusion import load_hypotheses
from s4allcities.scenario.errors import ScenarioError
from s4allcities.scenario.generated.events import spot_at
from s4allcities.scenario.generated.worlds import (
    DetectedAs,
    GeneratedWorld,
    Generator,
    hypothesis_of,
    world_names,
)

SEEDS = range(1, 9)


def worlds(generator: Generator, name: str, law: str = "standard") -> list[GeneratedWorld]:
    return [generator.make(name, seed, law) for seed in SEEDS]


def about(found: list[GeneratedWorld], event: str) -> list[DetectedAs]:
    return [each for world in found for each in world.detections if each.event == event]


def test_every_hypothesis_of_fusion_has_an_act_and_a_twin(generator: Generator) -> None:
    names = world_names(generator.catalogue)
    wanted = set(load_hypotheses().slugs)
    assert {hypothesis_of(name) for name in names} == wanted
    assert {name.removesuffix("-twin") for name in names} == (wanted - {"benign"}) | {"ordinary-day"}


def test_every_kind_is_known_to_fusion(generator: Generator) -> None:
    assert set(generator.catalogue.detectors) - set(load_hypotheses().kinds) == set()


@pytest.mark.parametrize("law", ["standard", "spoofed", "silence"])
def test_the_same_seed_tells_the_same_world(generator: Generator, law: str) -> None:
    assert generator.make("blended", 3, law) == generator.make("blended", 3, law)
    assert generator.make("blended", 3, law).detections != generator.make("blended", 4, law).detections


def test_all_worlds_of_all_laws_are_well_formed(generator: Generator) -> None:
    for name in world_names(generator.catalogue)[1:]:
        for law in generator.catalogue.laws:
            world = generator.make(name, 1, law)
            events = {event.id: event for event in world.events}
            ids = [each.detection.id for each in world.detections]
            assert len(ids) == len(set(ids))
            assert [each.arrives_us for each in world.detections] == sorted(
                each.arrives_us for each in world.detections
            )
            for each in world.detections:
                assert each.arrives_us >= each.detection.t_us >= world.start_us
                assert each.event in events or not each.event
                assert 0 < each.detection.confidence <= 1
                assert each.detection.place.zone or each.detection.place.entities or each.detection.place.x_m
            assert sum(event.dangerous for event in world.events) == (world.hypothesis != "benign")


@pytest.mark.parametrize("story", ["fire", "armed-attacker", "crowd-crush", "cyber-intrusion", "drone"])
def test_an_act_gives_more_and_surer_evidence_than_its_twin(generator: Generator, story: str) -> None:
    act, twin = about(worlds(generator, story), "act"), about(worlds(generator, f"{story}-twin"), "act")
    assert len(act) > 1.3 * len(twin)
    sure = [statistics.mean(each.detection.confidence for each in some) for some in (act, twin)]
    assert sure[0] > sure[1]


def test_false_alarms_come_at_the_rates_of_the_catalogue(generator: Generator) -> None:
    """Over some days the number of false causes is within four standard deviations of what the rates say."""
    days = [generator.make("ordinary-day", seed) for seed in range(1, 4)]
    causes = {
        (day.seed, each.cause) for day in days for each in day.detections if each.cause.startswith("false")
    }
    expected = len(days) * sum(
        detector.false_per_day * sum(detector.on in device.families for device in generator.devices)
        for detector in generator.catalogue.detectors.values()
    )
    assert abs(len(causes) - expected) < 4 * expected**0.5 + 0.05 * expected


def test_stated_places_err_as_the_law_says(generator: Generator) -> None:
    def errors(law: str) -> list[float]:
        found = [
            hypot((each.detection.place.x_m or 0) - each.x_m, (each.detection.place.y_m or 0) - each.y_m)
            / (each.detection.place.sigma_m or 1)
            for name in ("armed-attacker", "vehicle-as-weapon", "left-bag")
            for world in worlds(generator, name, law)
            for each in world.detections
            if each.detection.place.sigma_m
        ]
        return sorted(found)

    normal, heavy = errors("standard"), errors("heavy-tails")
    assert statistics.median(normal) == pytest.approx(1.18, abs=0.25)  # Rayleigh's median
    assert normal[int(0.99 * len(normal))] < 4.5
    assert heavy[int(0.95 * len(heavy))] > 6


def test_what_moves_moves_no_faster_than_it_can(generator: Generator) -> None:
    for world in worlds(generator, "armed-attacker"):
        event = next(each for each in world.events if each.dangerous)
        for (t_s, here), (later_s, there) in zip(event.path, event.path[1:], strict=False):
            assert hypot(there.x_m - here.x_m, there.y_m - here.y_m) <= 1.2 * (later_s - t_s) + 1e-6
        assert spot_at(event, event.from_s - 10) == event.path[0][1]
        assert spot_at(event, 1e9) == event.path[-1][1]


def per_cause(found: list[GeneratedWorld]) -> float:
    counts = Counter(
        (world.seed, each.cause)
        for world in found
        for each in world.detections
        if each.cause.startswith("false") and each.detection.kind != "clear"
    )
    return statistics.mean(counts.values())


def test_bursts_repeat_themselves(generator: Generator) -> None:
    assert per_cause(worlds(generator, "fire", "bursts")) > 3 * per_cause(worlds(generator, "fire"))


def test_shared_causes_trip_different_groups_at_once(generator: Generator) -> None:
    groups = [
        len({each.detection.group for each in world.detections if each.event == event.id})
        for world in worlds(generator, "drone", "shared-cause")
        for event in world.events
        if event.id.startswith("shared")
    ]
    assert groups
    assert statistics.mean(groups) > 2


def test_silent_devices_send_less_and_some_of_it_late(generator: Generator) -> None:
    loud, silent = worlds(generator, "fire"), worlds(generator, "fire", "silence")
    assert sum(len(each.detections) for each in silent) < 0.9 * sum(len(each.detections) for each in loud)
    late_s = [(d.arrives_us - d.detection.t_us) / 1e6 for each in silent for d in each.detections]
    assert max(late_s) > 100


def test_slow_worlds_stretch_events(generator: Generator) -> None:
    def lasts_s(law: str) -> float:
        return statistics.mean(
            event.to_s - event.from_s
            for each in worlds(generator, "sabotage", law)
            for event in each.events
            if event.dangerous
        )

    assert lasts_s("slow") > 2 * lasts_s("standard")


def test_drift_makes_false_alarms_many(generator: Generator) -> None:
    def false(law: str) -> int:
        return sum(
            not each.event for world in worlds(generator, "drone-twin", law) for each in world.detections
        )

    assert false("drift") > 2 * false("standard")


def test_detectors_of_the_sure_law_say_nothing_by_their_confidence(generator: Generator) -> None:
    found = [each.detection.confidence for each in worlds(generator, "fire", "sure")[0].detections]
    assert min(found) >= 0.9


def test_the_adversary_speaks_through_one_device_and_keeps_back_what_it_sees(generator: Generator) -> None:
    for world in worlds(generator, "fire", "spoofed"):
        forged = [
            each for each in world.detections if each.event == "spoofed" and each.detection.confidence >= 0.9
        ]
        devices = {
            each.detection.sensor for each in forged if each.detection.kind not in ("ids-alert", "clear")
        }
        assert len(devices) == 1
        own = [each for each in world.detections if each.detection.sensor in devices]
        assert {each.event for each in own} == {"spoofed"}
        event = next(each for each in world.events if each.id == "spoofed")
        assert not event.dangerous


def test_what_is_not_there_is_refused(generator: Generator) -> None:
    with pytest.raises(
        ScenarioError, match="no generated world 'flood'; allowed are ordinary-day, fire, fire-twin"
    ):
        generator.make("flood", 1)
    with pytest.raises(ScenarioError, match="no law 'chaos'; allowed are standard"):
        generator.make("fire", 1, "chaos")
