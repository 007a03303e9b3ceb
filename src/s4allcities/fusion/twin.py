"""The compiled core in plain Python: slow, easy to read, and what tests hold it against.

It has no indexes, no undo log and no tables: every incident is looked at for every detection, and everything is taken
in once, in order. What the compiled core says after any order of arrival must be what this says of the same events.
"""

from math import exp, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from . import evidence
from .belief import Belief, assess, leading
from .evidence import Sighting, zones_of
from .hypotheses import Hypotheses
from .state import IncidentState, Known
from .topology import Topology

__all__ = ("PlainFusion", "group_evidence", "softmax")

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

NO_RELATION = -1e9
FLOOR = 1e-12
CLOSE_LOOK = 3.0


def group_evidence(
    kind_ix: I8,
    group_ix: I8,
    total: F8,
    peak: F8,
    landmark_us: I8,
    tau_s: F8,
    weight: F8,
    llr: F8,
    groups: int,
    now_us: int,
    alpha: float,
) -> F8:
    """See `kernel.group_evidence`."""
    hypotheses = llr.shape[1]
    out = np.zeros((groups, hypotheses))
    for group in range(groups):
        rows = [row for row in range(len(kind_ix)) if group_ix[row] == group]
        faded = {row: weight[row] * exp(-(now_us - landmark_us[row]) / 1e6 / tau_s[row]) for row in rows}
        for h in range(hypotheses):
            pieces = [(llr[kind_ix[row], h] * faded[row], total[row], peak[row]) for row in rows]
            pro = [(nats * s, nats * m) for nats, s, m in pieces if nats > 0]
            con = [(-nats * s, -nats * m) for nats, s, m in pieces if nats < 0]
            out[group, h] = _saturated(pro, alpha) - _saturated(con, alpha)
    return out


def _saturated(pieces: list[tuple[float, float]], alpha: float) -> float:
    """``P^(1-a) mP^a`` with P the sum and mP the largest single piece; 0 for nothing."""
    whole = sum(s for s, _ in pieces)
    largest = max((m for _, m in pieces), default=0.0)
    return float(whole ** (1 - alpha) * largest**alpha) if whole > 0 and largest > 0 else 0.0


def softmax(z: F8) -> F8:
    """See `kernel.softmax`."""
    top = max(z)
    weights = [exp(value - top) for value in z]
    return np.array([weight / sum(weights) for weight in weights])


class PlainFusion:
    """Fuses sightings given in order of time; ``assigned`` says to which incident each went.

    ``known`` stands for trust, facts and closures, as in the stage. Incidents are named by the sighting that began
    them.
    """

    def __init__(self, data: Hypotheses, topology: Topology, known: Known | None = None) -> None:
        self.data = data
        self.topology = topology
        self.known = known or Known()
        self.incidents: list[IncidentState] = []
        self.assigned: dict[str, str] = {}
        self.seen_us: dict[str, int] = {}
        self.zone: dict[str, str] = {}
        self.level: dict[str, int | None] = {}

    def active(self) -> list[IncidentState]:
        """The incidents that are not closed."""
        return [each for each in self.incidents if each.status != "closed"]

    def take(self, sighting: Sighting) -> None:
        """Put a sighting into the incident it fits best, or start one."""
        scored = sorted(
            (
                (score, each)
                for each in self.active()
                if (score := self._score(sighting, each)) > self._bar(sighting)
            ),
            key=lambda pair: (-pair[0], pair[1].created_us, pair[1].birth),
        )
        if scored:
            best = scored[0][1]
            for _, other in scored[1:]:
                if self._same_story(best, other):
                    best = self._merge(best, other, sighting.t_us)
        elif self.data.kinds[sighting.kind].opens:
            best = IncidentState(id=sighting.id, birth=len(self.incidents), created_us=sighting.t_us)
            best.t_last_us = sighting.t_us
            self.incidents.append(best)
        else:
            return
        evidence.add(best, sighting, self.data)
        best.t_last_us = max(best.t_last_us, sighting.t_us)
        self.assigned[sighting.id] = best.id
        self._locate(best, sighting)
        self._settle(best, sighting.t_us)

    def tick(self, now_us: int) -> None:
        """Let time pass."""
        kept_us = self.data.life_cycle.closed_kept_s * 1e6
        for incident in list(self.incidents):
            if incident.status == "closed":
                if now_us - incident.closed_us > kept_us:
                    self.incidents.remove(incident)
                continue
            before = len(incident.rows)
            evidence.fade(incident, self.data, now_us)
            if incident.status == "confirmed" or len(incident.rows) != before:
                danger = 1 - float(self._assess(incident, now_us).p[0])
                ends = danger < self.data.life_cycle.close and not incident.alert_open
                if len(incident.rows) != before or ends:
                    self._settle(incident, now_us)

    # --- association ----------------------------------------------------------------------------------

    def _bar(self, sighting: Sighting) -> float:
        share = self.data.share
        return self.data.association.new_incident + log(
            float((share * np.exp(self._nats(sighting)))[1:].sum())
        )

    def _nats(self, sighting: Sighting) -> F8:
        out: F8 = sighting.weight * self.data.llr[self.data.kind_index[sighting.kind]]
        return out

    def _score(self, sighting: Sighting, incident: IncidentState) -> float:
        rules, kinds = self.data.association, self.data.kinds
        slowest = max((kinds[row.kind].tau_s for row in incident.rows.values()), default=0.0)
        limit_s = rules.quiet_taus * max(slowest, kinds[sighting.kind].tau_s)
        age_s = abs(sighting.t_us - incident.t_last_us) / 1e6
        if age_s > limit_s and not incident.alert_open:
            return NO_RELATION
        place = self._place(sighting, incident)
        if place <= NO_RELATION:
            return NO_RELATION
        about = np.maximum(np.array(incident.belief), 0.0)[1:] + FLOOR * self.data.share[1:]
        story = log(float((about * np.exp(self._nats(sighting))[1:]).sum() / about.sum()))
        return place - rules.quiet_nats * min(age_s / limit_s, 1.0) + story

    def _place(self, sighting: Sighting, incident: IncidentState) -> float:
        rules = self.data.association
        if set(sighting.entities) & {entity for row in incident.rows.values() for entity in row.entities}:
            return rules.same_entity
        zoned = bool(sighting.zones) and bool(self.zone.get(incident.id))
        point = self.data.kinds[sighting.kind].place == "point"
        hops = self.topology.hops_between(sighting.zones, zones_of(incident))
        zone = {0: 0.0, 1: rules.neighbour_zone}.get(hops, NO_RELATION)
        if sighting.sigma_m > 0 and incident.var_m2 >= 0 and (point or not zoned):
            near = self._distance(sighting, incident)
            return max(near, zone) if near > NO_RELATION else near
        return zone

    def _distance(self, sighting: Sighting, incident: IncidentState) -> float:
        rules = self.data.association
        away_s = abs(sighting.t_us - self.seen_us[incident.id]) / 1e6
        variance = (
            incident.var_m2 + sighting.sigma_m**2 + (self._speed(sighting) * min(away_s, rules.drift_s)) ** 2
        )
        d2 = self._way_m(sighting, incident) ** 2 / variance
        if d2 >= rules.gate:
            return NO_RELATION
        return min(log(rules.area_m2 / (2 * pi * variance)), CLOSE_LOOK) - d2 / 2

    def _speed(self, sighting: Sighting) -> float:
        speed = self.data.kinds[sighting.kind].speed_mps
        return self.data.association.walking_mps if speed is None else speed

    def _way_m(self, sighting: Sighting, incident: IncidentState) -> float:
        straight = sqrt((incident.x_m - sighting.x_m) ** 2 + (incident.y_m - sighting.y_m) ** 2)
        one, other = self.zone.get(incident.id, ""), sighting.zones[0] if sighting.zones else ""
        if one == other and one:
            return straight
        known = self.topology.zones.keys() | self.topology.adjacent.keys()
        if not {one, other} <= known:
            up, at = self.level.get(incident.id), sighting.level
            return 1e9 if up is not None and at is not None and up != at else straight
        out, back = self.topology.ways.get(one, {}).get(other), self.topology.ways.get(other, {}).get(one)
        if out is None or back is None:
            return straight
        first = sqrt((incident.x_m - out.door_x_m) ** 2 + (incident.y_m - out.door_y_m) ** 2)
        last = sqrt((sighting.x_m - back.door_x_m) ** 2 + (sighting.y_m - back.door_y_m) ** 2)
        return max(straight, first + min(out.between_m, back.between_m) + last)

    def _locate(self, incident: IncidentState, sighting: Sighting) -> None:
        if sighting.zones and (sighting.sigma_m > 0 or incident.var_m2 < 0):
            self.zone[incident.id] = sighting.zones[0]
        if sighting.sigma_m <= 0:
            return
        noise = sighting.sigma_m**2
        if incident.var_m2 < 0:
            incident.x_m, incident.y_m, incident.var_m2 = sighting.x_m, sighting.y_m, noise
        else:
            away_s = min(abs(sighting.t_us - self.seen_us[incident.id]) / 1e6, self.data.association.drift_s)
            variance = incident.var_m2 + (self._speed(sighting) * away_s) ** 2
            share = variance / (variance + noise)
            incident.x_m += share * (sighting.x_m - incident.x_m)
            incident.y_m += share * (sighting.y_m - incident.y_m)
            incident.var_m2 = (1 - share) * variance
        self.seen_us[incident.id] = max(sighting.t_us, self.seen_us.get(incident.id, 0))
        if sighting.level is not None:
            self.level[incident.id] = sighting.level

    # --- life cycle -----------------------------------------------------------------------------------

    def _assess(self, incident: IncidentState, now_us: int) -> Belief:
        return assess(incident, self.known, self.data, now_us)

    def _same_story(self, one: IncidentState, other: IncidentState) -> bool:
        first = leading(one.belief)
        return first == leading(other.belief) and self.data.hypotheses[self.data.slugs[first]].spreads

    def _merge(self, one: IncidentState, other: IncidentState, now_us: int) -> IncidentState:
        keep, gone = sorted(
            (one, other), key=lambda each: (each.status != "confirmed", each.created_us, each.birth)
        )
        evidence.merge(keep, gone, self.data)
        keep.t_last_us = max(keep.t_last_us, gone.t_last_us)
        if keep.var_m2 < 0 <= gone.var_m2:
            keep.x_m, keep.y_m, keep.var_m2 = gone.x_m, gone.y_m, gone.var_m2
            self.seen_us[keep.id] = self.seen_us[gone.id]
        gone.rows, gone.status, gone.closed_us, gone.merged_into = {}, "closed", now_us, keep.id
        keep.belief = [float(p) for p in self._assess(keep, now_us).p]
        return keep

    def _settle(self, incident: IncidentState, now_us: int) -> None:
        belief, rules = self._assess(incident, now_us), self.data.life_cycle
        incident.belief = [float(p) for p in belief.p]
        danger = 1 - float(belief.p[0])
        groups = belief.supporting(rules.group_nats)
        sensors = {row.sensor for row in incident.rows.values() if row.group in groups}
        if incident.status == "tentative":
            if danger >= rules.confirm and min(len(groups), len(sensors)) >= rules.confirm_groups:
                self._confirm(incident, now_us)
            elif not incident.rows:
                incident.status, incident.closed_us = "closed", now_us
        elif danger < rules.close and not incident.alert_open:
            incident.status, incident.closed_us = "closed", now_us

    def _confirm(self, incident: IncidentState, now_us: int) -> None:
        near = [
            other
            for other in self.active()
            if other.status == "confirmed"
            and self._same_story(other, incident)
            and self.topology.hops_between(zones_of(other), zones_of(incident)) <= 2
        ]
        if near:
            self._merge(min(near, key=lambda each: (each.created_us, each.birth)), incident, now_us)
            return
        incident.status, incident.t_opened_us = "confirmed", now_us
