"""Makes the pictures of the page that the documentation shows: `make screenshots`.

Runs `s4 demo`, signs in by the operator's link and drives the system's Chromium. A picture that grows over 700 kB, or a
story that does not come to a recommended course of action, is an error.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1920, "height": 1080}
MOST_BYTES = 700_000
START_S = 120.0
STORY_S = 240.0
SETTLE_S = 20.0
"""The plan is made anew while the first smoke spreads; the picture is of one that has settled."""
# Offline, and with the software renderer, so that the map is drawn on machines without a graphics card.
CHROMIUM = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
)  # fmt: skip


@contextmanager
def demo(folder: str, options: list[str]) -> Iterator[str]:
    """Run a demonstration; give the operator's sign-in link."""
    command = [sys.executable, "-c", "from s4allcities.cli import main; main()", "demo", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--data-dir", folder, *options],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    lines: Queue[str] = Queue()
    threading.Thread(target=_copy, args=(process.stdout, lines), daemon=True).start()
    try:
        yield _link(lines)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _copy(stream: Iterable[str] | None, lines: "Queue[str]") -> None:
    for line in stream or ():
        lines.put(line)


def _link(lines: "Queue[str]") -> str:
    while True:
        try:
            line = lines.get(timeout=START_S)
        except Empty:
            raise SystemExit(
                f"screenshots: the demonstration printed no sign-in link within {START_S:g} s"
            ) from None
        found = re.search(r"sign in as operator: (\S+)", line)
        if found:
            return found[1]


def shoot(page: Page, name: str) -> None:
    """Save what the page shows."""
    path = IMAGES / name
    page.screenshot(path=path, animations="disabled")
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size // 1000} kB")
    if size > MOST_BYTES:
        raise SystemExit(f"screenshots: {name} has {size} bytes; allowed are {MOST_BYTES}")


def wait_for_calm(page: Page) -> None:
    """Wait until the map is drawn and sensors have spoken."""
    page.get_by_test_id("overview").wait_for()
    page.wait_for_function("() => /[1-9][0-9]+ of [0-9]+ sensors/.test(document.body.innerText)")
    page.wait_for_timeout(4000)


def choose_fire(page: Page) -> None:
    """Wait for the fire and its course of action, and open it."""
    row = page.get_by_test_id("alert-row").filter(has_text="Fire")
    row.first.wait_for(timeout=STORY_S * 1000)
    row.first.click()
    option = page.get_by_test_id("option").filter(has_text="Evacuate")
    option.first.wait_for(timeout=STORY_S * 1000)
    page.wait_for_timeout(SETTLE_S * 1000)


def main() -> None:
    """Run the story once and save both pictures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser"))
    arguments, options = parser.parse_known_args()
    if not arguments.chromium:
        raise SystemExit(
            "screenshots: no Chromium found; install Debian's `chromium` or give --chromium PATH"
        )
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="s4-screenshots-") as folder,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=arguments.chromium, args=CHROMIUM) as browser,
    ):
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        page.set_default_timeout(STORY_S * 1000)
        with demo(folder, options) as link:
            page.goto(link)
            wait_for_calm(page)
            shoot(page, "cop-calm.png")
            choose_fire(page)
            shoot(page, "cop-fire.png")


if __name__ == "__main__":
    main()
