"""What a site holds, in figures a person can check at a glance."""

from collections import Counter

from msgspec import Struct

from ._builder import build_graph
from .model import Site

__all__ = ("ExitSummary", "SiteSummary", "ZoneSummary", "show_site", "summarise")


class ZoneSummary(Struct, frozen=True, kw_only=True):
    """One zone; ``doors_out`` counts its openings and flights."""

    slug: str
    name: str
    level: int
    area_m2: int
    capacity_people: int
    sensors: dict[str, int]
    doors_out: int
    synthetic: bool


class ExitSummary(Struct, frozen=True, kw_only=True):
    """One exit and how many people a minute it lets out."""

    letter: str
    slug: str
    zone: str
    to: str
    width_m: float
    capacity_per_min: int
    step_free: bool
    controller: str


class SiteSummary(Struct, frozen=True, kw_only=True):
    """A site in figures."""

    slug: str
    name: str
    anchor: tuple[float, float]
    levels: tuple[int, ...]
    zones: tuple[ZoneSummary, ...]
    exits: tuple[ExitSummary, ...]
    assembly: dict[str, int]
    sensors: dict[str, int]
    streets: int
    graph_nodes: int
    graph_arcs: int
    attribution: str
    synthetic_note: str


def summarise(site: Site) -> SiteSummary:
    """Count what a site holds; builds the walking graph on the way."""
    graph = build_graph(site)
    exits = tuple(
        ExitSummary(
            letter=each.letter,
            slug=each.slug,
            zone=site.openings[each.opening].connects[0],
            to=site.openings[each.opening].connects[1],
            width_m=site.openings[each.opening].width_m,
            capacity_per_min=round(float(graph.capacity_ps[each.arc]) * 60),
            step_free=site.openings[each.opening].step_free,
            controller=site.openings[each.opening].controller,
        )
        for each in graph.exits
    )
    return SiteSummary(
        slug=site.slug,
        name=site.name,
        anchor=(site.frame.lon, site.frame.lat),
        levels=tuple(sorted((level.ordinal for level in site.levels), reverse=True)),
        zones=tuple(_zone(site, index) for index in range(len(site.zones))),
        exits=exits,
        assembly={each.name: each.capacity_people for each in site.assembly},
        sensors=dict(sorted(Counter(each.family for each in site.sensors).items())),
        streets=len(site.streets),
        graph_nodes=graph.n_nodes,
        graph_arcs=graph.n_arcs,
        attribution=site.attribution,
        synthetic_note=site.synthetic_note,
    )


def _zone(site: Site, index: int) -> ZoneSummary:
    zone = site.zones[index]
    joins = sum(zone.slug in each.connects for each in site.openings)
    joins += sum(zone.slug in (each.lower, each.upper) for each in site.links)
    return ZoneSummary(
        slug=zone.slug,
        name=zone.name,
        level=zone.level,
        area_m2=round(zone.area_m2),
        capacity_people=zone.capacity_people,
        sensors=dict(sorted(Counter(each.family for each in site.sensors if each.zone == zone.slug).items())),
        doors_out=joins,
        synthetic=zone.synthetic,
    )


def show_site(site: Site) -> str:
    """Give the summary as text, one line a zone and an exit."""
    found = summarise(site)
    lines = [
        f"{found.name} ({found.slug}), anchor {found.anchor[0]}, {found.anchor[1]}",
        f"levels {', '.join(map(str, found.levels))}; {found.streets} streets",
        f"walking graph: {found.graph_nodes} nodes, {found.graph_arcs} arcs",
        "",
        f"{'zone':<20}{'level':>6}{'m2':>7}{'people':>8}{'doors':>7}  sensors",
    ]
    for zone in found.zones:
        sensors = " ".join(f"{family} {count}" for family, count in zone.sensors.items())
        mark = " (synthetic)" if zone.synthetic else ""
        row = f"{zone.slug:<20}{zone.level:>6}{zone.area_m2:>7}{zone.capacity_people:>8}{zone.doors_out:>7}"
        lines.append(f"{row}  {sensors}{mark}")
    lines += ["", f"{'exit':<6}{'zone':<20}{'to':<20}{'width m':>8}{'per min':>9}  door"]
    lines += [
        f"{each.letter:<6}{each.zone:<20}{each.to:<20}{each.width_m:>8.1f}{each.capacity_per_min:>9}"
        f"  {each.controller or '-'}{', step-free' if each.step_free else ''}"
        for each in found.exits
    ]
    lines += [
        "",
        "assembly points: " + ", ".join(f"{name} ({people})" for name, people in found.assembly.items()),
    ]
    lines += ["sensors: " + ", ".join(f"{family} {count}" for family, count in found.sensors.items())]
    lines += [text for text in (found.attribution, found.synthetic_note) if text]
    return "\n".join(lines)
