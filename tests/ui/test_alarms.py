"""Alarms, risk and context on the page: levels and why, shelving, all at once, figures, and what each role sees."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Browser, expect
from tests.integration.app.parts import ledger_records
from tests.ui.parts import PlatformProcess
from tests.ui.screen import LARGE, Screen

from s4allcities.domain import SystemClock, to_rfc3339
from s4allcities.security.credentials import DeviceCredentials

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]

SECOND = {"smoke-06": "smoke_pct_m", "smoke-07": "smoke_pct_m", "co-07": "co_ppm", "heat-07": "heat_c"}
CALM = {"smoke_pct_m": 0.2, "co_ppm": 4.0, "heat_c": 21.0}
RISING = {"smoke_pct_m": 0.8, "co_ppm": 6.0, "heat_c": 1.2}


class SecondFire:
    """Smoke, CO and heat in another hall, by HTTP, each with its device's credential."""

    def __init__(self, platform: PlatformProcess, sensors: dict[str, str]) -> None:
        self._passwords = DeviceCredentials(platform.data / "keys" / "devices.json", SystemClock()).clear()
        self._url = f"{platform.running.url}/api/v1/observations?family=env"
        self._sensors = sensors
        self._over = threading.Event()
        self.answers: list[tuple[int, str]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with httpx.Client(trust_env=False) as client:
            turn = 0
            while not self._over.wait(0.5):
                turn += 1
                for sensor, quantity in self._sensors.items():
                    value = CALM[quantity] + 0.01 * (turn % 3) + RISING[quantity] * min(max(turn - 12, 0), 40)
                    body = {"t": to_rfc3339(SystemClock().now_us()), quantity: round(value, 3)}
                    url = f"{self._url}&sensor={sensor}"
                    answer = client.post(url, json=body, auth=(sensor, self._passwords[sensor]))
                    self.answers.append((answer.status_code, answer.text))

    def close(self) -> None:
        self._over.set()
        self._thread.join()


@pytest.fixture(scope="module")
def supervisor(browser: Browser, platform: PlatformProcess) -> Iterator[Screen]:
    opened = Screen(browser, LARGE)
    opened.page.goto(platform.link("supervisor"))
    opened.at("queue").wait_for()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def auditor(browser: Browser, platform: PlatformProcess) -> Iterator[Screen]:
    opened = Screen(browser, LARGE)
    opened.page.goto(platform.link("narrator"))
    opened.at("queue").wait_for()
    yield opened
    opened.close()


def open_page(screen: Screen, letter: str) -> None:
    to_picture(screen)
    screen.page.keyboard.press("g")
    screen.page.keyboard.press(letter)
    expect(screen.at("page")).to_be_visible()


def to_picture(screen: Screen) -> None:
    """Back until the map is there; each Escape closes one thing."""
    for _ in range(5):
        if screen.at("map").is_visible():
            return
        screen.page.keyboard.press("Escape")
        screen.page.wait_for_timeout(200)
    expect(screen.at("map")).to_be_visible()


@pytest.fixture(autouse=True)
def back_to_the_picture(screen: Screen) -> Iterator[None]:
    """Whatever page a test has opened, the next one begins with the queue in view."""
    yield
    to_picture(screen)


def test_the_risk_page_shows_every_zone_and_threat_and_why(screen: Screen) -> None:
    open_page(screen, "r")
    rows = screen.at("risk-field").locator("tbody tr")
    expect(rows).to_have_count(10)
    expect(screen.at("risk-cell")).to_have_count(110)
    screen.at("risk-cell").first.click()
    expect(screen.at("risk-why")).to_contain_text("T")
    assert screen.violations() == []


def test_a_supervisor_states_context_and_an_operator_reads_along(supervisor: Screen, screen: Screen) -> None:
    open_page(supervisor, "c")
    supervisor.at("entry-type").select_option("event")
    supervisor.at("entry-id").fill("christmas-market")
    supervisor.at("entry-name").fill("Christmas market")
    supervisor.at("entry-people").fill("900")
    supervisor.at("entry-odds").fill("2")
    supervisor.at("entry-zones").select_option(["station-square"])
    supervisor.at("entry-reason").fill("yearly market")
    assert supervisor.violations() == []
    supervisor.at("btn-state").click()
    stated = supervisor.page.locator('[data-entry="christmas-market"]')
    expect(stated).to_contain_text("Christmas market")
    expect(stated).to_contain_text("supervisor, version 1")
    open_page(screen, "c")
    expect(screen.page.locator('[data-entry="christmas-market"]')).to_be_visible()
    expect(screen.at("read-only")).to_be_visible()
    expect(screen.at("entry-form")).to_have_count(0)
    assert screen.violations() == []


def test_a_withdrawn_entry_is_gone(supervisor: Screen) -> None:
    open_page(supervisor, "c")
    supervisor.page.locator('[data-entry="christmas-market"]').get_by_test_id("btn-withdraw").click()
    expect(supervisor.page.locator('[data-entry="christmas-market"]')).to_have_count(0)


def test_a_survey_is_filled_in_kept_and_changed_with_its_versions_in_the_ledger(
    supervisor: Screen, screen: Screen, platform: PlatformProcess
) -> None:
    open_page(supervisor, "v")
    expect(supervisor.at("question")).to_have_count(25)
    fire = supervisor.at("survey-score").get_by_role("row").filter(has_text="fire")
    expect(fire).to_contain_text("0.98")
    supervisor.at("survey-id").fill("halls")
    supervisor.at("survey-by").fill("fire officer")
    supervisor.at("survey-zones").select_option(["ticket-hall", "compass-hall"])
    answer(supervisor, "detection", "3 mostly")
    expect(supervisor.at("survey-answered")).to_contain_text("1 of 25")
    expect(fire).not_to_contain_text("0.98")
    assert [*supervisor.cut(), *supervisor.violations()] == []
    supervisor.at("btn-keep").click()
    kept = supervisor.page.locator('[data-survey="halls"]')
    expect(kept).to_contain_text("1 of 25")
    kept.get_by_test_id("btn-open-survey").click()
    expect(supervisor.at("survey-by")).to_have_value("fire officer")
    answer(supervisor, "cameras", "4 fully")
    supervisor.at("survey-reason").fill("new cameras")
    supervisor.at("btn-keep").click()
    expect(kept).to_contain_text("supervisor, version 2")
    expect(supervisor.at("survey-zones").locator("option[disabled]")).to_have_count(2)
    stated = [
        (record["version"], record["value"]["answers"])
        for kind, record in ledger_records(platform.data)
        if kind == "context" and record["subject"].endswith("/halls")
    ]
    assert stated == [(1, {"detection": 3}), (2, {"detection": 3, "cameras": 4})]
    open_page(screen, "v")
    screen.page.locator('[data-survey="halls"]').get_by_test_id("btn-open-survey").click()
    expect(screen.at("question").first.get_by_role("radio").first).to_be_disabled()
    expect(screen.at("btn-keep")).to_have_count(0)
    assert screen.violations() == []


def answer(screen: Screen, question: str, words: str) -> None:
    screen.page.locator(f'[data-question="{question}"]').get_by_text(words, exact=True).click()


def test_the_risk_of_a_past_moment_is_shown_as_past(screen: Screen) -> None:
    open_page(screen, "r")
    expect(screen.at("risk-cell")).to_have_count(110)
    screen.at("back-1440").click()
    expect(screen.at("past")).to_contain_text("As it stood on")
    expect(screen.at("page")).to_contain_text("Nothing is kept of that time.")
    moment = datetime.now(UTC).replace(microsecond=0)
    screen.at("past-at").fill(moment.isoformat()[:19])
    screen.at("btn-past").click()
    expect(screen.at("risk-cell")).to_have_count(110)
    expect(screen.at("past")).to_be_visible()
    assert [*screen.cut(), *screen.violations()] == []
    screen.at("btn-now").click()
    expect(screen.at("past")).to_have_count(0)


def test_alerts_have_levels_and_reasons_and_can_be_acknowledged_at_once(
    burning: Screen, platform: PlatformProcess
) -> None:
    to_picture(burning)
    second = SecondFire(platform, SECOND)
    try:
        expect(burning.at("alert-row")).to_have_count(2)
        for row in burning.at("alert-row").all():
            assert row.get_attribute("data-level") in ("critical", "high")
            expect(row).to_contain_text(re.compile("smoke|CO|heat"))
        burning.at("btn-acknowledge-all").click()
        states = burning.page.locator('[data-testid=alert-row][data-state="acknowledged"]')
        expect(states.first).to_be_visible()
        # An alert that changed in the very moment is not acknowledged unseen, and says so: it is looked at and taken.
        while states.count() < 2:
            burning.page.locator('[data-testid=alert-row]:not([data-state="acknowledged"])').first.click()
            burning.page.keyboard.press("a")
            burning.page.wait_for_timeout(500)
        expect(burning.at("btn-acknowledge-all")).to_have_count(0)
    finally:
        second.close()
    assert {status for status, _ in second.answers} == {201}


def test_an_operator_cannot_shelve_what_is_critical_and_a_supervisor_can(
    burning: Screen, supervisor: Screen
) -> None:
    burning.at("alert-row").first.click()
    burning.at("menu-more").click()
    burning.at("more-shelve").click()
    burning.at("act-reason").fill("known fault")
    burning.at("btn-confirm-act").click()
    expect(burning.page.get_by_role("alert")).to_contain_text("Only a supervisor may shelve a critical alert")
    burning.page.keyboard.press("Escape")
    to_picture(supervisor)
    supervisor.at("alert-row").first.click()
    supervisor.page.keyboard.press("x")
    supervisor.at("act-reason").fill("drill, the chief knows")
    supervisor.at("shelve-for").select_option("480")
    supervisor.at("btn-confirm-act").click()
    expect(supervisor.at("alert-row")).to_have_count(1)


def test_what_is_shelved_is_listed_with_its_reason_one_key_away(burning: Screen, supervisor: Screen) -> None:
    expect(burning.at("held-list")).to_contain_text("1 listed without calling")
    burning.page.keyboard.press("h")
    expect(burning.at("held-row")).to_contain_text("shelved: drill, the chief knows")
    burning.at("held-row").click()
    expect(burning.at("held-reason")).to_contain_text("drill, the chief knows")
    assert burning.violations() == []
    supervisor.at("held-list").locator("summary").click()
    supervisor.at("held-row").click()
    supervisor.at("menu-more").click()
    supervisor.at("more-unshelve").click()
    expect(supervisor.at("alert-row")).to_have_count(2)


def test_only_a_supervisor_is_offered_to_suppress(burning: Screen, supervisor: Screen) -> None:
    for screen, offered in ((burning, False), (supervisor, True)):
        to_picture(screen)
        screen.at("alert-row").first.click()
        screen.at("menu-more").click()
        entry = screen.at("more-suppress")
        assert (entry.get_attribute("aria-disabled") != "true") == offered
        screen.page.keyboard.press("Escape")


def test_the_figures_of_alarms_count_what_happened(burning: Screen) -> None:
    open_page(burning, "k")
    expect(burning.at("kpi-now_per_10min").locator("dd").first).to_have_text(re.compile("[2-9]"))
    expect(burning.at("kpi-unexplained").locator("dd").first).to_have_text("0")
    expect(burning.at("kpi-levels")).to_contain_text("Critical")
    assert burning.violations() == []


def test_an_auditor_sees_all_and_can_do_nothing(auditor: Screen) -> None:
    expect(auditor.at("alert-row")).to_have_count(2)
    auditor.at("alert-row").first.click()
    expect(auditor.at("btn-close-alert")).to_be_disabled()
    expect(auditor.at("btn-assign")).to_be_disabled()
    for letter, table in (("k", "kpi-tiles"), ("r", "risk-field"), ("v", "surveys"), ("c", "entries")):
        open_page(auditor, letter)
        expect(auditor.at(table)).to_be_visible()
    expect(auditor.at("read-only")).to_be_visible()
    assert auditor.violations() == []
