"""The compiled step against the plain one, and what every run must keep."""

import numpy as np
import pytest
import shapely

from s4allcities.simulation.crowd import PUBLIC, Crowd, Ground, GroundBuilder, People
from s4allcities.simulation.crowd.plain import plain_step


def hall(width: float = 12.0) -> tuple[Ground, int]:
    builder = GroundBuilder(0.25)
    floor = builder.floor(
        "hall",
        shapely.union_all([shapely.box(0, 0, width, 8), shapely.box(width - 0.1, 3.4, width + 1, 4.6)]),
    )
    return builder.build(), floor


def crowd_in(ground: Ground, floor: int, count: int = 60, seed: int = 3, workers: int = 1) -> Crowd:
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(0.6, 11.5, 0.7), np.arange(0.6, 7.6, 0.7))
    places = np.column_stack([x.ravel(), y.ravel()])
    places = places[rng.permutation(len(places))[:count]]
    people = People.at(places, free_mps=rng.uniform(0.8, 1.6, count), start_s=rng.uniform(0, 2, count))
    goal = ground.cells_in(floor, shapely.box(12.5, 3.4, 13, 4.6))
    return Crowd(ground, people, [goal], seed=seed, workers=workers)


def test_the_compiled_step_is_the_plain_one() -> None:
    ground, floor = hall()
    crowd = crowd_in(ground, floor)
    compared = 0
    for _ in range(120):
        wanted = plain_step(crowd)
        here = crowd.here
        crowd.advance()
        for i in here:
            assert (crowd.x[i], crowd.y[i]) == pytest.approx(wanted[int(i)], abs=1e-5)
            compared += 1
    assert compared > 5000


def two_ways(each: int = 50, width_m: float = 1.8) -> tuple[Crowd, Ground]:
    """Two rooms joined by a narrow corridor; the people of each want to leave by the other."""
    builder = GroundBuilder(0.25)
    neck = shapely.box(9.9, 4 - width_m / 2, 16.1, 4 + width_m / 2)
    floor = builder.floor(
        "rooms", shapely.union_all([shapely.box(0, 0, 10, 8), neck, shapely.box(16, 0, 26, 8)])
    )
    ground = builder.build()
    goals = [
        ground.cells_in(floor, shapely.box(25, 0, 26, 8)),
        ground.cells_in(floor, shapely.box(0, 0, 1, 8)),
    ]
    x, y = np.meshgrid(np.arange(2.0, 9.0, 0.8), np.arange(0.6, 7.6, 0.8))
    west = np.column_stack([x.ravel(), y.ravel()])[:each]
    east = np.column_stack([26.0 - west[:, 0], west[:, 1]])
    goal = np.repeat([0, 1], len(west)).astype(np.int32)
    return Crowd(ground, People.at(np.concatenate([west, east]), goal=goal), goals, seed=5), ground


def test_people_who_meet_in_a_narrow_corridor_slip_by_one_another() -> None:
    crowd, ground = two_ways()
    while crowd.now_s < 300 and len(crowd.here):
        crowd.advance()
        assert shapely.intersects_xy(ground.areas[0], crowd.x, crowd.y).all()
    assert crowd.gone() == 100


def test_the_compiled_step_is_the_plain_one_in_counterflow() -> None:
    crowd, _ = two_ways(30)
    crowd.run(8.0)
    crept = 0
    for _ in range(60):
        wanted = plain_step(crowd)
        here = crowd.here
        crept += int((crowd.speed[here] < 0.15).sum())
        crowd.advance()
        for i in here:
            assert (crowd.x[i], crowd.y[i]) == pytest.approx(wanted[int(i)], abs=1e-5)
    assert crept > 100


def test_the_same_seed_gives_the_same_run_whatever_the_threads() -> None:
    ground, floor = hall(60.0)
    runs = []
    for workers in (1, 3):
        x, y = np.meshgrid(np.arange(0.6, 50, 0.6), np.arange(0.6, 7.6, 0.6))
        places = np.column_stack([x.ravel(), y.ravel()])
        goal = ground.cells_in(floor, shapely.box(60.5, 3.4, 61, 4.6))
        crowd = Crowd(ground, People.at(places), [goal], seed=4, workers=workers)
        crowd.run(5.0)
        runs.append((crowd.x.copy(), crowd.y.copy()))
    np.testing.assert_array_equal(runs[0], runs[1])


def test_everybody_leaves_and_nobody_leaves_the_floor() -> None:
    ground, floor = hall()
    crowd = crowd_in(ground, floor, 100)
    area = ground.areas[0]
    while crowd.now_s < 120 and len(crowd.here):
        crowd.advance()
        assert shapely.intersects_xy(area, crowd.x, crowd.y).all()
        assert (crowd.speed <= crowd.free + PUBLIC.wall_gap_m / crowd.dt_s).all()
    assert crowd.gone() == 100
    assert (crowd.out_s > crowd.start_s).all()


def test_a_closed_door_turns_people_round() -> None:
    builder = GroundBuilder(0.25)
    parts = [shapely.box(0, 0, 20, 6), shapely.box(-1, 2, 0.1, 4), shapely.box(19.9, 2, 21, 4)]
    floor = builder.floor("hall", shapely.union_all(parts))
    ground = builder.build()
    west, east = (
        ground.cells_in(floor, shapely.box(-1, 2, -0.5, 4)),
        ground.cells_in(floor, shapely.box(20.5, 2, 21, 4)),
    )
    crowd = Crowd(ground, People.at(np.array([[4.0, 3.0]])), [np.concatenate([west, east])])
    crowd.run(1.0)
    assert crowd.x[0] < 4.0
    crowd.close(ground.cells_in(floor, shapely.box(-1, 2, 0, 4)))
    crowd.run(60.0)
    assert crowd.gone() == 1
    assert crowd.x[0] > 19.0


def test_wrong_people_are_refused() -> None:
    ground, floor = hall()
    goal = ground.cells_in(floor, shapely.box(12.5, 3.4, 13, 4.6))
    with pytest.raises(ValueError, match="stands off the ground"):
        Crowd(ground, People.at(np.array([[50.0, 50.0]])), [goal])
    with pytest.raises(ValueError, match="goal is outside 0"):
        Crowd(ground, People.at(np.array([[5.0, 5.0]]), goal=3), [goal])
    with pytest.raises(ValueError, match="a goal has no cell"):
        Crowd(ground, People.at(np.array([[5.0, 5.0]])), [goal[:0]])


def test_a_group_keeps_together() -> None:
    builder = GroundBuilder(0.5)
    floor = builder.floor("hall", shapely.box(0, 0, 120, 8))
    ground = builder.build()
    goal = ground.cells_in(floor, shapely.box(119, 0, 120, 8))
    places, free = np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 6.0]]), np.array([0.8, 1.2, 1.6])
    spread = []
    for group in (-1, 0):
        crowd = Crowd(ground, People.at(places, free_mps=free, group=group), [goal])
        crowd.run(40.0)
        spread.append(float(np.ptp(crowd.x)))
    assert spread[0] > 25.0
    assert spread[1] < 8.0
