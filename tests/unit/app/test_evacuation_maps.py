"""Plans on maps of real places, without hand work after the import."""

from pathlib import Path

import pytest

from s4allcities.app.bench.evacuation_maps import measure

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_everybody_has_a_way_on_every_map_and_the_plan_beats_the_nearest_exit() -> None:
    pytest.importorskip("osmium", reason="reading OpenStreetMap files needs the extra geo")
    found = measure(ROOT, lambda _: None)
    assert len(found) == 3
    at_hand = [each for each in found if each.value is not None]
    assert at_hand, "the station of Helsinki is in the checkout"
    for each in at_hand:
        assert each.value is not None
        assert each.value > 0, each.name
        assert "people, 0 without a way" in each.how


def test_a_map_that_is_not_at_hand_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("S4_TEST_DATA", str(tmp_path))
    helsinki, munich, bologna = measure(ROOT, lambda _: None)
    assert helsinki.value is not None
    assert munich.value is None
    assert "mf_underground.osm is not at hand" in munich.reason
    assert "joined_buslanes.net.xml is not at hand" in bologna.reason
