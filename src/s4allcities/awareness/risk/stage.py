"""The risk stage: incidents and live context in, risk of each affected zone from each threat out."""

from collections.abc import Mapping, Sequence
from math import isfinite, log

import msgspec
from msgspec import Struct

from s4allcities.domain import US_PER_S, Band, Context, Event, Incident, Risk, RiskReason

from .model import Exposure, Factors, Threat, band_of, factors_of, load_threats, settle_band
from .zones import ZoneFacts

__all__ = ("RiskStage", "RiskState")

CHANGE = 0.02
CHANGE_PEOPLE = 10.0
LEAST_P = 0.05
"""Incidents less probable than this do not make a zone affected."""
ASSUMED_SHARE = 0.3
ASSUMED_PEOPLE = 20.0
"""Where nobody counts: this share of the capacity, or so many people where that is unknown too."""
TRUST = {"usable": 1.0, "doubtful": 0.3, "unusable": 0.0}
CAMERA_OFF = ("frozen", "gone", "offline", "dark", "doubtful")


class _Case(Struct):
    """The part of an incident that risk needs."""

    hypothesis: str
    probability: float
    zones: tuple[str, ...]
    entities: tuple[str, ...]
    version: int


class _Shown(Struct):
    """A risk as last published."""

    value: float
    band: Band
    people: float
    incident_id: str
    other_since_us: int = 0


class RiskState(Struct):
    """People by zone, what exits and cameras are worth, incidents, and what was published."""

    now_us: int = 0
    people: dict[str, float] = {}
    exits: dict[str, str] = {}
    cameras: dict[str, bool] = {}
    cases: dict[str, _Case] = {}
    shown: dict[str, _Shown] = {}


class RiskStage:
    """Weighs every incident by what is at stake in its zones and in those next to them, with live people counts.

    Devices that a confirmed or likely intrusion or sabotage names (door controllers, exits, cameras) no longer count
    as protection: that is how an attack on a network raises the risk of exactly the zones it touches. A risk is
    published when its value moves by 0.02, its class or incident changes, or the crowd does; once more when over.

    Where nobody counts people, 30 % of the zone's capacity are assumed with a wide error, never none.

    >>> stage = RiskStage({})
    >>> stage.step(stage.start(), [], 1_700_000_000_000_000)
    []
    """

    name = "risk"
    inputs: tuple[str, ...] = ("inc.>", "ctx.>")
    heavy = False

    def __init__(self, zones: Mapping[str, ZoneFacts], threats: Mapping[str, Threat] | None = None) -> None:
        self.zones = dict(zones)
        self.threats = dict(threats or load_threats())
        self._exits = {slug for zone in self.zones.values() for slug in zone.exits}
        self._cameras = {slug for zone in self.zones.values() for slug in zone.cameras}

    def start(self) -> RiskState:
        """Give the empty state."""
        return RiskState()

    def snapshot(self, state: RiskState) -> bytes:
        """Freeze the state."""
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> RiskState:
        """Thaw what `snapshot` gave."""
        return msgspec.msgpack.decode(data, type=RiskState)

    def step(self, state: RiskState, batch: Sequence[Event], now_us: int) -> list[Event]:
        """Take incidents and facts in and give the risks that changed; an empty batch lets time pass."""
        state.now_us = max(state.now_us, now_us)
        for event in batch:
            match event:
                case Incident():
                    self._incident(state, event)
                case Context():
                    self._context(state, event)
        affected = self._affected(state)
        out: list[Event] = []
        for key in sorted(affected.keys() | state.shown.keys()):
            risk = self._risk(state, key, affected.get(key, {}))
            out += [risk] if risk else []
        return out

    # --- taking things in -----------------------------------------------------------------------------

    def _incident(self, state: RiskState, incident: Incident) -> None:
        known = state.cases.get(incident.id)
        if known is not None and incident.version < known.version:
            return
        if incident.status == "closed" or incident.probability < LEAST_P:
            state.cases.pop(incident.id, None)
            return
        state.cases[incident.id] = _Case(
            incident.hypothesis,
            incident.probability,
            incident.zones,
            tuple(each for each in incident.entities if each in self._exits or each in self._cameras),
            incident.version,
        )

    def _context(self, state: RiskState, fact: Context) -> None:
        match fact.attribute:
            case "people" if fact.subject in self.zones and _is_count(fact.value):
                state.people[fact.subject] = float(fact.value)
            case "exit_state" if fact.subject in self._exits:
                state.exits[fact.subject] = str(fact.value)
            case "camera_state" if fact.subject in self._cameras:
                state.cameras[fact.subject] = str(fact.value) not in CAMERA_OFF

    # --- working out ----------------------------------------------------------------------------------

    def _affected(self, state: RiskState) -> dict[str, dict[str, float]]:
        """For each "<zone>/<hypothesis>": how much each incident counts there."""
        out: dict[str, dict[str, float]] = {}
        for id_, case in state.cases.items():
            threat = self.threats.get(case.hypothesis)
            if threat is None:
                continue
            shares = dict.fromkeys(case.zones, case.probability)
            for zone in case.zones:
                for other in self.zones[zone].neighbours if zone in self.zones else ():
                    shares.setdefault(other, case.probability * threat.neighbour)
            for zone, share in shares.items():
                if zone in self.zones:
                    out.setdefault(f"{zone}/{case.hypothesis}", {})[id_] = share
        return out

    def _risk(self, state: RiskState, key: str, shares: dict[str, float]) -> Risk | None:
        """The risk of one zone from one threat, if it is worth publishing."""
        zone, _, hypothesis = key.rpartition("/")
        threat = self.threats[hypothesis]
        now = self._exposure(state, zone, tuple(shares[id_] for id_ in sorted(shares)))
        calm = msgspec.structs.replace(now, weights=(), **self._undisturbed(state, zone))
        factors, before = factors_of(threat, now), factors_of(threat, calm)
        incident_id = max(shares, key=lambda id_: (shares[id_], id_)) if shares else ""
        band = self._publish(state, key, factors.value, now.people, incident_id)
        if band is None:
            return None
        return Risk(
            id=key,
            t_us=state.now_us,
            zone=zone,
            hypothesis=hypothesis,
            value=factors.value,
            low=factors.low,
            high=factors.high,
            threat=factors.threat,
            vulnerability=factors.vulnerability,
            impact=factors.impact,
            band=band,
            before=before.value,
            people=now.people,
            incident_id=incident_id,
            reasons=self._reasons(state, zone, hypothesis, incident_id, now, factors),
            provenance=tuple(sorted(shares)),
        )

    def _publish(
        self, state: RiskState, key: str, value: float, people: float, incident_id: str
    ) -> Band | None:
        """The class to publish with, or None when nothing material has changed since the last time."""
        old = state.shown.get(key)
        if old is None:
            state.shown[key] = _Shown(value, band_of(value), people, incident_id)
            return band_of(value)
        if band_of(value) == old.band:
            old.other_since_us = 0
        else:
            old.other_since_us = old.other_since_us or state.now_us
        other_for_s = (state.now_us - old.other_since_us) / US_PER_S if old.other_since_us else 0.0
        band = settle_band(value, old.band, other_for_s)
        crowd = abs(people - old.people) >= max(CHANGE_PEOPLE, 0.2 * old.people)
        moved = abs(value - old.value) > CHANGE or crowd
        if not moved and band == old.band and incident_id == old.incident_id:
            return None
        if incident_id:
            state.shown[key] = _Shown(value, band, people, incident_id)
        else:
            del state.shown[key]  # said once more that it is over
            return band_of(value)
        return band

    def _exposure(self, state: RiskState, zone: str, weights: tuple[float, ...]) -> Exposure:
        facts = self.zones[zone]
        counted = state.people.get(zone)
        assumed = ASSUMED_SHARE * facts.capacity_people or ASSUMED_PEOPLE
        return Exposure(
            weights=weights,
            people=counted if counted is not None else assumed,
            people_sigma=0.15 if counted is not None else 1.0,
            exits_ok=_share([self._exit_trust(state, slug) for slug in facts.exits]),
            cameras_ok=_share([self._camera_trust(state, slug) for slug in facts.cameras]),
        )

    def _undisturbed(self, state: RiskState, zone: str) -> dict[str, float]:
        """The measures of a zone as they would be without any incident."""
        facts = self.zones[zone]
        return {
            "exits_ok": _share([TRUST.get(state.exits.get(slug, ""), 1.0) for slug in facts.exits]),
            "cameras_ok": _share([float(state.cameras.get(slug, True)) for slug in facts.cameras]),
        }

    def _exit_trust(self, state: RiskState, slug: str) -> float:
        return min(TRUST.get(state.exits.get(slug, ""), 1.0), 1 - self._tampered(state, slug))

    def _camera_trust(self, state: RiskState, slug: str) -> float:
        return min(float(state.cameras.get(slug, True)), 1 - self._tampered(state, slug))

    def _tampered(self, state: RiskState, slug: str) -> float:
        """How probably an intruder or saboteur has hold of a device or exit."""
        hostile = ("cyber-intrusion", "sabotage", "blended")
        found = [
            c.probability for c in state.cases.values() if c.hypothesis in hostile and slug in c.entities
        ]
        return max(found, default=0.0)

    # --- saying why -----------------------------------------------------------------------------------

    def _reasons(
        self, state: RiskState, zone: str, hypothesis: str, incident_id: str, now: Exposure, factors: Factors
    ) -> tuple[RiskReason, ...]:
        """The three main reasons, by how far each raises the figure above that of a calm, empty, guarded zone."""
        threat = self.threats[hypothesis]
        empty = factors_of(threat, msgspec.structs.replace(now, people=0.0)).impact
        guarded = factors_of(threat, msgspec.structs.replace(now, exits_ok=1.0)).vulnerability
        seen = factors_of(threat, msgspec.structs.replace(now, cameras_ok=1.0)).vulnerability
        found = [
            (log(factors.threat / threat.base), self._threat_text(state, zone, incident_id)),
            (log(factors.impact / max(empty, 0.01)), self._people_text(state, zone, now)),
            (log(factors.vulnerability / guarded), self._exit_text(state, zone)),
            (log(factors.vulnerability / seen), self._camera_text(state, zone)),
        ]
        kept = sorted(((nats, text) for nats, text in found if nats > 0.01 and text), reverse=True)[:3]
        whole = sum(nats for nats, _ in kept)
        return tuple(RiskReason(text=text, share=nats / whole) for nats, text in kept)

    def _threat_text(self, state: RiskState, zone: str, incident_id: str) -> str:
        case = state.cases.get(incident_id)
        if case is None:
            return ""
        what = case.hypothesis.replace("-", " ").capitalize()
        share = f"{min(round(100 * case.probability), 99)} % sure"
        if zone in case.zones or not case.zones:
            return f"{what} here, {share}"
        near = self.zones.get(case.zones[0])
        return f"{what} next door in {near.name if near else case.zones[0]}, {share}"

    def _people_text(self, state: RiskState, zone: str, now: Exposure) -> str:
        if zone in state.people:
            return f"{now.people:.0f} people inside"
        return f"People not counted, {now.people:.0f} assumed"

    def _exit_text(self, state: RiskState, zone: str) -> str:
        worst = [name for slug, name in self.zones[zone].exits.items() if self._exit_trust(state, slug) < 0.5]
        return f"{_capital(', '.join(worst))} cannot be relied on" if worst else ""

    def _camera_text(self, state: RiskState, zone: str) -> str:
        dark = [slug for slug in self.zones[zone].cameras if self._camera_trust(state, slug) < 0.5]
        return f"{_capital(', '.join(dark))}: no true picture" if dark else ""


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0


def _share(trusts: list[float]) -> float:
    """The mean trust in some measures; half where a zone has none of its own."""
    return sum(trusts) / len(trusts) if trusts else 0.5


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
