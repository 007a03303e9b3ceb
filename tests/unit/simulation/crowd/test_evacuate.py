"""Evacuating generated sites: everybody is counted, plans are followed as far as people comply."""

import numpy as np
import pytest

from s4allcities.simulation.crowd.evacuate import evacuate
from s4allcities.simulation.crowd.export import jupedsim_document
from s4allcities.simulation.crowd.outcome import CrowdOptions
from s4allcities.simulation.crowd.plan_check import check_plan
from s4allcities.simulation.crowd.population import draw_groups, draw_speeds, premovement
from s4allcities.simulation.crowd.site_ground import SiteGround, build_site_ground
from s4allcities.simulation.crowd.smoke_effect import dose_rate_per_min, speed_factor
from s4allcities.site import load_site
from s4allcities.site.generate import generate_site

PEOPLE = {"office-302": 3, "office-351": 3, "council-chamber": 40, "lobby": 20}
QUICK = CrowdOptions(premovement_s=0.0)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> SiteGround:
    folder = tmp_path_factory.mktemp("sites") / "hall"
    generate_site("municipal", folder)
    return build_site_ground(load_site(folder))


def test_everybody_gets_out_from_all_storeys(hall: SiteGround) -> None:
    found = evacuate(hall, PEOPLE, options=QUICK)
    assert (found.people, found.left, found.stranded) == (66, 0, {})
    assert found.simulated
    assert sum(each.people for each in found.exits) == 66
    assert found.clearance_s is not None
    assert 40 < found.clearance_s < 180
    counts = [count for _, count in found.curve]
    assert counts == sorted(counts)
    assert counts[-1] == 66


def test_people_reach_assembly_points_later_than_exits(hall: SiteGround) -> None:
    found = evacuate(hall, {"lobby": 20}, options=CrowdOptions(premovement_s=0.0, until="assembly"))
    assert found.safe_s is not None
    assert found.clearance_s is not None
    assert found.safe_s > found.clearance_s


def test_the_same_seed_gives_the_same_result(hall: SiteGround) -> None:
    assert evacuate(hall, {"lobby": 30}, options=QUICK) == evacuate(hall, {"lobby": 30}, options=QUICK)


def test_a_plan_is_followed_as_far_as_people_comply(hall: SiteGround) -> None:
    check = check_plan(
        hall, {"lobby": 60}, {"lobby": {"west-entrance": 0.5, "east-entrance": 0.5}}, options=QUICK
    )
    by = {each.exit: each.people for each in check.planned["1"].exits}
    assert (by["west-entrance"], by["east-entrance"]) == (30, 30)
    loose = {each.exit: each.people for each in check.planned["0.7"].exits}
    assert 5 <= loose["main-entrance"] <= 32
    assert {each.exit: each.people for each in check.nearest.exits}["main-entrance"] == 60


def test_a_closed_exit_is_not_used(hall: SiteGround) -> None:
    shut = CrowdOptions(premovement_s=0.0, closed=("main-entrance",))
    found = {each.exit: each.people for each in evacuate(hall, {"lobby": 20}, options=shut).exits}
    assert found["main-entrance"] == 0
    later = CrowdOptions(premovement_s=0.0, close_later=((3.0, "main-entrance"),))
    found = {each.exit: each.people for each in evacuate(hall, {"lobby": 60}, options=later).exits}
    assert sum(found.values()) == 60
    assert found["main-entrance"] < 20


def test_smoke_slows(hall: SiteGround) -> None:
    clear = evacuate(hall, {"corridor-1": 5}, options=QUICK).clearance_s
    smoky = evacuate(
        hall, {"corridor-1": 5}, options=CrowdOptions(premovement_s=0.0, smoke={"corridor-1": 3.0})
    ).clearance_s
    assert clear is not None
    assert smoky is not None
    assert smoky > 1.3 * clear


@pytest.mark.parametrize(
    ("occupancy", "options", "words"),
    [
        ({"attic": 1}, QUICK, "no zone 'attic'"),
        ({"lobby": -1}, QUICK, "-1 people"),
        ({"lobby": float("nan")}, QUICK, "nan people"),
        ({"lobby": 1}, CrowdOptions(closed=("gate-z",)), "no exit or opening 'gate-z'"),
        ({"lobby": 1}, CrowdOptions(compliance=2.0), "compliance is 2"),
        ({"lobby": 1}, CrowdOptions(population="martians"), "allowed are public, laboratory"),
        ({"lobby": 1}, CrowdOptions(smoke={"attic": 1.0}), "zone 'attic'"),
    ],
)
def test_wrong_input_is_refused(
    hall: SiteGround, occupancy: dict[str, float], options: CrowdOptions, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        evacuate(hall, occupancy, options=options)


def test_nobody_is_an_answer(hall: SiteGround) -> None:
    found = evacuate(hall, {}, options=QUICK)
    assert (found.people, found.clearance_s, found.left) == (0, 0.0, 0)


def test_the_export_holds_every_level(hall: SiteGround) -> None:
    document = jupedsim_document(hall)
    assert [each["level"] for each in document["levels"]] == [0, 1, 2, 3]
    assert set(document["levels"][0]["exits"]) == {"main-entrance", "west-entrance", "east-entrance"}
    assert document["levels"][0]["walkable_wkt"].startswith(("POLYGON", "MULTIPOLYGON"))
    assert len(document["flights"]) == 6


def test_people_are_drawn_within_their_bounds() -> None:
    rng = np.random.default_rng(0)
    speeds = draw_speeds(2000, rng)
    assert 0.43 <= speeds.min() <= speeds.max() <= 1.85
    assert np.median(premovement(2000, rng, 30.0)) == pytest.approx(30.0, rel=0.1)
    group = draw_groups(2000, rng, 0.5)
    sizes = np.bincount(group[group >= 0])
    assert 0.4 < (group >= 0).mean() < 0.6
    assert sizes[:-1].min() >= 2
    with pytest.raises(ValueError, match="no age class"):
        draw_speeds(3, rng, {"elves": 1.0})


def test_smoke_relations_have_their_check_values() -> None:
    assert float(speed_factor(3.0, "lund")) == pytest.approx(0.7578, abs=1e-4)
    assert float(speed_factor(3.0)) == pytest.approx(0.3333, abs=1e-4)
    assert float(speed_factor(1000.0, "lund")) == 0.1
    assert 30 * dose_rate_per_min(co_ppm=35_000 / 30) == pytest.approx(1.0)
    for bad in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="allowed are 0 and above"):
            speed_factor(bad)
