"""From what is known of a place to the arrays of the risk field, and back to the basis of one cell."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from math import exp
from typing import NamedTuple

import numpy as np

from s4allcities.domain import US_PER_S, Context, MeasureShare, RiskBasis

from ..context.entries import Asset, Event, Measure, Service, Survey, ThreatLevel
from ..context.graph import ENTRY, ContextGraph
from .field import F8, FieldInputs
from .model import Threat, at_odds
from .services import cascade, dependants, loss_of_assets, service_harm_scale
from .state import LEAST_P, Case, RiskState
from .survey import bare_of
from .zones import ZoneFacts

__all__ = ("Exposures", "Slow")

ASSUMED_SHARE = 0.3
ASSUMED_PEOPLE = 20.0
"""Where nobody counts and nothing is expected: this share of the capacity, or so many where that is unknown too."""
SIGMA_COUNTED, SIGMA_EXPECTED, SIGMA_ASSUMED = 0.15, 0.5, 1.0
TRUST = {"usable": 1.0, "doubtful": 0.3, "unusable": 0.0}
HOSTILE = ("cyber-intrusion", "sabotage", "blended")
DESTROYS = {
    "fire": 0.6,
    "explosive-precursor": 0.8,
    "sabotage": 0.5,
    "vehicle-as-weapon": 0.3,
    "blended": 0.5,
}
"""How likely an incident of this kind destroys a thing in its zone, judged."""
USUAL_CRITICALITY = 0.5
DELAY_UNIT_S = 600.0
EXITS, CAMERAS = "exits", "cameras"
BUILT_IN = 2
"""Exits and cameras are measures of every zone and come first."""


class Slow(NamedTuple):
    """What changes with the context graph and the minute only. Z zones, K threats, M measures."""

    minute: int
    graph: ContextGraph
    base: F8
    bare: F8
    effect: F8
    names: tuple[str, ...]
    planned: F8
    needs: tuple[tuple[str, ...], ...]
    expected: dict[str, float]
    factor: F8
    asset: F8
    service: F8
    delay: F8
    services: dict[str, Service]
    assets: list[Asset]
    cameras: tuple[tuple[str, ...], ...]


class Exposures:
    """Builds arrays for fixed zones and threats; holds nothing that changes."""

    def __init__(
        self, zones: Mapping[str, ZoneFacts], threats: Mapping[str, Threat], zone: tzinfo | None = None
    ) -> None:
        self.zones = dict(zones)
        self.threats = dict(threats)
        self.clock_zone = zone
        self.slugs = tuple(self.zones)
        self.kinds = tuple(self.threats)
        self._row = {slug: number for number, slug in enumerate(self.slugs)}
        self._column = {kind: number for number, kind in enumerate(self.kinds)}
        self.capacity = {slug: float(each.capacity_people) for slug, each in self.zones.items()}
        columns = ("base", "bare", "exits", "cameras", "person", "things", "service", "delay")
        self._of = {
            name: np.array([getattr(each, name) for each in self.threats.values()]) for name in columns
        }

    def cell(self, zone: str, kind: str) -> int | None:
        """Give the number of a cell, row by row, or None."""
        row, column = self._row.get(zone), self._column.get(kind)
        return None if row is None or column is None else row * len(self.kinds) + column

    # --- slow -----------------------------------------------------------------------------------------

    def slow(self, state: RiskState) -> Slow:
        """Give the slow part, worked out again when entries were stated or a minute has passed."""
        minute = state.now_us // (60 * US_PER_S)
        known: Slow | None = state.slow
        if known is not None and known.minute == minute:
            return known
        graph = known.graph if known is not None else self._graph(state)
        state.slow = self._work_out(graph, minute, state.now_us)
        state.dirty = True
        made: Slow = state.slow
        return made

    def _graph(self, state: RiskState) -> ContextGraph:
        graph = ContextGraph(zone=self.clock_zone)
        for key, value in state.kept.entries.items():
            graph.learn(Context(id="", t_us=0, subject=f"{ENTRY}/{key}", attribute=ENTRY, value=value))
        return graph

    def _work_out(self, graph: ContextGraph, minute: int, t_us: int) -> Slow:
        measures = graph.measures(t_us)
        services, assets = graph.services(t_us), graph.assets(t_us)
        return Slow(
            minute=minute,
            graph=graph,
            base=self._base(graph, t_us),
            bare=self._bare(graph, t_us),
            effect=np.vstack(
                [self._of["exits"], self._of["cameras"], *(self._effect(m) for m, _ in measures)]
            ),
            names=(EXITS, CAMERAS, *(measure.name or measure.id for measure, _ in measures)),
            planned=self._planned(measures),
            needs=((), (), *(measure.needs for measure, _ in measures)),
            expected=graph.expected_people(t_us, self.capacity),
            factor=self._by_zone(graph.harm_factor(t_us), 1.0),
            asset=self._asset(assets),
            service=self._service(assets, services),
            delay=self._by_zone(graph.response_delay_s(t_us), 0.0) / DELAY_UNIT_S,
            services=services,
            assets=assets,
            cameras=self._seen_by(graph, t_us),
        )

    def _by_zone(self, found: Mapping[str, float], otherwise: float) -> F8:
        everywhere = found.get("", otherwise)
        return np.array([found.get(slug, everywhere) for slug in self.slugs], dtype=np.float64)

    def _base(self, graph: ContextGraph, t_us: int) -> F8:
        """The base rates at the odds of the moment; zones that nothing names share one row."""
        out = np.tile(self._at_odds(graph.odds(t_us)), (len(self.slugs), 1))
        named = {
            zone for kind in (Event, ThreatLevel) for each in graph.of(kind, t_us) for zone in each.zones
        }
        for slug in sorted(named & self._row.keys()):
            out[self._row[slug]] = self._at_odds(graph.odds(t_us, slug))
        return out

    def _at_odds(self, odds: Mapping[str, float]) -> F8:
        everything = odds.get("*", 1.0)
        return np.array(
            [at_odds(each.base, everything * odds.get(kind, 1.0)) for kind, each in self.threats.items()]
        )

    def _bare(self, graph: ContextGraph, t_us: int) -> F8:
        out = np.tile(self._of["bare"], (len(self.slugs), 1))
        for survey in graph.of(Survey, t_us):
            found = np.array(bare_of(survey.answers, self.threats))
            for slug in survey.zones or self.slugs:
                if slug in self._row:
                    out[self._row[slug]] = found
        return out

    def _effect(self, measure: Measure) -> F8:
        otherwise = measure.effect.get("*", 0.0)
        return np.array([measure.effect.get(kind, otherwise) for kind in self.kinds])

    def _planned(self, measures: Sequence[tuple[Measure, float]]) -> F8:
        """What is in force by plan, (Z, M); exits and cameras come first and are filled in live."""
        out = np.zeros((len(self.slugs), BUILT_IN + len(measures)))
        for number, (measure, share) in enumerate(measures, BUILT_IN):
            for slug in measure.zones or self.slugs:
                if slug in self._row:
                    out[self._row[slug], number] = share
        return out

    def _asset(self, assets: Iterable[Asset]) -> F8:
        """The worth of each zone's things against the usual."""
        worth: dict[str, float] = {}
        for asset in assets:
            for slug in asset.zones:
                worth[slug] = max(worth.get(slug, 0.0), asset.criticality)
        return self._by_zone(worth, USUAL_CRITICALITY) / USUAL_CRITICALITY

    def _service(self, assets: Iterable[Asset], services: Mapping[str, Service]) -> F8:
        reach = dependants(services)
        harm: dict[str, float] = {}
        for asset in assets:
            for slug in asset.zones if asset.service in reach else ():
                scale = asset.criticality * service_harm_scale(reach[asset.service])
                harm[slug] = max(harm.get(slug, 0.0), scale)
        return self._by_zone(harm, 0.0)

    def _seen_by(self, graph: ContextGraph, t_us: int) -> tuple[tuple[str, ...], ...]:
        known = {slug for each in self.zones.values() for slug in each.cameras}
        more: dict[str, set[str]] = {}
        for camera in sorted(known):
            for slug in graph.covering(camera, t_us):
                more.setdefault(slug, set()).add(camera)
        return tuple(tuple(sorted({*each.cameras, *more.get(slug, ())})) for slug, each in self.zones.items())

    # --- live -----------------------------------------------------------------------------------------

    def inputs(self, state: RiskState) -> FieldInputs:
        """Give the arrays of this moment."""
        slow = self.slow(state)
        people, sigma = self.people(state, slow)
        exposed = people * slow.factor
        available, before = self._available(state, slow)
        rows, columns, weights = self._rows(state)
        return FieldInputs(
            base=slow.base,
            row_zone=rows,
            row_threat=columns,
            row_weight=weights,
            bare=slow.bare,
            effect=slow.effect,
            available=available,
            available_before=before,
            people_harm=np.outer(exposed, self._of["person"]),
            asset_harm=np.outer(slow.asset, self._of["things"]),
            service_harm=np.outer(slow.service, self._of["service"]),
            delay_harm=np.outer(exposed * slow.delay, self._of["delay"]),
            people_sigma=sigma,
        )

    def people(self, state: RiskState, slow: Slow) -> tuple[F8, F8]:
        """People by zone, and the relative error: counted, else expected by the calendar, else assumed."""
        found, sigma = np.empty(len(self.slugs)), np.empty(len(self.slugs))
        for row, slug in enumerate(self.slugs):
            if slug in state.kept.people:
                found[row], sigma[row] = state.kept.people[slug], SIGMA_COUNTED
            elif slug in slow.expected:
                found[row], sigma[row] = slow.expected[slug], SIGMA_EXPECTED
            else:
                assumed = ASSUMED_SHARE * self.capacity[slug] or ASSUMED_PEOPLE
                found[row], sigma[row] = assumed, SIGMA_ASSUMED
        return found, sigma

    def weights(self, state: RiskState) -> dict[int, dict[str, float]]:
        """For each cell that an incident touches: how much each incident counts there."""
        out: dict[int, dict[str, float]] = {}
        for id_ in sorted(state.kept.cases):
            case = state.kept.cases[id_]
            for kind, probability in case.hypotheses.items():
                threat = self.threats.get(kind)
                if threat is None:
                    continue
                share = probability * self._faded(case, threat, state.now_us)
                for slug, part in self._shares(case, threat).items():
                    cell = self.cell(slug, kind)
                    if cell is not None and share * part >= LEAST_P / 4:
                        out.setdefault(cell, {})[id_] = share * part
        return out

    @staticmethod
    def _faded(case: Case, threat: Threat, now_us: int) -> float:
        """What is left of an incident that has ended by itself; one with evidence counts in full."""
        return exp(-(now_us - case.ended_us) / US_PER_S / threat.fade_s) if case.ended_us else 1.0

    def _shares(self, case: Case, threat: Threat) -> dict[str, float]:
        shares = dict.fromkeys(case.zones, 1.0)
        for zone in case.zones:
            for other in self.zones[zone].neighbours if zone in self.zones else ():
                shares.setdefault(other, threat.neighbour)
        return shares

    def _rows(self, state: RiskState) -> tuple[np.ndarray, np.ndarray, F8]:
        found = [(cell, w) for cell, by in self.weights(state).items() for w in by.values()]
        cells = np.array([cell for cell, _ in found], dtype=np.intp)
        return (
            cells // len(self.kinds),
            cells % len(self.kinds),
            np.array([w for _, w in found], dtype=np.float64),
        )

    def held(self, state: RiskState) -> dict[str, float]:
        """By entity, how probably an intruder or saboteur has hold of it."""
        found: dict[str, float] = {}
        for case in state.kept.cases.values():
            hostile = max((p for kind, p in case.hypotheses.items() if kind in HOSTILE), default=0.0)
            if hostile and not case.ended_us:
                for slug in case.entities:
                    found[slug] = max(found.get(slug, 0.0), hostile)
        return found

    def service_losses(self, state: RiskState, slow: Slow) -> dict[str, float]:
        """How likely each service is down now, by what happens at its assets and two hops of dependence."""
        if not slow.services:
            return {}
        harmed: dict[str, float] = {}
        for case in state.kept.cases.values():
            if case.ended_us:
                continue
            hit = max((p * DESTROYS.get(kind, 0.0) for kind, p in case.hypotheses.items()), default=0.0)
            for zone in case.zones:
                harmed[zone] = max(harmed.get(zone, 0.0), hit)
        return cascade(loss_of_assets(slow.assets, harmed, self.held(state)), slow.services)

    def _available(self, state: RiskState, slow: Slow) -> tuple[F8, F8]:
        held, lost = self.held(state), self.service_losses(state, slow)
        now, before = slow.planned.copy(), slow.planned.copy()
        for out, tampered in ((now, held), (before, dict[str, float]())):
            for row, facts in enumerate(self.zones.values()):
                out[row, 0] = _mean([self.exit_trust(state, each, tampered) for each in facts.exits])
                out[row, 1] = _mean([self.camera_trust(state, each, tampered) for each in slow.cameras[row]])
        for number, needs in enumerate(slow.needs):
            if needs:
                now[:, number] *= min(self._device(state, each, held, lost) for each in needs)
                before[:, number] *= min(self._device(state, each, {}, {}) for each in needs)
        return now, before

    def _device(
        self, state: RiskState, slug: str, held: Mapping[str, float], lost: Mapping[str, float]
    ) -> float:
        own = 1.0 - held.get(slug, 0.0)
        if slug in state.kept.silent or slug in state.kept.cameras:
            own = min(own, self.camera_trust(state, slug, held))
        return min(own, 1.0 - lost.get(slug, 0.0))

    @staticmethod
    def exit_trust(state: RiskState, slug: str, held: Mapping[str, float]) -> float:
        """How far an exit can be relied on."""
        return min(TRUST.get(state.kept.exits.get(slug, ""), 1.0), 1 - held.get(slug, 0.0))

    @staticmethod
    def camera_trust(state: RiskState, slug: str, held: Mapping[str, float]) -> float:
        """How far a camera's picture can be relied on."""
        works = state.kept.cameras.get(slug, True) and not state.kept.silent.get(slug, False)
        return min(float(works), 1 - held.get(slug, 0.0))

    # --- one cell -------------------------------------------------------------------------------------

    def basis(self, inputs: FieldInputs, slow: Slow, cell: int, weights: Mapping[str, float]) -> RiskBasis:
        """Give all that one cell was worked out from; `model.factors_of` of it gives the cell again."""
        row, column = divmod(cell, len(self.kinds))
        return RiskBasis(
            base=float(inputs.base[row, column]),
            bare=float(inputs.bare[row, column]),
            weights=dict(weights),
            measures=_shares(slow, row, inputs.effect[:, column], inputs.available[row]),
            measures_before=_shares(slow, row, inputs.effect[:, column], inputs.available_before[row]),
            people_harm=float(inputs.people_harm[row, column]),
            asset_harm=float(inputs.asset_harm[row, column]),
            service_harm=float(inputs.service_harm[row, column]),
            delay_harm=float(inputs.delay_harm[row, column]),
            people_sigma=float(inputs.people_sigma[row]),
        )


def _shares(slow: Slow, row: int, effect: F8, available: F8) -> tuple[MeasureShare, ...]:
    """The measures that are there by plan, with what they are worth now, be it nothing."""
    return tuple(
        MeasureShare(name=name, effect=float(effect[number]), available=float(available[number]))
        for number, name in enumerate(slow.names)
        if effect[number] and (number < BUILT_IN or slow.planned[row, number])
    )


def _mean(trusts: list[float]) -> float:
    """The mean trust in some measures; half where a zone has none of its own."""
    return sum(trusts) / len(trusts) if trusts else 0.5
