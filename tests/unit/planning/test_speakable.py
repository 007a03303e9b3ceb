"""Plans that can be said: no forks, few sentences, better than the nearest exit for all, approved ones preferred."""

import numpy as np
import pytest

from s4allcities.planning.graph import PlanArc, PlanGraph, PlanNode
from s4allcities.planning.queues import clearance_s, draw, route_times, route_times_python
from s4allcities.planning.speakable import Approved, SpeakablePlan, nearest_exit_s, speakable_plan
from s4allcities.planning.trees import TreeMaker
from s4allcities.planning.wording import LANGUAGES, say_avoid, say_hold, say_leave


def row_of_halls(halls: int = 8) -> PlanGraph:
    """Halls in a row; a wide exit at the far end, a narrow one in the middle where most people are."""
    nodes = [PlanNode(name=f"hall-{i}", zone=f"hall-{i}") for i in range(halls)]
    nodes += [PlanNode(name="street", safe=True), PlanNode(name="yard", safe=True)]
    arcs = []
    for i in range(halls - 1):
        for tail, head in ((i, i + 1), (i + 1, i)):
            arcs.append(PlanArc(tail=f"hall-{tail}", head=f"hall-{head}", transit_s=12.0, capacity_ps=8.0))
    for hall, goal, capacity, exit_ in ((halls // 2, "street", 1.0, "narrow"), (0, "yard", 6.0, "wide")):
        arcs.append(
            PlanArc(
                tail=f"hall-{hall}", head=goal, transit_s=20.0, capacity_ps=capacity, place=exit_, exit=exit_
            )
        )
    return PlanGraph(nodes=tuple(nodes), arcs=tuple(arcs))


PEOPLE = {f"hall-{i}": 100 for i in range(8)}


def spoken(**options: object) -> SpeakablePlan:
    return speakable_plan(
        row_of_halls(),
        PEOPLE,
        optimum_s=130.0,
        rng=np.random.default_rng(3),
        **options,  # type: ignore[arg-type]
    )


def test_the_plan_is_better_than_the_nearest_exit_and_has_no_fork() -> None:
    plan = spoken()
    assert plan.forks == 0
    assert plan.expected_s < 0.6 * plan.nearest_s
    assert plan.p90_s < plan.nearest_p90_s
    assert plan.p50_s <= plan.p90_s
    assert plan.nearest_s == pytest.approx(nearest_exit_s(row_of_halls(), PEOPLE))
    assert set(plan.exits) == set(PEOPLE)
    assert {zone for each in plan.sentences for zone in each.zones} == set(PEOPLE)
    assert plan.price_s == plan.expected_s - 130.0


def field_of_blocks(columns: int = 3, rows: int = 3) -> PlanGraph:
    """Blocks of a crowd in a grid, each joined to its neighbours; a gate north of each column."""
    nodes = [
        PlanNode(name=f"{c}{r}", zone=f"{c}{r}" if c == 0 else "")
        for c in range(columns)
        for r in range(rows)
    ]
    nodes.append(PlanNode(name="street", safe=True))
    arcs = []
    for c in range(columns):
        for r in range(rows):
            for there in ((c + 1, r), (c, r + 1)):
                if there[0] < columns and there[1] < rows:
                    one, other = f"{c}{r}", f"{there[0]}{there[1]}"
                    arcs += [
                        PlanArc(tail=tail, head=head, transit_s=15.0, capacity_ps=20.0)
                        for tail, head in ((one, other), (other, one))
                    ]
        arcs.append(
            PlanArc(tail=f"{c}{rows - 1}", head="street", transit_s=5.0, capacity_ps=2.0, exit=f"gate-{c}")
        )
    return PlanGraph(nodes=tuple(nodes), arcs=tuple(arcs))


def test_people_whose_ways_pass_one_another_are_still_shared_out() -> None:
    # All of a column are equally far from the next gate, so no surcharge on gates alone would part them.
    people = {f"0{row}": 300 for row in range(3)}
    plan = speakable_plan(field_of_blocks(), people, optimum_s=0.0, rng=np.random.default_rng(3))
    assert plan.nearest_s >= 450
    assert plan.expected_s <= 230
    assert plan.forks == 0
    assert len(set(plan.exits.values())) == 3


def test_few_sentences_do() -> None:
    assert len(spoken(most_sentences=1).sentences) == 1
    with pytest.raises(ValueError, match="allowed are 1 and above"):
        spoken(most_sentences=0)


def test_the_same_seed_gives_the_same_plan() -> None:
    assert spoken() == spoken()


def test_an_approved_plan_is_taken_while_it_is_good_enough() -> None:
    best = spoken()
    good = Approved(name="Plan 4", exits=best.exits)
    assert spoken(approved=[good]).approved == "Plan 4"
    bad = Approved(name="Plan 5", exits=dict.fromkeys(PEOPLE, ("narrow",)))
    assert spoken(approved=[bad]).approved == ""
    partial = Approved(name="Plan 6", exits={"hall-0": ("wide",)})
    assert spoken(approved=[partial]).approved == ""


def test_zones_without_a_way_are_named() -> None:
    graph = row_of_halls()
    island = PlanGraph(nodes=(*graph.nodes, PlanNode(name="attic", zone="attic")), arcs=graph.arcs)
    plan = speakable_plan(island, PEOPLE | {"attic": 5}, optimum_s=1.0, rng=np.random.default_rng(0))
    assert plan.stranded == ("attic",)


def test_every_forest_sends_each_node_one_way() -> None:
    maker = TreeMaker(row_of_halls().in_order())
    for narrow in (0.0, 50.0, 500.0):
        tree = maker.tree({"narrow": narrow})
        for place, arc in enumerate(tree.next_arc):
            assert arc < 0 or maker.tail[arc] == place
    assert maker.tree({}, without=["wide", "narrow"]).stranded == tuple(sorted(PEOPLE))


def test_the_fluid_keeps_to_capacity_and_its_twin_agrees() -> None:
    maker = TreeMaker(row_of_halls().in_order())
    share = {name: float(count) for name, count in maker.graph.spread(PEOPLE).items()}
    routes = maker.tree_routes(share, maker.tree({}))
    done, passed = route_times(routes, maker.transit_s, maker.capacity_ps)
    plain, passed_plain = route_times_python(routes, maker.transit_s, maker.capacity_ps)
    assert np.array_equal(done, plain)
    assert np.array_equal(passed, passed_plain)
    narrow = next(i for i, arc in enumerate(maker.graph.arcs) if arc.exit == "narrow")
    assert done.max() >= passed[narrow] / 1.0
    assert passed.max() <= sum(PEOPLE.values()) + 1e-6


def test_drawn_situations_spread_round_the_expected_one() -> None:
    maker = TreeMaker(row_of_halls().in_order())
    share = {name: float(count) for name, count in maker.graph.spread(PEOPLE).items()}
    routes = maker.tree_routes(share, maker.tree({}))
    draws = draw(len(routes.people), len(maker.graph.arcs), 40, np.random.default_rng(1))
    times = clearance_s(routes, maker.transit_s, maker.capacity_ps, draws)
    expected = route_times(routes, maker.transit_s, maker.capacity_ps)[0].max()
    assert times.min() < expected < times.max()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_who_and_where(language: str) -> None:
    for nearest, where in ((False, ["A"]), (False, ["A", "B"]), (True, ["A"])):
        said = say_leave(language, ["Hall", "Foyer"], where, nearest=nearest, exits=True)
        assert said.startswith("Hall ")
        assert ("A" in said[10:]) or nearest
        assert said.endswith(".")
        assert "{" not in said
    assert "Park" in say_leave(language, ["Hall"], ["Park"], nearest=False, exits=False)
    assert "J" in say_avoid(language, ["J"])
    but = say_avoid(language, ["J"], ["Hall", "Foyer"])
    assert all(word in but for word in ("J", "Hall", "Foyer"))
    assert "{" not in but
    assert "Hall" in say_hold(language, ["Hall"])


def test_the_languages_differ() -> None:
    assert len({say_leave(each, ["X"], ["A"], nearest=False, exits=True) for each in LANGUAGES}) == len(
        LANGUAGES
    )
