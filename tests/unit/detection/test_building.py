"""Fire and gas from nodes of several quantities, in simulated rooms of seeds that nothing was fitted to."""

from typing import Any

import numpy as np
import pytest
from tests.unit.detection.feeds import Row, Spec, feed_of

from s4allcities.app.bench.building import (
    FIRST_TEST_SEED,
    courses,
    equal_delay,
    fire_thresholds,
    gas_thresholds,
    said_at_s,
    score,
)
from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.building import BuildingStage, building_config
from s4allcities.detection.building.evidence import CHANNELS, TERMS
from s4allcities.detection.config import ConfigError
from s4allcities.domain import Detection
from s4allcities.scenario.building import QUANTITIES, Cause, Course, building_course

SENSORS = {"node-1": Spec(slug="node-1", family="building", zone="kitchen")}


def course(cause: Cause, seed: int) -> Course:
    return building_course(cause, np.random.default_rng([FIRST_TEST_SEED + seed, 7]))


def feed(found: Course) -> list[tuple[Any, int]]:
    rows: list[Row] = [
        ("node-1", name, t_s, value)
        for t_s, values in zip(found.t_s.tolist(), found.values.tolist(), strict=True)
        for name, value in zip(QUANTITIES, values, strict=True)
    ]
    return feed_of(rows, "building", every_s=30.0)


def said(found: Course) -> list[Detection]:
    steps, _ = run_stage(BuildingStage(sensors=SENSORS), feed(found))
    return [event for events in steps for event in events if isinstance(event, Detection)]


def test_the_settings_weigh_every_term_and_measure_every_channel() -> None:
    evidence = building_config().evidence
    assert tuple(evidence.weights) == TERMS
    assert tuple(evidence.unit) == CHANNELS == QUANTITIES
    with pytest.raises(ConfigError, match="repeat_s"):
        building_config({"repeat_s": "soon"})


@pytest.mark.parametrize("seed", range(3))
def test_a_flaming_fire_is_said_after_it_began_with_what_rose(seed: int) -> None:
    found = course("flaming", seed)
    first = said(found)[0]
    assert (first.kind, first.place.zone, first.group) == ("fire-signature", "kitchen", "building@kitchen")
    assert first.t_us / 1e6 > 0
    assert first.text.startswith("NODE-1: ")
    assert "usual" in first.text
    assert 0.6 < first.confidence <= 1.0


@pytest.mark.parametrize("cause", ["quiet", "steam", "dust", "heating"])
def test_what_only_looks_like_fire_is_passed_over(cause: Cause) -> None:
    assert said(course(cause, 1)) == []


def test_gas_that_stays_is_said() -> None:
    leak = next(each for each in (course("lpg-leak", n) for n in range(9)) if each.values[:, 5].max() > 15)
    assert {each.kind for each in said(leak)} == {"gas"}
    assert "LPG" in said(leak)[0].text


def test_sprays_raise_fewer_gas_alarms_than_a_threshold_of_equal_delay() -> None:
    rooms = courses(("lpg-leak", "spray"), range(FIRST_TEST_SEED, FIRST_TEST_SEED + 12))
    stage = BuildingStage()
    ours = score(rooms, ("lpg-leak",), lambda found: said_at_s(found, "gas", stage))
    peer = equal_delay(rooms, ("lpg-leak",), gas_thresholds, ours.delay_s)
    assert ours.missed_share == 0.0
    assert ours.false_share < peer.false_share


def test_a_rule_that_speaks_too_early_finds_nothing() -> None:
    rooms = [course("flaming", 1), course("quiet", 1)]
    early = score(rooms, ("flaming",), lambda _course: 0.0)
    assert (early.false_share, early.missed_share) == (1.0, 1.0)
    never = score(rooms, ("flaming",), lambda _course: float("inf"))
    assert (never.false_share, never.missed_share) == (0.0, 1.0)
    usual = score(rooms, ("flaming",), fire_thresholds(1.0))
    assert (usual.false_share, usual.missed_share) == (0.0, 0.0)


def test_silence_of_one_quantity_stops_no_other() -> None:
    found = course("smouldering", 4)
    kept = [n for n, name in enumerate(QUANTITIES) if name != "humidity_pct"]
    rows: list[Row] = [
        ("node-1", QUANTITIES[n], t_s, float(values[n]))
        for t_s, values in zip(found.t_s.tolist(), found.values, strict=True)
        for n in kept
    ]
    steps, _ = run_stage(BuildingStage(sensors=SENSORS), feed_of(rows, "building", every_s=30.0))
    assert any(steps)


def test_the_generic_checks_hold() -> None:
    found = course("flaming", 0)
    until = found.t_s < found.t_begin_s + 400.0
    short = Course(found.cause, found.t_s[until], found.values[until], found.t_begin_s)
    check_stage(lambda: BuildingStage(sensors=SENSORS), feed(short)[20:])
