"""The stage over groups of sensors: it learns from the first rows, names the culprit, and keeps the contract."""

import numpy as np
import pytest
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.groups import GroupsStage, groups_config
from s4allcities.domain import Detection, ObservationBatch, Series

T0_US = 1_790_000_000_000_000
N, TRAIN = 520, 240
SETTINGS = {"row_s": 1.0, "train_rows": TRAIN, "hold_rows": 80, "repeat_s": 5.0, "quantities": ["heat_c"]}


class Quantity(Struct, frozen=True):
    name: str


class Spec(Struct, frozen=True, kw_only=True):
    slug: str
    name: str = ""
    family: str = "env"
    zone: str = "hall"
    level: int = 0
    x_m: float = 0.0
    y_m: float = 0.0
    covers: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = (Quantity("heat_c"),)


SENSORS = {f"heat-{n:02d}": Spec(slug=f"heat-{n:02d}") for n in range(1, 7)}


def plant(seed: int = 0) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    shared = np.sin(np.arange(N) / 9.0) + 0.3 * np.sin(np.arange(N) / 4.0)
    return np.stack(
        [20 + gain * shared + random.normal(0, 0.05, N) for gain in (1, 2, 1, 0.5, 1.5, 1)], axis=1
    )


def feed_of(values: NDArray[np.float64], rows: int = 5) -> list[tuple[ObservationBatch, int]]:
    series = tuple(Series(sensor=slug, quantity="heat_c", unit="degC", zone="hall") for slug in SENSORS)
    c, out = len(series), []
    for first in range(0, len(values), rows):
        part = values[first : first + rows]
        seconds = np.repeat(np.arange(first, first + len(part)), c)
        batch = ObservationBatch(
            family="env", partition=0, series=series, series_ix=np.tile(np.arange(c, dtype=np.uint32), len(part)),
            t_us=T0_US + seconds * 1_000_000, value=part.ravel(), quality=np.zeros(part.size, np.uint8),
        )  # fmt: skip
        out.append((batch, T0_US + (first + len(part)) * 1_000_000))
    return out


def said(values: NDArray[np.float64]) -> list[Detection]:
    steps, _ = run_stage(GroupsStage(groups_config(SETTINGS), SENSORS), feed_of(values))
    return [each for events in steps for each in events if isinstance(each, Detection)]


def second(detection: Detection) -> int:
    return (detection.t_us - T0_US) // 1_000_000


def test_a_usual_group_is_left_alone() -> None:
    assert len(said(plant())) <= 3


@pytest.mark.parametrize("sensor", [0, 1, 4])
def test_the_sensor_that_does_not_fit_is_named(sensor: int) -> None:
    values = plant()
    values[400:440, sensor] = values[300:340, sensor] + 0.5
    found = [each for each in said(values) if 400 <= second(each) < 445]
    assert found
    assert {each.sensor for each in found} == {f"heat-{sensor + 1:02d}"}
    assert "does not fit the other 5 of heat_c" in found[0].text
    assert found[0].provenance[0] == found[0].sensor
    assert len(found[0].provenance) == 3


def test_all_together_too_far_out_is_told_though_they_fit() -> None:
    values = plant()
    shared = np.array([1, 2, 1, 0.5, 1.5, 1])
    values[400:440] += 6.0 * shared
    found = [each for each in said(values) if 400 <= second(each) < 445]
    assert any("together are further out than before" in each.text for each in found)


def test_a_new_way_of_operating_is_learnt_after_a_while() -> None:
    values = plant()
    values = np.vstack([values, values + np.array([0, 0, 5.0, 0, 0, 0])])
    found = [second(each) for each in said(values)]
    begun = [each for each in found if each >= N]
    assert begun
    assert max(begun) <= N + 80 + 1  # after ``hold_rows`` it is taken as usual


def test_a_member_that_never_spoke_is_not_missed() -> None:
    values = plant()
    values[:TRAIN, 3] = np.nan
    assert len(said(values)) <= 3


def test_who_is_left_out_is_in_no_group() -> None:
    stage = GroupsStage(groups_config(SETTINGS | {"left_out": ["heat-03/heat_c"]}), SENSORS)
    assert stage.members["heat_c"] == tuple(f"heat-{n:02d}/heat_c" for n in (1, 2, 4, 5, 6))


def test_it_keeps_the_contract_of_a_stage() -> None:
    values = plant()
    values[250:275, 1] += 3.0
    check_stage(lambda: GroupsStage(groups_config(SETTINGS), SENSORS), feed_of(values[:280], rows=9))
