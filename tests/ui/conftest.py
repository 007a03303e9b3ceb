"""What the tests of the page share: one browser, platform and set of devices for each file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.ui.parts import PlatformProcess, Station, station
from tests.ui.screen import Screen, chromium, missing


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlatformProcess, Station]]:
    why = missing()
    if why:
        pytest.skip(f"the page cannot be driven: {why}")
    with station(tmp_path_factory.mktemp("platform")) as both:
        yield both


@pytest.fixture(scope="module")
def platform(running: tuple[PlatformProcess, Station]) -> PlatformProcess:
    return running[0]


@pytest.fixture(scope="module")
def devices(running: tuple[PlatformProcess, Station]) -> Station:
    return running[1]


@pytest.fixture(scope="module")
def browser(platform: PlatformProcess) -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def screen(browser: Browser, platform: PlatformProcess) -> Iterator[Screen]:
    """The operator's page, signed in by the one-time link, before anything has happened."""
    opened = Screen(browser)
    opened.page.goto(platform.link("operator"))
    opened.at("queue").wait_for()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def shot_of_failure(request: pytest.FixtureRequest, screen: Screen, tmp_path: Path) -> Iterator[None]:
    """Leave a picture of the page where a test failed."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        screen.page.screenshot(path=tmp_path / "page.png")


@pytest.fixture(scope="module")
def burning(screen: Screen, devices: Station) -> Screen:
    """The same page once the fire has raised its alert; whatever page was open, the picture is in view."""
    devices.burn()
    for _ in range(5):  # each Escape closes one thing
        if screen.at("map").is_visible():
            break
        screen.page.keyboard.press("Escape")
        screen.page.wait_for_timeout(200)
    screen.at("alert-row").first.wait_for()
    return screen
