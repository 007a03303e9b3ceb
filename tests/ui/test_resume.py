"""The incident by keyboard alone, then power cuts: the page comes back by itself and nothing is lost or doubled."""

import httpx
import pytest
from playwright.sync_api import expect
from tests.ui.parts import PlatformProcess, until
from tests.ui.screen import PATIENCE_MS, Screen

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]

BACK_WITHIN_S = 5.0
KEPT = ("alerts", "incidents", "orders", "commands")


@pytest.fixture(scope="module")
def ordered(burning: Screen) -> Screen:
    """The fire acknowledged, ordered and assigned without the mouse."""
    press = burning.page.keyboard.press
    row = burning.at("alert-row").first
    press("j")
    expect(row).to_have_attribute("aria-current", "true")
    press("a")
    expect(row).to_have_attribute("data-state", "acknowledged")
    burning.at("btn-order").wait_for()
    press("o")
    expect(burning.at("option")).to_be_focused()
    press("Control+Enter")
    expect(burning.at("btn-confirm-order")).to_be_focused()

    def again() -> None:
        press("Escape")
        expect(burning.at("order-sheet")).to_have_count(0)
        press("Control+Enter")
        expect(burning.at("btn-confirm-order")).to_be_focused()

    burning.confirmed(lambda: press("Enter"), again)
    expect(burning.page.locator("[data-testid=command-row][data-state=acknowledged]")).to_have_count(1)
    press("s")
    expect(burning.at("assignee")).to_be_focused()
    burning.page.keyboard.type("jack")  # letters are no commands while somebody types
    press("Enter")
    expect(row).to_have_attribute("data-state", "assigned")
    return burning


def kept(screen: Screen) -> dict[str, list[str]]:
    """Give the names of what must outlive a power cut, as the platform has them."""
    picture = screen.picture()
    return {name: sorted(picture[name]) for name in KEPT}


def rows(screen: Screen) -> list[str | None]:
    return [row.get_attribute("data-alert") for row in screen.at("alert-row").all()]


def newest_reading(screen: Screen) -> int:
    newest: int = max(
        value["t_us"]
        for sensor in screen.picture()["sensors"].values()
        for value in sensor["values"].values()
    )
    return newest


def test_keyboard_alone_orders(ordered: Screen) -> None:
    press = ordered.page.keyboard.press
    expect(ordered.at("alert-row").first).to_contain_text("jack")
    press("l")
    expect(ordered.page.get_by_role("tab", name="Log")).to_have_attribute("aria-selected", "true")
    press("t")
    ordered.at("table-twin").wait_for()
    press("Escape")
    press("?")
    ordered.at("keys-sheet").wait_for()
    press("Escape")
    expect(ordered.at("keys-sheet")).to_have_count(0)
    press("c")
    expect(ordered.at("close-reason")).to_be_focused()
    press("Escape")
    expect(ordered.at("close-reason")).to_have_count(0)
    expect(ordered.at("alert-row")).to_have_count(1)


def test_page_resumes_after_the_platform_was_killed(ordered: Screen, platform: PlatformProcess) -> None:
    ordered.until(
        lambda: not ordered.page.locator("[data-testid=command-row][data-state=sent]").count(), "all answers"
    )
    before, shown = kept(ordered), rows(ordered)
    banner = ordered.page.locator("[data-testid=banner][data-kind=disconnected]")
    platform.kill()
    banner.wait_for()
    expect(banner).to_contain_text("Trying again")
    assert rows(ordered) == shown  # the last known picture stays
    platform.start()
    banner.wait_for(state="detached", timeout=BACK_WITHIN_S * 1000)
    seq = ordered.seq()
    ordered.until(lambda: ordered.seq() != seq, "news")
    assert rows(ordered) == shown
    assert kept(ordered) == before
    ordered.at("incident-panel").wait_for()


def test_page_resumes_after_the_bus_was_killed(ordered: Screen, platform: PlatformProcess) -> None:
    before, shown, last = kept(ordered), rows(ordered), newest_reading(ordered)
    platform.kill_bus()
    until(
        lambda: httpx.get(f"{platform.url}/healthz").is_success, within_s=PATIENCE_MS / 1000, what="the bus"
    )
    ordered.until(lambda: newest_reading(ordered) > last + 1_000_000, "new readings")
    seq = ordered.seq()
    ordered.until(lambda: ordered.seq() > seq, "news on the page", within_s=BACK_WITHIN_S)
    expect(ordered.page.locator("[data-testid=banner][data-kind=disconnected]")).to_have_count(0)
    assert rows(ordered) == shown
    assert kept(ordered) == before


def test_nothing_left_the_machine(ordered: Screen) -> None:
    assert ordered.strangers() == []
    assert ordered.policy_violations() == []
