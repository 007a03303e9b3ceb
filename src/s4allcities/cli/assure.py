"""`s4 assure`: what the detectors, as configured, would have missed in the installation's own history."""

import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("app", "assure")

app = App(name="assure", help="Try the detectors with attacks in the installation's own history.")


@app.default
def assure(
    *,
    site: Annotated[Path | None, Parameter(help="Site folder; that of the configuration without it.")] = None,
    days: Annotated[
        int, Parameter(help="So many days of history, the last ones; the first half teaches.")
    ] = 30,
    config: Annotated[Path | None, Parameter(help="The platform's settings (s4.toml).")] = None,
    data_dir: Annotated[Path | None, Parameter(help="Where the platform keeps everything.")] = None,
    simulate: Annotated[
        bool, Parameter(negative=(), help="On a simulated month with three blind spots planted in it.")
    ] = False,
    every_s: Annotated[float, Parameter(help="Seconds between simulated readings.")] = 300.0,
    repeats: Annotated[int, Parameter(help="How often each attack is tried on each series.")] = 2,
    budget_s: Annotated[float, Parameter(help="Stop trying sensors after so many seconds.")] = 3600.0,
    seed: Annotated[int, Parameter(help="Draws the hours of the attacks and the order of the sensors.")] = 0,
    report: Annotated[Path | None, Parameter(help="Write the report to this HTML file, too.")] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Put attacks and faults of six kinds and three sizes into recorded readings and run the detectors over them.

    Says what would have been missed, where, at which size and how late, which sensors are blinder than others of
    their kind, and how many false alarms these settings cost. The report is kept in the data directory; the page shows
    the newest one. The platform may be running.

    Example: s4 assure --site sites/helsinki-station --days 30 --report assurance.html
    """
    from s4allcities.app.assure import AssureError
    from s4allcities.app.config import ConfigError
    from s4allcities.site import SiteError
    from s4allcities.store.errors import StoreError

    try:
        if wrong := _wrong(days, every_s, repeats, budget_s):
            raise ConfigError(wrong)
        with ExitStack() as stack:
            document = _run(
                stack, site, days, config, data_dir, simulate, every_s, repeats, budget_s, seed, report
            )
    except (AssureError, ConfigError, SiteError, StoreError, OSError) as error:
        print(f"s4 assure: {error}", file=sys.stderr)
        return 2
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        from s4allcities.app.assure import report_text

        print(report_text(document))
    return 0


def _wrong(days: int, every_s: float, repeats: int, budget_s: float) -> str:
    if not 4 <= days <= 366:
        return f"--days is {days}; allowed are 4 to 366"
    if not 1 <= every_s <= 3600:
        return f"--every-s is {every_s:g}; allowed are 1 to 3600"
    if not 1 <= repeats <= 6:
        return f"--repeats is {repeats}; allowed are 1 to 6"
    return "" if budget_s > 0 else f"--budget-s is {budget_s:g}; allowed are seconds above 0"


def _run(
    stack: ExitStack,
    site: Path | None,
    days: int,
    config: Path | None,
    data_dir: Path | None,
    simulate: bool,
    every_s: float,
    repeats: int,
    budget_s: float,
    seed: int,
    report: Path | None,
) -> Any:
    from s4allcities.app.assure import (
        HistorySource,
        Plan,
        assure,
        keep_report,
        month_begin_us,
        plant,
        report_html,
        write_month,
    )
    from s4allcities.app.config import load_config
    from s4allcities.domain import SystemClock
    from s4allcities.site import load_site

    settings, clock = load_config(config), SystemClock()
    place = load_site(site or Path(settings.site))
    folder, planted, detectors = data_dir or Path(settings.data_dir), None, dict(settings.detectors)
    if simulate:
        folder = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s4-assure-")))
        planted = plant(place, seed)
        for name, masks in planted.detectors.items():
            detectors[name] = detectors.get(name, {}) | masks
        asyncio.run(
            write_month(
                place, folder, clock=clock, t_from_us=month_begin_us(clock, days), days=days, every_s=every_s,
                seed=seed, planted=planted,
            )
        )  # fmt: skip
    source = stack.enter_context(HistorySource(folder, days))
    plan = Plan(repeats=repeats, seed=seed, budget_s=budget_s)
    document = assure(
        place, source, plan, detectors=detectors, now_us=clock.now_us(), simulated=simulate,
        planted=planted.sensors if planted else (), say=_say(stack),
    )  # fmt: skip
    keep_report(folder, document)
    if report is not None:
        report.write_text(report_html(document), encoding="utf-8")
    return document


def _say(stack: ExitStack) -> "Callable[[str, float], None]":
    """Give a progress bar on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        return lambda what, share: None
    from rich.console import Console
    from rich.progress import Progress

    progress = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
    bar = progress.add_task("starting", total=1.0)
    return lambda what, share: progress.update(bar, description=what, completed=share)
