"""Principal components of a group with its recent past: each sensor is rebuilt from all, and blamed for what is left.

J. E. Jackson, G. S. Mudholkar, "Control procedures for residuals associated with principal component analysis",
Technometrics 21, 1979 (Q); W. Ku, R. H. Storer, C. Georgakis, "Disturbance detection and isolation by dynamic principal
component analysis", Chemometrics and Intelligent Laboratory Systems 30, 1995 (lags).
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = (
    "BLAMED",
    "GroupError",
    "GroupJudged",
    "GroupModel",
    "GroupRow",
    "GroupTrail",
    "begin_trail",
    "fit_group",
    "judge_group",
    "judge_row",
)

_F8 = NDArray[np.float64]

LAGS = 3
"""A row is looked at together with the two before it."""
SHARE = 0.95
"""So much of the variance is usual; what the components beyond it say is not."""
FIT_SHARE = 0.67
"""Of the rows that teach, so many make the model; the others, which it has not seen, set what is usual for it."""
SMOOTH_ROWS = 12
TAIL = 0.995
"""The bar is this quantile of what the rows that set the usual show."""
TRAIN_LEAST = 60
BLAMED = 3
STILL = 1e-9
WILD = 100.0
"""No error counts for more than so many times its usual square: one wild reading must not ring for days."""
ERROR_LEAST = 1e-3
"""In scales: a sensor that never moved while the rows taught is not judged by less."""


class GroupError(ValueError):
    """A group cannot be judged: the message says what is wrong and what is allowed."""


class GroupModel(Struct, frozen=True):
    """What is usual for c sensors.

    ``mean`` and ``scale`` (c,); ``rebuild`` (c, c x lags) gives what of the scaled row and those before it is *not*
    explained; ``error`` (c,) is its usual size for each sensor; ``bar`` is what the smoothed mean seldom exceeds.
    ``inside`` (c x lags, k) gives the k movements that are usually shared, each in its own spread; ``inside_bar`` is
    what their smoothed mean square, T2 divided by k, seldom exceeds.
    """

    mean: _F8
    scale: _F8
    rebuild: _F8
    error: _F8
    bar: float
    inside: _F8
    inside_bar: float


class GroupJudged(Struct, frozen=True):
    """What is said of n rows: ``score`` (n,) 0..1, at least 0.5 where ``alert`` (n,); ``blamed`` (n, up to 3) columns.

    ``shares`` (n, c) is how many times its usual square each sensor's error is, smoothed.
    """

    score: _F8
    alert: NDArray[np.bool_]
    blamed: NDArray[np.int64]
    shares: _F8


def fit_group(values: _F8) -> GroupModel:
    """Learn what is usual from n rows of c sensors (n, c), in order of time.

    :raises GroupError: fewer than 60 rows or no sensor.
    """
    n, c = values.shape
    if n < TRAIN_LEAST or c < 1:
        raise GroupError(
            f"{n} rows of {c} sensors to learn from; allowed are at least {TRAIN_LEAST} rows and 1 sensor"
        )
    first = int(n * FIT_SHARE)
    filled = _filled(values, np.zeros(c))
    mean, scale = filled[:first].mean(axis=0), filled[:first].std(axis=0)
    scale = np.where(scale > STILL * (1 + np.abs(mean)), scale, 1.0)
    lagged = _lagged((filled - mean) / scale)
    spread, axes = np.linalg.eigh(lagged[:first].T @ lagged[:first] / first)
    spread, axes = np.maximum(spread[::-1], 0.0), axes[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(spread), SHARE * spread.sum())) + 1
    rebuild = (np.eye(len(axes)) - axes[:, :kept] @ axes[:, :kept].T)[:c]
    left = lagged @ rebuild.T
    error = left[first:].std(axis=0) + ERROR_LEAST
    shares = _smooth(np.minimum(WILD, (left[first:] / error) ** 2))
    inside = axes[:, :kept] / np.sqrt(np.maximum(spread[:kept], STILL))
    within = _smooth(np.minimum(WILD, (lagged[first:] @ inside) ** 2))
    return GroupModel(
        mean, scale, rebuild, error, float(np.quantile(shares.mean(axis=1), TAIL)), inside,
        float(np.quantile(within.mean(axis=1), TAIL)),
    )  # fmt: skip


class GroupTrail(Struct):
    """What a model needs of the rows before: ``last`` (c,) readings, ``lags`` (2, c) scaled rows, smoothed squares."""

    last: _F8
    lags: _F8
    shares: _F8
    within: _F8


class GroupRow(Struct, frozen=True):
    """What is said of one row: ``q`` and ``t2`` in times of their bars; of each sensor (c,) how many times its usual
    square what is left of it is, in ``shares``, and how far it is from its mean, in ``far`` (scales).
    """

    q: float
    t2: float
    shares: _F8
    far: _F8


def begin_trail(model: GroupModel) -> GroupTrail:
    """Give the trail before the first row."""
    c, k = model.rebuild.shape[0], model.inside.shape[1]
    return GroupTrail(model.mean.copy(), np.zeros((LAGS - 1, c)), np.zeros(c), np.zeros(k))


def judge_row(model: GroupModel, trail: GroupTrail, values: _F8) -> GroupRow:
    """Judge one more row (c,), NaN where nothing was read; ``trail`` goes on.

    ``q`` says what does not fit together, ``t2`` what fits but is far out along what is usually shared. Beyond 1 is as
    rare as one in 200 of the rows that set the bar; what no row of them reached is beyond 1 by far.
    """
    trail.last = np.where(np.abs(values) < 1e30, values, trail.last)
    row = (trail.last - model.mean) / model.scale
    lagged = np.concatenate([row, *trail.lags])
    trail.lags = np.vstack([row, trail.lags[:-1]])
    rate = 2 / (SMOOTH_ROWS + 1)
    trail.shares = trail.shares + rate * (
        np.minimum(WILD, (model.rebuild @ lagged / model.error) ** 2) - trail.shares
    )
    trail.within = trail.within + rate * (np.minimum(WILD, (lagged @ model.inside) ** 2) - trail.within)
    q = float(trail.shares.mean()) / max(model.bar, 1e-12)
    return GroupRow(q, float(trail.within.mean()) / max(model.inside_bar, 1e-12), trail.shares, np.abs(row))


def judge_group(values: _F8, train: int) -> GroupJudged:
    """Judge each row of a group from it and those before it, the first ``train`` rows being usual.

    In plain words: what the sensors say together is rebuilt from the few movements that they usually share, with
    their last two rows. What cannot be rebuilt, smoothed over about twelve rows, is unusual; the sensors with most of
    it, each against its own usual error, are blamed.

    Limits: a change of all sensors along a movement that they usually share is not seen; a new way of operating is
    unusual until the model is learnt again; a slow season missing from the rows that teach raises false alarms. A
    missing cell is taken as the last value.

    Parameters: ``values`` (n, c), NaN where missing; ``train`` between 60 and n - 1.

    >>> random = np.random.default_rng(0)
    >>> base = np.cumsum(random.normal(size=900)) * 0.1
    >>> values = np.stack([base + 0.1 * random.normal(size=900) for _ in range(4)], axis=1)
    >>> values[700:, 2] = values[600:800, 2]
    >>> judged = judge_group(values, 500)
    >>> bool(judged.alert[760:].any()), int(np.bincount(judged.blamed[700:][judged.alert[700:], 0]).argmax())
    (True, 2)

    :raises GroupError: too few rows to learn from, or none left to judge.
    """
    if not TRAIN_LEAST <= train < len(values):
        most = max(TRAIN_LEAST, len(values) - 1)
        raise GroupError(f"{train} of {len(values)} rows to learn from; allowed are {TRAIN_LEAST} to {most}")
    model = fit_group(values[:train])
    lagged = _lagged((_filled(values, model.mean) - model.mean) / model.scale)
    shares = _smooth(np.minimum(WILD, (lagged @ model.rebuild.T / model.error) ** 2))
    size = shares.mean(axis=1)
    score = size / (size + max(model.bar, 1e-12))
    alert = score >= 0.5
    alert[:train] = False
    score[:train] = np.minimum(score[:train], 0.499999)
    blamed = np.argsort(-shares, axis=1, kind="stable")[:, :BLAMED]
    return GroupJudged(score, alert, blamed, shares)


def _filled(values: _F8, start: _F8) -> _F8:
    """Put the last value of the column where a cell is missing; ``start`` (c,) before the first."""
    filled = np.vstack([start, np.where(np.abs(values) < 1e30, values, np.nan)])
    last = np.maximum.accumulate(np.where(np.isnan(filled), 0, np.arange(len(filled))[:, None]), axis=0)
    return np.asarray(np.take_along_axis(filled, last, axis=0)[1:])


def _lagged(rows: _F8) -> _F8:
    """Put each row beside the ones before it: (n, c) to (n, c x lags); the first row stands for what was before."""
    parts = [np.vstack([np.repeat(rows[:1], lag, axis=0), rows[: len(rows) - lag]]) for lag in range(LAGS)]
    return np.hstack(parts)


def _smooth(squares: _F8) -> _F8:
    """Exponentially weighted mean of each column, from its first row on."""
    out, rate = np.empty_like(squares), 2 / (SMOOTH_ROWS + 1)
    level = squares[0]
    for i, row in enumerate(squares):
        level = level + rate * (row - level)
        out[i] = level
    return out
