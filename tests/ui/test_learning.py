"""What a closing teaches: the sensors that cried wolf count less in the next incident, and the page says so."""

import re

import pytest
from playwright.sync_api import Browser, expect
from tests.ui.parts import PlatformProcess, Station
from tests.ui.screen import LARGE, Screen

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]

SAID = re.compile(r"S-2\d.* count 85 %: false alarms closed by operators")


def test_a_false_alarm_that_a_supervisor_closes_takes_trust_in_its_sensors(
    browser: Browser, platform: PlatformProcess, devices: Station
) -> None:
    supervisor = Screen(browser, LARGE)
    supervisor.page.goto(platform.link("supervisor"))
    supervisor.at("queue").wait_for()
    devices.burn()
    supervisor.at("alert-row").first.click(timeout=60_000)
    panel = supervisor.at("incident-panel")
    expect(panel).to_contain_text("Smoke: ")
    expect(panel).not_to_contain_text("closed by operators")
    supervisor.at("btn-acknowledge").click()
    expect(supervisor.at("btn-acknowledge")).to_have_count(0)
    supervisor.at("btn-close-alert").click()
    supervisor.page.get_by_role("button", name="False alarm").click()
    supervisor.at("btn-confirm-close").click()
    # It burns on: the same sensors speak again, and now they have to say more than before.
    again = supervisor.page.locator(
        "[data-testid=alert-row][data-state=new], [data-testid=alert-row][data-state=reopened]"
    )
    again.first.click(timeout=120_000)
    expect(panel).to_contain_text(SAID)
    assert supervisor.violations() == []
    supervisor.close()
