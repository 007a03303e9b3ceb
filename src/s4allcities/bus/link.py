"""One connection to the bus that reconnects for ever, and publishing that ends only with an acknowledgement."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError

from .errors import BusClosed, BusRefused, BusTimeout
from .messages import ReadBatches
from .wire import WireParser, read_directly, status_of

__all__ = ("Ack", "Link", "Outgoing", "open_link", "unique")

log = logging.getLogger(__name__)

_ATTEMPT_S = 5.0
_RETRY_S = 0.05
_RETRY_MAX_S = 1.0


class Outgoing(Struct, frozen=True):
    """One message to publish; its ``Nats-Msg-Id`` makes sending it twice the same as sending it once."""

    subject: str
    data: bytes
    headers: dict[str, str]


class _ServerSays(Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class Ack(Struct, frozen=True):
    """The server's word that a message is stored: its stream, its sequence, and whether it was there before."""

    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: _ServerSays | None = None


class _Again(Exception):
    """Not stored as far as we know; sending it again is safe and may work."""


_ack_decoder = msgspec.json.Decoder(Ack)


class Link:
    """Wraps the client of nats-py. Made by `open_link`."""

    def __init__(self, *, publish_wait_s: float) -> None:
        self.client = Client()
        self.client._ps = WireParser(self.client)
        self.connected = asyncio.Event()
        self.watchers: set[Callable[[], None]] = set()
        self.reconnects = 0
        self.read = ReadBatches()
        self.closed = False
        self._publish_wait_s = publish_wait_s
        self._acks: dict[str, asyncio.Future[Ack | _Again]] = {}
        self._inbox = ""
        self._tokens = 0

    async def start(self, url: str, *, user: str, password: str, wait_s: float) -> None:
        """Connect and listen for acknowledgements.

        :raises BusTimeout: no server answered, or it refused the credentials, for ``wait_s`` seconds.
        """
        try:
            async with asyncio.timeout(wait_s):
                await self.client.connect(
                    url,
                    user=user or None,
                    password=password or None,
                    name="s4allcities",
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnect,
                    reconnected_cb=self._on_connect,
                    closed_cb=self._on_close,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.1,  # type: ignore[arg-type]
                    connect_timeout=2,
                    ping_interval=10,
                    pending_size=32 << 20,
                )
        except TimeoutError as error:
            self.closed = True
            why = self.client.last_error
            await self._give_up()
            raise BusTimeout(f"no connection to {url} within {wait_s:g} s: {why or 'no answer'}") from error
        self._inbox = self.client.new_inbox()
        read_directly(self.client, await self.client.subscribe(f"{self._inbox}.*"), self._on_ack)
        self.connected.set()

    async def _give_up(self) -> None:
        try:
            await self.client.close()
        except (NatsError, OSError, AttributeError) as error:
            log.debug("closing an unopened connection: %s", error)

    async def close(self) -> None:
        """Send what is buffered and end the connection; whoever waits on it is told."""
        if self.closed:
            return
        self.closed = True
        try:
            if self.client.is_connected:
                await self.client.flush(timeout=2)
        except (NatsError, TimeoutError, OSError) as error:
            log.debug("last flush: %s", error)
        await self.client.close()
        self._wake()

    async def publish(self, messages: Sequence[Outgoing]) -> list[Ack]:
        """Publish in order and wait until each is stored; all are under way at once when nothing goes wrong.

        After a failure the rest is sent again one by one in order, so that the order in the stream is kept.

        :raises BusTimeout: not all acknowledged within the link's bounded wait.
        :raises BusRefused: the server will not take one of them.
        :raises BusClosed: the bus was closed before all were acknowledged.
        """
        deadline = asyncio.get_running_loop().time() + self._publish_wait_s
        results = await self._attempt(messages, deadline)
        for index, result in enumerate(results):
            if isinstance(result, _Again):
                results[index] = await self._insist(messages[index], result, deadline)
        return [result for result in results if isinstance(result, Ack)]

    async def _insist(self, message: Outgoing, why: Exception, deadline: float) -> Ack:
        loop = asyncio.get_running_loop()
        wait_s = _RETRY_S
        while (left_s := deadline - loop.time()) > 0:
            await asyncio.sleep(min(wait_s, left_s))
            if loop.time() >= deadline:
                break
            wait_s = min(2 * wait_s, _RETRY_MAX_S)
            (result,) = await self._attempt((message,), deadline)
            if isinstance(result, Ack):
                return result
            why = result
        raise BusTimeout(
            f"publish on {message.subject}: not acknowledged within {self._publish_wait_s:g} s ({why})"
        )

    async def _attempt(self, messages: Sequence[Outgoing], deadline: float) -> list[Ack | _Again]:
        if self.closed:
            raise BusClosed("the bus is closed")
        loop = asyncio.get_running_loop()
        first = self._tokens
        self._tokens += len(messages)
        tokens = [str(first + offset) for offset in range(len(messages))]
        try:
            await self._until_connected(deadline - loop.time())
            waiting = [
                await self._send(message, token) for message, token in zip(messages, tokens, strict=True)
            ]
            await asyncio.wait(waiting, timeout=max(0.0, min(_ATTEMPT_S, deadline - loop.time())))
            return [_outcome(message, future) for message, future in zip(messages, waiting, strict=True)]
        except MaxPayloadError as error:
            raise BusRefused(
                f"a message is over the {self.client.max_payload} bytes the server takes"
            ) from error
        except (_Again, NatsError, OSError) as error:
            return [error if isinstance(error, _Again) else _Again(str(error)) for _ in messages]
        finally:
            for token in tokens:
                self._acks.pop(token, None)

    async def _send(self, message: Outgoing, token: str) -> "asyncio.Future[Ack | _Again]":
        future: asyncio.Future[Ack | _Again] = asyncio.get_running_loop().create_future()
        self._acks[token] = future
        await self.client.publish(
            message.subject, message.data, reply=f"{self._inbox}.{token}", headers=message.headers
        )
        return future

    async def _until_connected(self, wait_s: float) -> None:
        if self.connected.is_set():
            return
        try:
            async with asyncio.timeout(max(0.0, wait_s)):
                await self.connected.wait()
        except TimeoutError as error:
            raise _Again("not connected") from error
        if self.closed:
            raise BusClosed("the bus was closed")

    def _on_ack(self, subject: bytes, _reply: bytes, headers: bytes, data: bytes) -> bool:
        future = self._acks.pop(subject.rpartition(b".")[2].decode(), None)
        if future is None or future.done():
            return True
        if headers and (status := status_of(headers)):
            future.set_result(_Again(f"no stream takes it (status {status})"))
            return True
        try:
            future.set_result(_ack_decoder.decode(data))
        except msgspec.MsgspecError as error:
            future.set_result(_Again(f"acknowledgement is unreadable: {error}"))
        return True

    async def _on_disconnect(self) -> None:
        self.connected.clear()
        lost, self._acks = self._acks, {}
        for future in lost.values():
            if not future.done():
                future.set_result(_Again("connection lost"))
        self._wake()

    async def _on_connect(self) -> None:
        self.reconnects += 1
        log.info("bus: connected again")
        self.connected.set()

    async def _on_close(self) -> None:
        self.closed = True
        self.connected.set()  # whoever waits for a connection must see that none will come
        self._wake()

    async def _on_error(self, error: Exception) -> None:
        level = (
            logging.DEBUG if isinstance(error, OSError) or not self.connected.is_set() else logging.WARNING
        )
        log.log(level, "bus: %s", str(error) or type(error).__name__)

    def _wake(self) -> None:
        for watcher in tuple(self.watchers):
            watcher()


def _outcome(message: Outgoing, future: "asyncio.Future[Ack | _Again]") -> Ack | _Again:
    if not future.done():
        future.cancel()
        return _Again("no acknowledgement in time")
    ack = future.result()
    if isinstance(ack, _Again):
        return ack
    if ack.error is None:
        return ack
    if ack.error.code == 503:
        return _Again(ack.error.description)
    raise BusRefused(f"publish on {message.subject} refused: {ack.error.description} ({ack.error.err_code})")


async def open_link(url: str, *, user: str, password: str, wait_s: float, publish_wait_s: float) -> Link:
    """Connect.

    :raises BusTimeout: no usable server within ``wait_s`` seconds.
    """
    link = Link(publish_wait_s=publish_wait_s)
    await link.start(url, user=user, password=password, wait_s=wait_s)
    return link


def unique() -> str:
    """Give a token that no other connection uses."""
    return secrets.token_hex(8)
