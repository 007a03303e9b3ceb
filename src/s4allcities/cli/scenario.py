"""`s4 scenario`: simulated worlds with truth."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.app.scoring.score import ScoreOptions
    from s4allcities.scenario.generated.worlds import Generator

__all__ = ("app", "list_them", "run", "score")

app = App(
    name="scenario", help="Simulated worlds with truth: list them, look into them, score fusion on them."
)

_Site = Annotated[Path, Parameter(help="The site folder; scenarios are in its folder `scenarios`.")]
_AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")]


@app.command(name="list")
def list_them(*, site: _Site = Path("sites/helsinki-station"), as_json: _AsJson = False) -> int:
    """List a site's scenarios, each checked, and its generated worlds. Exit code 2 if a file is wrong or there is none.

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
    rows = [
        {"name": name, **{each: getattr(file, each) for each in names}, "generated": False}
        for name, file in found.items()
    ]
    laws = _add_generated(site, rows)
    if as_json:
        document = {"site": str(site), "scenarios": rows, "laws": laws}
        print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return 0
    for row in rows:
        print(f"{row['name']:25} {row['duration_s']:6.0f} s  {row['title']}")
    for law, summary in laws.items():
        print(f"--law {law:19}           {summary}")
    return 0


def _add_generated(site: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    """Add the worlds that can be generated at a site; gives the laws by which their sensors may err."""
    from s4allcities.scenario.errors import ScenarioError
    from s4allcities.scenario.generated.worlds import described, world_names
    from s4allcities.site import SiteError

    try:
        generator = _generator(site)
    except (
        ScenarioError,
        SiteError,
    ):  # stories name zones that this site has not: it has none of these worlds
        return {}
    catalogue = generator.catalogue
    rows += [
        {"name": name, **described(name, catalogue), "generated": True} for name in world_names(catalogue)
    ]
    return {name: law.summary for name, law in catalogue.laws.items()}


def _generator(site: Path) -> "Generator":
    from s4allcities.scenario.generated.worlds import Generator
    from s4allcities.site import load_site

    return Generator(load_site(site))


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
    law: Annotated[
        str, Parameter(help="Generated worlds: by which law sensors err; `list` has them.")
    ] = "standard",
    out: Annotated[
        Path | None,
        Parameter(help="Generated worlds: folder for detections.jsonl (for `s4 fuse`) and truth.jsonl."),
    ] = None,
) -> int:
    """Play a scenario without any network, as fast as it goes, and tell what happens in its world.

    A site's stories give messages of sensors; generated worlds give detections, for `s4 fuse`. Options from fire-at to
    start are for stories, law and out for generated worlds.

    Example: s4 scenario run armed-attacker --seed 3 --out attack && s4 fuse attack/detections.jsonl
    """
    from s4allcities.domain import from_rfc3339
    from s4allcities.scenario.errors import ScenarioError
    from s4allcities.scenario.options import ScenarioOptions, check_options
    from s4allcities.scenario.story import tell_story
    from s4allcities.scenario.world import World
    from s4allcities.site import SiteError

    try:
        if _is_generated(site, name):
            return _run_generated(site, name, seed, law, out, as_json=as_json, events=events)
        if out is not None or law != "standard":
            raise ScenarioError(f"{name} is a story of the site: --out and --law are for generated worlds")
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


@app.command
def score(
    *,
    site: _Site = Path("sites/helsinki-station"),
    seeds: Annotated[int, Parameter(help="How many seeds of each world are scored.")] = 6,
    train_seeds: Annotated[int, Parameter(help="How many training seeds the rules are tuned on.")] = 12,
    days: Annotated[int, Parameter(help="How many ordinary days a law, which are long.")] = 2,
    law: Annotated[tuple[str, ...], Parameter(help="Only these laws of error; may be repeated.")] = (),
    world: Annotated[tuple[str, ...], Parameter(help="Only these worlds; may be repeated.")] = (),
    split: Annotated[
        Literal["train", "test"], Parameter(help="train: look at what may be tuned on.")
    ] = "test",
    report: Annotated[
        Path | None, Parameter(help="Write the tables as a page of the documents, too.")
    ] = None,
    as_json: _AsJson = False,
) -> int:
    """Score fusion on generated worlds of unseen seeds, beside simpler rules tuned on the same training seeds.

    Brier score, calibration error, log loss, AUC, time to alert, false incidents a day, B-cubed; by law of error, world
    and hypothesis. Simulated worlds say nothing of a real installation. Takes some minutes.

    Example: s4 scenario score --seeds 2 --law standard --law heavy-tails
    """
    from s4allcities.app.logs import set_up_logs
    from s4allcities.app.scoring.score import ScoreOptions
    from s4allcities.app.scoring.score import score as made
    from s4allcities.app.scoring.text import report_page, score_text
    from s4allcities.scenario.errors import ScenarioError
    from s4allcities.site import SiteError

    set_up_logs()
    options = ScoreOptions(
        site=site, split=split, seeds=seeds, train_seeds=train_seeds, days=days, laws=law, worlds=world
    )
    try:
        document = made(options, lambda line: print(line, file=sys.stderr, flush=True))
    except (ScenarioError, SiteError) as error:
        return _refuse(error)
    if report is not None:
        report.write_text(report_page(document, _command(options)), encoding="utf-8")
    print(msgspec.json.encode(document).decode() if as_json else score_text(document))
    return 0


def _command(options: "ScoreOptions") -> str:
    """The command that makes the same score again."""
    named = {"seeds": options.seeds, "train-seeds": options.train_seeds, "days": options.days}
    words = [f"--{name} {value}" for name, value in named.items()]
    words += [f"--law {law}" for law in options.laws] + [f"--world {world}" for world in options.worlds]
    return " ".join(["s4 scenario score", *words, *(["--split train"] if options.split == "train" else [])])


def _is_generated(site: Path, name: str) -> bool:
    from s4allcities.scenario.files import list_scenarios
    from s4allcities.scenario.generated.data import load_catalogue
    from s4allcities.scenario.generated.worlds import world_names

    return name not in list_scenarios(site) and name in world_names(load_catalogue())


def _run_generated(
    site: Path, name: str, seed: int, law: str, out: Path | None, *, as_json: bool, events: bool
) -> int:
    from s4allcities.app.logs import set_up_logs
    from s4allcities.scenario.generated.lines import detection_lines, truth_lines, write_world
    from s4allcities.scenario.generated.seeds import split_of

    set_up_logs()
    generator = _generator(site)
    world = generator.make(name, seed, law, purpose="written out for its asker, who must not tune on it")
    if split_of(seed) == "test":
        print(f"s4 scenario: seed {seed} is a test seed: nothing may be tuned on it", file=sys.stderr)
    files = [str(path) for path in write_world(world, generator.site, out)] if out is not None else []
    if events:
        for line in detection_lines(world, generator.site):
            print(msgspec.json.encode(line).decode())
        return 0
    head, *rest = truth_lines(world, generator.site)
    told = [row for row in rest if row["record"] == "event"]
    document = {"scenario": name, **head, "detections": len(world.detections), "events": told, "files": files}
    if as_json:
        print(msgspec.json.encode(document).decode())
        return 0
    for row in told:
        since_s = (row["t_start_us"] - world.start_us) / 1e6
        print(f"{since_s:6.1f} s  {row['hypothesis']}: {row['cause']}, {row['zone']}")
    print(f"{len(world.detections)} detections" + (f"; written: {', '.join(files)}" if files else ""))
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
