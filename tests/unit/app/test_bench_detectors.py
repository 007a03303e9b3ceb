"""The parts of the detectors' benchmark that need neither recordings nor peers."""

from pathlib import Path

import numpy as np
import pytest

from s4allcities.app.bench import corpora, injected
from s4allcities.app.bench.checkout import BenchError
from s4allcities.app.bench.detectors import nab_results


def test_injected_attacks_lie_in_the_days_that_do_not_teach() -> None:
    for value in injected.simulated_series(3):
        made, starts, kinds = injected.inject(value, np.random.default_rng(1))
        changed = np.flatnonzero(made != value)
        assert changed.min() >= injected.LEARN_DAYS * injected.DAY
        assert len(starts) == len(kinds) == 10
        assert all(np.any((changed >= at) & (changed < at + injected.LENGTH)) for at in starts)


def test_without_recordings_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S4_TEST_DATA", str(tmp_path / "none"))
    with pytest.raises(BenchError, match="set S4_TEST_DATA"):
        corpora.data_folder(tmp_path)
    with pytest.raises(BenchError, match=r"combined_windows\.json"):
        nab_results(tmp_path)
    with pytest.raises(BenchError, match=r"test_dataset\.csv"):
        corpora.plant(tmp_path, "test_dataset.csv")


def test_a_plant_is_read_without_its_flag(tmp_path: Path) -> None:
    folder = tmp_path / "cyber" / "batadal"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(
        "DATETIME, L_T1, ATT_FLAG, F_PU1\n06/01/14 00,1.5,0,2\n06/01/14 01,1.6,1,3\n"
    )
    plant = corpora.plant(tmp_path, "a.csv")
    assert plant.names == ("L_T1", "F_PU1")
    assert plant.values.tolist() == [[1.5, 2.0], [1.6, 3.0]]
    assert plant.attacked.tolist() == [False, True]
