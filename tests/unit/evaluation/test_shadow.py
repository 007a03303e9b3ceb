"""Two alarm logs side by side."""

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from s4allcities.domain import from_rfc3339
from s4allcities.evaluation.shadow import LoggedAlarm, compare

S = 1_000_000
T0 = from_rfc3339("2026-11-25T08:00:00Z")


def at(seconds: float, zone: str = "", text: str = "x") -> LoggedAlarm:
    return LoggedAlarm(t_us=T0 + round(seconds * S), text=text, zone=zone)


def test_who_was_first_and_what_each_missed() -> None:
    ours = [at(0, "hall"), at(100, "kitchen"), at(5000, "hall")]
    theirs = [at(45, "hall"), at(90, "kitchen"), at(2000, "hall")]
    found = compare(ours, theirs)
    assert [pair.lead_s for pair in found.pairs] == [45.0, -10.0]
    assert (found.ours_first, found.theirs_first) == (1, 1)
    assert found.ours_only == (ours[2],)
    assert found.theirs_only == (theirs[2],)


def test_each_is_matched_once_the_nearest_first() -> None:
    found = compare([at(0), at(50)], [at(48)])
    (pair,) = found.pairs
    assert pair.ours.t_us == T0 + 50 * S
    assert len(found.ours_only) == 1


def test_another_zone_or_too_far_in_time_is_not_the_same() -> None:
    assert compare([at(0, "hall")], [at(10, "kitchen")]).pairs == ()
    assert compare([at(0)], [at(601)]).pairs == ()
    assert len(compare([at(0, "hall")], [at(10)]).pairs) == 1, "one that names no place may be anywhere"


def test_shifts_are_those_of_the_sites_time_zone_and_the_night_belongs_to_its_evening() -> None:
    early, night = at(0), at(16 * 3600)
    found = compare([early], [night], zone=ZoneInfo("Europe/Helsinki"))
    shifts = [(each.day, each.shift, each.ours, each.theirs) for each in found.shifts]
    assert shifts == [("2026-11-25", "early", 1, 0), ("2026-11-25", "night", 0, 1)]


@given(st.lists(st.integers(0, 5000), max_size=30), st.lists(st.integers(0, 5000), max_size=30))
def test_nothing_is_lost_or_counted_twice(one: list[int], other: list[int]) -> None:
    found = compare([at(each) for each in one], [at(each) for each in other])
    assert len(found.pairs) + len(found.ours_only) == len(one)
    assert len(found.pairs) + len(found.theirs_only) == len(other)
    assert sum(each.ours for each in found.shifts) == len(one)
    assert sum(each.theirs for each in found.shifts) == len(other)
    assert all(abs(pair.lead_s) <= 600 for pair in found.pairs)
    swapped = compare([at(each) for each in other], [at(each) for each in one])
    assert len(swapped.pairs) == len(found.pairs) or one != other
