"""The figures of alarms against streams of alerts of which they can be counted by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.domain import Alert, Grounds
from s4allcities.evaluation.alarm_kpis import AlarmMonitor, flood_spans, quantile, rates_per_window

S = 1_000_000
MIN = 60 * S
T0 = 1_700_000_000 * S


def alert(number: int, at_s: float, **changes: Any) -> Alert:
    t_us = T0 + round(at_s * S)
    given_: dict[str, Any] = {
        "id": f"a{number}", "t_us": t_us, "version": 1, "level": "medium", "state": "new", "incident_id": f"i{number}",
        "hypothesis": "left-bag", "zone": f"zone-{number}", "t_annunciated_us": t_us, "t_active_us": t_us,
        "title": "Bag", "lines": ("a", "b", "c"), "why": ("bag",),
        "grounds": Grounds(consequence=0.1, act_within_s=60, stake="watch"),
    }  # fmt: skip
    return Alert(**(given_ | changes))


def monitor(*alerts: Alert) -> AlarmMonitor:
    made = AlarmMonitor()
    for each in alerts:
        made.take(each)
    return made


def by_person(number: int, called_s: float, at_s: float, **changes: Any) -> Alert:
    t_us = T0 + round(called_s * S)
    return alert(
        number,
        at_s,
        role="operator",
        actor="x",
        version=2,
        t_annunciated_us=t_us,
        t_active_us=t_us,
        **changes,
    )


def test_rates_in_windows_of_ten_minutes() -> None:
    made = monitor(*(alert(number, number * 60) for number in range(15)))
    found = made.kpis("operator", T0 + 30 * MIN)
    assert (found.called, found.now_per_10min, found.peak_per_10min) == (15, 0, 10)
    assert found.median_per_10min == 5.0
    assert found.p99_per_10min == 10.0
    assert found.hours == 0.5
    assert found.per_hour == 30.0


def test_rates_count_the_last_part_of_a_window() -> None:
    assert rates_per_window([0, 599, 600, 1300], 0, 1400, 600) == [2, 1, 1]
    assert rates_per_window([], 0, 0, 600) == [0]


def test_a_flood_begins_with_the_eleventh_and_ends_below_five() -> None:
    times = [T0 + n * 30 * S for n in range(12)]
    ((since, until),) = flood_spans(times, T0 + 60 * MIN)
    assert since == T0 + 10 * 30 * S
    assert until == times[-5] + 10 * MIN, "when the eighth has left the window, four are in it"
    assert flood_spans(times[:10], T0 + 60 * MIN) == []
    assert flood_spans(times, times[-1] + MIN) == [(since, times[-1] + MIN)]


@given(st.lists(st.integers(0, 7200), max_size=60))
def test_floods_are_what_a_clock_would_see(seconds: list[int]) -> None:
    """Against a plain look at every second."""
    times = [T0 + each * S for each in seconds]
    end_s = 9000
    told = sum(to - start for start, to in flood_spans(times, T0 + end_s * S)) // S
    flood, seen = False, 0
    for now in range(end_s):
        load = sum(now - 600 < each <= now for each in seconds)
        flood = load > 10 if not flood else load >= 5
        seen += flood
    assert abs(told - seen) <= 1 + len(seconds)


def test_what_is_held_does_not_call_until_it_does() -> None:
    held = alert(1, 0, held="flood: waits for its turn")
    made = monitor(held)
    assert (made.kpis("operator", T0 + MIN).called, made.kpis("operator", T0 + MIN).held) == (0, 1)
    made.take(alert(1, 120, version=2, t_active_us=held.t_active_us))
    assert (made.kpis("operator", T0 + 3 * MIN).called, made.kpis("operator", T0 + 3 * MIN).held) == (1, 0)


def test_times_and_nuisance() -> None:
    made = monitor(
        alert(1, 0),
        by_person(1, 0, 20, state="acknowledged"),
        alert(2, 5),
        by_person(2, 5, 65, state="assigned", owner="guard"),
        by_person(1, 0, 300, state="closed", reason="No action needed"),
        by_person(2, 5, 400, state="closed", reason="fire out"),
    )
    found = made.kpis("operator", T0 + 20 * MIN)
    assert (found.to_acknowledge["medium"].p50_s, found.to_acknowledge["medium"].p95_s) == (20.0, 60.0)
    assert found.to_assign["medium"].count == 1
    assert found.to_close["medium"].p95_s == 395.0
    assert found.nuisance_rate == 0.5


def test_false_alerts_are_nuisance() -> None:
    made = monitor(alert(1, 0), by_person(1, 0, 9, state="false", reason="a suitcase"))
    assert made.kpis("operator", T0 + MIN).nuisance_rate == 1.0


def test_mix_and_sources() -> None:
    levels = ["critical", "high", "medium", "medium"]
    made = monitor(*(alert(n, n, level=level, zone="one") for n, level in enumerate(levels)))
    found = made.kpis("operator", T0 + MIN)
    assert found.priority_mix == {"critical": 0.25, "high": 0.25, "medium": 0.5, "low": 0.0, "info": 0.0}
    assert (found.bad_actors[0].source, found.bad_actors[0].share) == ("left-bag, one", 1.0)
    assert found.bad_actor_share is None, "ten of one source say nothing"
    many = monitor(*(alert(n, n) for n in range(20)))
    assert many.kpis("operator", T0 + MIN).bad_actor_share == pytest.approx(0.5)


def test_chatter_and_stale() -> None:
    made = monitor(*(alert(7, n * 10, version=n + 1, times=n + 1) for n in range(3)))
    found = made.kpis("operator", T0 + MIN)
    assert found.chattering == 1
    assert found.stale == 0
    assert made.kpis("operator", T0 + 25 * 60 * MIN).stale == 1


def test_an_alert_without_reasons_is_unexplained() -> None:
    made = monitor(alert(1, 0, why=()), alert(2, 1))
    assert made.kpis("operator", T0 + MIN).unexplained == 1


def test_positions_are_counted_by_themselves() -> None:
    made = monitor(alert(1, 0, position="north"), alert(2, 1))
    assert made.positions == ("north", "operator")
    assert made.kpis("north", T0 + MIN).called == 1
    assert made.kpis("nobody", T0 + MIN).called == 0


def test_quantiles_are_of_the_nearest_rank() -> None:
    assert quantile([], 0.5) is None
    assert quantile([3.0], 0.95) == 3.0
    assert quantile([1.0, 2.0], 0.95) == 2.0


def test_what_waited_and_is_taken_by_hand_never_called() -> None:
    made = monitor(
        alert(1, 0, held="flood: waits for its turn"),
        by_person(1, 0, 30, state="acknowledged"),
        alert(2, 0, held="flood: waits for its turn"),
        alert(2, 60, version=2),
    )
    assert made.kpis("operator", T0 + 10 * MIN).called == 1, "the second called when its turn came"
