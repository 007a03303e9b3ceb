import json

import pytest
from tests.unit.edge.fakes import NOW_US, FakeBus

from s4allcities.domain import Clearance, Command, CourseOfAction, ManualClock, Order, SignSetting
from s4allcities.edge.actuators import SignActuator

pytestmark = pytest.mark.anyio


def plan(*devices: str, identity: str = "C1", text: str = "exit B") -> CourseOfAction:
    return CourseOfAction(
        id=identity,
        t_us=NOW_US,
        name="leave",
        incident_id="I1",
        routes=(),
        exits_not_used=(),
        clearance_s=Clearance(p50=None, p95=None, runs=0),
        signs=tuple(SignSetting(device=device, text=text) for device in devices),
    )


def order(identity: str = "O1", plan_id: str = "C1") -> Order:
    return Order(
        id=identity, t_us=NOW_US, course_of_action_id=plan_id, incident_id="I1", actor="ada", role="operator"
    )


def states(bus: FakeBus) -> list[tuple[str, str, int]]:
    return [(e.device, e.state, e.attempts) for e in bus.events if isinstance(e, Command)]


async def test_an_order_tells_its_signs_and_an_answer_ends_it() -> None:
    bus, clock = FakeBus(), ManualClock(NOW_US)
    actuator = SignActuator(bus, clock)
    await actuator.see(plan("s1"))
    assert not bus.commands
    await actuator.see(order())
    device, data = bus.commands[0]
    content = json.loads(data)
    assert (device, content["show"]) == ("s1", "exit B")
    await actuator.answer("s2", content["id"], "exit B", NOW_US)
    assert actuator.unknown_answers == 1
    await actuator.answer("s1", content["id"], "exit B", NOW_US + 5)
    await actuator.answer("s1", content["id"], "exit B", NOW_US + 6)
    assert states(bus) == [("s1", "sent", 1), ("s1", "acknowledged", 1)]
    clock.advance(100)
    await actuator.tick()
    assert len(bus.commands) == 1


async def test_three_attempts_two_seconds_apart_then_no_answer_and_a_late_one_counts() -> None:
    bus, clock = FakeBus(), ManualClock(NOW_US)
    actuator = SignActuator(bus, clock)
    await actuator.see(order())
    await actuator.see(plan("s1"))
    for _ in range(80):
        clock.advance(0.1)
        await actuator.tick()
    assert states(bus) == [("s1", "sent", 1), ("s1", "sent", 2), ("s1", "sent", 3), ("s1", "no_answer", 3)]
    assert len({data for _, data in bus.commands}) == 1
    assert len(bus.commands) == 3
    await actuator.answer("s1", actuator.commands[0].id, "exit A", NOW_US + 9)
    assert states(bus)[-1] == ("s1", "acknowledged", 3)
    assert actuator.commands[0].detail == "shows 'exit A'"


async def test_a_restart_doubles_nothing_and_takes_up_what_waits() -> None:
    bus, clock = FakeBus(), ManualClock(NOW_US)
    first = SignActuator(bus, clock)
    await first.see(plan("s1", "s2"))
    await first.see(order())
    await first.answer("s1", first.commands[0].id, "exit B", NOW_US)
    earlier = [event for event in bus.events if isinstance(event, Command)]
    second = SignActuator(bus, clock, earlier=earlier)
    await second.see(plan("s1", "s2"))
    await second.see(order())
    assert len(bus.commands) == 2
    clock.advance(2.1)
    await second.tick()
    assert [device for device, _ in bus.commands] == ["s1", "s2", "s2"]
    assert {command.id for command in second.commands} == {command.id for command in first.commands}


async def test_a_later_order_replaces_what_a_sign_has_not_answered() -> None:
    bus, clock = FakeBus(), ManualClock(NOW_US)
    actuator = SignActuator(bus, clock)
    await actuator.see(plan("s1"))
    await actuator.see(plan("s1", identity="C2", text="exit C"))
    await actuator.see(order())
    await actuator.see(order("O2", "C2"))
    assert states(bus) == [("s1", "sent", 1), ("s1", "no_answer", 1), ("s1", "sent", 1)]
    assert "replaced by order O2" in actuator.commands[0].detail


async def test_a_bus_that_fails_costs_an_attempt_and_no_more() -> None:
    bus, clock = FakeBus(), ManualClock(NOW_US)
    bus.failures = 1
    actuator = SignActuator(bus, clock)
    await actuator.see(plan("s1"))
    await actuator.see(order())
    assert not bus.commands
    clock.advance(2.1)
    await actuator.tick()
    assert len(bus.commands) == 1
