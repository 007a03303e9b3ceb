"""Fits the weights of the building detector to simulated rooms, and prints them as TOML.

Penalised logistic regression by Newton's method over moments of training rooms: burning against everything else. Only
seeds below TRAIN_SEEDS are looked at; tests and benchmarks use seeds from 1000 on.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from s4allcities.detection.building import building_config
from s4allcities.detection.building.evidence import TERMS, Node, fire_terms, rises, take
from s4allcities.scenario.building import BENIGN, FIRES, LEAKS, Cause, Course, building_course

TRAIN_SEEDS = 60
CAUSES: tuple[Cause, ...] = (*FIRES, *LEAKS, *BENIGN)
SETTLED_S, SOON_S, LATE_S, BENIGN_S = 600.0, 60.0, 900.0, 1500.0
LEAST_RISE = 0.4
RIDGE = 2e-3

F8 = NDArray[np.float64]


def terms_of(course: Course) -> F8:
    """Give the terms (n, 12) at each moment of a course, as the detector would see them."""
    config, node, rows = building_config().evidence, Node(), []
    for t_s, values in zip(course.t_s.tolist(), course.values.tolist(), strict=True):
        t_us = round(t_s * 1e6)
        for channel, value in enumerate(values):
            take(node, channel, value, t_us, config)
        rows.append(fire_terms(rises(node, t_us, config)))
    return np.array(rows)


def sample(cause: Cause, course: Course) -> tuple[F8, F8, F8]:
    """Give terms, labels and weights: a fire counts once it can be seen; fires and all else weigh the same."""
    terms, since_s = terms_of(course), course.t_s - course.t_begin_s
    use = course.t_s > SETTLED_S
    if cause in FIRES:
        seen = (since_s > SOON_S) & (since_s < LATE_S) & (terms[:, 1:6].sum(axis=1) > LEAST_RISE)
        use &= (since_s < -1.0) | seen
    else:
        use &= since_s < BENIGN_S
    label = ((since_s > SOON_S) & (cause in FIRES)).astype(float)
    share = 1.0 / use.sum() / (len(FIRES) if cause in FIRES else len(BENIGN))
    return terms[use], label[use], np.full(int(use.sum()), share)


def fit(x: F8, y: F8, weight: F8) -> F8:
    """Give the weights that a penalised likelihood prefers."""
    weight, found, penalty = weight / weight.mean(), np.zeros(x.shape[1]), RIDGE * len(x)
    ridge = penalty * np.diag(np.r_[1e-9, np.ones(x.shape[1] - 1)])
    for _ in range(40):
        p = 1.0 / (1.0 + np.exp(-x @ found))
        slope = x.T @ (weight * (y - p)) - ridge @ found
        found = found + np.linalg.solve((x * (weight * p * (1 - p))[:, None]).T @ x + ridge, slope)
    return found


def main() -> int:
    """Fit and print."""
    parts = [
        sample(cause, building_course(cause, np.random.default_rng([seed, CAUSES.index(cause)])))
        for cause in CAUSES
        for seed in range(TRAIN_SEEDS)
    ]
    x, y, weight = (np.concatenate([part[n] for part in parts]) for n in range(3))
    print("[evidence.weights]")
    for name, value in zip(TERMS, fit(x, y, weight), strict=True):
        print(f"{name} = {value:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
