"""The risk stage: incidents, live facts and the context graph in, risk of every zone from every threat out."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from hashlib import blake2b

import msgspec
import numpy as np

from s4allcities.domain import US_PER_S, Context, Event, Risk

from .exposure import Exposures, Slow
from .field import Field, FieldInputs, bands_of, risk_field, settle_bands
from .forecast import HORIZONS_MIN, Crowd, due, expect, take
from .model import BANDS, Threat, factors_of, load_threats
from .reasons import reasons_of
from .services import resilience_of
from .state import MOST_SAMPLES, Kept, RiskState, learn
from .zones import ZoneFacts

__all__ = ("RiskStage",)

CHANGE = 0.02
CHANGE_PEOPLE = 10.0
CHANGE_SERVICE = 0.02
MOST_AT_ONCE = 400
"""Cells published in one step at most; the others follow with the next tick, the most changed first."""
MINUTE_US = 60 * US_PER_S
WINDOW_US = 24 * 3600 * US_PER_S


class RiskStage:
    """Weighs every zone and threat by what is at stake there now: R = T x V x I, all cells at once in arrays.

    Threat: base rates at the odds of the moment (events, threat level) and the incidents' probabilities, less in
    neighbouring zones; an incident that ended by itself fades. Vulnerability: the survey's figure less the measures in
    force now; devices that an intrusion or sabotage names, silent cameras and services that are down no longer count,
    which is how an attack on a network raises the risk of exactly the zones it touches. Impact: live people and who
    they are, the worth of things, services and who depends on them two hops far, the way of responders.

    A risk is published once for every cell, then when its value moves by 0.02 or its class or incident changes, or
    the crowd does where there is an incident. A service's resilience is published as a fact when it changes.

    Where nobody counts people, those expected by the calendar are taken, else 30 % of the zone's capacity with a wide
    error, never none.

    ``zone`` is the site's time zone, for slots of the week.

    >>> stage = RiskStage({})
    >>> stage.step(stage.start(), [], 1_700_000_000_000_000)
    []
    """

    name = "risk"
    inputs: tuple[str, ...] = ("inc.>", "ctx.>", "health.>", "alert.>")
    heavy = False

    def __init__(
        self,
        zones: Mapping[str, ZoneFacts],
        threats: Mapping[str, Threat] | None = None,
        *,
        zone: tzinfo | None = None,
    ) -> None:
        self.exposures = Exposures(zones, threats or load_threats(), zone)
        self._exits = {slug for each in self.exposures.zones.values() for slug in each.exits}
        self._cameras = {slug for each in self.exposures.zones.values() for slug in each.cameras}
        names = "\x1f".join((*self.exposures.slugs, "", *self.exposures.kinds))
        self._cells = blake2b(names.encode(), digest_size=8).hexdigest()
        self._count = len(self.exposures.slugs) * len(self.exposures.kinds)

    def start(self) -> RiskState:
        """Give the empty state."""
        return RiskState(self._cells, self._count)

    def snapshot(self, state: RiskState) -> bytes:
        """Freeze the state."""
        return state.freeze()

    def restore(self, data: bytes) -> RiskState:
        """Thaw what `snapshot` gave."""
        return RiskState(self._cells, self._count, msgspec.msgpack.decode(data, type=Kept))

    def step(self, state: RiskState, batch: Sequence[Event], now_us: int) -> list[Event]:
        """Take incidents and facts in and give the risks that changed; an empty batch lets time pass."""
        state.kept.now_us = max(state.kept.now_us, now_us)
        for event in batch:
            learn(state, event, self.exposures.zones, self._exits, self._cameras)
        slow = self.exposures.slow(state)
        fading = self._forget_faded(state)
        waiting = bool((state.people < 0).any() or state.other_since_us.any())
        if not self._count or not (state.dirty or fading or waiting):
            return []
        state.dirty = False
        inputs = self.exposures.inputs(state)
        field = risk_field(inputs)
        out = [*self._risks(state, slow, inputs, field), *self._services(state, slow)]
        return [*out, *self._forecasts(state, slow, inputs, field)]

    def _forget_faded(self, state: RiskState) -> bool:
        """Drop incidents that have faded; tell whether any is fading."""
        fading = {id_: case for id_, case in state.kept.cases.items() if case.ended_us}
        for id_, case in fading.items():
            oldest_s = (state.now_us - case.ended_us) / US_PER_S
            taus = [self.exposures.threats[k].fade_s for k in case.hypotheses if k in self.exposures.threats]
            if not taus or oldest_s > 4 * max(taus):
                del state.kept.cases[id_]
                state.dirty = True
        return bool(fading)

    # --- publishing -----------------------------------------------------------------------------------

    def _risks(self, state: RiskState, slow: Slow, inputs: FieldInputs, field: Field) -> list[Event]:
        value, (people, _) = field.value.ravel(), self.exposures.people(state, slow)
        people = np.repeat(people, len(self.exposures.kinds))
        weights = self.exposures.weights(state)
        band = self._settled(state, value)
        fresh = state.people < 0
        moved = np.abs(value - state.value) > CHANGE
        due = fresh | moved | (band != state.band)
        for cell in weights.keys() | state.incident.keys():
            leading = _leading(weights.get(cell, {}))
            crowd = abs(people[cell] - state.people[cell]) >= max(CHANGE_PEOPLE, 0.2 * state.people[cell])
            due[cell] |= leading != state.incident.get(cell, "") or (bool(leading) and crowd)
        cells = np.flatnonzero(due)
        if cells.size > MOST_AT_ONCE:
            first = np.argsort(
                -np.abs(value[cells] - np.where(fresh[cells], 0.0, state.value[cells])), kind="stable"
            )
            cells = np.sort(cells[first[:MOST_AT_ONCE]])
            state.dirty = True
        return [
            self._risk(
                state,
                slow,
                inputs,
                int(cell),
                weights.get(int(cell), {}),
                int(band[cell]),
                float(people[cell]),
            )
            for cell in cells
        ]

    def _settled(self, state: RiskState, value: np.ndarray) -> np.ndarray:
        """The class of each cell with hysteresis; notes since when another one would do."""
        fresh = state.people < 0
        other = (bands_of(value) != state.band) & ~fresh
        state.other_since_us = np.where(
            other, np.where(state.other_since_us == 0, state.now_us, state.other_since_us), 0
        )
        for_s = np.where(other, (state.now_us - state.other_since_us) / US_PER_S, 0.0)
        return np.where(fresh, bands_of(value), settle_bands(value, state.band, for_s))

    def _risk(
        self,
        state: RiskState,
        slow: Slow,
        inputs: FieldInputs,
        cell: int,
        weights: Mapping[str, float],
        band: int,
        people: float,
    ) -> Risk:
        """Make the record of one cell, and remember that it was published."""
        row, column = divmod(cell, len(self.exposures.kinds))
        zone, kind = self.exposures.slugs[row], self.exposures.kinds[column]
        basis = self.exposures.basis(inputs, slow, cell, weights)
        factors = factors_of(basis)
        leading = _leading(weights)
        state.value[cell], state.people[cell], state.band[cell] = factors.value, people, band
        state.other_since_us[cell] = (
            0 if bands_of(np.array([factors.value]))[0] == band else state.other_since_us[cell]
        )
        if leading:
            state.incident[cell] = leading
        else:
            state.incident.pop(cell, None)
        return Risk(
            id=f"{zone}/{kind}",
            t_us=state.now_us,
            zone=zone,
            hypothesis=kind,
            value=factors.value,
            low=factors.low,
            high=factors.high,
            threat=factors.threat,
            vulnerability=factors.vulnerability,
            impact=factors.impact,
            band=BANDS[band],
            before=factors.before,
            people=people,
            incident_id=leading,
            reasons=reasons_of(self.exposures, state, slow, cell, basis, factors, people),
            basis=basis,
            provenance=tuple(sorted(weights)),
        )

    # --- forecasts ------------------------------------------------------------------------------------

    def _forecasts(self, state: RiskState, slow: Slow, inputs: FieldInputs, field: Field) -> list[Event]:
        """At each full minute, people and worst risk of each counted zone in the next half hour, with past errors."""
        minute = state.now_us // MINUTE_US
        ended = {
            slug: state.kept.crowds.setdefault(slug, Crowd())
            for slug, people in state.kept.people.items()
            if take(state.kept.crowds.setdefault(slug, Crowd()), people, minute)
        }
        if not ended:
            return []
        expected = {
            horizon: slow.graph.expected_people(state.now_us + horizon * MINUTE_US, self.exposures.capacity)
            for horizon in HORIZONS_MIN
        }
        worst = dict(zip(self.exposures.slugs, field.value.max(axis=1).tolist(), strict=True))
        ahead: dict[str, dict[int, float]] = {}
        for slug, crowd in ended.items():
            change = {h: expected[h].get(slug, 0.0) - slow.expected.get(slug, 0.0) for h in HORIZONS_MIN}
            ahead[slug] = due(crowd, change, worst[slug])
        risk = {
            h: self._risk_with(inputs, state, {s: each[h] for s, each in ahead.items()}) for h in HORIZONS_MIN
        }
        for slug, crowd in ended.items():
            expect(crowd, {h: risk[h][slug] for h in HORIZONS_MIN}, worst[slug])
        return [self._forecast(state, slug, crowd, ahead[slug], risk) for slug, crowd in ended.items()]

    def _risk_with(
        self, inputs: FieldInputs, state: RiskState, people: Mapping[str, float]
    ) -> dict[str, float]:
        """The worst risk of each zone if so many people were there and all else stayed as it is."""
        share = np.ones(len(self.exposures.slugs))
        for row, slug in enumerate(self.exposures.slugs):
            if slug in people:
                share[row] = people[slug] / max(state.kept.people[slug], 1.0)
        field = risk_field(
            inputs._replace(
                people_harm=inputs.people_harm * share[:, None], delay_harm=inputs.delay_harm * share[:, None]
            )
        )
        worst = field.value.max(axis=1)
        return {slug: float(worst[row]) for row, slug in enumerate(self.exposures.slugs) if slug in people}

    @staticmethod
    def _forecast(
        state: RiskState,
        slug: str,
        crowd: Crowd,
        ahead: Mapping[int, float],
        risk: Mapping[int, Mapping[str, float]],
    ) -> Context:
        rows = [
            {
                "minutes": horizon,
                "people": round(ahead[horizon], 1),
                "risk": round(risk[horizon][slug], 4),
                "mae": score.mae if (score := crowd.scores.get(horizon)) else None,
                "mae_as_now": score.mae_as_now if score else None,
                "scored": score.count if score else 0,
                "risk_mae": score.risk_mae if score else None,
                "risk_mae_as_now": score.risk_mae_as_now if score else None,
                "risk_scored": score.risks if score else 0,
            }
            for horizon in HORIZONS_MIN
        ]
        return Context(
            id="",
            t_us=state.now_us,
            subject=f"zone/{slug}",
            attribute="forecast",
            value={"ahead": rows},
            source="risk",
        )

    # --- services -------------------------------------------------------------------------------------

    def _services(self, state: RiskState, slow: Slow) -> list[Event]:
        """Give the resilience of each service whose performance has changed."""
        out: list[Event] = []
        for key, lost in self.exposures.service_losses(state, slow).items():
            samples = state.kept.performance.setdefault(key, [])
            performance = 1 - lost
            before = samples[-1][1] if samples else 1.0
            if samples and abs(performance - before) < CHANGE_SERVICE and (performance < 1) == (before < 1):
                continue
            samples.append((state.now_us, performance))
            del samples[:-MOST_SAMPLES]
            found = resilience_of(slow.services[key], samples, state.now_us, WINDOW_US)
            out.append(
                Context(
                    id="", t_us=state.now_us, subject=f"service/{key}", attribute="resilience",
                    value=msgspec.to_builtins(found), source="risk",
                    reason=f"{slow.services[key].name or key}: {100 * performance:.0f} % of its performance",
                )
            )  # fmt: skip
        return out


def _leading(weights: Mapping[str, float]) -> str:
    """The incident that counts most, "" without any."""
    return max(weights, key=lambda id_: (weights[id_], id_)) if weights else ""
