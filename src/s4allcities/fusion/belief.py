"""From evidence rows to probabilities: priors with named offsets, read-out a group, softmax."""

from math import exp

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from . import kernel
from .hypotheses import Hypotheses
from .reliability import learned_weight
from .state import Fact, IncidentState, Known

__all__ = ("Belief", "assess", "leading", "sensor_trust")

F8 = NDArray[np.float64]


class Belief(Struct, frozen=True, kw_only=True, eq=False):
    """What an incident's evidence says now.

    ``z`` (H,) log-odds = sum of ``priors`` (name, (H,)) and of ``evidence`` (G, H), one row a group of ``groups``;
    ``p`` (H,) probabilities. ``first`` is the index of the most probable hypothesis other than benign.
    """

    z: F8
    p: F8
    first: int
    priors: tuple[tuple[str, F8], ...]
    groups: tuple[str, ...]
    evidence: F8

    def supporting(self, least_nats: float) -> frozenset[str]:
        """The groups that speak for the leading hypothesis against benign by so much."""
        nats = self.evidence[:, self.first] - self.evidence[:, 0]
        return frozenset(group for group, value in zip(self.groups, nats, strict=True) if value >= least_nats)


def leading(p: F8 | list[float]) -> int:
    """The most probable hypothesis other than benign (which is 0); the first of equals."""
    return 1 + int(np.argmax(np.asarray(p)[1:]))


def assess(incident: IncidentState, known: Known, data: Hypotheses, now_us: int) -> Belief:
    """Read an incident out; its state is not changed."""
    groups = tuple(sorted({row.group for row in incident.rows.values()}))
    evidence = _evidence(incident, known, data, groups, now_us)
    priors = (("", data.priors), *_context(incident, known, data), *_closures(incident, known, data, now_us))
    z = evidence.sum(axis=0)
    for _, offsets in priors:
        z = z + offsets
    p = kernel.softmax(z)
    return Belief(z=z, p=p, first=leading(p), priors=priors, groups=groups, evidence=evidence)


def _evidence(
    incident: IncidentState, known: Known, data: Hypotheses, groups: tuple[str, ...], now_us: int
) -> F8:
    rows = [incident.rows[key] for key in sorted(incident.rows)]
    position = {group: index for index, group in enumerate(groups)}
    out: F8 = kernel.group_evidence(
        np.array([data.kind_index[row.kind] for row in rows], np.int64),
        np.array([position[row.group] for row in rows], np.int64),
        np.array([row.total for row in rows], np.float64),
        np.array([row.peak for row in rows], np.float64),
        np.array([row.landmark_us for row in rows], np.int64),
        np.array([data.kinds[row.kind].tau_s for row in rows], np.float64),
        np.array([sensor_trust(known, data, row.sensor, now_us)[0] for row in rows], np.float64),
        data.llr,
        len(groups),
        now_us,
        data.alpha,
    )
    return out * data.gain


def sensor_trust(known: Known, data: Hypotheses, sensor: str, now_us: int) -> tuple[float, str]:
    """How much a sensor's evidence counts now (1 = fully, below 0 = inverted), and why ("" for nothing against it)."""
    trust, why = learned_weight(known.lessons, sensor, data.learning), ""
    if trust < 1:
        why = "false alarms closed by operators"
    for slug, doubt in sorted(known.doubts.get(sensor, {}).items()):
        holds = doubt.t_until_us == 0 or now_us <= doubt.t_until_us
        if holds and doubt.weight < trust:
            trust, why = doubt.weight, data.doubts[slug].label
    return trust, why


def _context(incident: IncidentState, known: Known, data: Hypotheses) -> list[tuple[str, F8]]:
    """Named offsets from facts that apply to this incident; each rule counts once, whatever the number of facts."""
    if not known.facts:
        return []
    zones = {zone for row in incident.rows.values() for zone in row.zones}
    entities = {entity for row in incident.rows.values() for entity in row.entities}
    found: dict[str, Fact] = {}
    for fact in known.facts.values():
        match = data.context[fact.attribute].match
        subjects = entities if match == "entity" else zones
        if (match == "any" or fact.subject in subjects) and _holds(fact, incident.t_last_us):
            found.setdefault(fact.attribute, fact)
    return [(_name(data, found[slug]), data.row(data.context[slug].llr, 0.0)) for slug in sorted(found)]


def _holds(fact: Fact, t_us: int) -> bool:
    return fact.t_from_us <= t_us and (fact.t_until_us == 0 or t_us <= fact.t_until_us)


def _name(data: Hypotheses, fact: Fact) -> str:
    rule = data.context[fact.attribute]
    return f"{rule.name}: {fact.subject}" if rule.match != "any" else rule.name


def _closures(incident: IncidentState, known: Known, data: Hypotheses, now_us: int) -> list[tuple[str, F8]]:
    """The strongest of what operators closed here lately, for each hypothesis, fading with time."""
    if incident.status != "tentative" or not known.closures:
        return []
    zones = {zone for row in incident.rows.values() for zone in row.zones}
    out: dict[str, tuple[str, F8]] = {}
    for closure in known.closures:
        if zones and closure.zones and not zones & set(closure.zones):
            continue
        nats = data.closure.llr * exp(-max(now_us - closure.t_us, 0) / 1e6 / data.closure.tau_s)
        if nats < -data.life_cycle.fade_nats:
            name = f"Closed by an operator: {closure.reason}"
            out[closure.hypothesis] = (name, data.row({closure.hypothesis: nats}, 0.0))  # the latest wins
    return [out[slug] for slug in sorted(out)]
