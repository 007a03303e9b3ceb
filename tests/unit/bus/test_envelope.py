import msgspec
import pytest

from s4allcities.bus import Envelope, EnvelopeError, decode_events, encode_events
from s4allcities.bus.envelope import by_kind
from s4allcities.domain import Context, Detection, Event, Heartbeat, Order, Place


def detection(number: int) -> Detection:
    return Detection(
        id=f"d{number}",
        t_us=number,
        kind="smoke",
        detector="timeseries",
        sensor="smoke-01",
        group="smoke@hall",
        place=Place(zone="hall", x_m=1.5, level=-1),
    )


def context(number: int) -> Context:
    return Context(id=f"c{number}", t_us=number, subject="hall", attribute="people", value=184)


def test_an_envelope_comes_back_as_it_was() -> None:
    before = Envelope(
        stage="fusion",
        partition=2,
        sequence=9,
        index=3,
        now_us=5,
        events=(detection(1), detection(2)),
        epoch=77,
    )
    assert decode_events(encode_events(before)) == before


def test_runs_of_one_kind_keep_order_and_indices() -> None:
    events: list[Event] = [
        detection(0),
        detection(1),
        context(2),
        detection(3),
        *(context(n) for n in range(4, 9)),
    ]
    cut = list(by_kind(events, at_most=2))
    assert [(kind, index, len(run)) for kind, index, run in cut] == [
        ("det", 0, 2), ("ctx", 2, 1), ("det", 3, 1), ("ctx", 4, 2), ("ctx", 6, 2), ("ctx", 8, 1),
    ]  # fmt: skip
    assert [event for _, _, run in cut for event in run] == events


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x80",
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 10_000,
        msgspec.msgpack.encode(
            {"stage": "x", "partition": 0, "sequence": 0, "index": 0, "now_us": 0, "events": 3}
        ),
        msgspec.msgpack.encode(
            {
                "stage": "x",
                "partition": 0,
                "sequence": 0,
                "index": 0,
                "now_us": 0,
                "events": [{"record": "spell"}],
            }
        ),
        msgspec.msgpack.encode(
            {"v": 2, "stage": "x", "partition": 0, "sequence": 0, "index": 0, "now_us": 0, "events": []}
        ),
    ],
)
def test_bytes_that_are_no_envelope(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        decode_events(data)


def test_an_event_that_cannot_be_written_is_said_so() -> None:
    odd = Context(id="c", t_us=0, subject="hall", attribute="people", value=object())
    with pytest.raises(EnvelopeError, match="'fusion' cannot be written"):
        encode_events(Envelope(stage="fusion", partition=0, sequence=0, index=0, now_us=0, events=(odd,)))


def test_kinds_travel_under_their_own_token() -> None:
    heartbeat = Heartbeat(id="h", t_us=0)
    order = Order(id="o", t_us=0, course_of_action_id="c", incident_id="i", actor="ada", role="operator")
    assert [kind for kind, _, _ in by_kind([heartbeat, order])] == ["health", "order"]
