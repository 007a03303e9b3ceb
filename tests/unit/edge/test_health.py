import pytest
from tests.unit.edge.fakes import NOW_US

from s4allcities.domain import Observation, SensorHealth
from s4allcities.edge.health import HealthMonitor

S = 1_000_000


def speak(monitor: HealthMonitor, t_us: int, sensor: str = "e1", skew_s: float = -0.1) -> None:
    row = Observation(family="env", sensor=sensor, quantity="x", t_us=t_us + round(skew_s * S), value=1.0)
    monitor.seen(sensor, "env", t_us, row.t_us)


def steady(monitor: HealthMonitor, n: int = 20, skew_s: float = -0.1) -> list[SensorHealth]:
    found: list[SensorHealth] = []
    for i in range(n):
        speak(monitor, NOW_US + i * S, skew_s=skew_s)
        found += monitor.check(NOW_US + i * S)
    return found


def test_silence_goes_late_stale_gone_and_back() -> None:
    monitor = HealthMonitor()
    changes = steady(monitor)
    last_us = NOW_US + 19 * S
    for second in range(1, 80):
        changes += monitor.check(last_us + second * S)
    speak(monitor, last_us + 80 * S)
    changes += monitor.check(last_us + 80 * S)
    assert [change.state for change in changes] == ["on time", "late", "stale", "gone", "on time"]
    late, stale, gone = ((change.t_us - last_us) / S for change in changes[1:4])
    assert (late, stale, gone) == (4.0, 11.0, 61.0)
    assert changes[1].interval_s == pytest.approx(1.0)
    assert changes[1].t_last_us == last_us


def test_a_slow_sensor_is_not_late_at_its_own_pace() -> None:
    monitor = HealthMonitor()
    changes = []
    for i in range(20):
        speak(monitor, NOW_US + i * 60 * S)
        changes += monitor.check(NOW_US + i * 60 * S)
    changes += monitor.check(NOW_US + (19 * 60 + 100) * S)
    assert [change.state for change in changes] == ["on time"]


def test_a_wrong_clock_is_found_in_spite_of_outliers() -> None:
    monitor = HealthMonitor()
    assert [c.state for c in steady(monitor, skew_s=30.0)] == ["on time", "clock wrong"]
    good = HealthMonitor()
    for i in range(40):
        speak(good, NOW_US + i * S, skew_s=-3600.0 if i % 5 == 0 else -0.1)
    assert [c.state for c in good.check(NOW_US + 39 * S)] == ["on time"]


def test_an_expected_sensor_that_never_speaks_is_gone_after_a_minute() -> None:
    monitor = HealthMonitor({"e9": "env"})
    assert monitor.check(NOW_US) == []
    assert monitor.check(NOW_US + 59 * S) == []
    (change,) = monitor.check(NOW_US + 61 * S)
    assert (change.sensor, change.state, change.t_last_us) == ("e9", "gone", 0)


def test_a_restart_announces_nothing_anew() -> None:
    before = HealthMonitor()
    steady(before)
    after = HealthMonitor()
    after.restore(before.snapshot())
    later_us = NOW_US + 3600 * S
    assert after.check(later_us) == []
    speak(after, later_us + S)
    assert after.check(later_us + S) == []
    assert after.on_time == 1
    assert [c.state for c in after.check(later_us + 20 * S)] == ["stale"]


def test_a_damaged_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="health snapshot"):
        HealthMonitor().restore(b"\x81\xa1a")


def test_the_same_change_has_the_same_id() -> None:
    first, second = steady(HealthMonitor())[0], steady(HealthMonitor())[0]
    assert first.id == second.id
