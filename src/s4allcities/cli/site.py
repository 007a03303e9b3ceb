"""`s4 site`: check, show, import and generate site files."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

__all__ = ("app", "generate", "import_osm", "import_sumo", "show", "survey", "validate")

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
    """Write a draft site from an OpenStreetMap extract (.osm.pbf, .osm): streets, squares, stations below.

    Rooms of buildings are drawn by hand then.

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


@app.command
def import_sumo(
    network: Path,
    folder: Path,
    *,
    name: Annotated[str, Parameter(help="Slug of the site; the folder's name if not given.")] = "",
    as_json: _AsJson = False,
) -> int:
    """Write a site from a SUMO network (.net.xml, .net.xml.gz) that can be planned on at once.

    Example: s4 site import-sumo quarter.net.xml sites/quarter
    """
    from s4allcities.site import SiteError
    from s4allcities.site.importers.sumo import import_sumo as run

    try:
        draft = run(network, folder, name or folder.resolve().name)
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


@app.command
def generate(
    kind: str,
    folder: Annotated[
        Path | None, Parameter(name=["--folder", "--out"], help="New folder; sites/SLUG if not given.")
    ] = None,
    *,
    name: Annotated[str, Parameter(help="Slug of the site; one of the kind's own if not given.")] = "",
    lon: Annotated[
        float | None, Parameter(help="Longitude of the anchor; that of the pilot city if not given.")
    ] = None,
    lat: Annotated[float | None, Parameter(help="Latitude of the anchor.")] = None,
    seats: Annotated[int | None, Parameter(help="stadium: seats")] = None,
    sectors: Annotated[int | None, Parameter(help="stadium: sectors round the pitch")] = None,
    gates: Annotated[int | None, Parameter(help="stadium, festival, park: gates")] = None,
    gate_width_m: Annotated[
        float | None, Parameter(help="stadium, festival, park: clear width of a gate")
    ] = None,
    people: Annotated[int | None, Parameter(help="festival, park: people on the grounds")] = None,
    streets: Annotated[int | None, Parameter(help="festival: old streets beside the field")] = None,
    metro_exits: Annotated[int | None, Parameter(help="festival: exits of the metro station")] = None,
    columns: Annotated[int | None, Parameter(help="park: columns of lawns")] = None,
    rows: Annotated[int | None, Parameter(help="park: rows of lawns")] = None,
    lawn_m: Annotated[float | None, Parameter(help="park: side of a lawn")] = None,
    storeys: Annotated[int | None, Parameter(help="municipal: storeys from the ground floor up")] = None,
    offices_per_side: Annotated[
        int | None, Parameter(help="municipal: offices on each side of a corridor")
    ] = None,
    people_per_office: Annotated[int | None, Parameter(help="municipal: people in an office")] = None,
    chamber_seats: Annotated[int | None, Parameter(help="municipal: seats in the council chamber")] = None,
    stops: Annotated[int | None, Parameter(help="busline: stops")] = None,
    spacing_m: Annotated[float | None, Parameter(help="busline: metres from stop to stop")] = None,
    people_per_stop: Annotated[int | None, Parameter(help="busline: people at each side of a stop")] = None,
    terminal_people: Annotated[int | None, Parameter(help="busline: people in the terminal")] = None,
    bearing_deg: Annotated[float | None, Parameter(help="busline: where the line runs, 0 is north")] = None,
    as_json: _AsJson = False,
) -> int:
    """Draw a site by parameters: stadium, festival, park, municipal or busline; all of it is marked synthetic.

    Example: s4 site generate stadium sites/my-stadium --seats 11700 --gates 8
    """
    from s4allcities.site import SiteError
    from s4allcities.site.generate import KINDS, generate_site

    asked = {
        "lon": lon, "lat": lat, "seats": seats, "sectors": sectors, "gates": gates, "gate_width_m": gate_width_m,
        "people": people, "streets": streets, "metro_exits": metro_exits, "columns": columns, "rows": rows,
        "lawn_m": lawn_m, "storeys": storeys, "offices_per_side": offices_per_side,
        "people_per_office": people_per_office, "chamber_seats": chamber_seats, "stops": stops,
        "spacing_m": spacing_m, "people_per_stop": people_per_stop, "terminal_people": terminal_people,
        "bearing_deg": bearing_deg,
    }  # fmt: skip
    try:
        if kind not in KINDS:
            raise SiteError(f"there is no kind of site {kind!r}; allowed are {', '.join(KINDS)}")
        target = folder or Path("sites") / (name or KINDS[kind].slug)
        done = generate_site(
            kind, target, slug=name, **{key: value for key, value in asked.items() if value is not None}
        )
    except SiteError as fault:
        return _refuse(fault)
    if as_json:
        _print_json(done)
    else:
        print(f"{done.folder}: synthetic {kind} for {done.people} people")
        print(", ".join(f"{count} {kind}" for kind, count in done.counts.items()))
    return 0


@app.command
def survey(
    folder: Path,
    *,
    answers: Annotated[Path | None, Parameter(help="A filled-in survey to check and score.")] = None,
    template: Annotated[Path | None, Parameter(help="Write an empty survey to this file.")] = None,
    as_json: _AsJson = False,
) -> int:
    """Survey a site's vulnerabilities: write the checklist to fill in, or check and score one that is filled in.

    Answers are 0 (nothing in place) to 4 (fully in place). Without options the survey in the site's context file is
    scored. The score is the vulnerability of a zone without the measures of the moment, by threat.

    Example: s4 site survey sites/helsinki-station --template survey.yaml
    """
    from s4allcities.app.survey_file import SurveyScore, score_survey, survey_template
    from s4allcities.awareness.context import ContextError
    from s4allcities.site import SiteError, load_site

    try:
        site = load_site(folder)
        if template is not None:
            template.write_text(survey_template(site), encoding="utf-8")
            if as_json:
                _print_json({"template": str(template)})
            else:
                print(f"{template}: fill in the answers, then s4 site survey {folder} --answers {template}")
            return 0
        found: list[SurveyScore] = score_survey(site, folder, answers)
    except (SiteError, ContextError, OSError) as fault:
        return _refuse(fault)
    if as_json:
        _print_json({"site": site.slug, "surveys": found})
        return 0
    for each in found:
        print(
            f"{each.id}: {', '.join(each.zones) or 'whole site'}, {each.answered} of {each.questions} answered"
        )
        for threat, value in each.vulnerability.items():
            print(f"  {threat:22} {value:.2f}")
    if not found:
        print(f"{folder}: no survey; write one with --template FILE")
    return 0
