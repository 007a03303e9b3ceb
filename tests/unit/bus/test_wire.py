"""What our parser relies on in nats-py, and that it reads the protocol however it is cut."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.errors import ProtocolError

from s4allcities.bus.wire import WireParser, header

HEADERS = b"NATS/1.0\r\nS4-Now: 7\r\n\r\n"
STREAM = (
    b"MSG a.b 1 5\r\nhello\r\n"
    b"+OK\r\n"
    b"MSG a.c 2 $JS.ACK.x 2\r\n\r\n\r\n"
    b"HMSG a.d 1 re.ply %d %d\r\n%bbody\r\n"
    % (len(HEADERS), len(HEADERS) + 4, HEADERS)
    + b"PING\r\n"
    + b"HMSG a.e 2 12 12\r\nNATS/1.0\r\n\r\n\r\n"
    + b"-ERR 'Slow Consumer'\r\n"
)


class Told(Client):
    """A client that only writes down what its parser tells it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[object, ...]] = []

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        self.told.append((sid, subject, reply, data, headers))

    async def _process_ping(self) -> None:
        self.told.append(("ping",))

    async def _process_err(self, err_msg: str) -> None:
        self.told.append((err_msg,))


async def read(parser: WireParser, parts: list[bytes]) -> None:
    for part in parts:
        await parser.parse(part)


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=12))
def test_however_the_bytes_come_the_same_messages_are_read(cuts: list[int]) -> None:
    client = Told()
    parser = WireParser(client)
    direct: list[tuple[bytes, ...]] = []

    def take(*message: bytes) -> bool:
        direct.append(message)
        return True

    parser.direct[1] = take
    places = [0, *sorted(cuts), len(STREAM)]
    asyncio.run(read(parser, [STREAM[a:b] for a, b in itertools.pairwise(places)]))
    assert direct == [(b"a.b", b"", b"", b"hello"), (b"a.d", b"re.ply", HEADERS, b"body")]
    assert client.told == [
        (2, b"a.c", b"$JS.ACK.x", b"\r\n", None),
        ("ping",),
        (2, b"a.e", b"", b"", b"NATS/1.0\r\n\r\n"),
        ("'slow consumer'",),
    ]


@pytest.mark.parametrize("said", [b"HELLO\r\n", b"MSG a b c\r\n", b"x" * 9000])
def test_what_no_server_says_is_an_error(said: bytes) -> None:
    with pytest.raises(ProtocolError):
        asyncio.run(WireParser(Told()).parse(said))


def test_a_new_connection_begins_with_nothing_half_read() -> None:
    client = Told()
    parser = WireParser(client)
    asyncio.run(parser.parse(b"MSG a.b 1 500\r\nhal"))
    parser.reset()
    asyncio.run(parser.parse(b"PING\r\n"))
    assert client.told == [("ping",)]


def test_a_header_is_found_only_by_its_whole_name() -> None:
    assert header(HEADERS, b"S4-Now") == "7"
    assert header(HEADERS, b"Now") == ""
