"""`s4 demo`: a scenario end to end."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

__all__ = ("app", "demo")

app = App(name="demo", help="Run a scenario end to end: platform, simulated sensors, page.")


@app.default
def demo(
    name: str = "station-fire",
    *,
    headless: Annotated[
        bool, Parameter(negative=(), help="With a scripted operator instead of the page.")
    ] = False,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
    speed: Annotated[float, Parameter(help="How many times faster than real time.")] = 1.0,
    port: Annotated[int, Parameter(help="Of the page; 0 = any free one.")] = 8080,
    seed: Annotated[int, Parameter(help="Another seed tells another story.")] = 1,
    fire_at: Annotated[str, Parameter(help="Zone in which it burns.")] = "",
    jam: Annotated[str, Parameter(help="Street on which traffic is jammed.")] = "",
    close: Annotated[str, Parameter(help="Exit that is closed for works.")] = "",
    lock: Annotated[str, Parameter(help="Exit that somebody has locked; nobody says so.")] = "",
    site: Annotated[Path, Parameter(help="The site folder.")] = Path("sites/helsinki-station"),
    data_dir: Annotated[
        Path | None, Parameter(help="Where to keep the run; a temporary folder without it.")
    ] = None,
) -> int:
    """Run a scenario: server, sensors over their real protocols, operator's page; print what happens.

    Example: s4 demo station-fire --headless --seed 7 --jam simonkatu
    """
    from s4allcities.app.demo import DemoError, DemoOptions, run_demo
    from s4allcities.app.logs import set_up_logs
    from s4allcities.scenario.errors import ScenarioError
    from s4allcities.scenario.options import check_options
    from s4allcities.site import SiteError

    set_up_logs()
    options = DemoOptions(
        scenario=name, site=site, headless=headless or as_json, speed=speed, port=port, seed=seed,
        fire_at=fire_at, jam=jam, close=close, lock=lock, data_dir=data_dir,
    )  # fmt: skip
    try:
        check_options(site, name, fire_at=fire_at, jam=jam, close=close, lock=lock, speed=speed)
        with contextlib.suppress(KeyboardInterrupt):
            document = asyncio.run(run_demo(options, _quiet if as_json else _say))
            if as_json:
                print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    except (ScenarioError, SiteError) as error:
        print(f"s4 demo: {error}", file=sys.stderr)
        return 2
    except DemoError as error:
        print(f"s4 demo: {error}", file=sys.stderr)
        return 1
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _quiet(_: str) -> None:
    """Keep stdout for the document."""
