"""However a device's bytes arrive, the same readings are taken and the same bytes passed on, in order; nothing else."""

import asyncio
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from s4allcities.domain import ManualClock, RawMessage
from s4allcities.edge.mqtt import Malformed, body_of, connect_packet, read_connect, whole_packets
from s4allcities.edge.mqtt_door import MqttDoor, _Broker, _Device

OWN, OTHER = b"s4/hel/raw/env/d1", b"s4/hel/raw/env/d2"
CONNECT = connect_packet("d1", "secret-1", client="c", keep_alive_s=30)
SEEN_BY_BROKER = connect_packet("d1", "secret-1", client="c", keep_alive_s=0)


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Bytes come when the test sends them."""

    resume_reading = pause_reading


def packet(head: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while rest > 0x7F:
        length += bytes([rest & 0x7F | 0x80])
        rest >>= 7
    return bytes([head]) + length + bytes([rest]) + body


def publish(head: int, topic: bytes, number: int, data: bytes) -> bytes:
    return packet(head, len(topic).to_bytes(2) + topic + (number.to_bytes(2) if head & 6 else b"") + data)


readings = st.builds(
    publish,
    st.sampled_from([0x30, 0x32, 0x3A]),
    st.just(OWN),
    st.integers(1, 65_535),
    st.binary(max_size=300),
)
others = st.one_of(
    st.builds(
        publish, st.sampled_from([0x30, 0x32, 0x34]), st.just(OTHER), st.integers(1, 9), st.binary(max_size=9)
    ),
    st.builds(
        publish, st.sampled_from([0x31, 0x33, 0x34, 0x36]), st.just(OWN), st.integers(1, 9), st.just(b"x")
    ),
    st.just(publish(0x32, OWN, 0, b"x")),
    st.just(b"\xc0\0"),
    st.builds(packet, st.sampled_from([0x40, 0x62, 0x82, 0xA2]), st.binary(max_size=200)),
)


def run(pieces: list[bytes], *, admit: bool = True) -> tuple[list[RawMessage], bytes, bytes]:
    """Give what was taken, what the broker got and what the device got, for bytes that come in pieces."""

    async def work() -> tuple[list[RawMessage], bytes, bytes]:
        door = MqttDoor(lambda user: (user,), ManualClock(7), site="hel", broker_port=1)
        device, wires = _Device(door), (Wire(), Wire())
        transports: Any = wires
        device.broker = broker = _Broker(device)
        device._transport, broker._transport = transports
        for each in pieces:
            device.data_received(each)
            if admit and not device._accepted and wires[1].written:
                broker.data_received(b"\x20\x02\0\0")
        taken = list(door._waiting)
        await door.acknowledge(-1, [message.sequence for message in taken])
        return taken, wires[1].written, wires[0].written

    return asyncio.run(work())


@given(st.lists(st.one_of(readings, others), max_size=12), st.data())
def test_pieces_make_no_difference(packets: list[bytes], data: st.DataObject) -> None:
    stream = CONNECT + b"".join(packets)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=20)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    taken, passed, answered = run(pieces)
    own = [each for each in packets if is_reading(each)]
    assert [message.data for message in taken] == [content(each)[1] for each in own]
    assert passed == SEEN_BY_BROKER + b"".join(each for each in packets if not is_reading(each))
    expected = b"".join(b"\x40\x02" + content(each)[0] for each in own if content(each)[0])
    assert answered == b"\x20\x02\0\0" + expected


def content(reading: bytes) -> tuple[bytes, bytes]:
    """Give packet id and payload."""
    begin, _ = body_of(reading, 0)
    at = begin + 2 + len(OWN)
    return (reading[at : at + 2], reading[at + 2 :]) if reading[0] & 2 else (b"", reading[at:])


def is_reading(each: bytes) -> bool:
    begin, _ = body_of(each, 0)
    named = each[begin : begin + 2 + len(OWN)] == len(OWN).to_bytes(2) + OWN
    return each[0] in (0x30, 0x32, 0x3A) and named and content(each)[0] != b"\0\0"


@given(st.lists(readings, max_size=5))
def test_before_the_broker_lets_it_in_nothing_is_taken(packets: list[bytes]) -> None:
    taken, passed, answered = run([CONNECT + b"".join(packets)], admit=False)
    assert (taken, passed, answered) == ([], SEEN_BY_BROKER, b"")


@given(st.binary(max_size=400))
@example(b"\x30\xff\xff\xff\xff")
@example(b"\x32\x01\0")
def test_whatever_comes_nothing_is_raised_and_what_is_not_taken_is_passed_on_or_waits(rubbish: bytes) -> None:
    taken, passed, _ = run([CONNECT + rubbish])
    assert passed.startswith(SEEN_BY_BROKER)
    assert not taken or OWN in rubbish


@given(st.binary(max_size=200))
def test_the_readers_refuse_in_one_way(rubbish: bytes) -> None:
    read_connect(rubbish)
    with suppress(Malformed):
        assert 0 <= whole_packets(rubbish) <= len(rubbish)
