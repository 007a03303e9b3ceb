"""The pages beside the picture: opened by key, menu and address; the alerts stay in view; nothing is cut off."""

import pytest
from playwright.sync_api import expect
from tests.ui.screen import LARGE, SMALL, Screen

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]

PAGES = ("sensors",)


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


def test_alerts_stay_in_view_and_lead_back_to_the_picture(burning: Screen) -> None:
    burning.page.keyboard.press("g")
    burning.page.keyboard.press("s")
    burning.page.set_viewport_size(LARGE)
    burning.at("rail").get_by_role("button").first.click()
    expect(burning.at("map")).to_be_visible()
    expect(burning.at("option")).to_be_visible()
