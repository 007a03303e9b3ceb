"""What is said of a plan while it burns."""

from pathlib import Path

import pytest

from s4allcities.awareness.response.options import avoid_of, lines_of
from s4allcities.planning.speakable import Sentence, SpeakablePlan
from s4allcities.planning.wording import LANGUAGES
from s4allcities.site import Site, load_site


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(Path(__file__).parents[4] / "sites" / "helsinki-station")


def plan(exits: dict[str, tuple[str, ...]], *sentences: Sentence) -> SpeakablePlan:
    return SpeakablePlan(
        exits=exits, ways=(), expected_s=1.0, p50_s=1.0, p90_s=1.0, nearest_s=1.0, nearest_p90_s=1.0, price_s=0.0,
        approved="", forks=0, sentences=sentences, stranded=(),
    )  # fmt: skip


CLEAR = plan({"main-hall": ("exit-a",)}, Sentence(zones=("main-hall",), exits=("exit-a",), nearest=True))
THROUGH = plan(
    {"kitchen": ("exit-j",), "ticket-hall": ("exit-j",), "compass-hall": ("exit-b", "exit-e")},
    Sentence(
        zones=("kitchen", "ticket-hall", "compass-hall"), exits=("exit-b", "exit-e", "exit-j"), nearest=True
    ),
)


def test_who_is_led_through_the_hazard_is_told_the_exits_by_name(site: Site) -> None:
    first, *others = lines_of(site, CLEAR, [THROUGH])
    assert "nearest" in first.texts["en"]
    assert {line.zones: line.exits for line in others} == {
        ("kitchen", "ticket-hall"): ("exit-j",),
        ("compass-hall",): ("exit-b", "exit-e"),
    }
    for line in others:
        assert set(line.texts) == set(LANGUAGES)
        assert "nearest exit" not in line.texts["en"]
        assert all(f" {exit_[-1].upper()}" in line.texts["en"] for exit_ in line.exits)


def test_what_to_keep_off_is_not_said_to_those_who_must_use_it(site: Site) -> None:
    hall, kitchen = site.zone("ticket-hall").name, site.zone("kitchen").name
    said = avoid_of(site, ["exit-a", "exit-j"], [THROUGH])["en"]
    assert said == f"Everybody but {kitchen} and {hall}: do not use exit A or J."
    assert avoid_of(site, ["exit-a"], [THROUGH])["en"] == "Do not use exit A."
    assert avoid_of(site, [], [THROUGH]) == {}


def test_where_nobody_has_a_clear_way_all_exits_have_names(site: Site) -> None:
    assert all("nearest exit" not in line.texts["en"] for line in lines_of(site, None, [THROUGH]))
    assert lines_of(site, None, []) == []
