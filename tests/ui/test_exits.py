"""An exit that somebody locks in peace: an alert with its cost, the exit in the picture, and the end of both."""

import pytest
from playwright.sync_api import expect
from tests.ui.parts import Station
from tests.ui.screen import Screen

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_locked_exit_is_an_alert_with_its_cost_until_it_is_open_again(
    screen: Screen, devices: Station
) -> None:
    exits = screen.at("exit-row").first
    devices.lock()
    row = screen.at("alert-row").first
    expect(row).to_contain_text("Exit shut, exit A", timeout=90_000)
    expect(row).to_contain_text("to leave takes")
    row.click()
    panel = screen.at("incident-panel")
    expect(panel).to_contain_text("Nobody has said why exit A is shut.")
    expect(panel).to_contain_text("or state why it is shut")
    expect(exits).to_contain_text("its door is shut, nobody has said why")
    assert screen.violations() == []
    devices.lock(False)
    expect(exits).not_to_contain_text("nobody has said why", timeout=60_000)
