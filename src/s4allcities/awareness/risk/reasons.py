"""Why a risk is what it is: its three main reasons, in plain words, by how far each raises the figure."""

from collections.abc import Mapping
from math import exp, log

import msgspec

from s4allcities.domain import RiskBasis, RiskReason

from ..context.entries import Event, ThreatLevel
from .exposure import CAMERAS, EXITS, Exposures, Slow
from .model import Factors, open_share
from .state import RiskState

__all__ = ("reasons_of",)

MOST = 3
LEAST_NATS = 0.01


def reasons_of(
    exposures: Exposures,
    state: RiskState,
    slow: Slow,
    cell: int,
    basis: RiskBasis,
    factors: Factors,
    people: float,
) -> tuple[RiskReason, ...]:
    """Give the reasons; each share is how far it raises the figure above a calm, empty, guarded zone, in nats."""
    row, column = divmod(cell, len(exposures.kinds))
    zone, kind = exposures.slugs[row], exposures.kinds[column]
    held = exposures.held(state)
    base = exposures.threats[kind].base
    found = [
        (
            log(max(factors.threat, 1e-12) / max(basis.base, 1e-12)),
            _threat(exposures, state, zone, kind, basis.weights),
        ),
        (log(basis.base / base), _odds(slow, zone, state.now_us)),
        (_without(basis, factors, basis.people_harm + basis.delay_harm), _people(state, slow, zone, people)),
        (_without(basis, factors, basis.service_harm), "A service that many depend on is here"),
        (_missing(basis, factors, EXITS), _exits(exposures, state, zone, held)),
        (_missing(basis, factors, CAMERAS), _cameras(exposures, state, slow, row, held)),
        *(
            (_missing(basis, factors, each.name), f"{each.name} not in full force")
            for each in basis.measures
            if each.name not in (EXITS, CAMERAS) and each.available < 1
        ),
    ]
    kept = sorted(((nats, text) for nats, text in found if nats > LEAST_NATS and text), reverse=True)[:MOST]
    whole = sum(nats for nats, _ in kept)
    return tuple(RiskReason(text=text, share=nats / whole) for nats, text in kept)


def _without(basis: RiskBasis, factors: Factors, harm: float) -> float:
    """How far a part of the harm raises the impact, nats."""
    rest = basis.people_harm + basis.asset_harm + basis.service_harm + basis.delay_harm - harm
    return log(max(factors.impact, 1e-12) / max(1 - exp(-rest), 0.01))


def _missing(basis: RiskBasis, factors: Factors, name: str) -> float:
    """How far the vulnerability would fall if a measure were in full force, nats."""
    full = [
        msgspec.structs.replace(each, available=1.0) if each.name == name else each for each in basis.measures
    ]
    return log(max(factors.vulnerability, 1e-12) / max(open_share(basis.bare, full), 1e-12))


def _threat(
    exposures: Exposures, state: RiskState, zone: str, kind: str, weights: Mapping[str, float]
) -> str:
    if not weights:
        return ""
    id_ = max(weights, key=lambda each: (weights[each], each))
    case = state.kept.cases.get(id_)
    if case is None:
        return ""
    what = kind.replace("-", " ").capitalize()
    share = f"{min(max(round(100 * case.hypotheses.get(kind, 0.0)), 1), 99)} % sure"
    if case.ended_us:
        return f"{what} here until lately"
    if zone in case.zones or not case.zones:
        return f"{what} here, {share}"
    near = exposures.zones.get(case.zones[0])
    return f"{what} next door in {near.name if near else case.zones[0]}, {share}"


def _odds(slow: Slow, zone: str, t_us: int) -> str:
    for event in slow.graph.of(Event, t_us):
        if event.odds and (not event.zones or zone in event.zones):
            return f"{event.name or event.id} attracts"
    for level in slow.graph.of(ThreatLevel, t_us):
        if not level.zones or zone in level.zones:
            return f"Threat level {level.level} of 5"
    return ""


def _people(state: RiskState, slow: Slow, zone: str, people: float) -> str:
    if zone in state.kept.people:
        return f"{people:.0f} people inside"
    how = "expected" if zone in slow.expected else "assumed"
    return f"People not counted, {people:.0f} {how}"


def _exits(exposures: Exposures, state: RiskState, zone: str, held: Mapping[str, float]) -> str:
    worst = [
        name
        for slug, name in exposures.zones[zone].exits.items()
        if exposures.exit_trust(state, slug, held) < 0.5
    ]
    return f"{_capital(', '.join(worst))} cannot be relied on" if worst else ""


def _cameras(exposures: Exposures, state: RiskState, slow: Slow, row: int, held: Mapping[str, float]) -> str:
    dark = [slug for slug in slow.cameras[row] if exposures.camera_trust(state, slug, held) < 0.5]
    return f"{_capital(', '.join(dark))}: no true picture" if dark else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
