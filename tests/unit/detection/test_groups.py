import csv
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from s4allcities.detection.groups import GroupError, judge_group

DATA = (
    Path(os.environ.get("S4_TEST_DATA", Path(__file__).parents[4] / "shared" / "data")) / "cyber" / "batadal"
)
N, TRAIN = 1500, 900


def plant(seed: int = 0) -> NDArray[np.float64]:
    """Six sensors of two coupled quantities with a day, and one that stands still."""
    random = np.random.default_rng(seed)
    hour = np.arange(N) % 24
    inflow = 10 + 3 * np.sin(hour / 24 * 2 * np.pi) + random.normal(0, 0.3, N)
    level = np.convolve(inflow, np.ones(6) / 6, "same")
    columns = [inflow, 2 * inflow, level, -level, inflow + level, 0.5 * level, np.full(N, 7.0)]
    return np.stack([each + random.normal(0, 0.05, N) for each in columns[:-1]] + [columns[-1]], axis=1)


@pytest.mark.parametrize("sensor", [0, 2, 4])
@pytest.mark.parametrize("fault", ["frozen", "offset", "replayed"])
def test_a_false_sensor_is_found_and_named(sensor: int, fault: str) -> None:
    values = plant()
    span = slice(1200, 1300)
    values[span, sensor] = {
        "frozen": values[1200, sensor],
        "offset": values[span, sensor] + 2.0,
        "replayed": values[span, sensor][::-1],
    }[fault]
    judged = judge_group(values, TRAIN)
    assert judged.alert[span].mean() > 0.6
    assert (judged.blamed[span][judged.alert[span]] == sensor).any(axis=1).mean() > 0.8
    assert judged.alert[:TRAIN].sum() == 0
    assert judged.alert[TRAIN:1200].mean() < 0.1


def test_nothing_depends_on_what_comes_later() -> None:
    values = plant()
    values[1200:] += 5
    whole, part = judge_group(values, TRAIN), judge_group(values[:1210], TRAIN)
    assert np.allclose(whole.score[:1210], part.score)
    assert np.array_equal(whole.alert, whole.score >= 0.5)
    assert ((whole.score >= 0) & (whole.score <= 1)).all()


def test_missing_cells_are_taken_as_the_last_value() -> None:
    values = plant()
    values[1100:1104, 1] = np.nan
    values[0, 3] = np.nan
    values[500, 2] = np.inf
    judged = judge_group(values, TRAIN)
    assert np.isfinite(judged.score).all()


def test_too_few_rows_are_one_clear_line() -> None:
    for train in (0, 59, N, N + 1):
        with pytest.raises(GroupError, match="rows to learn from; allowed are 60 to 1499"):
            judge_group(plant(), train)


def table(name: str) -> tuple[list[str], NDArray[np.float64], NDArray[np.bool_]]:
    with (DATA / name).open() as file:
        header, *rows = csv.reader(file)
    names = [each.strip() for each in header[1:]]
    values = np.array([[float(each) for each in row[1:]] for row in rows])
    flag = names.index("ATT_FLAG")
    return names[:flag] + names[flag + 1 :], np.delete(values, flag, axis=1), values[:, flag] > 0


@pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data/cyber/batadal and no S4_TEST_DATA")
def test_every_attack_on_a_water_utility_is_found() -> None:
    """On dataset04, on which the settings were chosen; the test set is for the benchmark alone."""
    _, usual, _ = table("dataset03.csv")
    _, values, attacked = table("dataset04.csv")
    judged = judge_group(np.vstack([usual, values]), len(usual))
    alert = judged.alert[len(usual) :]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], attacked, [0]]).astype(int)))
    assert len(edges) == 14
    assert all(alert[a:b].any() for a, b in zip(edges[::2], edges[1::2], strict=True))
    assert alert[attacked].mean() > 0.85
    assert alert[~attacked].mean() < 0.12
