"""What must hold for any evidence: order, doubling, adding up, monotony, snapshots."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.domain import Detection, Event, Incident, Place
from s4allcities.fusion import FusionStage, load_hypotheses
from s4allcities.fusion import evidence as ev
from s4allcities.fusion.belief import assess
from s4allcities.fusion.evidence import Sighting
from s4allcities.fusion.state import FusionState, IncidentState

T0_US = 1_795_000_000_000_000
DATA = load_hypotheses()
KINDS = sorted(DATA.kinds)

piece = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 2),  # sensor
    st.integers(0, 3),  # group
    st.integers(0, 60_000_000),
    st.floats(0.05, 1.0),
)
pieces = st.lists(piece, min_size=1, max_size=20)
Raw = tuple[str, int, int, int, float]


def sighting(raw: Raw, id_: str) -> Sighting:
    kind, sensor, group, t_us, confidence = raw
    found = Detection(
        id=id_,
        t_us=T0_US + t_us,
        kind=kind,
        detector="",
        sensor=f"s{sensor}",
        group=f"g{group}",
        place=Place(),
    )
    return Sighting(found, group=f"g{group}", weight=confidence, zones=("z",), t_us=found.t_us, sigma_m=10)


def incident_of(raws: list[tuple[int, Raw]]) -> IncidentState:
    incident = IncidentState("i", T0_US)
    for number, raw in raws:
        ev.add(incident, sighting(raw, str(number)), DATA)
    return incident


def z_of(incident: IncidentState) -> np.ndarray:
    return assess(incident, FusionState(), DATA, T0_US + 90_000_000).z


@given(pieces, st.randoms(use_true_random=False))
def test_order_does_not_matter_for_a_given_assignment(raws: list[Raw], random) -> None:  # type: ignore[no-untyped-def]
    numbered = list(enumerate(raws))
    straight = z_of(incident_of(numbered))
    random.shuffle(numbered)
    assert z_of(incident_of(numbered)) == pytest.approx(straight, abs=1e-9)


@given(pieces, st.integers(0, 20))
def test_merged_parts_equal_the_whole(raws: list[Raw], cut: int) -> None:
    numbered = list(enumerate(raws))
    one, other = incident_of(numbered[:cut]), incident_of(numbered[cut:])
    ev.merge(one, other, DATA)
    assert z_of(one) == pytest.approx(z_of(incident_of(numbered)), abs=1e-9)


@given(pieces, st.integers(0, 19))
def test_retracted_is_as_if_it_had_never_come(raws: list[Raw], which: int) -> None:
    numbered = list(enumerate(raws))
    gone = which % len(numbered)
    incident = incident_of(numbered)
    assert ev.retract(incident, str(gone), DATA)
    left = incident_of(numbered[:gone] + numbered[gone + 1 :])
    # 1e-8: what is left of a sum after subtracting has its rounding error, and the read-out takes a root of it
    assert z_of(incident) == pytest.approx(z_of(left), abs=1e-8)


@given(pieces, piece)
def test_more_evidence_for_a_hypothesis_never_lowers_it(raws: list[Raw], extra: Raw) -> None:
    numbered = list(enumerate(raws))
    before, after = z_of(incident_of(numbered)), z_of(incident_of([*numbered, (99, extra)]))
    nats = DATA.llr[DATA.kind_index[extra[0]]]
    assert (after[nats > 0] >= before[nats > 0] - 1e-9).all()
    assert (after[nats < 0] <= before[nats < 0] + 1e-9).all()


def stream(raws: list[Raw]) -> list[Event]:
    """A stream in order of time: sensors stand in zones, some detections name a host."""
    return [
        Detection(
            id=f"{number:026d}",
            t_us=T0_US + t_us,
            kind=kind,
            detector="",
            sensor=f"{kind}-{sensor}",
            group=f"{kind}@{group}",
            place=Place(zone=f"zone-{group}", entities=("host",) if kind == "network-scan" else ()),
            confidence=confidence,
        )
        for number, (kind, sensor, group, t_us, confidence) in enumerate(sorted(raws, key=lambda raw: raw[3]))
    ]


@given(pieces)
def test_terms_add_up_to_the_log_odds(raws: list[Raw]) -> None:
    stage = FusionStage()
    state = stage.start()
    for event in stream(raws):
        for version in stage.step(state, [event], event.t_us):
            assert isinstance(version, Incident)
            odds = log(version.hypotheses[version.hypothesis] / version.hypotheses["benign"])
            assert sum(term.llr for term in version.terms) == pytest.approx(odds, abs=1e-9)
            assert sum(version.hypotheses.values()) == pytest.approx(1.0, abs=1e-12)
            assert version.probability == version.hypotheses[version.hypothesis]


@given(pieces, st.integers(0, 20))
def test_restored_equals_straight_run(raws: list[Raw], cut: int) -> None:
    events = stream(raws)
    stage = FusionStage()

    def run(state: FusionState, part: list[Event]) -> list[Event]:
        return [version for event in part for version in stage.step(state, [event], event.t_us)]

    straight = run(stage.start(), events)
    state = stage.start()
    first = run(state, events[:cut])
    assert first + run(FusionStage().restore(stage.snapshot(state)), events[cut:]) == straight


@given(pieces)
def test_doubled_stream_says_the_same(raws: list[Raw]) -> None:
    stage = FusionStage()
    once, twice = stage.start(), stage.start()
    for event in stream(raws):
        said = stage.step(once, [event], event.t_us)
        assert stage.step(twice, [event, event], event.t_us) == said
        assert stage.step(twice, [event], event.t_us) == []
