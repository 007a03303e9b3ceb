"""Slow: the plan to give out, played through by the crowd engine on a generated site."""

import pytest

from s4allcities.app.bench.evacuation_confirmed import confirm, scaled, to_exits
from s4allcities.planning.evacuation import plan_evacuation
from s4allcities.planning.graph import PlanArc, PlanGraph, PlanNode

DOOR = 1.5
"""What the engine's doors let through against the handbook's, as measured on the festival (docs/benchmarks.md)."""


def test_people_are_safe_once_they_are_through_an_exit() -> None:
    graph = PlanGraph(
        nodes=(PlanNode(name="hall", zone="hall"), PlanNode(name="door"), PlanNode(name="street", safe=True)),
        arcs=(
            PlanArc(tail="hall", head="door", transit_s=10.0, capacity_ps=1.0, place="a", exit="a"),
            PlanArc(tail="door", head="street", transit_s=100.0),
        ),
    )
    assert plan_evacuation(to_exits(graph), {"hall": 10}).clearance_s == 20.0
    assert plan_evacuation(to_exits(scaled(graph, 2.0, 1.0)), {"hall": 10}).clearance_s == 15.0


@pytest.mark.slow
def test_the_plan_of_the_park_holds_in_the_crowd_engine() -> None:
    park = confirm("park")
    took_s, gain, partly = park.told.clearance_s, park.check.gain["1"], park.check.gain["0.7"]
    assert took_s is not None
    assert plan_evacuation(scaled(park.place.graph, DOOR, 1.0), park.place.people).clearance_s < took_s
    assert gain is not None
    assert gain > 0.30
    assert partly is not None
    assert partly > 0.15
