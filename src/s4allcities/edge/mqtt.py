"""MQTT 3.1.1 packets, as far as the door for devices must read them (OASIS standard, 29 October 2014). Pure."""

from msgspec import Struct

__all__ = (
    "ACCEPTED",
    "CONNECT",
    "NO_TIME_LIMIT",
    "Connect",
    "Malformed",
    "body_of",
    "connect_packet",
    "puback",
    "read_connect",
    "whole_packets",
)

CONNECT = 1
ACCEPTED = b"\x20\x02"
"""How the answer to a connection begins; the second byte after it is 0 if the device may come in."""
NO_TIME_LIMIT = b"\0\0"

_LEVEL = 4
_USER, _PASSWORD, _WILL = 0x80, 0x40, 0x04
_MOST_LENGTH_BYTES = 4


class Malformed(ValueError):
    """Bytes that are no MQTT packet."""


class Connect(Struct, frozen=True):
    """What a device says of itself: ``user`` (empty: none), and the silence after which it counts as gone (0: never).

    ``keep_alive_at`` is where in the packet that time stands.
    """

    user: str
    keep_alive_s: int
    keep_alive_at: int


def body_of(data: bytes, at: int) -> tuple[int, int]:
    """Give where the body of the packet at ``at`` begins and ends; (0, 0) if its head is not whole yet.

    The body itself need not be there yet.

    >>> body_of(bytes([0x40, 2, 0, 7]), 0), body_of(bytes([0x30, 0x80]), 0), body_of(bytes([0x30, 0x80, 1]), 0)
    ((2, 4), (0, 0), (3, 131))

    :raises Malformed: its length has more than four bytes.
    """
    length = shift = 0
    for position in range(at + 1, min(len(data), at + 1 + _MOST_LENGTH_BYTES)):
        length |= (data[position] & 0x7F) << shift
        shift += 7
        if not data[position] & 0x80:
            return position + 1, position + 1 + length
    if len(data) > at + _MOST_LENGTH_BYTES:
        raise Malformed("the length of a packet has more than four bytes")
    return 0, 0


def whole_packets(data: bytes) -> int:
    """Give the length of the whole packets that stand at the beginning.

    >>> whole_packets(bytes([0xD0, 0, 0x40, 2, 0]))
    2

    :raises Malformed: there is no packet.
    """
    at = 0
    while True:
        begin, end = body_of(data, at)
        if not begin or end > len(data):
            return at
        at = end


def read_connect(packet: bytes) -> Connect | None:
    """Read a connection packet of MQTT 3.1.1; None for what is not one: the broker says what is wrong with it.

    >>> read_connect(connect_packet("d1", "secret-1", client="c", keep_alive_s=30))
    Connect(user='d1', keep_alive_s=30, keep_alive_at=10)
    """
    try:
        begin, end = body_of(packet, 0)
        if packet[0] != CONNECT << 4 or end != len(packet):
            return None
        name, at = _text(packet, begin)
        level, flags, keep_alive_at = packet[at], packet[at + 1], at + 2
        if (name, level) != (b"MQTT", _LEVEL):
            return None
        keep_alive_s = int.from_bytes(packet[keep_alive_at : keep_alive_at + 2])
        _, at = _text(packet, keep_alive_at + 2)
        for _ in range(2 if flags & _WILL else 0):
            _, at = _text(packet, at)
        user, at = _text(packet, at) if flags & _USER else (b"", at)
        _, at = _text(packet, at) if flags & _PASSWORD else (b"", at)
        return Connect(user.decode(), keep_alive_s, keep_alive_at) if at == end else None
    except (IndexError, UnicodeDecodeError, Malformed):
        return None


def _text(packet: bytes, at: int) -> tuple[bytes, int]:
    """Give the text at ``at`` and where it ends.

    :raises IndexError: it is longer than the packet.
    """
    begin = at + 2
    end = begin + (packet[at] << 8 | packet[at + 1])
    if end > len(packet):
        raise IndexError
    return packet[begin:end], end


def connect_packet(user: str, password: str, *, client: str, keep_alive_s: int = 0) -> bytes:
    """Make the packet with which a device of that name begins a clean session."""
    parts = [client.encode(), user.encode(), password.encode()]
    body = b"\0\4MQTT" + bytes([_LEVEL, _USER | _PASSWORD | 2]) + keep_alive_s.to_bytes(2)
    body += b"".join(len(part).to_bytes(2) + part for part in parts)
    head, rest = bytes([CONNECT << 4]), len(body)
    while rest > 0x7F:
        head += bytes([rest & 0x7F | 0x80])
        rest >>= 7
    return head + bytes([rest]) + body


def puback(packet_id: bytes) -> bytes:
    """Make the packet that tells a device: the message with this id (two bytes) is kept.

    >>> puback(bytes([1, 2])).hex()
    '40020102'
    """
    return b"\x40\x02" + packet_id
