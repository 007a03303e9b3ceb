import msgspec

from s4allcities.bus import Envelope
from s4allcities.bus.origins import Origins, Watermark


def envelope(
    sequence: int, index: int = 0, *, stage: str = "fusion", partition: int = 0, epoch: int = 1
) -> Envelope:
    return Envelope(
        stage=stage, partition=partition, sequence=sequence, index=index, now_us=0, events=(), epoch=epoch
    )


def test_what_was_seen_is_not_seen_again() -> None:
    origins = Origins()
    seen = [
        origins.first_seen(envelope(*one)) for one in [(1, 0), (1, 2), (2, 0), (1, 0), (1, 3), (2, 0), (3, 0)]
    ]
    assert seen == [True, True, True, False, False, False, True]
    assert origins.dropped == 3


def test_outputs_of_one_step_that_were_stored_out_of_order_are_all_taken() -> None:
    origins = Origins()
    assert [origins.first_seen(envelope(5, index)) for index in (2, 0, 1, 0, 2)] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_each_stage_and_partition_has_its_own_mark() -> None:
    origins = Origins()
    assert origins.first_seen(envelope(9))
    assert origins.first_seen(envelope(1, stage="risk"))
    assert origins.first_seen(envelope(1, partition=1))


def test_without_an_input_sequence_there_is_nothing_to_watch() -> None:
    origins = Origins()
    assert origins.first_seen(envelope(0))
    assert origins.first_seen(envelope(0))
    assert not origins.marks


def test_a_stream_made_anew_begins_again() -> None:
    origins = Origins()
    assert origins.first_seen(envelope(900))
    assert origins.first_seen(envelope(1, epoch=2))


def test_marks_survive_a_snapshot() -> None:
    origins = Origins()
    origins.first_seen(envelope(4, 1))
    data = msgspec.msgpack.encode(origins.marks)
    again = Origins(msgspec.msgpack.decode(data, type=dict[str, Watermark]))
    assert not again.first_seen(envelope(4, 1))
    assert again.first_seen(envelope(4, 2))
