"""Planned against counted, capacities from counts, and advice that does not flicker."""

import pytest

from s4allcities.planning.monitor import (
    Fallbacks,
    keep_advice,
    live_capacity_ps,
    off_plan,
    watch_exits,
    worth_changing,
)

PLAN = {"a": [(30.0, 40.0), (60.0, 100.0)], "b": [(60.0, 50.0)], "c": [(60.0, 5.0)]}


def test_exits_off_by_more_than_a_tenth_are_named() -> None:
    counted = {"a": [(50.0, 95.0)], "b": [(50.0, 30.0)], "c": [(50.0, 0.0)]}
    watched = watch_exits(PLAN, counted, 60.0)
    assert {each.exit: each.off for each in watched} == {"a": -0.05, "b": -0.4, "c": 0.0}
    assert off_plan(watched) == ("b",)
    assert [each.exit for each in watch_exits(PLAN, {}, 60.0)] == []


def test_a_capacity_is_read_off_only_while_people_queue() -> None:
    curve = [(0.0, 0.0), (60.0, 90.0)]
    assert live_capacity_ps(curve, (0.0, 60.0), queue=True) == pytest.approx(1.5)
    assert live_capacity_ps(curve, (0.0, 60.0), queue=False) is None
    assert live_capacity_ps([(10.0, 5.0)], (0.0, 60.0), queue=True) is None
    assert live_capacity_ps([(10.0, 90.0), (20.0, float("nan"))], (0.0, 60.0), queue=True) is None
    assert live_capacity_ps([(10.0, 90.0), (20.0, 60.0)], (0.0, 60.0), queue=True) is None


def test_a_new_plan_must_be_worth_it_or_the_old_one_unsafe() -> None:
    assert not worth_changing(100.0, 90.0, old_is_unsafe=False)
    assert worth_changing(100.0, 89.0, old_is_unsafe=False)
    assert worth_changing(100.0, 150.0, old_is_unsafe=True)


def test_advice_changes_once_a_minute_unless_it_is_unsafe() -> None:
    old, new = {"hall": ("a",), "shop": ("a",)}, {"hall": ("b",), "shop": ("b",), "attic": ("c",)}
    told = {"hall": 100.0, "shop": 30.0}
    assert keep_advice(old, new, told, 120.0) == {"hall": ("a",), "shop": ("b",), "attic": ("c",)}
    assert keep_advice(old, new, told, 120.0, unsafe=["a"])["hall"] == ("b",)


def test_there_is_always_an_answer_and_never_a_lost_exit() -> None:
    ready = Fallbacks(
        usual={"hall": ("a",), "shop": ("b",)},
        without={"a": {"hall": ("b",), "shop": ("b",)}, "b": {"hall": ("a",), "shop": ("a",)}},
    )
    assert ready.advice([]) == ready.usual
    assert ready.advice(["a"]) == {"hall": ("b",), "shop": ("b",)}
    assert ready.advice(["b"], last={"hall": ("a",), "shop": ("a", "b")}) == {"hall": ("a",), "shop": ("a",)}
    assert ready.advice(["a", "b"]) == {"hall": (), "shop": ()}
