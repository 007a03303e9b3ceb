"""The floor field against sweeping in plain Python, and against lengths known by hand."""

import numpy as np
import pytest
import shapely

from s4allcities.simulation.crowd import GroundBuilder, solve_field
from s4allcities.simulation.crowd.fields import _cost, march_python


def two_levels(cell_m: float = 0.25) -> tuple[object, int, int]:
    builder = GroundBuilder(cell_m)
    wall = shapely.box(4, 0, 4.3, 5)
    low = builder.floor("low", shapely.box(0, 0, 10, 6).difference(wall))
    high = builder.floor("high", shapely.box(0, 0, 10, 6), 1)
    builder.flight("flight", (low, (9, 3), (1, 0)), (high, (1, 3), (-1, 0)), length_m=5.0, width_m=2.0)
    return builder.build(), low, high


def test_marching_is_sweeping() -> None:
    ground, low, _ = two_levels()
    goal = ground.cells_in(low, shapely.box(0, 0, 0.5, 0.5))  # type: ignore[attr-defined]
    field = solve_field(ground, goal)  # type: ignore[arg-type]
    r = ground.raster  # type: ignore[attr-defined]
    closed = np.zeros(r.n_cells, bool)
    plain = march_python(r.link, r.first_way, r.way, r.way_m, _cost(r), r.cell_m, closed, goal)
    known = np.isfinite(plain)
    np.testing.assert_array_equal(known, np.isfinite(field.distance_m))
    np.testing.assert_allclose(field.distance_m[known], plain[known], atol=2e-4)


def test_the_way_goes_round_the_wall_and_up_the_stairs() -> None:
    ground, low, high = two_levels()
    goal = ground.cells_in(high, shapely.box(9, 0, 10, 6))  # type: ignore[attr-defined]
    field = solve_field(ground, goal)  # type: ignore[arg-type]
    start = ground.cells_in(low, shapely.box(6, 2.9, 6.3, 3.2))  # type: ignore[attr-defined]
    # 3 m to the flight, 5 m of it, 8 m above; walls make it a little longer.
    assert field.distance_m[start].mean() == pytest.approx(16.0, rel=0.12)
    behind = ground.cells_in(low, shapely.box(3, 0.5, 3.5, 1))  # type: ignore[attr-defined]
    assert field.distance_m[behind].min() > 16.0 + 4.0


def test_closing_the_only_way_leaves_none() -> None:
    builder = GroundBuilder(0.25)
    floor = builder.floor("hall", shapely.box(0, 0, 10, 2))
    ground = builder.build()
    goal, blocked = ground.cells_in(floor, shapely.box(9, 0, 10, 2)), np.zeros(ground.raster.n_cells, bool)
    blocked[ground.cells_in(floor, shapely.box(5, 0, 6, 2))] = True
    field = solve_field(ground, goal, blocked)
    assert np.isinf(field.distance_m[ground.cells_in(floor, shapely.box(0, 0, 4, 2))]).all()


def test_a_thin_wall_between_two_rooms_is_not_leaked_through() -> None:
    builder = GroundBuilder(0.25)
    floor = builder.floor(
        "two rooms", shapely.union_all([shapely.box(0, 0, 4.95, 5), shapely.box(5.05, 0, 10, 5)])
    )
    ground = builder.build()
    field = solve_field(ground, ground.cells_in(floor, shapely.box(0, 0, 1, 1)))
    assert np.isinf(field.distance_m[ground.cells_in(floor, shapely.box(5.2, 0, 10, 5))]).all()
