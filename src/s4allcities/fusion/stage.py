"""The fusion stage: detections, context, sensor health and operators' decisions in, incident versions out."""

from collections.abc import Sequence
from math import isfinite

import msgspec

from ..domain import (
    US_PER_S,
    Alert,
    Context,
    Detection,
    Event,
    Incident,
    Link,
    SensorHealth,
    derived_ulid,
)
from . import evidence
from .association import candidates, incident_zones, new_incident_score, zone_hops
from .belief import Belief, assess, leading
from .evidence import Sighting
from .explain import affected_zones, first_evidence_us, reported, version_of
from .facts import learn_alert, learn_context, learn_doubt, learn_health
from .hypotheses import Hypotheses, load_hypotheses
from .links import update_links
from .state import FusionState, IncidentState
from .topology import Topology

__all__ = ("FusionStage",)

ANYWHERE = "anywhere"
REFRESH_US = US_PER_S


class FusionStage:
    """Fuses detections into few incidents with competing hypotheses; every probability is a sum of named terms.

    A detection joins the incident that explains it best by place, time and story, or starts a tentative one. An
    incident is confirmed when something is probably going on and independent source groups say so; it closes when
    its evidence has faded and no alert is open on it, or when an operator closes its alert. A tentative incident
    whose evidence fades disappears: its last version has status "closed" and no ``t_opened_us``.

    Versions are published only when something material changed. The stage reads alerts (not the wishes of kind fb)
    because only an alert's state says whether an operator's wish was carried out.

    Does not work well if source groups are declared too coarse (real corroboration is lost) or too fine (one faulty
    device looks like several witnesses). All ages are those of detections' own times.

    >>> stage = FusionStage()
    >>> state = stage.start()
    >>> stage.step(state, [], 1_700_000_000_000_000)
    []
    """

    name = "fusion"
    inputs: tuple[str, ...] = ("det.>", "ctx.>", "health.>", "alert.>")
    heavy = False

    def __init__(self, topology: Topology | None = None, hypotheses: Hypotheses | None = None) -> None:
        self.topology = topology or Topology()
        self.data = hypotheses or load_hypotheses()

    def start(self) -> FusionState:
        """Give the empty state."""
        return FusionState()

    def snapshot(self, state: FusionState) -> bytes:
        """Freeze the state."""
        return state.freeze()

    def restore(self, data: bytes) -> FusionState:
        """Thaw what `snapshot` gave."""
        return FusionState.thaw(data)

    def step(self, state: FusionState, batch: Sequence[Event], now_us: int) -> list[Event]:
        """Take events in and give the incidents that changed; an empty batch lets time pass."""
        state.now_us = max(state.now_us, now_us)
        touched: set[str] = set()
        for event in batch:
            if not isinstance(event, Detection):
                touched |= self._learn(state, event)
        detections = [event for event in batch if isinstance(event, Detection)]
        for detection in sorted(detections, key=lambda each: (each.t_us, each.id)):
            touched |= self._take(state, detection)
        if state.now_us - state.refreshed_us >= REFRESH_US:
            state.refreshed_us = state.now_us
            self._tidy(state)
            touched |= set(state.incidents)
        return list(self._publish(state, touched))

    # --- taking things in -----------------------------------------------------------------------------

    def _learn(self, state: FusionState, event: Event) -> set[str]:
        everything = {each.id for each in state.active()}
        match event:
            case SensorHealth():
                learn_health(state, event, self.data)
                return everything
            case Context():
                learn_context(state, event, self.data)
                return everything if event.attribute in self.data.context else set()
            case Alert():
                changed = learn_alert(state, event, self.data, state.now_us)
                return everything | {changed.id} if changed else set()
        return set()

    def _take(self, state: FusionState, detection: Detection) -> set[str]:
        state.count("detections")
        if detection.id and detection.id in state.seen:
            state.count("duplicates")
            return set()
        self._remember(state, detection)
        touched = self._retract(state, detection)
        if detection.kind in self.data.doubts:
            learn_doubt(state, detection, self.data)
            touched |= {each.id for each in state.active()}
            if detection.kind not in self.data.kinds:
                return touched
        sighting = self._sighting(state, detection)
        if sighting is None:
            return touched
        incident = self._place(state, sighting)
        if incident is None:
            state.count("without_incident")
            return touched
        if evidence.add(incident, sighting, self.data):
            state.count("evicted_rows")
        incident.decisive = detection.id
        self._assess(state, incident)
        return touched | {incident.id}

    def _remember(self, state: FusionState, detection: Detection) -> None:
        state.seen[detection.id] = self._group(state, detection)
        if len(state.seen) > self.data.limits.seen:
            del state.seen[next(iter(state.seen))]

    def _group(self, state: FusionState, detection: Detection) -> str:
        """The source group: that of a known parent, one for kinds with a common cause, else as declared."""
        for parent in detection.parents:
            if parent in state.seen:
                return state.seen[parent]
        kind = self.data.kinds.get(detection.kind)
        if kind is not None and kind.common_cause:
            return f"{detection.kind}@{ANYWHERE}"
        return detection.group or detection.sensor

    def _retract(self, state: FusionState, detection: Detection) -> set[str]:
        touched = set()
        for gone in detection.retracts:
            owner = next((i for i in state.incidents.values() if evidence.retract(i, gone, self.data)), None)
            state.count("retracted" if owner else "retraction_unmatched")
            if owner:
                self._assess(state, owner)
                touched.add(owner.id)
        return touched

    def _sighting(self, state: FusionState, detection: Detection) -> Sighting | None:
        kind = self.data.kinds.get(detection.kind)
        if kind is None:
            state.count("unknown_kind")
            return None
        if not (isfinite(detection.confidence) and detection.confidence > 0):
            state.count("bad_confidence")
            return None
        return Sighting(
            detection,
            group=state.seen[detection.id],
            weight=min(detection.confidence, 1.0) * kind.reliability,
            zones=self._zones(detection),
            t_us=min(detection.t_us, state.now_us),
            sigma_m=kind.sigma_m,
        )

    def _zones(self, detection: Detection) -> tuple[str, ...]:
        """The zones a detection speaks about: its own, those its exits serve, where its devices stand."""
        topology, place = self.topology, detection.place
        found = [place.zone] if place.zone else []
        found += [zone for entity in place.entities for zone in topology.exits.get(entity, ())]
        if not found:
            devices = list(place.entities)
            if self.data.kinds[detection.kind].domain == "physical":
                devices.append(detection.sensor)  # who hears of an intrusion is not where it happens
            found = [topology.sensors[each].zone for each in devices if each in topology.sensors]
        return tuple(dict.fromkeys(zone for zone in found if zone))

    # --- association ----------------------------------------------------------------------------------

    def _place(self, state: FusionState, sighting: Sighting) -> IncidentState | None:
        """Find the incident a detection belongs to, merge others that it shows to be the same, or start one."""
        bar = new_incident_score(sighting, self.data)
        fits = [
            each
            for score, each in candidates(sighting, state.active(), self.data, self.topology)
            if score > bar
        ]
        if not fits:
            return self._start(state, sighting) if self.data.kinds[sighting.kind].opens else None
        best = fits[0]
        for other in fits[1:]:
            if self._same_story(best, other):
                best = self._merge(state, best, other)
        return best

    def _start(self, state: FusionState, sighting: Sighting) -> IncidentState:
        if len(state.incidents) >= self.data.limits.incidents:
            self._evict(state)
        incident = IncidentState(
            id=derived_ulid(sighting.t_us, "incident", sighting.id), created_us=sighting.t_us
        )
        state.incidents[incident.id] = incident
        return incident

    def _evict(self, state: FusionState) -> None:
        """Make room: closed ones first, then the least probable tentative, then the oldest."""
        rank = {"closed": 0, "tentative": 1, "confirmed": 2}
        victim = min(
            state.incidents.values(),
            key=lambda each: (rank[each.status], 1 - each.belief[0] if each.belief else 0.0, each.created_us),
        )
        del state.incidents[victim.id]
        state.count("evicted_incidents")

    def _same_story(self, one: IncidentState, other: IncidentState) -> bool:
        """Whether both are about the same hypothesis, and of the sort that spreads instead of recurring."""
        first = leading(one.belief)
        return first == leading(other.belief) and self.data.hypotheses[self.data.slugs[first]].spreads

    def _merge(self, state: FusionState, one: IncidentState, other: IncidentState) -> IncidentState:
        """Put the evidence of both into the confirmed, else the older one; the other ends."""
        keep, gone = sorted(
            (one, other), key=lambda each: (each.status != "confirmed", each.created_us, each.id)
        )
        evidence.merge(keep, gone, self.data)
        keep.links.update({key: link for key, link in gone.links.items() if key != keep.id})
        gone.links = {keep.id: Link(incident=keep.id, reason="Merged into it: the same story, nearby")}
        gone.rows = {}
        gone.status, gone.closed_us, gone.merged_into = "closed", state.now_us, keep.id
        state.count("merged")
        self._assess(state, keep)
        return keep

    # --- life cycle -----------------------------------------------------------------------------------

    def _assess(self, state: FusionState, incident: IncidentState) -> Belief:
        belief = assess(incident, state, self.data, state.now_us)
        incident.belief = [float(p) for p in belief.p]
        return belief

    def _tidy(self, state: FusionState) -> None:
        """Let evidence fade and drop what is over."""
        for incident in state.active():
            evidence.fade(incident, self.data, state.now_us)
        kept_us = round(self.data.life_cycle.closed_kept_s * US_PER_S)
        for incident in list(state.incidents.values()):
            if incident.status == "closed" and state.now_us - incident.closed_us > kept_us:
                del state.incidents[incident.id]
        for sensor, held in list(state.doubts.items()):
            left = {slug: doubt for slug, doubt in held.items() if not 0 < doubt.t_until_us < state.now_us}
            if left:
                state.doubts[sensor] = left
            else:
                del state.doubts[sensor]

    def _publish(self, state: FusionState, touched: set[str]) -> list[Incident]:
        """Settle what was touched, tie incidents together, write versions of what changed materially."""
        for id_ in sorted(touched):
            incident = state.incidents.get(id_)
            if incident is not None and incident.status != "closed":
                self._settle(state, incident)
        update_links(list(state.incidents.values()), self.data, self.topology)
        out = []
        for incident in list(state.incidents.values()):
            if incident.id in touched or incident.status != (incident.reported and incident.reported.status):
                version = self._version(state, incident)
                out += [version] if version else []
        return out

    def _settle(self, state: FusionState, incident: IncidentState) -> None:
        belief = self._assess(state, incident)
        rules = self.data.life_cycle
        danger = 1 - float(belief.p[0])
        groups = belief.supporting(rules.group_nats)
        sensors = {row.sensor for row in incident.rows.values() if row.group in groups}
        if incident.status == "tentative":
            if danger >= rules.confirm and min(len(groups), len(sensors)) >= rules.confirm_groups:
                self._confirm(state, incident, belief)
            elif not incident.rows:
                incident.status, incident.closed_us = "closed", state.now_us
        elif danger < rules.close and not incident.alert_open:
            incident.status, incident.closed_us = "closed", state.now_us

    def _confirm(self, state: FusionState, incident: IncidentState, belief: Belief) -> None:
        """Confirm an incident, unless it is the continuation of a confirmed one at most two zones away."""
        for other in state.active():
            near = zone_hops(incident_zones(other), incident_zones(incident), self.topology) <= 2
            if other.status == "confirmed" and near and self._same_story(other, incident):
                self._merge(state, other, incident)
                return
        incident.t_began_us = first_evidence_us(incident, belief, self.data)
        incident.began_in = affected_zones(incident, belief, self.data)
        incident.status, incident.t_opened_us = "confirmed", state.now_us

    def _version(self, state: FusionState, incident: IncidentState) -> Incident | None:
        belief, old = assess(incident, state, self.data, state.now_us), incident.reported
        if old is not None and not incident.rows:  # nothing left to tell what it was about
            belief = msgspec.structs.replace(belief, first=self.data.index[old.hypothesis])
        now = reported(incident, belief, self.data)
        if old is None and incident.status == "closed":
            return None  # merged before anybody heard of it
        if old is not None:
            rules = self.data.life_cycle
            least = rules.change_tentative if incident.status == "tentative" else rules.change
            moved = abs(now.probability - old.probability) > least
            same = (now.status, now.hypothesis, now.zones, now.groups, now.links, now.priors)
            if not moved and same == (
                old.status,
                old.hypothesis,
                old.zones,
                old.groups,
                old.links,
                old.priors,
            ):
                return None
            if old.status == "closed" and now.status == "closed":
                return None
        incident.reported = now
        incident.version += 1
        return version_of(incident, belief, state, self.data, self.topology, state.now_us)
