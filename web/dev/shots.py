# ruff: noqa: D103, T201
"""Takes pictures of the page with the development server, in the states that matter; counts axe violations.

Run from web/ after `npm run build`: ../.venv/bin/python dev/shots.py OUT_DIR [--size 1920x1080] [--only calm,fire]
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
AXE = HERE.parent / "node_modules" / "axe-core" / "axe.min.js"
PORT = 5180
ARGS = [
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
]


def axe(page: Page) -> list[str]:
    """Give the violations that axe-core finds, one line each."""
    page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
    return [f"{v['id']}: {v['help']} -> {[n['target'] for n in v['nodes']][:4]}" for v in found["violations"]]


def calm(page: Page) -> None:
    page.wait_for_selector("[data-testid=empty]")
    page.wait_for_timeout(6000)


def cyber(page: Page) -> None:
    page.wait_for_selector("[data-testid=alert-row][data-level=high]", timeout=90000)
    page.wait_for_timeout(1500)


def fire(page: Page) -> None:
    page.locator("[data-testid=alert-row][data-level=critical]").click(timeout=90000)
    page.wait_for_selector("[data-testid=btn-order]", timeout=20000)
    page.wait_for_timeout(2500)


def acknowledged(page: Page) -> None:
    page.keyboard.press("a")
    page.wait_for_selector("[data-testid=alert-row][data-level=critical][data-state=acknowledged]")


def sheet(page: Page) -> None:
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-testid=order-sheet]")
    page.wait_for_timeout(300)


def ordered(page: Page) -> None:
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-testid=command-row][data-state=no_answer]", timeout=15000)


def menus(page: Page) -> None:
    page.get_by_test_id("menu-more").click()
    page.wait_for_selector("[data-testid=more-release]")


def asking(page: Page) -> None:
    page.get_by_test_id("more-release").click()
    page.wait_for_selector("[data-testid=release-sheet]")
    page.wait_for_timeout(300)


def asked(page: Page) -> None:
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-testid=release-waits]")
    page.wait_for_selector("[data-testid=banner][data-kind=second-person]")


def second(page: Page) -> None:
    """The same page in the eyes of a supervisor."""
    page.get_by_test_id("menu-who").press("Enter")
    page.get_by_test_id("btn-sign-out").press("Enter")
    page.wait_for_selector("form")
    page.goto(f"http://127.0.0.1:{PORT}/login?token=supervisor")
    page.wait_for_selector("[data-testid=banner-confirm]")
    page.locator("[data-testid=alert-row][data-level=critical]").click()
    page.wait_for_timeout(2500)


def signing_out(page: Page) -> None:
    page.get_by_test_id("menu-who").press("Enter")
    page.wait_for_selector("[data-testid=btn-sign-out]")


def refusing(page: Page) -> None:
    page.keyboard.press("Escape")
    page.get_by_test_id("banner-refuse").click()
    page.get_by_test_id("refuse-reason").fill("The hall is empty by now")
    page.wait_for_timeout(300)


def confirming(page: Page) -> None:
    page.keyboard.press("Escape")
    page.get_by_test_id("btn-release-confirm").click()
    page.wait_for_timeout(300)


def confirmed(page: Page) -> None:
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-testid=btn-release-ask]")


def context(page: Page) -> None:
    page.get_by_role("tab", name="Context").click()
    page.wait_for_timeout(300)


def log(page: Page) -> None:
    page.keyboard.press("l")
    page.wait_for_timeout(300)


def closing(page: Page) -> None:
    page.keyboard.press("c")
    page.wait_for_timeout(300)


def closed(page: Page) -> None:
    page.get_by_test_id("close-reason").fill("Dealt with by the fire service")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1200)


def keys(page: Page) -> None:
    page.keyboard.press("?")
    page.wait_for_timeout(300)


def table(page: Page) -> None:
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    page.wait_for_timeout(300)


def street(page: Page) -> None:
    page.keyboard.press("Escape")
    page.get_by_test_id("level-0").click()
    page.wait_for_timeout(1200)


STEPS: list[Callable[[Page], None]] = [
    calm, cyber, fire, acknowledged, sheet, ordered, menus, asking, asked, second, signing_out,
    refusing, confirming, confirmed, context, log, closing, closed, keys, table, street,
]  # fmt: skip


def login(browser: Browser, size: dict[str, int]) -> Page:
    page = browser.new_page(viewport=size)
    page.on("console", lambda m: print("console:", m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: print("pageerror:", e))
    outside = lambda r: f"127.0.0.1:{PORT}" not in r.url and not r.url.startswith(("data:", "blob:"))  # noqa: E731
    page.on("request", lambda r: print("OUTSIDE:", r.url) if outside(r) else None)
    return page


def shoot(browser: Browser, out: Path, name: str, only: set[str]) -> int:
    width, height = map(int, name.split("x"))
    page = login(browser, {"width": width, "height": height})
    page.goto(f"http://127.0.0.1:{PORT}/login")
    page.wait_for_selector("form")
    bad = axe(page)
    print(name, "login", bad or "axe 0")
    page.screenshot(path=out / f"login_{name}.png")
    page.goto(f"http://127.0.0.1:{PORT}/login?token=dev")
    count = len(bad)
    for step in STEPS:
        step(page)
        if only and step.__name__ not in only:
            continue
        page.screenshot(path=out / f"{step.__name__}_{name}.png")
        found = axe(page)
        count += len(found)
        print(name, step.__name__, *(found or ["axe 0"]), sep="\n   " if found else " ")
    page.close()
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    command = ["node", str(HERE / "server.mjs"), "--port", str(PORT), "--cyber", "14", "--fire", "26"]
    server = subprocess.Popen(command)
    try:
        time.sleep(1)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
            only = set(filter(None, asked.only.split(",")))
            count = shoot(browser, asked.out, asked.size, only)
            print(json.dumps({"axe_violations": count}))
            browser.close()
    finally:
        server.terminate()
        server.wait()
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
