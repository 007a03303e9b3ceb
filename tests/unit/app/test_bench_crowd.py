"""The crowd's part of the evacuation benchmark: one hall for both engines, absent data and peers are said."""

from pathlib import Path

import numpy as np
import pytest

from s4allcities.app.bench import crowd
from s4allcities.app.bench.benches import PARTS


def test_the_crowd_contributes_to_the_evacuation_document() -> None:
    assert PARTS["evacuation"][-1] == "crowd"


def test_a_hall_holds_its_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "SMALL_STEPS", 3)
    hall = crowd._Hall.of(200)
    places = crowd._places(hall, 200)
    assert 150 <= len(places) <= 200
    assert crowd._ours_in_the_hall(hall, places, crowd._speeds(len(places))) > 0
    assert set(np.unique(crowd._nearest(hall, places))) == {0, 1, 2, 3}


def test_absent_peers_and_data_are_null_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "SMALL_STEPS", 2)
    monkeypatch.setenv("S4_TEST_DATA", str(tmp_path))
    ratio = crowd._hall_ratio(tmp_path, 1, lambda _: None)
    assert (ratio.value, ratio.holds) == (None, None)
    assert "bench-crowd.txt" in ratio.reason
    streets = crowd._streets(tmp_path, 1)
    assert streets.value is None
    assert "not at hand" in streets.reason
