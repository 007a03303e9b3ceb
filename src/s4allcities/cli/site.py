"""`s4 site`: check, show and import site files."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

__all__ = ("app", "import_osm", "show", "validate")

app = App(name="site", help="Check, show and import site files (venue, zones, exits, streets, sensors).")

_AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")]


def _print_json(document: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _refuse(fault: Exception) -> int:
    print(fault, file=sys.stderr)
    return 2


@app.command
def validate(folder: Path, *, as_json: _AsJson = False) -> int:
    """Check a site folder and list everything that is wrong with it; exit code 2 if something is.

    Example: s4 site validate sites/helsinki-station
    """
    from s4allcities.site.validate import validate_site

    problems = validate_site(folder)
    if as_json:
        _print_json({"site": str(folder), "valid": not problems, "problems": problems})
    else:
        for problem in problems:
            print(problem)
        print(f"{folder}: " + (f"{len(problems)} problems" if problems else "no problem"))
    return 2 if problems else 0


@app.command
def show(folder: Path, *, as_json: _AsJson = False) -> int:
    """Print what a site holds: zones, exits, assembly points, sensors, the size of its walking graph.

    Example: s4 site show sites/helsinki-station
    """
    from s4allcities.site import SiteError, load_site
    from s4allcities.site.show import show_site, summarise

    try:
        site = load_site(folder)
    except SiteError as fault:
        return _refuse(fault)
    if as_json:
        _print_json(summarise(site))
    else:
        print(show_site(site))
    return 0


@app.command
def import_osm(
    extract: Path,
    folder: Path,
    *,
    name: Annotated[str, Parameter(help="Slug of the site; the folder's name if not given.")] = "",
    bbox: Annotated[
        str, Parameter(help="west,south,east,north in degrees; all of the extract if not given.")
    ] = "",
    as_json: _AsJson = False,
) -> int:
    """Write a draft site from an OpenStreetMap extract (.osm.pbf, .osm); then draw its rooms by hand.

    Example: s4 site import-osm city.osm.pbf sites/town-hall --bbox 24.937,60.168,24.947,60.1735
    """
    from s4allcities.site import SiteError
    from s4allcities.site.importers.draft import import_osm as run

    try:
        draft = run(extract, folder, name or folder.resolve().name, _box(bbox))
    except SiteError as fault:
        return _refuse(fault)
    if as_json:
        _print_json(draft)
    else:
        print(f"{draft.folder}: " + ", ".join(f"{count} {kind}" for kind, count in draft.counts.items()))
        for problem in draft.problems:
            print(f"to do: {problem}")
    return 0


def _box(text: str) -> tuple[float, float, float, float] | None:
    from s4allcities.site import SiteError

    if not text:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise SiteError(f"--bbox {text!r}: allowed are four numbers, west,south,east,north") from None
    return west, south, east, north
