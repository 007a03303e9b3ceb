"""The pages beside the picture: opened by key, menu and address; the alerts stay in view; nothing is cut off."""

import re

import httpx
import msgspec
import numpy as np
import pytest
from playwright.sync_api import expect
from tests.ui.parts import PlatformProcess
from tests.ui.screen import LARGE, SMALL, Screen

from s4allcities.app.assure import Assurance, BlindSpot, KindShare, keep_report
from s4allcities.domain import SystemClock
from s4allcities.security.credentials import DeviceCredentials

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]

PAGES = ("sensors", "platform", "alarms", "risk", "context", "survey", "options", "assurance")


@pytest.mark.parametrize("slug", PAGES)
def test_a_page_opens_from_the_menu_and_is_whole(screen: Screen, slug: str) -> None:
    screen.at("menu-pages").click()
    screen.at(f"page-{slug}").click()
    expect(screen.at("page")).to_be_visible()
    assert screen.page.url.endswith(f"#{slug}")
    wrong = []
    for size in (LARGE, SMALL):
        screen.page.set_viewport_size(size)
        screen.page.wait_for_timeout(300)
        wrong += [f"{size['width']}: {each}" for each in (*screen.cut(), *screen.violations())]
    assert wrong == []


def test_keys_and_the_way_back_go_where_they_say(screen: Screen) -> None:
    screen.page.keyboard.press("Escape")
    expect(screen.at("map")).to_be_visible()
    screen.page.keyboard.press("g")
    screen.page.keyboard.press("s")
    expect(screen.at("page")).to_be_visible()
    screen.page.keyboard.press("g")
    screen.page.keyboard.press("p")
    expect(screen.at("map")).to_be_visible()
    screen.page.go_back()
    expect(screen.at("page")).to_be_visible()
    screen.page.reload()
    expect(screen.at("page")).to_be_visible()
    screen.page.keyboard.press("Escape")
    expect(screen.at("map")).to_be_visible()


def test_a_sensors_last_hour_is_drawn_with_what_is_usual(screen: Screen) -> None:
    screen.page.keyboard.press("Escape")
    screen.page.keyboard.press("g")
    screen.page.keyboard.press("s")
    screen.at("page").get_by_role("button", name="heat-33", exact=True).click()
    shown = screen.at("sensor-usual")
    expect(shown).to_contain_text("heat-33: the last hour")
    expect(shown.get_by_role("img")).to_have_count(1, timeout=60_000)
    expect(shown).to_contain_text("Judged from the readings shown alone")
    for size in (LARGE, SMALL):
        screen.page.set_viewport_size(size)
        screen.page.wait_for_timeout(300)
        assert [*screen.cut(), *screen.violations()] == []
    shown.get_by_role("button").click()
    expect(shown).to_have_count(0)
    screen.page.keyboard.press("Escape")
    expect(screen.at("map")).to_be_visible()


def test_what_was_unusual_is_marked_with_its_reason(screen: Screen, platform: PlatformProcess) -> None:
    passwords = DeviceCredentials(platform.data / "keys" / "devices.json", SystemClock()).clear()
    now_us, random = SystemClock().now_us(), np.random.default_rng(3)
    t_us = [now_us - 10_000_000 * (300 - row) for row in range(300)]
    heat_c = [round(float(value), 2) for value in random.normal(21.0, 0.1, 300)]
    heat_c[270:] = [value + 9.0 for value in heat_c[270:]]
    body = msgspec.json.encode({"t_us": t_us, "heat_c": heat_c})
    url = f"{platform.running.url}/api/v1/observations?family=env"
    sent = httpx.post(url, content=body, auth=("heat-02", passwords["heat-02"]), trust_env=False)
    assert sent.status_code == 201
    screen.page.keyboard.press("Escape")
    screen.page.keyboard.press("g")
    screen.page.keyboard.press("s")
    screen.at("page").get_by_role("button", name="heat-02", exact=True).click()
    mark = screen.at("unusual-mark")
    expect(mark).to_have_count(1, timeout=60_000)
    expect(mark).to_contain_text(re.compile(r"unusual: (29|30)\.\d+ °C, beyond all seen before"))
    screen.at("sensor-usual").get_by_role("button").click()
    screen.page.keyboard.press("Escape")
    expect(screen.at("map")).to_be_visible()


def test_the_assurance_page_names_blind_spots_and_why(screen: Screen, platform: PlatformProcess) -> None:
    spot = BlindSpot(
        sensor="heat-33", name="Heat", zone="ticket-hall", found=0, tried=12, expected=11.5,
        missed=("spike", "slow-ramp"), why=("it reads every 2 h, others of its kind every 5 min",),
    )  # fmt: skip
    share = KindShare(
        quantity="heat_c", kind="spike", size="16 times its kind's noise", tried=18, found=16, delay_s=300.0,
        detectors=("unusual",),
    )  # fmt: skip
    report = Assurance(
        site="helsinki-station", made="2026-11-25T02:30:00.000000+00:00",
        t_from="2026-11-01T00:00:00.000000+00:00", t_judged="2026-11-12T00:00:00.000000+00:00",
        t_until="2026-11-24T00:00:00.000000+00:00", simulated=True, settings={}, sensors=75, sensors_tried=75,
        attacks=18, found=16, false_alarms_month=4.5, blind_spots=(spot,), limits=(), kinds=(share,), by_sensor=(),
        missed=(), cpu_s=1.0,
    )  # fmt: skip
    kept = keep_report(platform.data, report)
    screen.page.keyboard.press("Escape")
    screen.page.keyboard.press("g")
    screen.page.keyboard.press("y")
    expect(screen.at("blind-spots").get_by_text("heat-33")).to_be_visible()
    expect(screen.at("blind-spots")).to_contain_text("it reads every 2 h")
    expect(screen.at("assurance-kinds")).to_contain_text("16 of 18")
    for size in (LARGE, SMALL):
        screen.page.set_viewport_size(size)
        screen.page.wait_for_timeout(300)
        assert [*screen.cut(), *screen.violations()] == []
    with screen.page.expect_download() as download:
        screen.at("page").get_by_role("link").click()
    assert "heat-33" in download.value.path().read_text()
    kept.unlink()


def test_alerts_stay_in_view_and_lead_back_to_the_picture(burning: Screen) -> None:
    burning.page.keyboard.press("g")
    burning.page.keyboard.press("s")
    burning.page.set_viewport_size(LARGE)
    burning.at("rail").get_by_role("button").first.click()
    expect(burning.at("map")).to_be_visible()
    expect(burning.at("option")).to_be_visible()


def test_the_platform_page_shows_what_comes_in_what_is_rejected_and_who_is_silent(
    screen: Screen, platform: PlatformProcess
) -> None:
    passwords = DeviceCredentials(platform.data / "keys" / "devices.json", SystemClock()).clear()
    body, known = '{"t": "never", "heat_c": 20}', ("heat-33", passwords["heat-33"])
    url = f"{platform.running.url}/api/v1/observations?family=env"
    assert httpx.post(url, content=body, auth=known, trust_env=False).status_code == 201
    screen.page.keyboard.press("Escape")
    screen.page.keyboard.press("g")
    screen.page.keyboard.press("d")
    expect(screen.at("platform-incoming").get_by_role("row")).not_to_have_count(1)
    expect(screen.at("platform-stages").get_by_text("fusion")).to_be_visible()
    expect(screen.at("platform-rejected").get_by_text("env/heat-33")).to_be_visible()
    expect(screen.at("platform-streams").get_by_text("$MQTT_sess")).to_be_visible()
    expect(screen.at("tile-disk")).to_contain_text("B")
    expect(screen.at("tile-in")).not_to_have_text("Messages a second 0.0")
    silent = screen.at("tile-silent").locator("dd")
    screen.until(lambda: silent.inner_text() != "", "a count of silent sensors")


def test_the_options_stand_side_by_side_and_follow_what_is_changed(burning: Screen) -> None:
    """Four responses, the hazard over time, words in a language, and what an exit less would do."""
    burning.page.set_viewport_size(LARGE)
    burning.page.keyboard.press("Escape")
    burning.page.keyboard.press("g")
    burning.page.keyboard.press("o")
    columns = burning.at("responses").locator("thead th[data-response]")
    expect(columns).to_have_count(4)
    expect(columns.first).to_contain_text("Evacuate")
    expect(burning.at("clear-hold")).to_have_text("nobody moves")
    expect(burning.at("ways").locator("tbody tr").first).to_contain_text(re.compile(r"\d"))
    expect(burning.at("hazard-holds").first).to_be_attached()
    ahead = burning.at("hazard-ahead").count()
    out = burning.at("out-by").inner_text()
    burning.at("hazard-minute").fill("7")
    expect(burning.at("hazard-past").first).to_be_attached()
    assert burning.at("hazard-ahead").count() < ahead
    assert burning.at("out-by").inner_text() != out
    burning.at("say-language").select_option("el")
    expect(burning.at("sentences")).to_contain_text(re.compile("[α-ω]"))
    assert [*burning.cut(), *burning.violations()] == []
    busiest = burning.page.locator('[data-testid="exit-row"]').filter(has_text="Usable").first
    name = busiest.get_attribute("data-exit")
    busiest.get_by_role("checkbox").check()
    expect(burning.at("options-lead")).to_contain_text("1 exits left out by hand")
    row = burning.page.locator(f'[data-exit="{name}"]')
    expect(row).to_contain_text("closed by the request")
    expect(burning.at("options-lead")).to_contain_text("Smoke as outlined")
    burning.page.keyboard.press("Escape")
    expect(burning.at("map")).to_be_visible()
