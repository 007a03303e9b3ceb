"""The plan as a whole: times, proofs, classes, waiting sectors, order of input, counts that make no sense."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s4allcities.planning.counts import clean_counts
from s4allcities.planning.evacuation import EvacuationPlan, PriorityClass, plan_evacuation
from s4allcities.planning.graph import PlanArc, PlanGraph, PlanNode

INF = float("inf")


def both_ways(tail: str, head: str, transit_s: float, capacity_ps: float, place: str = "") -> list[PlanArc]:
    """Two arcs; the one from tail to head leads out if the place is an exit."""
    out = place if place.startswith("exit") else ""
    return [
        PlanArc(tail=tail, head=head, transit_s=transit_s, capacity_ps=capacity_ps, place=place, exit=out),
        PlanArc(tail=head, head=tail, transit_s=transit_s, capacity_ps=capacity_ps, place=place),
    ]


def station() -> PlanGraph:
    """Two halls, two exits; the north hall's exit is the narrower; a step-free ramp beside it."""
    nodes = (
        PlanNode(name="north", zone="north"),
        PlanNode(name="south", zone="south"),
        PlanNode(name="street-a"),
        PlanNode(name="street-b"),
        PlanNode(name="park", safe=True),
    )
    arcs = [
        *both_ways("north", "street-a", 6.0, 1.0, "exit-a"),
        *both_ways("south", "street-b", 6.0, 2.0, "exit-b"),
        *both_ways("north", "south", 20.0, 3.0, "passage"),
        *both_ways("street-a", "park", 30.0, INF),
        *both_ways("street-b", "park", 40.0, INF),
    ]
    stairs = msgspec.structs.replace(arcs[4], step_free=False)
    return PlanGraph(nodes=nodes, arcs=(*arcs[:4], stairs, *arcs[5:]))


PEOPLE = {"north": 200, "south": 100}


def plain(plan: EvacuationPlan) -> bytes:
    """Everything but the time it took."""
    return msgspec.json.encode(msgspec.structs.replace(plan, compute_ms=0.0))


def test_people_go_where_they_are_through_first() -> None:
    plan = plan_evacuation(station(), PEOPLE)
    assert plan.people == 300
    assert sum(group.people for group in plan.groups) == 300
    by_exit = {exit_: sum(g.people for g in plan.groups if g.exit == exit_) for exit_ in ("exit-a", "exit-b")}
    assert by_exit["exit-b"] > 180  # half of the north hall leaves by the wider exit of the south hall
    assert plan.clearance_s <= 150
    assert plan.earliest
    assert plan.rounding_s < 15


def test_the_proof_names_both_exits() -> None:
    proof = plan_evacuation(station(), PEOPLE).proof
    assert proof is not None
    assert proof.proven
    assert {each.place for each in proof.bottlenecks} == {"exit-a", "exit-b"}
    assert proof.at_most < proof.people == 300


def test_the_order_of_input_changes_nothing() -> None:
    graph = station()
    first = plain(plan_evacuation(graph, PEOPLE))
    for seed in range(5):
        rng = random.Random(seed)
        nodes, arcs = list(graph.nodes), list(graph.arcs)
        rng.shuffle(nodes)
        rng.shuffle(arcs)
        shuffled = PlanGraph(nodes=tuple(nodes), arcs=tuple(arcs))
        again = plan_evacuation(shuffled, dict(sorted(PEOPLE.items(), reverse=seed % 2 == 0)))
        assert plain(again) == first


def test_a_closed_exit_and_a_live_capacity_change_the_plan() -> None:
    closed = plan_evacuation(station().without(["exit-a"]), PEOPLE)
    assert {group.exit for group in closed.groups} == {"exit-b"}
    wider = plan_evacuation(station().without([], {"exit-a": 4.0}), PEOPLE)
    usual = plan_evacuation(station(), PEOPLE)
    assert wider.clearance_s < usual.clearance_s < closed.clearance_s
    unknown = plan_evacuation(station().without([], {"exit-a": float("nan")}), PEOPLE)
    assert plain(unknown) == plain(usual)


def test_zones_without_a_way_are_named() -> None:
    plan = plan_evacuation(station().without(["exit-a", "exit-b"]), PEOPLE)
    assert plan.stranded == PEOPLE
    assert plan.groups == ()
    assert plan.proof is None


def test_a_sector_that_waits_starts_later() -> None:
    plan = plan_evacuation(station(), PEOPLE, ready_s={"north": 120.0})
    north = [group for group in plan.groups if group.zone == "north"]
    assert min(group.departs_s for group in north) >= 120.0


def test_the_first_class_goes_as_if_alone_and_the_price_is_told() -> None:
    wheels = PriorityClass(name="wheelchairs", people={"south": 60}, step_free=True)
    plan = plan_evacuation(station(), PEOPLE, classes=[wheels])
    alone = plan_evacuation(station(), {"south": 60})
    assert plan.classes["wheelchairs"] == alone.clearance_s
    assert plan.people == 360
    assert plan.price_s >= 0
    north = PriorityClass(name="wheelchairs", people={"north": 60}, step_free=True)
    groups = plan_evacuation(station(), {}, classes=[north]).groups
    assert {group.exit for group in groups} == {"exit-a"}  # the passage to the south has steps


def test_an_assembly_point_that_fills_up_sends_people_on() -> None:
    nodes = (
        PlanNode(name="hall", zone="hall"),
        PlanNode(name="near", safe=True, capacity=50),
        PlanNode(name="far", safe=True),
    )
    arcs = (
        PlanArc(tail="hall", head="near", transit_s=10.0, capacity_ps=2.0),
        PlanArc(tail="hall", head="far", transit_s=60.0, capacity_ps=2.0),
    )
    plan = plan_evacuation(PlanGraph(nodes=nodes, arcs=arcs), {"hall": 90})
    by_place = {safe: sum(g.people for g in plan.groups if g.safe == safe) for safe in ("near", "far")}
    assert by_place == {"near": 50, "far": 40}
    assert plan.proof is not None
    assert plan.proof.proven
    full = plan_evacuation(PlanGraph(nodes=nodes[:2], arcs=arcs[:1]), {"hall": 90})
    assert full.stranded == {"hall": 40}


def test_more_time_is_given_to_those_who_have_a_way() -> None:
    plan = plan_evacuation(station(), {"north": 5000}, horizon_s=60.0)
    assert plan.stranded == {}
    assert plan.people == 5000


def test_an_empty_place_has_an_empty_plan() -> None:
    plan = plan_evacuation(PlanGraph(nodes=(), arcs=()), {})
    assert (plan.clearance_s, plan.people, plan.groups, plan.stranded) == (0.0, 0, (), {})
    nobody = plan_evacuation(station(), {})
    assert (nobody.clearance_s, nobody.people) == (0.0, 0)


def test_a_place_of_fifty_thousand_nodes_is_planned() -> None:
    count = 50_000
    nodes = [PlanNode(name=f"n{i:05}", zone=f"z{i:05}" if i % 1000 == 0 else "") for i in range(count)]
    nodes[-1] = PlanNode(name=nodes[-1].name, safe=True)
    arcs = [
        PlanArc(tail=f"n{i:05}", head=f"n{i + 1:05}", transit_s=0.01, capacity_ps=5.0)
        for i in range(count - 1)
    ]
    plan = plan_evacuation(PlanGraph(nodes=tuple(nodes), arcs=tuple(arcs)), {"z00000": 100, "z01000": 50})
    assert plan.people == 150


@given(
    st.dictionaries(
        st.sampled_from(["north", "south", "attic", "moon"]),
        st.one_of(st.floats(), st.integers(-5, 10**7), st.none(), st.text(max_size=3)),
    )
)
@settings(deadline=None, max_examples=60)
def test_any_counts_whatever_give_a_plan(counts: dict[str, object]) -> None:
    cleaned = clean_counts(counts, ["north", "south"], assumed={"north": 30})
    assert set(cleaned.people) == {"north", "south"}
    small = {zone: min(people, 300) for zone, people in cleaned.people.items()}
    plan = plan_evacuation(station(), small)
    assert plan.people + sum(plan.stranded.values()) == sum(small.values())
    for zone in ("attic", "moon"):
        assert (zone in counts) == any(zone in note for note in cleaned.notes)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.sampled_from("bcde"), st.floats(0, 90), st.floats(0, 4),
            st.floats(0, 300), st.floats(0, 600),
        ),
        max_size=12,
    ),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 60)),
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_closed_disconnected_and_contradicting_ways_end_in_a_clear_answer(
    ways: list[tuple[str, str, float, float, float, float]], people: dict[str, int]
) -> None:
    nodes = tuple(PlanNode(name=name, zone=name if name != "e" else "", safe=name == "e") for name in "abcde")
    arcs = tuple(
        PlanArc(tail=u, head=v, transit_s=t, capacity_ps=c, opens_s=opens, closes_s=closes)
        for u, v, t, c, opens, closes in ways
        if u != v
    )
    plan = plan_evacuation(PlanGraph(nodes=nodes, arcs=arcs), people, step_s=10.0, horizon_s=600.0)
    assert plan.people + sum(plan.stranded.values()) == sum(people.values())
    assert plan.proof is None or plan.proof.proven or plan.proof.by_s == 0
    for group in plan.groups:
        assert group.arrives_s <= 620.0


@pytest.mark.parametrize("people", [{"north": -1}, {"north": 1.5}])
def test_people_that_are_no_whole_number_are_refused(people: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="allowed are whole numbers"):
        plan_evacuation(station(), people)


def test_a_graph_that_does_not_hang_together_is_refused() -> None:
    node = PlanNode(name="a")
    with pytest.raises(ValueError, match="two nodes of one name"):
        PlanGraph(nodes=(node, node), arcs=())
    with pytest.raises(ValueError, match="which is no node"):
        PlanGraph(nodes=(node,), arcs=(PlanArc(tail="a", head="b", transit_s=1.0),))
    with pytest.raises(ValueError, match="0 and above"):
        PlanGraph(nodes=(node,), arcs=(PlanArc(tail="a", head="a", transit_s=1.0, capacity_ps=float("nan")),))
