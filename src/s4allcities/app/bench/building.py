"""The building detector beside thresholds alone: false alarms at the same delay, in simulated rooms."""

from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.detection.building import BuildingStage, building_config
from s4allcities.domain import Detection, ObservationBatch, Series
from s4allcities.scenario.building import BENIGN, FIRES, LEAKS, QUANTITIES, Cause, Course, building_course

from .results import Result, Say, at_most, measured

__all__ = (
    "FIRST_TEST_SEED",
    "SETTLED_S",
    "Alarm",
    "Score",
    "building_results",
    "courses",
    "equal_delay",
    "fire_thresholds",
    "gas_thresholds",
    "said_at_s",
    "score",
)

FIRST_TEST_SEED = 1000
"""Below lie the seeds that the weights were fitted to."""

SETTLED_S = 600.0
_T0_US = 1_790_000_000_000_000
_FIRE_LEVELS = {"smoke_pct_m": 4.0, "co_ppm": 50.0, "flame": 0.5}
_HEAT_C, _HEAT_FROM_C = 58.0, 20.0
_SCALES = np.round(np.geomspace(0.25, 3.0, 40), 3).tolist()
"""Thresholds of usual detectors (point smoke and CO detectors, class A1 heat), all moved by one factor."""


class Score(Struct, frozen=True):
    """``false_share`` of benign courses with an alarm; ``delay_s`` the median from the start of what is dangerous, a
    missed one counted as never; ``missed_share``.
    """

    false_share: float
    delay_s: float
    missed_share: float


Alarm = Callable[[Course], float]
"""When a rule first speaks, seconds since a course's start; infinite if it never does."""


def courses(causes: Sequence[Cause], seeds: range, wear: float = 1.0) -> list[Course]:
    """Make a course of each cause for each seed."""
    return [
        building_course(cause, np.random.default_rng([seed, index]), wear=wear)
        for index, cause in enumerate(causes)
        for seed in seeds
    ]


def said_at_s(course: Course, kind: str, stage: BuildingStage) -> float:
    """Give when the stage first says ``kind`` of a course, as a node's readings come in one by one."""
    state = stage.start()
    series = tuple(Series(sensor="node-1", quantity=name, zone="hall") for name in QUANTITIES)
    index, none = np.arange(len(series), dtype=np.uint32), np.zeros(len(series), np.uint8)
    for t_s, values in zip(course.t_s.tolist(), course.values, strict=True):
        t_us = _T0_US + round(t_s * 1e6)
        batch = ObservationBatch(
            family="building",
            partition=0,
            series=series,
            series_ix=index,
            t_us=np.full(len(series), t_us, np.int64),
            value=values,
            quality=none,
        )
        events = stage.step(state, batch, t_us)
        if any(isinstance(each, Detection) and each.kind == kind for each in events):
            return float(t_s)
    return inf


def score(found: Sequence[Course], dangerous: Sequence[Cause], alarm: Alarm) -> Score:
    """Judge a rule. An alarm before the dangerous thing begins is a false one and finds nothing."""
    delays, wrong = [], []
    for course in found:
        after_s = alarm(course) - course.t_begin_s
        if course.cause in dangerous:
            delays.append(after_s if after_s >= 0 else inf)
        elif course.cause in BENIGN:
            wrong.append(after_s < inf)
    return Score(float(np.mean(wrong)), float(np.median(delays)), float(np.mean(np.isinf(delays))))


def _first_s(course: Course, hit: NDArray[np.bool_]) -> float:
    rows = np.flatnonzero(hit & (course.t_s > SETTLED_S))
    return float(course.t_s[rows[0]]) if len(rows) else inf


def fire_thresholds(scale: float) -> Alarm:
    """Any one of smoke, CO, heat and flame above its threshold, all thresholds moved by ``scale``."""

    def alarm(course: Course) -> float:
        column = {name: course.values[:, n] for n, name in enumerate(QUANTITIES)}
        hit = column["temperature_c"] > _HEAT_FROM_C + scale * (_HEAT_C - _HEAT_FROM_C)
        for name, level in _FIRE_LEVELS.items():
            hit |= column[name] > scale * level
        return _first_s(course, hit)

    return alarm


def gas_thresholds(scale: float) -> Alarm:
    """LPG or CNG above a tenth of the lower explosion limit, moved by ``scale``."""
    return lambda course: _first_s(course, course.values[:, 5:7].max(axis=1) > 10.0 * scale)


def equal_delay(
    found: Sequence[Course], dangerous: Sequence[Cause], rule: Callable[[float], Alarm], delay_s: float
) -> Score:
    """Give the thresholds' score at the scale whose median delay is nearest to ``delay_s`` without being longer."""
    scores = [score(found, dangerous, rule(scale)) for scale in _SCALES]
    within = [each for each in scores if each.delay_s <= delay_s] or [
        min(scores, key=lambda each: each.delay_s)
    ]
    return max(within, key=lambda each: each.delay_s)


def building_results(_root: Path, runs: int, say: Say) -> list[Result]:
    """Measure fires and leaks, and fires again with worn nodes (lag and noise doubled), which nothing was fitted to."""
    out: list[Result] = []
    for name, kind, dangerous, rule, wear in (
        ("building.fire", "fire-signature", FIRES, fire_thresholds, 1.0),
        ("building.fire_worn", "fire-signature", FIRES, fire_thresholds, 2.0),
        ("building.gas", "gas", LEAKS, gas_thresholds, 1.0),
    ):
        say(f"building: {name}")
        pairs = []
        for run in range(runs):
            seeds = range(FIRST_TEST_SEED + 20 * run, FIRST_TEST_SEED + 20 * (run + 1))
            found = courses((*dangerous, *BENIGN), seeds, wear)
            stage = BuildingStage(building_config())
            ours = score(found, dangerous, lambda course, s=stage, k=kind: said_at_s(course, k, s))  # type: ignore[misc]
            pairs.append((ours, equal_delay(found, dangerous, rule, ours.delay_s)))
        out += _results(name, pairs)
    return out


def _results(name: str, pairs: list[tuple[Score, Score]]) -> list[Result]:
    ours, peers = zip(*pairs, strict=True)
    shares = [each.false_share for each in ours]
    peer = float(np.median([each.false_share for each in peers]))
    first = measured(
        f"{name}_false_share",
        shares,
        "share of benign courses",
        how="simulated rooms, unseen seeds, 20 of each cause a run; thresholds moved to the same median delay",
        goal=at_most(round(peer, 3)),
        digits=3,
    )
    return [
        Result(
            **{
                field: getattr(first, field)
                for field in ("name", "value", "unit", "goal", "holds", "runs", "how")
            },
            peer="thresholds alone",
            peer_value=round(peer, 3),
            ratio=round(float(np.median(shares)) / peer, 3) if peer else None,
        ),
        measured(
            f"{name}_delay_s", [each.delay_s for each in ours], "s", how="median from its start", digits=1
        ),
        measured(
            f"{name}_missed_share",
            [each.missed_share for each in ours],
            "share",
            how="within an hour",
            digits=3,
        ),
    ]
