"""Reading a stream by a pull consumer that is made anew whenever anything looks wrong.

The server pushes as long as a request is open, so nothing is polled; requests are renewed at half, so that at most
`READ_AHEAD` messages wait here: that bound is the back-pressure.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from msgspec import Struct
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from .errors import BusRefused
from .link import Link
from .wire import header, read_directly, status_of

__all__ = ("READ_AHEAD", "Delivered", "PullReader")

log = logging.getLogger(__name__)

READ_AHEAD = 256
_EXPIRES_S = 30
_HEARTBEAT_S = 5
_SILENCE_S = 12.0
_RETRY_S = 0.05
_RETRY_MAX_S = 1.0
_NS = 1_000_000_000
_REFUSED_TRIES = 5


class Delivered(Struct, frozen=True):
    """One message with what its reply subject says about it. ``order`` counts this consumer's deliveries from 1."""

    subject: bytes
    reply: bytes
    headers: bytes
    data: bytes
    sequence: int
    order: int
    t_server_us: int
    pending: int


def _delivered(subject: bytes, reply: bytes, headers: bytes, data: bytes) -> Delivered:
    """Read ``$JS.ACK.[domain.account.]stream.consumer.tries.sequence.order.ns.pending[.random]``."""
    tokens = reply.split(b".")
    at = 5 if len(tokens) == 9 else 7
    return Delivered(
        subject,
        reply,
        headers,
        data,
        int(tokens[at]),
        int(tokens[at + 1]),
        int(tokens[at + 2]) // 1000,
        int(tokens[at + 3]),
    )


class PullReader:
    """Gives the messages of one consumer in order.

    ``make_consumer`` creates it and gives its name; it is called at the start and after every reconnect, gap or
    silence, and must make it begin right after what `next` gave last.
    """

    def __init__(
        self,
        link: Link,
        stream: str,
        make_consumer: Callable[[], Awaitable[str]],
        *,
        read_ahead: int = READ_AHEAD,
    ) -> None:
        self._link = link
        self._stream = stream
        self._make_consumer = make_consumer
        self._read_ahead = read_ahead
        self._buffer: deque[Delivered] = deque()
        self._inbox = ""
        self._consumer = ""
        self._subscription: Subscription | None = None
        self._forget: Callable[[], None] = _nothing
        self._requested = 0
        self._order = 0
        self._stale = True
        self._closed = False
        self._active_at = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self.restarts = -1
        link.watchers.add(self._on_link_change)

    async def next(self) -> Delivered:
        """Wait for the next message.

        :raises StopAsyncIteration: the bus was closed.
        :raises BusRefused: there is no such stream.
        """
        await self._until_some()
        delivered = self._buffer.popleft()
        await self._ask()
        return delivered

    async def next_some(self) -> list[Delivered]:
        """Wait for messages, and give all that have come, in order.

        :raises StopAsyncIteration: the bus was closed.
        :raises BusRefused: there is no such stream.
        """
        await self._until_some()
        delivered = list(self._buffer)
        self._buffer.clear()
        await self._ask()
        return delivered

    async def _until_some(self) -> None:
        while not self._buffer or self._stale:
            if self._link.closed or self._closed:
                raise StopAsyncIteration
            if self._stale:
                await self._restart()
            await self._ask()
            if not self._buffer and not self._stale:
                await self._wait()

    async def aclose(self) -> None:
        """Stop reading and let the server forget the consumer."""
        self._closed = True
        self._link.watchers.discard(self._on_link_change)
        self._wake()
        await self._leave()

    async def _restart(self) -> None:
        """Make the consumer, for as long as it takes the server to come back."""
        wait_s, tries = _RETRY_S, 0
        while not (self._link.closed or self._closed):
            await self._link.connected.wait()
            tries += 1
            try:
                await self._leave()
                await self._enter()
            except (NatsError, TimeoutError, OSError) as error:
                if tries >= _REFUSED_TRIES and isinstance(error, APIError) and error.code != 503:
                    raise BusRefused(f"stream {self._stream} cannot be read: {error.description}") from error
                log.debug("bus: consumer on %s: %s", self._stream, error)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _RETRY_MAX_S)
            else:
                self.restarts += 1
                return

    async def _enter(self) -> None:
        self._stale = False
        self._buffer.clear()
        self._requested = 0
        self._order = 0
        self._inbox = inbox = self._link.client.new_inbox()
        self._subscription = await self._link.client.subscribe(inbox)
        self._forget = read_directly(self._link.client, self._subscription, partial(self._on_message, inbox))
        try:
            self._consumer = await self._make_consumer()
        except BaseException:
            self._stale = True
            raise
        self._active_at = asyncio.get_running_loop().time()

    async def _leave(self) -> None:
        subscription, self._subscription = self._subscription, None
        self._forget()
        consumer, self._consumer = self._consumer, ""
        try:
            if subscription is not None:
                await subscription.unsubscribe()
            if consumer and self._closed and self._link.client.is_connected:
                await self._link.client.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{consumer}")
        except (NatsError, OSError) as error:
            log.debug("bus: leaving consumer on %s: %s", self._stream, error)

    async def _ask(self) -> None:
        held = self._requested + len(self._buffer)
        if self._stale or held > self._read_ahead // 2:
            return
        batch = self._read_ahead - held
        body = {"batch": batch, "expires": _EXPIRES_S * _NS, "idle_heartbeat": _HEARTBEAT_S * _NS}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}"
        self._requested += batch
        try:
            await self._link.client.publish(subject, msgspec.json.encode(body), reply=self._inbox)
        except (NatsError, OSError):
            self._stale = True

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        left_s = self._active_at + _SILENCE_S - loop.time()
        if left_s <= 0:
            log.info("bus: silence on %s, reading on with a new consumer", self._stream)
            self._stale = True
            return
        self._waiter = loop.create_future()
        timer = loop.call_later(left_s, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _on_link_change(self) -> None:
        self._stale = True
        self._wake()

    def _on_message(self, inbox: str, subject: bytes, reply: bytes, headers: bytes, data: bytes) -> bool:
        if inbox != self._inbox or self._stale:  # meant for a consumer before this one
            return True
        self._active_at = asyncio.get_running_loop().time()
        if headers and (status := status_of(headers)):
            self._on_status(status, headers)
            return True
        try:
            delivered = _delivered(subject, reply, headers, data)
        except (ValueError, IndexError):  # not from a stream: the order behind it is not known any more
            self._stale = True
            self._wake()
            return True
        if delivered.order != self._order + 1:
            log.info("bus: gap on %s, reading on with a new consumer", self._stream)
            self._stale = True
        else:
            self._order = delivered.order
            self._requested -= 1
            self._buffer.append(delivered)
        self._wake()
        return True

    def _on_status(self, status: str, headers: bytes) -> None:
        """A heartbeat (100), the end of a request (404, 408), or a consumer that is gone (409, 503)."""
        if status == "100":
            return
        if status in ("404", "408"):
            unused = header(headers, b"Nats-Pending-Messages")
            self._requested = max(0, self._requested - (int(unused) if unused.isdigit() else self._requested))
        else:
            self._stale = True
        self._wake()


def _nothing() -> None:
    """Do nothing."""
