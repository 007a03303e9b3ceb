"""`s4 simulate`: what-if runs. All they print is simulated."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.site import Site

__all__ = ("app", "crowd", "ensemble", "export", "validate")

app = App(name="simulate", help="What-if runs: a crowd on a site, and the engine's own validation.")

_AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")]


def _print_json(document: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _refuse(fault: Exception | str) -> int:
    print(f"s4 simulate: {fault}", file=sys.stderr)
    return 2


@app.command
def crowd(
    site: Path,
    *,
    occupancy: Annotated[
        Path | None, Parameter(help="JSON: people by zone; the zones' capacities if not given.")
    ] = None,
    plan: Annotated[Path | None, Parameter(help="JSON: by zone, the share of its people by exit.")] = None,
    closed: Annotated[str, Parameter(help="Exits and doors that are closed: a,b.")] = "",
    close_later: Annotated[
        str, Parameter(help="Exits that close during the run: a@60,b@120 (seconds).")
    ] = "",
    compliance: Annotated[float, Parameter(help="Share of people who follow the plan, 0 to 1.")] = 1.0,
    premovement: Annotated[float, Parameter(help="Median seconds until people set off.")] = 30.0,
    groups: Annotated[float, Parameter(help="Share of people in groups, 0 to 1.")] = 0.0,
    population: Annotated[str, Parameter(help="public or laboratory.")] = "public",
    smoke: Annotated[str, Parameter(help="Extinction in 1/m by zone: hall=1.5,lobby=0.5.")] = "",
    until: Annotated[str, Parameter(help="exit or assembly.")] = "exit",
    limit_s: Annotated[float, Parameter(help="Longest simulated time.")] = 3600.0,
    dt_s: Annotated[float, Parameter(help="Step, 0.01 to 0.1 s.")] = 0.05,
    cell_m: Annotated[float, Parameter(help="Side of the floor field's cells, 0.1 to 0.5 m.")] = 0.25,
    workers: Annotated[int, Parameter(help="Threads.")] = 1,
    seed: int = 0,
    plot: Annotated[Path | None, Parameter(help="Write a picture of the greatest densities (SVG).")] = None,
    video: Annotated[
        Path | None, Parameter(help="Write a film (.mp4, extra video) or a folder of PNG frames.")
    ] = None,
    as_json: _AsJson = False,
) -> int:
    """Let the people of a site leave it, and say how long that takes, by which exits, and where it is dense.

    Without a plan everybody takes the nearest exit and changes it when the queue costs too much. All output is
    simulated.

    Example: s4 simulate crowd sites/helsinki-station --premovement 20 --plot densities.svg --json
    """
    from s4allcities.simulation.crowd.evacuate import evacuate
    from s4allcities.simulation.crowd.outcome import CrowdOptions
    from s4allcities.simulation.crowd.site_ground import build_site_ground
    from s4allcities.site import load_site

    try:
        _ranges(
            limit_s=(limit_s, 1, 86_400),
            dt_s=(dt_s, 0.01, 0.1),
            cell_m=(cell_m, 0.1, 0.5),
            workers=(workers, 1, 64),
        )
        _ranges(premovement=(premovement, 0, 3600), compliance=(compliance, 0, 1), groups=(groups, 0, 1))
        options = CrowdOptions(
            compliance=compliance, closed=tuple(_names(closed)), close_later=_later(close_later),
            premovement_s=premovement, groups=groups, population=population, until=until, limit_s=limit_s, dt_s=dt_s,
            seed=seed, workers=workers, smoke=_pairs(smoke),
        )  # fmt: skip
        place = load_site(site)
        people = _occupancy(place, occupancy)
        shares = _read(plan, dict[str, dict[str, float]]) if plan else None
        ground = build_site_ground(place, cell_m=cell_m)
        watch = _Watch(ground, plot, video)
        result = evacuate(ground, people, shares=shares, options=options, watch=watch)
        watch.write()
    except (ValueError, OSError) as fault:
        return _refuse(fault)
    if as_json:
        _print_json(result)
    else:
        _tell(result)
    return 0


def _tell(result: Any) -> None:
    end = "not all out" if result.clearance_s is None else f"all out after {result.clearance_s:g} s"
    print(f"{result.site}, simulated: {result.people} people, {end}, {result.left} left")
    print(f"densest: {result.densest_pm2:g} people/m2 in {result.densest_zone or 'no zone'}")
    for each in result.exits:
        last = (
            ""
            if each.last_s is None
            else f", last after {each.last_s:g} s, at most {each.peak_flow_ps:g} a second"
        )
        print(f"  {each.exit}: {each.people} people{last}")


@app.command
def ensemble(
    site: Path,
    *,
    runs: Annotated[int, Parameter(help="How many runs, 1 to 100,000.")] = 1000,
    occupancy: Annotated[
        Path | None, Parameter(help="JSON: people by zone; the zones' capacities if not given.")
    ] = None,
    plan: Annotated[Path | None, Parameter(help="JSON: by zone, the share of its people by exit.")] = None,
    closed: Annotated[str, Parameter(help="Exits and doors that are closed: a,b.")] = "",
    premovement: Annotated[float, Parameter(help="Median seconds until people set off.")] = 30.0,
    seed: int = 0,
    as_json: _AsJson = False,
) -> int:
    """Give the band of a site's clearance, of its densities, and what drives it, over many uncertain runs.

    Zones as cells, doors as links: quicker and coarser than the crowd. All output is simulated.

    Example: s4 simulate ensemble sites/helsinki-station --runs 1000 --json
    """
    import numpy as np

    from s4allcities.simulation.ensemble import Spread, run_ensemble
    from s4allcities.site import load_site

    try:
        _ranges(premovement=(premovement, 0, 3600))
        place = load_site(site)
        people = _occupancy(place, occupancy)
        outdoor = {zone.slug for zone in place.zones if zone.outdoor}
        shares = _read(plan, dict[str, dict[str, float]]) if plan else None
        found = run_ensemble(
            place, {slug: count for slug, count in people.items() if slug not in outdoor}, runs=runs, shares=shares,
            closed=tuple(_names(closed)), spread=Spread(premovement_s=premovement), rng=np.random.default_rng(seed),
        )  # fmt: skip
    except (ValueError, OSError) as fault:
        return _refuse(fault)
    if as_json:
        _print_json(found)
        return 0
    shown = [("more than an hour" if each is None else f"{each:g} s") for each in (found.p50_s, found.p95_s)]
    print(
        f"{found.site}, simulated: {found.people} people, P50 {shown[0]}, P95 {shown[1]}, {found.runs} runs"
    )
    for band in found.zones[:5]:
        print(f"  {band.zone}: {band.p50_pm2:g} to {band.p95_pm2:g} people/m2")
    print("spread by: " + ", ".join(f"{name} {share:.0%}" for name, share in found.sensitivity.items()))
    return 0


@app.command
def export(site: Path, out: Path, *, cell_m: float = 0.25, as_json: _AsJson = False) -> int:
    """Write a site for JuPedSim: walkable areas of each level as WKT, exits and zones, in one JSON file.

    Example: s4 simulate export sites/helsinki-station station-jupedsim.json
    """
    from s4allcities.simulation.crowd.export import jupedsim_document
    from s4allcities.simulation.crowd.site_ground import build_site_ground
    from s4allcities.site import load_site

    try:
        _ranges(cell_m=(cell_m, 0.1, 0.5))
        document = jupedsim_document(build_site_ground(load_site(site), cell_m=cell_m))
        out.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1))
    except (ValueError, OSError) as fault:
        return _refuse(fault)
    if as_json:
        _print_json({"file": str(out), "site": document["site"], "levels": len(document["levels"])})
    else:
        print(f"{out}: {len(document['levels'])} levels")
    return 0


@app.command
def validate(
    *,
    report: Annotated[Path | None, Parameter(help="Write the results as a page to this file.")] = None,
    data: Annotated[
        Path | None, Parameter(help="Folder with measured walking; ../shared/data/crowd or S4_TEST_DATA.")
    ] = None,
    only: Annotated[str, Parameter(help="Only cases whose name begins so.")] = "",
    as_json: _AsJson = False,
) -> int:
    """Run the crowd engine's validation: RiMEA, Weidmann, measured bottleneck and corridors, ISO 20414 smoke.

    Ends with exit code 0 when it ran; whether each case holds is in the results. Takes some minutes.

    Example: s4 simulate validate --report docs/reference/crowd-validation.md
    """
    from s4allcities.simulation.crowd.validation import report_text, run_cases

    results = run_cases(data, only, lambda line: print(line, file=sys.stderr, flush=True))
    if report is not None:
        try:
            report.write_text(report_text(results), encoding="utf-8")
        except OSError as fault:
            return _refuse(fault)
    if as_json:
        _print_json({"simulated": True, "cases": results})
    else:
        for each in results:
            mark = {True: "holds", False: "FAILS", None: "not run"}[each.holds]
            print(f"{each.case:34} {mark:8} {each.found}")
    return 0


class _Watch:
    """Takes what pictures need while the run goes on."""

    def __init__(self, ground: Any, plot: Path | None, video: Path | None) -> None:
        from s4allcities.simulation.crowd.drawing import Film
        from s4allcities.simulation.crowd.outcome import DensityWatch

        if video:
            Film.check(video)
        self.ground, self.plot, self.video = ground, plot, video
        self.density = DensityWatch(ground) if plot else None
        self.film = Film(ground.ground) if video else None

    def __call__(self, crowd: Any) -> None:
        if self.density:
            self.density.look(crowd)
        if self.film:
            self.film.add(crowd)

    def write(self) -> None:
        from s4allcities.simulation.crowd.drawing import draw_ground

        if self.plot and self.density:
            title = f"{self.ground.site.name}: greatest densities, simulated"
            self.plot.write_text(
                draw_ground(self.ground.ground, self.density.peak, self.density.key, title), encoding="utf-8"
            )
        if self.video and self.film:
            self.film.write(self.video)


def _ranges(**given: tuple[float, float, float]) -> None:
    for name, (value, low, high) in given.items():
        if not low <= value <= high:
            raise ValueError(f"--{name.replace('_', '-')} is {value:g}; allowed are {low:g} to {high:g}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pairs(text: str) -> dict[str, float]:
    found = {}
    for part in _names(text):
        name, _, value = part.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise ValueError(f"--smoke {part!r}: allowed is ZONE=NUMBER") from None
    return found


def _later(text: str) -> tuple[tuple[float, str], ...]:
    found = []
    for part in _names(text):
        name, _, moment = part.partition("@")
        try:
            found.append((float(moment), name))
        except ValueError:
            raise ValueError(f"--close-later {part!r}: allowed is EXIT@SECONDS") from None
    return tuple(found)


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.MsgspecError as fault:
        raise ValueError(f"{path}: {fault}") from None


def _occupancy(place: "Site", path: Path | None) -> dict[str, float]:
    if path is not None:
        people: dict[str, float] = _read(path, dict[str, float])
        return people
    return {
        zone.slug: zone.capacity_people
        for zone in place.zones
        if zone.category != "walkway" and zone.slug != "pitch"
    }
