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
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from .errors import BusRefused
from .link import Link

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

    message: Msg
    sequence: int
    order: int
    t_server_us: int
    pending: int


def _delivered(message: Msg) -> Delivered:
    """Read ``$JS.ACK.[domain.account.]stream.consumer.tries.sequence.order.ns.pending[.random]``."""
    tokens = message.reply.split(".")
    at = 5 if len(tokens) == 9 else 7
    sequence, order, stored_ns, pending = (int(token) for token in tokens[at : at + 4])
    return Delivered(message, sequence, order, stored_ns // 1000, pending)


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
        while not self._buffer or self._stale:
            if self._link.closed or self._closed:
                raise StopAsyncIteration
            if self._stale:
                await self._restart()
            await self._ask()
            if not self._buffer and not self._stale:
                await self._wait()
        delivered = self._buffer.popleft()
        await self._ask()
        return delivered

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
        self._subscription = await self._link.client.subscribe(inbox, cb=partial(self._on_message, inbox))
        try:
            self._consumer = await self._make_consumer()
        except BaseException:
            self._stale = True
            raise
        self._active_at = asyncio.get_running_loop().time()

    async def _leave(self) -> None:
        subscription, self._subscription = self._subscription, None
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

    async def _on_message(self, inbox: str, message: Msg) -> None:
        if inbox != self._inbox or self._stale:  # meant for a consumer before this one
            return
        self._active_at = asyncio.get_running_loop().time()
        if message.headers and "Status" in message.headers:
            self._on_status(message.headers)
            return
        delivered = _delivered(message)
        if delivered.order != self._order + 1:
            log.info("bus: gap on %s, reading on with a new consumer", self._stream)
            self._stale = True
        else:
            self._order = delivered.order
            self._requested -= 1
            self._buffer.append(delivered)
        self._wake()

    def _on_status(self, headers: dict[str, str]) -> None:
        """A heartbeat (100), the end of a request (404, 408), or a consumer that is gone (409, 503)."""
        status = headers["Status"]
        if status == "100":
            return
        if status in ("404", "408"):
            unused = headers.get("Nats-Pending-Messages", "")
            self._requested = max(0, self._requested - (int(unused) if unused.isdigit() else self._requested))
        else:
            self._stale = True
        self._wake()
