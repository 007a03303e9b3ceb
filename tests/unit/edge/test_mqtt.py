import pytest

from s4allcities.edge.mqtt import Malformed, body_of, connect_packet, puback, read_connect, whole_packets


def test_a_connection_packet_is_read_with_all_that_may_stand_in_it() -> None:
    made = connect_packet("d" * 200, "secret", client="c", keep_alive_s=30)  # a length of two bytes
    found = read_connect(made)
    assert found is not None
    assert (found.user, found.keep_alive_s) == ("d" * 200, 30)
    assert made[found.keep_alive_at : found.keep_alive_at + 2] == b"\0\x1e"
    will = b"\0\4MQTT\x04\xc4\0\0" + b"\0\1c" + b"\0\1t" + b"\0\2no" + b"\0\1u" + b"\0\1p"
    with_will = read_connect(bytes([0x10, len(will)]) + will)
    assert with_will is not None
    assert with_will.user == "u"


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x10\x00",
        b"\x30\x02\0\0",
        connect_packet("u", "p", client="c")[:-1],
        connect_packet("u", "p", client="c") + b"\0",
        connect_packet("u", "p", client="c").replace(b"MQTT\x04", b"MQTT\x05"),
        connect_packet("u", "p", client="c").replace(b"\0\1u", b"\0\1\xff"),
        connect_packet("u", "p", client="c").replace(b"\0\1u", b"\xff\xffu"),
        b"\x10\xff\xff\xff\xff\x01",
    ],
)
def test_what_is_no_connection_packet_of_mqtt_3_1_1_is_left_to_the_broker(packet: bytes) -> None:
    assert read_connect(packet) is None


def test_packets_end_where_their_length_says() -> None:
    long = b"\x30\x80\x01" + b"x" * 128
    assert body_of(b"\0" + long, 1) == (4, 132)
    assert whole_packets(long + puback(b"\0\1") + long[:50]) == len(long) + 4
    for short in (b"", b"\x30", b"\x30\x80", b"\x30\xff\xff\xff"):
        assert body_of(short, 0) == (0, 0)
        assert whole_packets(short) == 0
    with pytest.raises(Malformed, match="four bytes"):
        body_of(b"\x30\xff\xff\xff\xff", 0)
