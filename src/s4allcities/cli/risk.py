"""`s4 risk`: where a figure on the screen came from, and planning without live data."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.app.explain import Explanation

__all__ = ("app", "explain", "plan", "shadow")

app = App(name="risk", help="Where a figure came from; planning without live data.")

_AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")]


@app.command
def explain(
    alert: str,
    *,
    data_dir: Annotated[Path, Parameter(help="Where the platform keeps everything.")] = Path("s4-data"),
    version: Annotated[int, Parameter(help="A version of the alert; 0 is the newest.")] = 0,
    as_json: _AsJson = False,
) -> int:
    """Work every figure of an alert out again from the ledger alone, and say whether it is what was shown.

    Probability from the terms of the evidence, risk and its band from threat, vulnerability and impact, the level from
    consequence and time. Exit code 2 if the ledger has no such alert or a figure cannot be reproduced.

    Example: s4 risk explain 01JD3V8Q4T7X9Y2ZB5C6D7E8F9 --data-dir ./s4-data
    """
    from s4allcities.app.explain import NoSuchAlert, explain_file
    from s4allcities.store.errors import StoreError

    try:
        found = explain_file(data_dir, alert, version)
    except (NoSuchAlert, StoreError, OSError) as error:
        print(f"s4 risk explain: {error}", file=sys.stderr)
        return 2
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        print(_told(found))
    return 0 if found.reproduced and found.intact else 2


@app.command
def plan(
    site: Path,
    *,
    survey: Annotated[Path | None, Parameter(help="A file of entries, such as a filled-in survey.")] = None,
    at: Annotated[str, Parameter(help="The moment, RFC 3339; now if not given.")] = "",
    occupancy: Annotated[
        float | None, Parameter(help="Share of each zone's capacity; else whom the calendar expects.")
    ] = None,
    report: Annotated[Path | None, Parameter(help="Write an HTML report to this file.")] = None,
    as_json: _AsJson = False,
) -> int:
    """Plan without live data: where a site is weakest, what each measure would buy, where nothing looks.

    Uses the site's context file and its survey, if there is one (see `s4 site survey`). Figures rank; they are no
    forecast.

    Example: s4 risk plan sites/helsinki-station --occupancy 0.6 --report plan.html
    """
    from s4allcities.app.plan_report import plan_html, plan_site, plan_text
    from s4allcities.awareness.context import ContextError
    from s4allcities.domain import SystemClock, from_rfc3339
    from s4allcities.site import SiteError, load_site

    try:
        t_us = from_rfc3339(at) if at else SystemClock().now_us()
    except (ValueError, OverflowError):
        print(f"s4 risk plan: --at is {at!r}; allowed is an RFC 3339 time", file=sys.stderr)
        return 2
    try:
        place = load_site(site)
        found = plan_site(place, site, survey=survey, t_us=t_us, occupancy=occupancy)
        if report is not None:
            report.write_text(plan_html(found, place), encoding="utf-8")
    except (SiteError, ContextError, ValueError, OSError) as error:
        print(f"s4 risk plan: {error}", file=sys.stderr)
        return 2
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() if as_json else plan_text(found))
    return 0


@app.command
def shadow(
    log: Path,
    *,
    data_dir: Annotated[Path, Parameter(help="Where the platform keeps everything.")] = Path("s4-data"),
    site: Annotated[Path, Parameter(help="The site folder.")] = Path("sites/helsinki-station"),
    within: Annotated[
        float, Parameter(help="Seconds within which two alarms may be about the same.")
    ] = 600.0,
    as_json: _AsJson = False,
) -> int:
    """Compare our alerts with the alarm log of another system: who saw what first, what each missed, alarms per shift.

    The log is CSV with the columns time (RFC 3339) and alarm, and if there are any zone (our slug) and level. Rows that
    cannot be read are reported on stderr and left out. Run the platform with `shadow = true` meanwhile: it raises
    alerts as ever, and calls nobody.

    Example: s4 risk shadow old-system.csv --data-dir ./s4-data
    """
    from s4allcities.app.shadow import LogError, read_log, shadow_report, shadow_text
    from s4allcities.site import SiteError, load_site
    from s4allcities.store.errors import StoreError

    if not within > 0:
        print(f"s4 risk shadow: --within is {within}; allowed are seconds above 0", file=sys.stderr)
        return 2
    try:
        alarms, bad = read_log(log)
        found = shadow_report(alarms, data_dir, load_site(site), within_s=within)
    except (LogError, SiteError, StoreError, OSError) as error:
        print(f"s4 risk shadow: {error}", file=sys.stderr)
        return 2
    for line in bad:
        print(f"s4 risk shadow: {line}", file=sys.stderr)
    print(
        msgspec.json.format(msgspec.json.encode(found), indent=2).decode() if as_json else shadow_text(found)
    )
    return 0


def _told(found: "Explanation") -> str:
    lines = [found.title, *(f"  {line}" for line in found.lines), ""]
    lines.append(
        f"Version {found.version} of {max(found.versions)}, entry {found.entry} of the ledger,"
        f" {'intact' if found.intact else 'CHANGED SINCE IT WAS ENTERED'}."
    )
    for figure in found.figures:
        shown = figure.recorded if isinstance(figure.recorded, str) else f"{figure.recorded:.4f}"
        again = figure.again if isinstance(figure.again, str) else f"{figure.again:.4f}"
        mark = "reproduced" if figure.same else f"NOT REPRODUCED: {again}"
        lines += [f"{figure.name:20} {shown:>10}  {mark}", f"{'':20} {'':>10}  = {figure.how}"]
    if found.basis is not None:
        lines += ["", "The risk was worked out from:", *_basis_lines(msgspec.to_builtins(found.basis))]
    return "\n".join(lines)


def _basis_lines(basis: dict[str, object]) -> list[str]:
    out = []
    for name, value in basis.items():
        if isinstance(value, list | tuple):
            shares = (f"{m['name']} {m['effect']:.2f} x {m['available']:.2f}" for m in value)
            out.append(f"  {name:18} {', '.join(shares)}")
        elif isinstance(value, dict):
            out.append(f"  {name:18} {', '.join(f'{key} {share:.4f}' for key, share in value.items())}")
        else:
            out.append(f"  {name:18} {value:.4f}")
    return out
