"""The page in Chromium: what it asks for and complains about is written down, and what it shows is measured."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, ViewportSize, expect, sync_playwright

from .parts import ROOT

CHROMIUM = Path("/usr/bin/chromium")
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PAGE = ROOT / "src" / "s4allcities" / "ui" / "index.html"
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
LARGE: ViewportSize = {"width": 1920, "height": 1080}
SMALL: ViewportSize = {"width": 1366, "height": 768}
PATIENCE_MS = 60_000
"""Software drawing on a busy machine is slow; what is expected comes in a second or two on a free one."""

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
HEARD = """
addEventListener('securitypolicyviolation', event => {
  (window.__csp ??= []).push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


def missing() -> str:
    """Say what is not there to drive the page with; empty if all is."""
    wanted = {
        CHROMIUM: "apt-get install chromium",
        PAGE: "make setup, with Node 20 or newer",
        AXE: "npm ci in web/",
    }
    return "; ".join(f"no {path} ({cure})" for path, cure in wanted.items() if not path.exists())


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser, closed at the end."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


class Screen:
    """One person's page, in a context of its own: no cookie is shared with another `Screen`."""

    def __init__(self, browser: Browser, size: ViewportSize = SMALL) -> None:
        context = browser.new_context(viewport=size, reduced_motion="reduce")
        context.add_init_script(HEARD)
        context.set_default_timeout(PATIENCE_MS)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("websocket", lambda socket: self.asked.append(socket.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.complaints.append(said.text)

    def close(self) -> None:
        self.page.context.close()

    def at(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    def until(self, true: Callable[[], object], what: str, *, within_s: float = PATIENCE_MS / 1000) -> float:
        """Wait for something that no selector tells; gives how long it took, seconds.

        Playwright's own ``wait_for_function`` evaluates text in the page, which our content security policy forbids.
        """
        start = time.monotonic()
        while not true():
            assert time.monotonic() - start < within_s, f"{what}: not within {within_s:g} s"
            self.page.wait_for_timeout(50)
        return time.monotonic() - start

    def confirmed(self, confirm: Callable[[], object], again: Callable[[], object]) -> None:
        """Order what the open sheet shows; where a newer option came in between, look at that and order it.

        The platform refuses an option that a newer one replaces, so that nobody orders what no longer holds.
        """
        sheet, refusal = self.at("order-sheet"), self.at("order-sheet").get_by_role("alert")
        for _ in range(3):
            confirm()
            self.until(lambda: not sheet.count() or refusal.count(), "an answer to the order")
            if not sheet.count():
                return
            again()
        raise AssertionError(f"ordering was refused three times: {refusal.inner_text()}")

    def map_drawn(self) -> None:
        """Wait until the map stands."""
        self.until(lambda: self.page.evaluate("Boolean(window.__s4?.map?.loaded())"), "the map")

    def picture(self) -> dict[str, dict[str, Any]]:
        """Give the picture as the platform has it, asked for as this person."""
        answer: dict[str, Any] = self.page.evaluate("fetch('/api/v1/picture').then(answer => answer.json())")
        picture: dict[str, dict[str, Any]] = answer["picture"]
        return picture

    def seq(self) -> int:
        return int(self.page.evaluate("window.__s4.seq"))

    def violations(self) -> list[str]:
        """Give what axe-core finds, one line each."""
        self.page.evaluate(AXE.read_text())
        found: dict[str, Any] = self.page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        return [
            f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']][:4]}"
            for each in found["violations"]
        ]

    def strangers(self) -> list[str]:
        """Give the addresses asked for that are not on this machine."""
        return [url for url in self.asked if not _local(url)]

    def policy_violations(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.__csp ?? []")
        return found

    def cut(self) -> list[str]:
        """Give the texts and buttons that reach out of what holds them; see `cut.js`."""
        found: list[str] = self.page.evaluate((Path(__file__).with_name("cut.js")).read_text())
        return found

    def map_colours(self) -> int:
        """Give how many different colours the map's canvas has, read back from WebGL on a grid."""
        return int(self.page.evaluate((Path(__file__).with_name("colours.js")).read_text()))


def _local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"
