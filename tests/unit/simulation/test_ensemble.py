"""The ensemble: the compiled run is the plain one, more doors never take longer, bad input is refused."""

import numpy as np
import pytest

from s4allcities.simulation.ensemble import Spread, build_network, run_ensemble, transmit_python
from s4allcities.site import Site, load_site
from s4allcities.site.generate import generate_site

PEOPLE = {"council-chamber": 60, "lobby": 40, "office-301": 3}


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("sites") / "hall"
    generate_site("municipal", folder)
    return load_site(folder)


def test_the_compiled_run_is_the_plain_one(hall: Site) -> None:
    compiled = run_ensemble(hall, PEOPLE, rng=np.random.default_rng(1), runs=5, limit_s=600)
    plain = run_ensemble(hall, PEOPLE, rng=np.random.default_rng(1), runs=5, limit_s=600, run=transmit_python)
    assert compiled == plain
    assert compiled.p50_s is not None
    assert compiled.p95_s is not None
    assert 30 < compiled.p50_s <= compiled.p95_s < 600


def test_every_zone_has_a_way_without_circles(hall: Site) -> None:
    net = build_network(hall)
    for e in range(len(net.exits)):
        for start in range(len(net.zones)):
            seen, z = set(), start
            while z >= 0:
                assert z not in seen
                assert net.link[z, e] >= 0
                seen.add(z)
                z = int(net.head[z, e])


def test_more_people_and_fewer_exits_take_longer(hall: Site) -> None:
    def median(people: dict[str, float], closed: tuple[str, ...] = ()) -> float:
        still = Spread(count=0, capacity=0, speed=0, median_log_sigma=0, premovement_s=0)
        found = run_ensemble(hall, people, rng=np.random.default_rng(0), runs=1, spread=still, closed=closed)
        assert found.p50_s is not None
        return found.p50_s

    base = median({"lobby": 100})
    assert median({"lobby": 300}) > base
    assert median({"lobby": 100}, closed=("main-entrance",)) > base
    # No model beats the door: 100 people through the entrance's capacity.
    net = build_network(hall)
    door = net.capacity_ps[net.link[net.zones.index("lobby"), net.exits.index("main-entrance")]]
    assert base >= 100 / door - 2


def test_the_spread_goes_with_what_is_uncertain(hall: Site) -> None:
    only = Spread(count=0.0, capacity=0.0, speed=0.0, median_log_sigma=0.6, compliance=(1.0, 1.0))
    found = run_ensemble(hall, PEOPLE, rng=np.random.default_rng(2), runs=100, spread=only)
    assert found.sensitivity["premovement"] > 0.95


def test_who_has_no_way_is_named(hall: Site) -> None:
    shut = ("main-entrance", "west-entrance", "east-entrance")
    found = run_ensemble(hall, {"lobby": 5}, rng=np.random.default_rng(0), runs=2, closed=shut)
    assert (found.unreachable, found.people) == (("lobby",), 0)


@pytest.mark.parametrize(
    ("people", "more", "words"),
    [
        ({"attic": 3}, {}, "no indoor zone 'attic'"),
        ({"lobby": -3}, {}, "-3 people"),
        ({"lobby": float("nan")}, {}, "nan people"),
        ({"lobby": 3}, {"runs": 0}, "runs is 0"),
        ({"lobby": 3}, {"closed": ("gate-z",)}, "no exit or opening 'gate-z'"),
        ({"lobby": 3}, {"shares": {"lobby": {"gate-z": 1.0}}}, "sends zone 'lobby' to 'gate-z'"),
    ],
)
def test_wrong_input_is_refused(
    hall: Site, people: dict[str, float], more: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        run_ensemble(hall, people, rng=np.random.default_rng(0), **more)  # type: ignore[arg-type]
