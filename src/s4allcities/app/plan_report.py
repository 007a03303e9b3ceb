"""A site's risk plan: worked out from its files, told in words, written as one HTML page."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from s4allcities.awareness.context import ContextError, Entry, load_context, read_context
from s4allcities.awareness.risk import load_threats, zones_of
from s4allcities.awareness.risk.plan import NEEDED, RiskPlan, make_plan
from s4allcities.domain import to_rfc3339
from s4allcities.site import Site

__all__ = ("plan_html", "plan_site", "plan_text")

STYLE = (
    "body{font:15px/22px system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#15191d}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.25rem .5rem;"
    "border-bottom:1px solid #ccc}td.n{text-align:right;font-variant-numeric:tabular-nums}h1{font-size:24px}"
)
LIMITS = (
    "Worked out from the site's files without live data and without any incident. Figures rank places and measures"
    " against each other; they are set by judgement and are no forecast. Effects of measures are added one at a time."
)


def plan_site(
    site: Site, folder: Path, *, survey: Path | None, t_us: int, occupancy: float | None
) -> RiskPlan:
    """Work out the plan of a site folder; ``survey`` is a file of entries beside the folder's own.

    :raises ContextError: a file of entries cannot be used.
    :raises ValueError: the occupancy is not in 0..1.
    """
    known = {"zones": [zone.slug for zone in site.zones]}
    entries: tuple[Entry, ...] = load_context(folder, known)
    if survey is not None:
        try:
            text = survey.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ContextError(f"{survey}: cannot be read: {error}") from None
        entries += read_context(text, str(survey), known)
    seen = {
        family: {zone.slug for zone in site.zones if site.sensors_of(zone.slug, family)} for family in NEEDED
    }
    return make_plan(
        site.slug, zones_of(site), entries, seen, t_us=t_us, occupancy=occupancy,
        outdoor=[zone.slug for zone in site.zones if zone.outdoor], zone=ZoneInfo(site.timezone),
        threats=load_threats(),
    )  # fmt: skip


def plan_text(plan: RiskPlan) -> str:
    """Tell a plan on a terminal."""
    lines = [f"{plan.site}, {to_rfc3339(plan.t_us)}: summed risk {plan.total:.3f}", ""]
    lines.append("Weakest:" if plan.surveyed else "Weakest (no survey: figures of the threats stand in):")
    lines += [
        f"  {each.risk:.3f} ({each.low:.3f} to {each.high:.3f}) {each.threat:20} {each.zone}"
        for each in plan.weak[:10]
    ]
    lines += ["", "What would buy most for its cost:"]
    lines += [
        f"  {each.bought:.3f} less, cost {each.cost} of 5: {each.name}, {each.zone or 'whole site'}"
        f" (mostly {each.mostly})"
        for each in plan.measures[:10]
    ]
    lines += ["", f"Zones that nothing sees: {len(plan.gaps)}"]
    lines += [f"  {each.zone}: no {each.family} ({', '.join(each.threats)})" for each in plan.gaps]
    return "\n".join(lines)


def plan_html(plan: RiskPlan, site: Site) -> str:
    """Write a plan as one HTML page that needs nothing else."""
    names = {zone.slug: zone.name for zone in site.zones}
    weak = [
        (names[each.zone], each.threat, f"{each.risk:.3f}", f"{each.low:.3f} to {each.high:.3f}",
         f"{each.vulnerability:.2f}", f"{each.impact:.2f}", f"{each.people:.0f}", each.band)
        for each in plan.weak
    ]  # fmt: skip
    worth = [
        (each.name, names.get(each.zone, "whole site"), str(each.cost), f"{each.before:.3f}", f"{each.after:.3f}",
         f"{each.bought:.3f}",
         each.mostly)
        for each in plan.measures
    ]  # fmt: skip
    gaps = [(names[each.zone], each.family, ", ".join(each.threats)) for each in plan.gaps]
    surveyed = (
        "with the site's survey" if plan.surveyed else "without a survey: the figures of the threats stand in"
    )
    body = [
        f"<h1>Risk plan: {escape(site.name)}</h1>",
        f"<p>{escape(to_rfc3339(plan.t_us))}, {surveyed}. {escape(LIMITS)}</p>",
        "<h2>Where it is weakest</h2>",
        _table(("Zone", "Threat", "Risk", "80 % band", "Vulnerability", "Impact", "People", "Class"), weak),
        "<h2>What measures would buy</h2>",
        _table(("Measure", "Zone", "Cost of 5", "Risk before", "after", "Bought", "Mostly against"), worth),
        "<h2>Where nothing looks</h2>",
        _table(("Zone", "No", "Goes unseen"), gaps) if gaps else "<p>Every zone is seen.</p>",
        f"<p>{escape(site.attribution)}. {escape(site.synthetic_note)}</p>",
    ]
    title = escape(f"Risk plan: {site.name}")
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "\n".join("<tr>" + "".join(_cell(each) for each in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _cell(text: str) -> str:
    number = text.replace(".", "", 1).isdigit()
    return f'<td class="n">{escape(text)}</td>' if number else f"<td>{escape(text)}</td>"
