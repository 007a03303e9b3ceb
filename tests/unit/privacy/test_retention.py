import pytest

from s4allcities.privacy.policies import FAMILIES
from s4allcities.privacy.pseudonyms import Pseudonyms
from s4allcities.privacy.retention import DEFAULT_DAYS, RETENTION, history_days, kept_days, rule_for


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_rule(family: str) -> None:
    rule = rule_for(family)
    assert rule is not None
    assert rule.where == "history"
    assert rule.days is not None
    assert rule.why


def test_no_rule_stands_twice_and_personal_history_is_short() -> None:
    assert len({rule.what for rule in RETENTION}) == len(RETENTION)
    assert all(
        rule.days is not None and rule.days <= 30
        for rule in RETENTION
        if rule.personal and rule.where == "history"
    )


def test_operators_can_set_days_and_the_unknown_is_kept_short() -> None:
    assert history_days()["camera"] == 3
    assert history_days({"camera": 1, "mine": 2})["camera"] == 1
    assert history_days({"mine": 2})["mine"] == 2
    assert kept_days("never-heard-of") == DEFAULT_DAYS
    assert kept_days("ledger") is None


def test_pseudonyms_hold_for_a_period_only() -> None:
    names = Pseudonyms(rotate_s=60)
    first = names.of("aa:bb", 0)
    assert first == names.of("aa:bb", 59_000_000)
    assert first != names.of("aa:cc", 59_000_000)
    assert first != names.of("aa:bb", 60_000_000)
    assert names.of("aa:bb", 60_000_000) == names.of(
        "aa:bb", 10_000_000
    )  # a late clock does not bring the old one back
    assert first != Pseudonyms(rotate_s=60).of("aa:bb", 0)
    with pytest.raises(ValueError, match="up to 86400"):
        Pseudonyms(rotate_s=0)
