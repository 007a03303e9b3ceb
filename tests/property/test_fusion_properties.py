"""What must hold for any evidence: order, doubling, adding up, monotony, late and retracted pieces, the plain twin."""

from math import log

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from s4allcities.domain import Detection, Event, Incident, Place
from s4allcities.fusion import FusionStage, FusionState, load_hypotheses
from s4allcities.fusion import evidence as ev
from s4allcities.fusion.belief import assess
from s4allcities.fusion.evidence import Sighting
from s4allcities.fusion.intake import Intake
from s4allcities.fusion.state import IncidentState, Known
from s4allcities.fusion.topology import Passage, SensorPlace, Topology, ZonePlace, ways_through
from s4allcities.fusion.twin import PlainFusion

T0_US = 1_795_000_000_000_000
S = 1_000_000
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


# --- the algebra of evidence, for a given assignment ------------------------------------------------------


def sighting(raw: Raw, id_: str) -> Sighting:
    kind, sensor, group, t_us, confidence = raw
    return Sighting(
        id=id_,
        kind=kind,
        sensor=f"s{sensor}",
        group=f"g{group}",
        t_us=T0_US + t_us,
        weight=confidence,
        zones=("z",),
    )


def incident_of(raws: list[tuple[int, Raw]]) -> IncidentState:
    incident = IncidentState("i", T0_US)
    for number, raw in raws:
        ev.add(incident, sighting(raw, str(number)), DATA)
    return incident


def z_of(incident: IncidentState, known: Known | None = None) -> NDArray[np.float64]:
    return assess(incident, known or Known(), DATA, T0_US + 90_000_000).z


@given(pieces, st.randoms(use_true_random=False))
def test_order_does_not_matter_for_a_given_assignment(raws: list[Raw], random) -> None:  # type: ignore[no-untyped-def]
    numbered = list(enumerate(raws))
    straight = z_of(incident_of(numbered))
    random.shuffle(numbered)
    assert z_of(incident_of(numbered)) == pytest.approx(straight, abs=1e-9)


@given(pieces, st.integers(0, 20))
def test_partial_sums_of_an_edge_equal_the_whole(raws: list[Raw], cut: int) -> None:
    numbered = list(enumerate(raws))
    one, other = incident_of(numbered[:cut]), incident_of(numbered[cut:])
    ev.merge(one, other, DATA)
    assert z_of(one) == pytest.approx(z_of(incident_of(numbered)), abs=1e-9)


@given(pieces, st.integers(0, 20))
def test_rows_side_by_side_equal_their_sum(raws: list[Raw], cut: int) -> None:
    """Merging and splitting in the core only moves rows, so this is what makes them exact."""
    numbered = list(enumerate(raws))
    one, other = incident_of(numbered[:cut]), incident_of(numbered[cut:])
    one.rows = {**one.rows, **{key + "+": row for key, row in other.rows.items()}}
    assert z_of(one) == pytest.approx(z_of(incident_of(numbered)), abs=1e-9)


@given(pieces, st.integers(0, 19))
def test_retracted_is_as_if_it_had_never_come(raws: list[Raw], which: int) -> None:
    numbered = list(enumerate(raws))
    gone = which % len(numbered)
    incident = incident_of(numbered)
    assert ev.retract(incident, str(gone), DATA)
    left = incident_of(numbered[:gone] + numbered[gone + 1 :])
    assert z_of(incident) == pytest.approx(z_of(left), abs=1e-9)


@given(pieces, piece)
def test_more_evidence_for_a_hypothesis_never_lowers_it(raws: list[Raw], extra: Raw) -> None:
    numbered = list(enumerate(raws))
    before, after = z_of(incident_of(numbered)), z_of(incident_of([*numbered, (99, extra)]))
    nats = DATA.llr[DATA.kind_index[extra[0]]]
    assert (after[nats > 0] >= before[nats > 0] - 1e-9).all()
    assert (after[nats < 0] <= before[nats < 0] + 1e-9).all()


# --- streams, through the stage ---------------------------------------------------------------------------

HALL = Topology(
    zones={z: ZonePlace(name=z, level=level) for z, level in (("a", 0), ("b", 0), ("c", 0), ("up", 1))},
    adjacent={"a": ("b",), "b": ("c", "up")},
    sensors={f"s{n}": SensorPlace(name=f"S-{n}", zone=zone) for n, zone in enumerate(("a", "b", "c", "up"))},
    ways=ways_through(
        [
            Passage(zones=("a", "b"), ends_m=((50.0, 0.0), (50.0, 0.0))),
            Passage(zones=("b", "c"), ends_m=((100.0, 40.0), (100.0, 40.0))),
            Passage(zones=("b", "up"), ends_m=((60.0, 0.0), (60.0, 20.0)), length_m=20.0),
        ]
    ),
)
ZONES = ("a", "b", "c", "up", "elsewhere", "")
HOSTS = ("", "", "h1", "h2")

seen = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 3),  # sensor
    st.integers(0, 3),  # group
    st.integers(0, 40_000),  # milliseconds
    st.floats(0.05, 1.0),
    st.sampled_from(ZONES),
    st.sampled_from(HOSTS),
    st.one_of(
        st.none(), st.tuples(st.integers(0, 150), st.integers(0, 60), st.sampled_from([3.0, 10.0, 60.0]))
    ),
)
Seen = tuple[str, int, int, int, float, str, str, tuple[int, int, float] | None]
sightings = st.lists(seen, min_size=1, max_size=25)


def stream(raws: list[Seen]) -> list[Detection]:
    """A stream in order of time."""
    out = []
    for number, raw in enumerate(sorted(raws, key=lambda each: each[3])):
        kind, sensor, group, t_ms, confidence, zone, host, point = raw
        x_m, y_m, sigma_m = point or (None, None, None)
        out.append(
            Detection(
                id=f"{number:026d}", t_us=T0_US + t_ms * 1000, kind=kind, detector="", sensor=f"s{sensor}",
                group=f"g{group}", confidence=confidence,
                place=Place(zone=zone or None, entities=(host,) if host else (), x_m=x_m, y_m=y_m, sigma_m=sigma_m),
            )
        )  # fmt: skip
    return out


def patient() -> FusionStage:
    """A stage with a horizon longer than any of these streams."""
    data = load_hypotheses()
    data.reorder = msgspec.structs.replace(data.reorder, horizon_s=120.0, cheap=100_000)
    return FusionStage(HALL, data)


def fused(stage: FusionStage, batches: list[list[Detection]], until_us: int = T0_US + 60 * S) -> FusionState:
    state = stage.start()
    stage.step(state, [], T0_US)
    now_us = T0_US
    for batch in batches:
        now_us = max([now_us, *(each.t_us for each in batch)])
        stage.step(state, batch, now_us)
    stage.step(state, [], until_us)
    return state


def picture(state: FusionState) -> dict[str, tuple[str, tuple[float, ...], tuple[str, ...]]]:
    """What the incidents are, rounded to 1e-9: status, belief, detections."""
    return {
        each.id: (
            each.status,
            tuple(round(p, 9) for p in each.belief),
            tuple(sorted(one.id for row in each.rows.values() for one in row.pieces)),
        )
        for each in state.incidents.values()
    }


@settings(max_examples=60, deadline=None)
@given(sightings)
def test_the_core_equals_its_plain_twin(raws: list[Seen]) -> None:
    detections = [each for each in stream(raws) if each.kind not in DATA.doubts]
    stage = patient()
    state = fused(stage, [[each] for each in detections])
    plain = PlainFusion(stage.data, HALL)
    intake = Intake(stage.data, HALL)
    second = T0_US + S
    for each in detections:
        while second <= each.t_us:
            plain.tick(second)
            second += S
        found = sighting_of(intake, state, each)
        if found is not None:
            plain.take(found)
    while second <= T0_US + 60 * S:
        plain.tick(second)
        second += S
    mine = {state.engine.id_of(each.birth): each for each in state.incidents.values()}
    theirs = {each.id: each for each in plain.incidents}
    assert {name: each.status for name, each in mine.items()} == {
        name: each.status for name, each in theirs.items()
    }
    for name, twin in theirs.items():
        got = mine[name]
        assert got.belief == pytest.approx(twin.belief, abs=1e-9)
        ids = [sorted(one.id for row in side.rows.values() for one in row.pieces) for side in (got, twin)]
        assert ids[0] == ids[1]
        if twin.status != "closed":
            assert (got.x_m, got.y_m, got.var_m2) == pytest.approx(
                (twin.x_m, twin.y_m, twin.var_m2), abs=1e-6
            )
            now_us = T0_US + 60 * S
            sides = [assess(side, Known(), DATA, now_us).z for side in (got, twin)]
            assert sides[0] == pytest.approx(sides[1], abs=1e-9)


def sighting_of(intake: Intake, state: FusionState, detection: Detection) -> Sighting | None:
    kind = DATA.kinds[detection.kind]
    if kind.coverage and not intake.may_say_clear(state, detection):
        return None
    place = detection.place
    return Sighting(
        id=detection.id, kind=detection.kind, sensor=detection.sensor,
        group=f"{detection.kind}@anywhere" if kind.common_cause else detection.group,
        t_us=detection.t_us, weight=detection.confidence * kind.reliability, zones=intake.zones(detection, kind),
        entities=place.entities, x_m=place.x_m or 0.0, y_m=place.y_m or 0.0,
        sigma_m=(place.sigma_m or kind.sigma_m) if place.x_m is not None else 0.0,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(sightings, st.randoms(use_true_random=False), st.integers(1, 5))
def test_incidents_are_equal_whatever_the_order_within_the_horizon(raws, random, size) -> None:  # type: ignore[no-untyped-def]
    detections = [each for each in stream(raws) if each.kind not in DATA.doubts]
    stage = patient()
    straight = picture(fused(stage, [[each] for each in detections]))
    shuffled = detections.copy()
    random.shuffle(shuffled)
    state = stage.start()
    stage.step(state, [], T0_US)
    for at in range(0, len(shuffled), size):  # all in a jumble, when the last of them has long happened
        stage.step(state, shuffled[at : at + size], T0_US + 50 * S + at)
    stage.step(state, [], T0_US + 60 * S)
    assert picture(state) == straight


@settings(max_examples=40, deadline=None)
@given(sightings, st.integers(0, 24))
def test_retracted_within_the_horizon_is_as_if_it_had_never_come(raws: list[Seen], which: int) -> None:
    detections = [each for each in stream(raws) if each.kind not in DATA.doubts]
    if not detections:
        return
    gone = detections[which % len(detections)]
    word = Detection(
        id="z",
        t_us=T0_US + 41 * S,
        kind="none",
        detector="",
        sensor="desk",
        group="",
        place=Place(),
        retracts=(gone.id,),
    )
    stage = patient()
    state = fused(stage, [[each] for each in [*detections, word]])
    left = fused(stage, [[each] for each in detections if each is not gone])
    assert picture(state) == picture(left)


@settings(max_examples=40, deadline=None)
@given(sightings, st.integers(0, 3), st.integers(0, 40))
def test_a_sensor_switched_off_is_the_stream_without_its_later_messages(
    raws: list[Seen], sensor: int, off_s: int
) -> None:
    """Nothing is concluded from its silence: what it said before goes on counting, and fading, as it did."""
    from s4allcities.domain import SensorHealth

    name, off_us = f"s{sensor}", T0_US + off_s * S
    kept = [each for each in stream(raws) if each.sensor != name or each.t_us < off_us]
    gone = SensorHealth(id="", t_us=off_us, sensor=name, family="x", state="gone")
    stage = FusionStage(HALL)
    quiet, told = stage.start(), stage.start()
    for each in kept:
        if each.t_us >= off_us:
            stage.step(told, [gone], each.t_us)
        for state in (quiet, told):
            stage.step(state, [each], each.t_us)
    assert picture(told) == picture(quiet)


@settings(max_examples=40, deadline=None)
@given(sightings)
def test_terms_add_up_to_the_log_odds(raws: list[Seen]) -> None:
    stage = FusionStage(HALL)
    state = stage.start()
    for event in stream(raws):
        for version in stage.step(state, [event], event.t_us):
            assert isinstance(version, Incident)
            odds = log(version.hypotheses[version.hypothesis] / version.hypotheses["benign"])
            assert sum(term.llr for term in version.terms) == pytest.approx(odds, abs=1e-9)
            assert sum(version.hypotheses.values()) == pytest.approx(1.0, abs=1e-12)
            assert version.probability == version.hypotheses[version.hypothesis]


@settings(max_examples=40, deadline=None)
@given(sightings, st.integers(0, 20))
def test_restored_equals_straight_run(raws: list[Seen], cut: int) -> None:
    events = stream(raws)
    stage = FusionStage(HALL)

    def run(state: FusionState, part: list[Detection]) -> list[Event]:
        return [version for event in part for version in stage.step(state, [event], event.t_us)]

    straight = run(stage.start(), events)
    state = stage.start()
    first = run(state, events[:cut])
    assert first + run(FusionStage(HALL).restore(stage.snapshot(state)), events[cut:]) == straight


@settings(max_examples=40, deadline=None)
@given(sightings)
def test_doubled_stream_says_the_same(raws: list[Seen]) -> None:
    stage = FusionStage(HALL)
    once, twice = stage.start(), stage.start()
    for event in [each for each in stream(raws) if each.kind not in DATA.doubts]:
        said = stage.step(once, [event], event.t_us)
        assert stage.step(twice, [event, event], event.t_us) == said
        assert stage.step(twice, [event], event.t_us) == []
