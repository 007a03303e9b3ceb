"""The quick cases of the validation hold; the page is written from results. All of them run in the slow tests."""

from pathlib import Path

import pytest

from s4allcities.simulation.crowd.validation import report_text, run_cases

KNOWN_NOT_TO_HOLD = {"IMO door flow"}
"""The engine lets 1.5 people a second through a door of 1 m; see the explanation of the crowd twin."""


@pytest.mark.parametrize(
    "name", ["RiMEA 1", "RiMEA 2", "RiMEA 3", "RiMEA 6", "RiMEA 10", "RiMEA 14", "smoke"]
)
def test_quick_cases_hold(name: str, tmp_path: Path) -> None:
    found = [each for each in run_cases(tmp_path, name, lambda _: None) if each.case.startswith(name)]
    assert found
    assert all(
        each.holds
        for each in found
        if not each.case.startswith(("RiMEA 11", "RiMEA 12", "RiMEA 13", "RiMEA 15"))
    )


def test_absent_data_are_said_to_be_absent(tmp_path: Path) -> None:
    found = run_cases(tmp_path, "Juelich", lambda _: None)
    assert [each.holds for each in found] == [None, None, None]
    assert "not at hand" in found[0].found
    assert "| not run |" in report_text(found)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_all_cases_hold() -> None:
    found = run_cases(None, "", lambda _: None)
    assert {each.case for each in found if each.holds is False} <= KNOWN_NOT_TO_HOLD
