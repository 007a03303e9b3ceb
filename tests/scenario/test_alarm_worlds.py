"""Alarms in simulated worlds: context decides, a flood does not bury anybody, a quiet day is quiet."""

from functools import cache
from statistics import median

import pytest
from tests.unit.app.parts import SITE_FOLDER

from s4allcities.app.bench.alarm_runs import Run, run_world, unseen
from s4allcities.app.bench.risk import festival
from s4allcities.awareness.context import Entry, entry_from
from s4allcities.domain import ALERT_LEVELS, US_PER_S, Detection, Place, derived_ulid, to_rfc3339
from s4allcities.scenario.generated.alarm_worlds import flood_world, quiet_day
from s4allcities.scenario.generated.worlds import GENERATED_US, DetectedAs, GeneratedWorld, Generator
from s4allcities.site import Site, load_site

TEN_MIN_US = 600 * US_PER_S


@cache
def site() -> Site:
    return load_site(SITE_FOLDER)


@cache
def generator() -> Generator:
    return Generator(site())


RECORDED = (
    # seconds, kind, sensor, confidence: what the cameras and a steward said of a bag in the main hall that evening
    (40, "left-object", "camera-4", 0.9), (41, "owner-left", "camera-4", 0.8), (52, "left-object", "camera-5", 0.85),
    (60, "left-object", "camera-4", 0.95), (63, "owner-left", "camera-5", 0.9), (75, "citizen-report", "guard-2", 0.8),
    (80, "left-object", "camera-5", 0.9), (95, "left-object", "camera-4", 0.95), (96, "owner-left", "camera-4", 0.9),
    (120, "left-object", "camera-5", 0.9), (140, "left-object", "camera-4", 0.95), (150, "owner-left", "camera-5", 0.9),
)  # fmt: skip


@cache
def evening() -> GeneratedWorld:
    """One evening, as it was recorded."""
    hall = site().zone("main-hall")
    detections = []
    for number, (at_s, kind, sensor, confidence) in enumerate(RECORDED):
        t_us = GENERATED_US + at_s * US_PER_S
        place = Place(x_m=hall.x_m, y_m=hall.y_m, level=hall.level, sigma_m=5.0, zone="main-hall")
        detection = Detection(
            id=derived_ulid(t_us, number), t_us=t_us, kind=kind, detector="recorded", sensor=sensor, group=sensor,
            place=place, confidence=confidence,
        )  # fmt: skip
        detections.append(
            DetectedAs(
                detection=detection, cause="bag", event="", arrives_us=t_us, x_m=hall.x_m, y_m=hall.y_m
            )
        )
    return GeneratedWorld(
        name="evening", law="recorded", seed=0, hypothesis="left-bag", duration_s=240.0, start_us=GENERATED_US,
        events=(), detections=tuple(detections),
    )  # fmt: skip


QUIET_NIGHT: tuple[Entry, ...] = (
    entry_from(
        {"type": "opening-hours", "id": "night", "zones": ["main-hall"], "slots": [
            {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "05:00", "end": "10:00"},
        ]}
    ),
)  # fmt: skip
FESTIVAL: tuple[Entry, ...] = (
    *QUIET_NIGHT,
    entry_from(
        {"type": "event", "id": "festival", "name": "Festival", "zones": ["main-hall"], "people": 4000,
         "odds": {"*": 2}, "delay_s": 300, "from": to_rfc3339(GENERATED_US - 3600 * US_PER_S),
         "until": to_rfc3339(GENERATED_US + 3600 * US_PER_S)}
    ),
)  # fmt: skip


def worst_of_bag(run: Run) -> str:
    levels = [
        alert.level
        for alert in run.listed.values()
        if "left-bag" in run.hypotheses.get(alert.incident_id, set())
    ]
    assert levels, "the bag has an alert"
    return max(levels, key=ALERT_LEVELS.index)


def test_context_decides_the_same_detections_mean_more_at_the_festival() -> None:
    """The same bag, the same detections: medium in an empty hall, graver at the festival."""
    without, within = run_world(site(), evening(), QUIET_NIGHT), run_world(site(), evening(), FESTIVAL)
    assert without.detections == within.detections
    assert worst_of_bag(without) == "medium"
    assert worst_of_bag(within) in ("high", "critical")


def test_a_replay_of_the_same_evening_is_the_same() -> None:
    one, other = run_world(site(), evening(), FESTIVAL), run_world(site(), evening(), FESTIVAL)
    assert one.calls == other.calls
    assert one.listed == other.listed


@pytest.mark.timeout(120)
def test_a_flood_does_not_bury_the_operator_and_hides_nothing() -> None:
    world = flood_world(generator(), 1)
    run = run_world(site(), world)
    first_us = world.start_us + round(min(e.from_s for e in world.events if e.dangerous) * US_PER_S)
    raw = sum(first_us <= each.arrives_us < first_us + TEN_MIN_US for each in world.detections)
    called = run.called_in(first_us, first_us + TEN_MIN_US)
    assert raw > 500
    assert len(called) <= 10
    assert raw / len(called) >= 50
    assert unseen(run, world) == []
    assert {alert.incident_id for alert in run.listed.values()} >= run.confirmed, (
        "each incident has its alert"
    )
    assert run.monitor.kpis("operator", run.end_us).unexplained == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_in_floods_of_other_seeds_only_first_calls_of_critical_alerts_come_beyond_ten() -> None:
    counts = []
    for seed in range(2, 12):
        world = flood_world(generator(), seed)
        run = run_world(site(), world)
        first_us = world.start_us + round(min(e.from_s for e in world.events if e.dangerous) * US_PER_S)
        called = run.called_in(first_us, first_us + TEN_MIN_US)
        assert unseen(run, world) == []
        for number, each in enumerate(called[10:], 10):
            assert each.level == "critical", (seed, each)
            assert each.alert_id not in {earlier.alert_id for earlier in called[:number]}, (seed, each)
        counts.append(len(called))
    assert median(counts) <= 10, counts


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_quiet_festival_day_is_quiet(seed: int) -> None:
    run = run_world(site(), quiet_day(generator(), seed), festival(site()), every_s=5.0)
    kpis = run.monitor.kpis("operator", run.end_us)
    assert kpis.median_per_10min <= 1
    assert kpis.flood_share < 0.01
    assert kpis.unexplained == 0


def test_a_measure_of_missed_acts_can_miss() -> None:
    """Nobody is called when nothing is detected, and the measure says so."""
    world = flood_world(generator(), 1)
    deaf = GeneratedWorld(
        name=world.name, law=world.law, seed=1, hypothesis=world.hypothesis, duration_s=400.0,
        start_us=world.start_us, events=world.events, detections=(),
    )  # fmt: skip
    assert len(unseen(run_world(site(), deaf, every_s=10.0), deaf)) == 6
