"""`s4 plan`: an evacuation plan for a site, with its proof, the sentences to say, and what would change it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.app.evacuation import PlanAnswer

__all__ = ("app", "plan")

app = App(name="plan", help="An evacuation plan with its proof, sentences to say, alternatives.")


@app.default
def plan(
    site: Annotated[Path, Parameter(help="Site folder.")],
    /,
    *,
    occupancy: Annotated[
        Path | None, Parameter(help="Counts: JSON {zone: people}, or CSV with zone and people.")
    ] = None,
    hazard: Annotated[
        Path | None, Parameter(help="Hazards: GeoJSON with severity, level, from_s, until_s; or a device.")
    ] = None,
    closed: Annotated[str, Parameter(help="Exits that are closed: A,B (letters or slugs).")] = "",
    plot: Annotated[Path | None, Parameter(help="Draw the plan to this file (.svg or .png).")] = None,
    language: Annotated[str, Parameter(help="Language of the sentences printed: en, el, es, eu, cs.")] = "en",
    seed: Annotated[int, Parameter(help="Seed of the drawn situations.")] = 0,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Plan how to empty a site: who leaves by which exit and when, how long it takes, and why it cannot be quicker.

    Zones that nobody counts are taken to be 30 % full, and the plan says so. Advice for a person who decides.

    Example: s4 plan sites/helsinki-station --closed J,K --json
    """
    from s4allcities.app.evacuation import (
        InputError,
        draw_plan,
        make_plan,
        plot_format,
        read_closed,
        read_hazards,
        read_occupancy,
    )
    from s4allcities.planning.wording import LANGUAGES
    from s4allcities.site import SiteError, load_site

    if language not in LANGUAGES:
        return _refuse(f"--language {language!r}; allowed are {', '.join(LANGUAGES)}")
    try:
        if plot is not None:
            plot_format(plot)
        place = load_site(site)
        counts = read_occupancy(occupancy) if occupancy is not None else {}
        hazards = read_hazards(hazard, place) if hazard is not None else ()
        shut = read_closed(place, closed)
    except (SiteError, InputError) as fault:
        return _refuse(str(fault))
    answer = make_plan(place, counts, hazards=hazards, closed=shut, seed=seed)
    if plot is not None:
        try:
            draw_plan(plot, place, answer, hazards)
        except OSError as fault:
            return _refuse(f"--plot {plot}: {fault.strerror}")
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    else:
        _print(answer, language)
    return 0


def _print(answer: PlanAnswer, language: str) -> None:
    band = answer.clearance_s
    print(f"{answer.site}: {answer.people} people")
    if band.p50 is not None and band.p95 is not None:
        print(
            f"best plan: all safe after {answer.optimum_s:.0f} s if all goes as assumed; "
            f"P50 {band.p50:.0f} s, P95 {band.p95:.0f} s"
        )
    if answer.certificate is not None and answer.certificate.proven:
        proof = answer.certificate
        print(
            f"no plan is quicker: by {proof.by_s:.0f} s at most {proof.at_most} of {proof.people} people can be safe; "
            f"bottleneck {answer.bottleneck or 'the ways there'}"
        )
    for route in answer.routes:
        goal = f"exit {route.letter}" if route.letter else route.assembly
        print(
            f"  {route.from_zone}: {route.people} by {goal}, "
            f"{route.t_departs_s:.0f} to {route.t_clear_s:.0f} s, {route.people_per_min:.0f} a minute"
        )
    for zone, people in answer.stranded.items():
        print(f"  {zone}: {people} people have no way out")
    if answer.give_out is not None:
        spoken = answer.give_out.plan
        print(
            f"to say ({spoken.expected_s:.0f} s expected, worst decile {spoken.p90_s:.0f} s, "
            f"{spoken.price_s:+.0f} s against the best plan):"
        )
        for line in answer.give_out.texts[language]:
            print(f"  {line}")
    for each in answer.alternatives:
        clear = "nobody moves" if each.clearance_s is None else f"{each.clearance_s:.0f} s"
        print(
            f"{each.response:11} exposure {each.exposure_person_s:8.0f} person-s, {clear}, "
            f"at most {each.max_density_p_m2:.1f} people/m2"
        )
    for change in answer.what_if:
        print(f"if {change.change}: {change.clearance_s:.0f} s ({0 - change.saves_s:+.0f} s)")
    for note in (*answer.notes, *answer.assumptions):
        print(f"note: {note}")


def _refuse(text: str) -> int:
    print(f"s4 plan: {text}", file=sys.stderr)
    return 2
