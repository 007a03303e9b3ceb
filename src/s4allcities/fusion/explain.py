"""Why an incident is believed: terms that add up, a sentence for people, and the published version."""

from typing import Any

from ..domain import Campaign, Incident, Place, Term
from .advice import next_look, what_if
from .belief import Belief, sensor_trust
from .evidence import position_of, zones_of
from .hypotheses import Hypotheses
from .state import IncidentState, Known, Reported, Row
from .topology import Topology

__all__ = ("affected_zones", "first_evidence_us", "reported", "sentence", "terms", "version_of")

DETECTIONS_SHOWN = 8
SENSORS_SHOWN = 3
STORY_TAUS = 0.5
WORTH_A_LOOK = 0.2
"""Nobody is asked to look at what is less probable than this."""
MINUS = "\u2212"


def terms(
    incident: IncidentState,
    belief: Belief,
    known: Known,
    data: Hypotheses,
    topology: Topology,
    now_us: int,
) -> tuple[Term, ...]:
    """One term for each prior and each group; they add up to z(hypothesis) - z(benign).

    A term's name reads "what: who", so that "what" can stand alone in a short text.
    """
    first = belief.first
    usual = data.hypotheses[data.slugs[first]].prior_name
    out = [Term(name=name or usual, llr=float(row[first] - row[0])) for name, row in belief.priors]
    out = out[:1] + [term for term in out[1:] if term.llr]
    groups = []
    for index, group in enumerate(belief.groups):
        rows = [row for _, row in sorted(incident.rows.items()) if row.group == group]
        nats = float(belief.evidence[index, first] - belief.evidence[index, 0])
        groups.append(_group_term(group, nats, rows, known, data, topology, now_us))
    return (*out, *sorted(groups, key=lambda term: (-abs(term.llr), term.group)))


def _group_term(
    group: str,
    nats: float,
    rows: list[Row],
    known: Known,
    data: Hypotheses,
    topology: Topology,
    now_us: int,
) -> Term:
    pieces = sorted((piece.t_us, piece.id) for row in rows for piece in row.pieces)
    sensors = tuple(dict.fromkeys(row.sensor for row in rows))
    return Term(
        name=_term_name(rows, sensors, known, data, topology, now_us),
        llr=nats,
        detections=tuple(id_ for _, id_ in pieces[-DETECTIONS_SHOWN:]),
        group=group,
        sensors=sensors,
    )


def _term_name(
    rows: list[Row],
    sensors: tuple[str, ...],
    known: Known,
    data: Hypotheses,
    topology: Topology,
    now_us: int,
) -> str:
    early = sorted(rows, key=lambda row: (row.t_first_us, row.kind))
    labels = list(dict.fromkeys(data.kinds[row.kind].label for row in early))
    what = _and([labels[0], *(_lower(label) for label in labels[1:])])
    who = [topology.sensor_name(sensor) for sensor in sensors[:SENSORS_SHOWN]]
    more = f" and {len(sensors) - SENSORS_SHOWN} more" if len(sensors) > SENSORS_SHOWN else ""
    less: dict[tuple[str, str], list[str]] = {}
    for sensor in sensors:
        trust, why = sensor_trust(known, data, sensor, now_us)
        if trust < 1:
            less.setdefault((f"{100 * trust:.0f} %", why), []).append(topology.sensor_name(sensor))
    doubts = [
        f"{', '.join(names)} count{'s' if len(names) == 1 else ''} {share}: {why}"
        for (share, why), names in less.items()
    ]
    doubt = f" ({'; '.join(doubts)})" if doubts else ""
    return f"{what}: {', '.join(who)}{more}{doubt}"


def affected_zones(incident: IncidentState, belief: Belief, data: Hypotheses) -> tuple[str, ...]:
    """The zones in which a group speaks for the leading hypothesis: where it began first, then as they came in.

    All zones if no group does; where it began when there is no evidence left.
    """
    if not incident.rows:
        return incident.began_in
    pro = belief.supporting(data.life_cycle.group_nats)
    rows = [row for row in incident.rows.values() if row.group in pro]
    began_us = first_evidence_us(incident, belief, data)
    rows.sort(key=lambda row: (row.t_first_us < began_us, row.t_first_us, row.key))
    found = dict.fromkeys(zone for row in rows for zone in row.zones) or dict.fromkeys(zones_of(incident))
    return tuple(dict.fromkeys([*(zone for zone in incident.began_in if zone in found), *found]))


def first_evidence_us(incident: IncidentState, belief: Belief, data: Hypotheses) -> int:
    """When the unbroken story began that the evidence tells now.

    A group that spoke more than half its decay time before any other joined it is no beginning: nothing bore it out
    for so long. So a sensor that has been lying for minutes does not date the fire that breaks out beside it.
    """
    if incident.t_began_us:
        return incident.t_began_us
    pro = belief.supporting(data.life_cycle.group_nats) or frozenset(belief.groups)
    starts: dict[str, tuple[int, float]] = {}
    for row in incident.rows.values():
        if incident.t_opened_us is not None and row.t_first_us > incident.t_opened_us:
            continue
        t_us, tau_s = starts.get(row.group, (row.t_first_us, 0.0))
        if row.group in pro:
            starts[row.group] = (min(t_us, row.t_first_us), max(tau_s, data.kinds[row.kind].tau_s))
    began_us = incident.created_us
    for number, (t_us, tau_s) in enumerate(sorted(starts.values(), reverse=True)):
        if number and began_us - t_us > STORY_TAUS * tau_s * 1e6:
            break
        began_us = t_us
    return began_us


def sentence(
    incident: IncidentState, belief: Belief, zones: tuple[str, ...], data: Hypotheses, topology: Topology
) -> str:
    """What is believed, where, how sure and from what, in plain words."""
    slug = data.slugs[belief.first]
    what = data.hypotheses[slug].label
    share = _percent(float(belief.p[belief.first]))
    causes = _and(_causes(incident, belief, data)) or "nothing that still counts"
    where = _where(incident, slug, zones, data, topology)
    if incident.status == "confirmed":
        return f"{what}{where}: {share} sure, from {causes}."
    if incident.status == "closed":
        return f"Closed: {_lower(what)}{where}."
    return f"Not confirmed: {_lower(what)}{where}, {share} likely, from {causes}."


def _causes(incident: IncidentState, belief: Belief, data: Hypotheses) -> list[str]:
    """Labels of what speaks for the leading hypothesis, the earliest first."""
    pro = belief.supporting(data.life_cycle.fade_nats)
    rows = [row for row in incident.rows.values() if row.group in pro]
    rows.sort(key=lambda row: (row.t_first_us, row.kind))
    return list(dict.fromkeys(_lower(data.kinds[row.kind].label) for row in rows))[:4]


def _where(
    incident: IncidentState, slug: str, zones: tuple[str, ...], data: Hypotheses, topology: Topology
) -> str:
    if data.hypotheses[slug].domain == "cyber":
        entities = {entity for row in incident.rows.values() for entity in row.entities}
        exits = sorted(entities & set(topology.exits))
        if exits:
            return f" at {topology.exit_name(exits[0])}"
    if not zones:
        return ""
    level = topology.zones[zones[0]].level if zones[0] in topology.zones else 0
    storey = f", level {str(level).replace('-', MINUS)}" if zones[0] in topology.zones else ""
    more = f" and {len(zones) - 1} more" if len(zones) > 1 else ""
    return f" in {topology.zone_name(zones[0])}{more}{storey}"


def reported(incident: IncidentState, belief: Belief, data: Hypotheses, version: int) -> Reported:
    """The material part of what a version would say now."""
    return Reported(
        version=version,
        status=incident.status,
        hypothesis=data.slugs[belief.first],
        probability=float(belief.p[belief.first]),
        zones=tuple(sorted(affected_zones(incident, belief, data))),
        groups=tuple(sorted(belief.supporting(data.life_cycle.group_nats))),
        links=tuple(sorted(incident.links)),
        priors=tuple(sorted(name for name, _ in belief.priors)),
    )


def version_of(
    incident: IncidentState,
    belief: Belief,
    known: Known,
    data: Hypotheses,
    topology: Topology,
    now_us: int,
    version: int,
    campaign: Campaign | None = None,
    *,
    advise: bool = True,
) -> Incident:
    """Write a version of an incident: what is believed, why, and, with ``advise``, what would change it."""
    zones = affected_zones(incident, belief, data)
    entities = sorted({entity for row in incident.rows.values() for entity in row.entities})
    return Incident(
        id=incident.id,
        t_us=now_us,
        version=version,
        status=incident.status,
        hypothesis=data.slugs[belief.first],
        probability=float(belief.p[belief.first]),
        hypotheses={slug: float(p) for slug, p in zip(data.slugs, belief.p, strict=True)},
        zones=zones,
        place=_place(incident, zones, topology),
        t_first_evidence_us=first_evidence_us(incident, belief, data),
        t_opened_us=incident.t_opened_us,
        entities=tuple(entities),
        terms=terms(incident, belief, known, data, topology, now_us),
        links=tuple(incident.links[key] for key in sorted(incident.links)),
        text=sentence(incident, belief, zones, data, topology),
        decisive=incident.decisive,
        provenance=(incident.decisive,) if incident.decisive else (),
        campaign=campaign,
        **(_advice(incident, belief, known, data, topology, now_us) if advise else {}),
    )


def _advice(
    incident: IncidentState,
    belief: Belief,
    known: Known,
    data: Hypotheses,
    topology: Topology,
    now_us: int,
) -> dict[str, Any]:
    """What would change our mind, for incidents about which somebody might decide."""
    if incident.status == "closed" or 1 - float(belief.p[0]) < WORTH_A_LOOK:
        return {}
    return {
        "what_if": what_if(incident, belief, known, data, topology, now_us),
        "next_look": next_look(incident, belief, known, data, topology),
    }


def _place(incident: IncidentState, zones: tuple[str, ...], topology: Topology) -> Place:
    zone = zones[0] if zones else None
    known = topology.zones.get(zone) if zone else None
    level = known.level if known else None
    position = position_of(incident)
    if position is not None:
        x_m, y_m, sigma_m = position
        return Place(x_m=x_m, y_m=y_m, level=level, sigma_m=sigma_m, zone=zone)
    if known is not None:
        return Place(x_m=known.x_m, y_m=known.y_m, level=level, zone=zone)
    return Place(zone=zone)


def _percent(p: float) -> str:
    """Whole per cent for people; never 0 or 100, which nobody can know."""
    return f"{min(max(round(100 * p), 1), 99)} %"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _lower(label: str) -> str:
    """Start with a small letter inside a sentence, except abbreviations (CO)."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]
