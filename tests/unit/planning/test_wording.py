"""What is said aloud: short lists, whatever the language."""

import pytest

from s4allcities.planning.wording import LANGUAGES, gather_numbers, say_hold, say_leave


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["Sector 1"], ["Sector 1"]),
        (["Sector 2", "Sector 1", "Sector 2"], ["Sector 1–2"]),
        (["Sector 10", "Sector 9", "Sector 12"], ["Sector 9–10, 12"]),
        (["Hall", "Gate 3", "Gate 5"], ["Hall", "Gate 3, 5"]),
        (["7", "Hall 007"], ["7", "Hall 007"]),
        ([], []),
    ],
)
def test_numbers_are_drawn_together(names: list[str], said: list[str]) -> None:
    assert gather_numbers(names) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_forty_sectors_make_a_short_sentence(language: str) -> None:
    who = [f"Sector {number}" for number in range(1, 41)]
    assert "Sector 1–40" in say_leave(language, who, ["A"], nearest=False, exits=True)
    assert len(say_hold(language, who)) < 100
