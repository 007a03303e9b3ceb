"""Smoke and ways on several levels."""

import numpy as np
import pytest
import shapely

from s4allcities.awareness.response.closures import smoke_covers
from s4allcities.simulation.smoke import SmokeField


@pytest.mark.parametrize(
    ("levels", "covered"),
    [((-1, -1, 0, 0), True), ((-3, -3, 0, 0), False), ((-3, -1, 0, 0), True), ((-3, -3, -1, 0), False)],
)
def test_smoke_covers_a_way_only_on_its_own_level(levels: tuple[int, ...], covered: bool) -> None:
    smoke = SmokeField(now={-1: shapely.box(4, -1, 6, 1)}, later={})
    way = np.array([(0.0, 0.0), (10.0, 0.0), (20.0, 0.0), (30.0, 0.0)])
    assert smoke_covers(smoke, way, levels) is covered


def test_a_single_point_is_no_way_through_smoke() -> None:
    smoke = SmokeField(now={0: shapely.box(0, 0, 5, 5)}, later={})
    assert smoke_covers(smoke, np.array([(1.0, 1.0)]), (0,)) is False
