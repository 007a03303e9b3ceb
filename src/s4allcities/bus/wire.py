"""Reading what the server sends with little work for each message.

nats-py's own parser takes 40 to 60 us a message: regular expressions over a growing buffer, an object, a queue and a
task switch. At ten thousand device messages a second that alone is half a core. This parser cuts a buffer at the
lengths that the protocol states, and hands messages of chosen subscriptions straight to a function; all else goes the
way it always went, so connecting, credentials, TLS and reconnecting stay nats-py's.

It stands in for the attribute ``_ps`` of the client, which is not public: the version of nats-py is pinned, and
``tests/unit/bus/test_wire.py`` holds what is relied on.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from nats.aio.client import Client
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

__all__ = ("ACK", "Direct", "WireParser", "header", "read_directly", "send_at_once", "status_of")

Direct = Callable[[bytes, bytes, bytes, bytes], bool]
"""Takes (subject, reply, headers, payload) of a message; False lets it go the ordinary way. Must not wait."""

ACK = b"+ACK"
_MOST_CONTROL_LINE = 8192


class WireParser(Parser):
    """Parser for a client of nats-py; ``direct`` maps a subscription's number to what takes its messages."""

    def __init__(self, client: Client) -> None:
        self.direct: dict[int, Direct] = {}
        self._lives = 0
        self._rest = b""
        super().__init__(client)

    def reset(self) -> None:
        """Forget what was half read: the connection is a new one."""
        super().reset()
        self._lives += 1
        self._rest = b""

    async def parse(self, data: bytes = b"") -> None:
        """Take in what came; what is not whole yet waits for the rest.

        :raises ProtocolError: it is not what a server says.
        """
        lives, buffer, at = self._lives, self._rest + data if self._rest else bytes(data), 0
        try:
            while (line_end := buffer.find(b"\r\n", at)) >= 0:
                line = buffer[at:line_end]
                if line[:4] != b"MSG " and line[:5] != b"HMSG ":
                    at = line_end + 2
                    await self._control(line)
                    continue
                body, size = line_end + 2, int(line[line.rfind(b" ") + 1 :])
                if body + size + 2 > len(buffer):
                    break
                at = body + size + 2
                await self._message(line, buffer, body, body + size)
            else:
                if len(buffer) - at > _MOST_CONTROL_LINE:
                    raise ProtocolError("nats: unknown protocol")
        except ValueError as error:
            raise ProtocolError("nats: malformed MSG") from error
        finally:
            if lives == self._lives:
                self._rest = buffer[at:]

    async def _message(self, line: bytes, buffer: bytes, begin: int, end: int) -> None:
        parts = line.split(b" ")
        head, number = begin, int(parts[2])
        if parts[0] == b"HMSG":
            head += int(parts[-2])
            reply = parts[3] if len(parts) == 6 else b""
        else:
            reply = parts[3] if len(parts) == 5 else b""
        headers, payload = buffer[begin:head], buffer[head:end]
        take = self.direct.get(number)
        if take is None or not take(parts[1], reply, headers, payload):
            await self.nc._process_msg(number, parts[1], reply, payload, headers or None)

    async def _control(self, line: bytes) -> None:
        word, _, rest = line.partition(b" ")
        match word.upper():
            case b"PING":
                await self.nc._process_ping()
            case b"PONG":
                await self.nc._process_pong()
            case b"INFO":
                await self.nc._process_info(json.loads(rest))
            case b"-ERR":
                await self.nc._process_err(rest.strip().decode().lower())
            case b"+OK" | b"":
                pass
            case _:
                raise ProtocolError("nats: unknown protocol")


def read_directly(client: Client, subscription: Any, take: Direct) -> Callable[[], None]:
    """Hand a subscription's messages to a function as they are read; gives what ends that."""
    parser, number = client._ps, int(subscription._id)
    if not isinstance(parser, WireParser):
        raise TypeError("the client has not got a WireParser")
    direct = parser.direct
    direct[number] = take

    def forget() -> None:
        direct.pop(number, None)

    return forget


async def send_at_once(client: Client, messages: Iterable[tuple[bytes, bytes]]) -> None:
    """Publish many small messages, given as (subject, payload), in one write.

    :raises NatsError: the connection is closed or its buffer full.
    """
    await client._send_command(
        b"".join([b"PUB %b %d\r\n%b\r\n" % (subject, len(data), data) for subject, data in messages])
    )
    if client._flush_queue is not None and client._flush_queue.empty():
        await client._flush_pending()


def header(headers: bytes, name: bytes) -> str:
    r"""Give the value of a header, ``""`` where there is none.

    >>> header(b"NATS/1.0\r\nS4-Now: 7\r\n\r\n", b"S4-Now"), header(b"", b"S4-Now")
    ('7', '')
    """
    at = headers.find(b"\r\n" + name + b":")
    if at < 0:
        return ""
    at += len(name) + 3
    return headers[at : headers.find(b"\r\n", at)].strip().decode(errors="replace")


def status_of(headers: bytes) -> str:
    r"""Give the status of a message that the server itself sends, ``""`` of any other.

    >>> status_of(b"NATS/1.0 404 No Messages\r\n\r\n"), status_of(b"NATS/1.0\r\nA: 1\r\n\r\n")
    ('404', '')
    """
    return headers[9:12].decode(errors="replace") if headers[8:9] == b" " else ""
