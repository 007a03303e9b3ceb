"""`s4 scenario`: simulated worlds with truth."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

__all__ = ("app", "list_them", "run")

app = App(name="scenario", help="Simulated worlds with truth: list them, look into them.")

_Site = Annotated[Path, Parameter(help="The site folder; scenarios are in its folder `scenarios`.")]
_AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")]


@app.command(name="list")
def list_them(*, site: _Site = Path("sites/helsinki-station"), as_json: _AsJson = False) -> int:
    """List a site's scenarios, each checked. Exit code 2 if a file is wrong or there is none.

    Example: s4 scenario list --site sites/helsinki-station
    """
    from s4allcities.scenario.errors import ScenarioError
    from s4allcities.scenario.files import list_scenarios, load_scenario

    try:
        found = {name: load_scenario(site, name) for name in list_scenarios(site)}
        if not found:
            raise ScenarioError(f"{site}: no scenario; allowed are TOML files in its folder `scenarios`")
    except ScenarioError as error:
        return _refuse(error)
    names = ("title", "summary", "benign", "duration_s")
    rows = [{"name": name, **{each: getattr(file, each) for each in names}} for name, file in found.items()]
    if as_json:
        print(
            msgspec.json.format(
                msgspec.json.encode({"site": str(site), "scenarios": rows}), indent=2
            ).decode()
        )
        return 0
    for row in rows:
        print(f"{row['name']:20} {row['duration_s']:4.0f} s  {row['title']}")
    return 0


@app.command
def run(
    name: str,
    *,
    site: _Site = Path("sites/helsinki-station"),
    events: Annotated[
        bool, Parameter(negative=(), help="JSON lines: truth and observations, as they happen.")
    ] = False,
    as_json: _AsJson = False,
    seed: Annotated[int, Parameter(help="Another seed tells another story.")] = 1,
    fire_at: Annotated[str, Parameter(help="Zone in which it burns.")] = "",
    jam: Annotated[str, Parameter(help="Street on which traffic is jammed.")] = "",
    close: Annotated[str, Parameter(help="Exit that is closed for works.")] = "",
    start: Annotated[str, Parameter(help="When it begins, RFC 3339.")] = "2026-01-01T12:00:00+00:00",
) -> int:
    """Play a scenario without any network, as fast as it goes, and tell what happens in its world.

    Example: s4 scenario run station-fire --events --seed 7 | grep '"kind":"event"'
    """
    from s4allcities.domain import from_rfc3339
    from s4allcities.scenario.errors import ScenarioError
    from s4allcities.scenario.options import ScenarioOptions, check_options
    from s4allcities.scenario.story import tell_story
    from s4allcities.scenario.world import World
    from s4allcities.site import SiteError

    try:
        start_us = from_rfc3339(start)
        check_options(site, name, fire_at=fire_at, jam=jam, close=close)
        options = ScenarioOptions(seed=seed, fire_at=fire_at, jam=jam, close=close)
        world = World(*tell_story(site, name, options), start_us=start_us)
    except (ScenarioError, SiteError) as error:
        return _refuse(error)
    except ValueError:
        return _refuse(ValueError(f"--start {start!r}: allowed is an RFC 3339 time"))
    told = list(_told(world)) if as_json or not events else _told(world)
    if as_json:
        document = {"scenario": name, "seed": seed, "simulated": True, "events": told}
        print(msgspec.json.encode(document).decode())
        return 0
    try:
        for row in told:
            _print(row, as_line=events)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: not our failure, and nothing to say at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _print(row: dict[str, Any], *, as_line: bool) -> None:
    if as_line:
        print(msgspec.json.encode(row).decode())
    elif row["kind"] == "event":
        print(f"{row['t_s']:6.1f} s  {row['what']}: {row['where']}")


def _told(world: Any) -> Iterator[dict[str, Any]]:
    """Give the truth once a second, what begins, and every message that a sensor sends."""
    while world.t_s < world.story.duration_s:
        data = world.step()
        yield from world.happened()
        for datum in data:
            yield {
                "kind": "observation",
                "t_us": datum.t_us,
                "due_us": datum.due_us,
                "sensor": datum.sensor,
                "family": datum.family,
                "protocol": datum.protocol,
                "message": msgspec.Raw(datum.payload),
            }
        if world.t_s == int(world.t_s):
            yield world.truth()


def _refuse(error: Exception) -> int:
    print(f"s4 scenario: {error}", file=sys.stderr)
    return 2
