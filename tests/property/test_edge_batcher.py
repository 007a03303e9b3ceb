"""The batcher loses nothing, doubles nothing, keeps the order and never splits a message."""

from hypothesis import given
from hypothesis import strategies as st

from s4allcities.domain import Observation, Rejected
from s4allcities.edge.batcher import MAX_BATCH_BYTES, Entry, Lane, Packet, make_batch
from s4allcities.edge.dedup import RawLedger

MAX_ROWS = 10


def entry(sequence: int, rows: int) -> Entry:
    """A message of that many readings, a refused one for -1, a repetition for -2."""
    if rows == -1:
        return Entry(sequence, rejected=Rejected(id=str(sequence), t_us=0, source="s", reason="r"))
    if rows == -2:
        return Entry(sequence, counts=False)
    return Entry(
        sequence,
        tuple(
            Observation(
                family="f", sensor=f"s{sequence % 3}", quantity=f"q{i}", t_us=sequence, value=float(i)
            )
            for i in range(rows)
        ),
        size_bytes=sequence % 4 * 100_000,
    )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(-2, MAX_ROWS)),
        st.tuples(st.just("wait"), st.integers(0, 30)),
        st.tuples(st.just("cut"), st.just(0)),
    ),
    max_size=120,
)


@given(STEPS)
def test_any_interleaving_keeps_every_message_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    lane = Lane("f", max_rows=MAX_ROWS, max_wait_s=0.020)
    now_s, sequence = 0.0, 0
    packets: list[Packet] = []
    added: list[Entry] = []
    for what, number in steps:
        if what == "add":
            sequence += 1
            added.append(entry(sequence, number))
            lane.add(added[-1], now_s)
        elif what == "wait":
            now_s += number / 1000
        else:
            packets.append(lane.cut())
        wait_s = lane.wait_s(now_s)
        assert (wait_s is None) == (len(lane) == 0)
        assert wait_s is None or 0 <= wait_s <= 0.0200001
    while len(lane):
        packets.append(lane.cut())
    assert [e for packet in packets for e in packet.entries] == added
    assert lane.rows == lane.size_bytes == 0
    for packet in packets:
        assert len(packet.observations) <= MAX_ROWS
        assert sum(e.size_bytes for e in packet.entries) <= MAX_BATCH_BYTES
        check_columns(packet)


def check_columns(packet: Packet) -> None:
    batch = make_batch(packet, zones={"s1": "hall"}, t_ingest_us=7)
    rows = [
        (batch.series[ix].sensor, batch.series[ix].quantity, t_us, value)
        for ix, t_us, value in zip(batch.series_ix, batch.t_us, batch.value, strict=True)
    ]
    assert rows == [(row.sensor, row.quantity, row.t_us, row.value) for row in packet.observations]
    last = max((e.sequence for e in packet.entries), default=0)
    assert not last or batch.raw_last == (last,)
    assert batch.n_raw == sum(e.counts and e.rejected is None for e in packet.entries)
    assert {series.zone for series in batch.series if series.sensor == "s1"} <= {"hall"}


@given(
    st.lists(st.integers(1, 40), unique=True).map(sorted),
    st.lists(st.integers(0, 39)),
    st.integers(0, 20),
)
def test_each_place_in_raw_is_taken_once_and_gaps_are_counted_once(
    held: list[int], again: list[int], floor: int
) -> None:
    ledger = RawLedger(floor)
    taken = []
    for i, sequence in enumerate(held):
        if ledger.take(sequence):
            taken.append(sequence)
        repeated = [held[k] for k in again if k <= i]
        assert not any(ledger.take(sequence) for sequence in repeated)
    assert taken == held
    highest = max(held, default=0)
    assert ledger.expired == len(set(range(floor + 1, highest + 1)) - set(held))
