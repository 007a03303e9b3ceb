"""The arrays of the risk field against the plain formula, cell by cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s4allcities.awareness.risk import factors_of
from s4allcities.awareness.risk.field import FieldInputs, bands_of, risk_field, settle_bands
from s4allcities.awareness.risk.model import BANDS, band_of, settle_band
from s4allcities.domain import MeasureShare, RiskBasis


def inputs(seed: int, zones: int, threats: int, measures: int, rows: int) -> FieldInputs:
    rng = np.random.default_rng(seed)
    available = rng.random((zones, measures)) * (rng.random((zones, measures)) < 0.6)
    return FieldInputs(
        base=rng.random((zones, threats)) ** 4,
        row_zone=rng.integers(0, zones, rows),
        row_threat=rng.integers(0, threats, rows),
        row_weight=rng.random(rows),
        bare=rng.random((zones, threats)),
        effect=rng.random((measures, threats)),
        available=available,
        available_before=np.sqrt(available),
        people_harm=rng.exponential(1.0, (zones, threats)),
        asset_harm=rng.exponential(0.3, (zones, threats)),
        service_harm=rng.exponential(0.1, (zones, threats)),
        delay_harm=rng.exponential(0.1, (zones, threats)),
        people_sigma=rng.random(zones),
    )


def plain(now: FieldInputs, zone: int, threat: int) -> RiskBasis:
    here = (now.row_zone == zone) & (now.row_threat == threat)

    def shares(available: np.ndarray) -> tuple[MeasureShare, ...]:
        return tuple(
            MeasureShare(name=str(number), effect=float(now.effect[number, threat]), available=float(each))
            for number, each in enumerate(available[zone])
        )

    return RiskBasis(
        base=float(now.base[zone, threat]),
        bare=float(now.bare[zone, threat]),
        weights={str(number): float(each) for number, each in enumerate(now.row_weight[here])},
        measures=shares(now.available),
        measures_before=shares(now.available_before),
        people_harm=float(now.people_harm[zone, threat]),
        asset_harm=float(now.asset_harm[zone, threat]),
        service_harm=float(now.service_harm[zone, threat]),
        delay_harm=float(now.delay_harm[zone, threat]),
        people_sigma=float(now.people_sigma[zone]),
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(0, 9))
def test_arrays_say_what_the_plain_formula_says(
    seed: int, zones: int, threats: int, measures: int, rows: int
) -> None:
    now = inputs(seed, zones, threats, measures, rows)
    field = risk_field(now)
    for zone in range(zones):
        for threat in range(threats):
            wanted = factors_of(plain(now, zone, threat))
            got = [float(each[zone, threat]) for each in field]
            names = ("threat", "vulnerability", "impact", "value", "low", "high", "before")
            assert got == pytest.approx([getattr(wanted, name) for name in names], rel=1e-9, abs=1e-15)


def test_band_is_that_of_simulated_errors() -> None:
    """The 80 % band against 40,000 draws of the errors that it is said to take in."""
    rng = np.random.default_rng(5)
    basis = RiskBasis(
        base=0.02, bare=0.5, weights={"i": 0.6}, people_harm=0.8, asset_harm=0.2, people_sigma=0.3
    )
    told = factors_of(basis)
    odds = told.threat / (1 - told.threat) * np.exp(rng.normal(0, 0.4, 40_000))
    harm = basis.people_harm * np.exp(rng.normal(0, 0.3, 40_000)) + basis.asset_harm
    drawn = odds / (1 + odds) * told.vulnerability * np.exp(rng.normal(0, 0.08, 40_000)) * (1 - np.exp(-harm))
    low, high = np.quantile(drawn, [0.1, 0.9])
    assert told.low == pytest.approx(low, rel=0.06)
    assert told.high == pytest.approx(high, rel=0.06)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.floats(0, 60)), min_size=1, max_size=20))
def test_classes_of_arrays_settle_as_single_ones(cells: list[tuple[float, int, float]]) -> None:
    value = np.array([each[0] for each in cells])
    shown = np.array([each[1] for each in cells], dtype=np.uint8)
    for_s = np.array([each[2] for each in cells])
    assert [BANDS[each] for each in bands_of(value)] == [band_of(each) for each, _, _ in cells]
    settled = settle_bands(value, shown, for_s)
    assert [BANDS[each] for each in settled] == [settle_band(v, BANDS[b], s) for v, b, s in cells]
