"""The trial of the detectors: it names the blind spots that were planted, and no others."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from s4allcities.app.assure import (
    Assurance,
    AssureError,
    HistorySource,
    Plan,
    assure,
    keep_report,
    newest_report,
    plant,
    report_html,
    report_text,
    write_month,
)
from s4allcities.app.assure.attacks import KINDS, alter, noises
from s4allcities.app.assure.report import Tried, at_most, blind_spots, false_alarms_month
from s4allcities.app.assure.trial import Outcome
from s4allcities.domain import ManualClock
from s4allcities.site import Site, load_site
from s4allcities.store.errors import HistoryError

SITE = Path("sites/helsinki-station")
DAY_US = 86_400_000_000
T0_US = 20_500 * DAY_US


def part_of(site: Site, *families: str) -> Site:
    return replace(site, sensors=tuple(each for each in site.sensors if each.family in families))


def trial(site: Site, folder: Path, *, days: int, every_s: float, seed: int, **plan: Any) -> Assurance:
    clock = ManualClock(T0_US + days * DAY_US)
    planted = plant(site, seed)
    made = write_month(
        site, folder, clock=clock, t_from_us=T0_US, days=days, every_s=every_s, seed=seed, planted=planted
    )
    asyncio.run(made)
    with HistorySource(folder, days) as source:
        return assure(
            site, source, Plan(seed=seed, **plan), detectors=planted.detectors, now_us=clock.now_us(),
            simulated=True, planted=planted.sensors,
        )  # fmt: skip


def test_in_a_fortnight_of_two_kinds_of_sensors_it_names_the_three_planted(tmp_path: Path) -> None:
    site = part_of(load_site(SITE), "co", "heat")
    report = trial(site, tmp_path, days=12, every_s=600.0, seed=3, repeats=1)
    found = {each.sensor: each for each in report.blind_spots}
    assert set(found) == set(report.planted)
    slow, noisy, masked = (found[each] for each in report.planted)
    assert slow.found == 0
    assert "it reads every 2 h, others of its kind every 10 min" in slow.why
    assert any("noise" in each for each in noisy.why)
    assert any("expect 'works in the building'" in each for each in masked.why)
    assert report.sensors_tried == report.sensors == 18
    assert 0 < report.found < report.attacks


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [0, 1])
def test_in_a_simulated_month_of_the_demo_site_it_names_the_three_planted(tmp_path: Path, seed: int) -> None:
    report = trial(load_site(SITE), tmp_path, days=30, every_s=300.0, seed=seed)
    assert {each.sensor for each in report.blind_spots} == set(report.planted)
    assert all(each.why for each in report.blind_spots)


def test_a_run_that_is_out_of_time_says_how_far_it_came(tmp_path: Path) -> None:
    site = part_of(load_site(SITE), "co")
    report = trial(site, tmp_path, days=5, every_s=1800.0, seed=1, repeats=1, budget_s=1e-9)
    assert (report.sensors_tried, report.sensors) == (1, 9)


def test_too_short_a_history_and_none_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(HistoryError):
        HistorySource(tmp_path, 30)
    site = part_of(load_site(SITE), "co")
    with pytest.raises(AssureError, match="4 or more are needed"):
        trial(site, tmp_path, days=2, every_s=1800.0, seed=1)


def test_simulated_readings_are_never_mixed_with_recorded_ones(tmp_path: Path) -> None:
    site = part_of(load_site(SITE), "co")
    make = {"clock": ManualClock(T0_US), "t_from_us": T0_US, "days": 1, "every_s": 3600.0, "seed": 0}
    asyncio.run(write_month(site, tmp_path, planted=None, **make))  # type: ignore[arg-type]
    with pytest.raises(HistoryError, match="never mixed"):
        asyncio.run(write_month(site, tmp_path, planted=None, **make))  # type: ignore[arg-type]


def tried(sensor: str, kind: str, found: bool, rank: int = 2) -> Tried:
    return Tried(
        sensor=sensor,
        quantity="co_ppm",
        zone="hall",
        kind=kind,
        rank=rank,
        size="big",
        outcome=Outcome(found=found),
    )


def test_a_sensor_is_blind_only_where_others_see() -> None:
    seen = [tried(f"co-{n}", kind.name, kind.name != "freeze") for n in range(5) for kind in KINDS] * 2
    blind = [tried("co-9", kind.name, False) for kind in KINDS] * 2
    assert blind_spots(seen, {}, {}) == ()
    (only,) = blind_spots(seen + blind, {"co-9": "CO, hall"}, {})
    assert (only.sensor, only.name, only.found, only.tried) == ("co-9", "CO, hall", 0, 12)
    assert "freeze" not in only.missed  # nobody sees that


def test_few_hits_are_as_likely_as_they_are() -> None:
    rates, draws = [0.2, 0.7, 0.9], np.random.default_rng(0).random((20_000, 3))
    hits = (draws < rates).sum(axis=1)
    for most in range(4):
        assert at_most(most, rates) == pytest.approx(float((hits <= most).mean()), abs=0.012)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_attack_alters_what_it_says_and_nothing_before(kind: Any) -> None:
    t_us = np.arange(600, dtype=np.int64) * 300_000_000
    value = np.random.default_rng(1).normal(20, 1, 600)
    for size in kind.sizes():
        out = alter(kind, size, 1.0, t_us, value, 300, np.roll(value, 288))
        changed = np.flatnonzero(out != value)
        assert changed[0] >= 300
        assert (t_us[changed[-1]] - t_us[300]) / 1e6 <= max(kind.length_s(size), 600.0)
        if kind.lasts_s:
            assert (out - value).min() >= 0
            assert (out - value).max() == pytest.approx(size, rel=0.01)


def test_a_noisy_sensor_is_attacked_no_harder_than_others_of_its_kind() -> None:
    random = np.random.default_rng(2)
    calm = [random.normal(20, 0.1, 500) for _ in range(5)]
    unit = noises(["heat_c"] * 6, [*calm, random.normal(20, 3.0, 500)])
    assert unit[5] == unit[0] == pytest.approx(0.1, rel=0.2)
    counts = noises(
        ["people"] * 2, [random.poisson(4, 500).astype(float), random.poisson(400, 500).astype(float)]
    )
    assert counts[1] > 5 * counts[0]


def test_alarms_that_go_on_are_one() -> None:
    alarms = [("co-1", "sensor-stuck", "validity", n * 600_000_000) for n in range(5)]
    overall, each = false_alarms_month(alarms, ["co-1", "co-2"], 30 * 86_400.0)
    assert overall == 0.5
    assert each == {"co-1": 1.0, "co-2": 0.0}


def test_the_newest_report_is_kept_and_found(tmp_path: Path) -> None:
    site = part_of(load_site(SITE), "co")
    report = trial(site, tmp_path, days=4, every_s=1800.0, seed=1, repeats=1)
    assert newest_report(tmp_path, "json") is None
    keep_report(tmp_path, replace(report, made="2026-01-01T00:00:00.000000+00:00"))
    keep_report(tmp_path, report)
    assert report.made.encode() in (newest_report(tmp_path, "json") or b"")
    page = report_html(report)
    assert newest_report(tmp_path, "html") == page.encode()
    assert "Simulated history" in page
    assert "@media print" in page
    assert "simulated history" in report_text(report)
