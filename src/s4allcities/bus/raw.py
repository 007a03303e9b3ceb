"""Reading stream RAW: device messages in order, each to be acknowledged once what became of it is durable."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from s4allcities.domain import Clock, RawMessage, Rejected, ScaledClock, SystemClock, derived_ulid

from .errors import SubjectError
from .gateway import Relay
from .link import Link
from .messages import RawDelivery
from .pull import Delivered, PullReader
from .streams import RAW
from .subjects import raw_parts

__all__ = ("RawReader", "on_clock")

log = logging.getLogger(__name__)

_CONSUMER = "edge"
_ACK_WAIT_S = 3600.0
_MAX_ACK_PENDING = 50_000
_READ_AHEAD = 1024


def on_clock(clock: Clock, wall_us: int) -> int:
    """Tell what a clock showed when the wall showed ``wall_us``; a clock moved by hand only knows its now."""
    if isinstance(clock, SystemClock):
        return wall_us
    if isinstance(clock, ScaledClock):
        return clock.origin_us + int((wall_us - clock.origin_us) * clock.speed)
    return clock.now_us()


class _Ack:
    """Acknowledges one message, by the reply subject of its latest delivery."""

    __slots__ = ("_reader", "reply", "sequence")

    def __init__(self, reader: "RawReader", sequence: int, reply: str) -> None:
        self._reader = reader
        self.sequence = sequence
        self.reply = reply

    async def __call__(self) -> None:
        await self._reader.acknowledge(self)


class RawReader(AsyncIterator[RawDelivery]):
    """Iterates over the messages of all devices of a site, in the order of the stream, and ends with the bus.

    There is one reader: a second one takes the place of the first. A message that was given and not yet acknowledged is
    not given again by the same reader, whatever happens to the connection; a new reader starts with it. A message on a
    subject that no device should use is published as rejected and removed. While it reads, it passes into the
    stream what comes without a promise (see `Relay`). ``expired`` counts the messages that came after the start and
    left the stream unread, by age or size (exact where the server serves one site).
    """

    def __init__(
        self, link: Link, site: str, clock: Clock, reject: Callable[[Rejected], Awaitable[object]]
    ) -> None:
        self._link = link
        self._site = site
        self._clock = clock
        self._reject = reject
        self._open: dict[int, _Ack] = {}
        self._last = 0
        self._known_last = -1
        self.given = 0
        self.expired = 0
        self._relay = Relay(link, site)
        self._reader = PullReader(link, RAW, self._make_consumer, read_ahead=_READ_AHEAD)

    def __aiter__(self) -> "RawReader":
        return self

    async def __anext__(self) -> RawDelivery:
        while True:
            delivered = await self._reader.next()
            if delivered.sequence <= self._last:
                await self._again(delivered)
            else:
                self._count_expired(delivered.sequence)
                self._last = delivered.sequence
                given = await self._give(delivered)
                if given is not None:
                    return given

    async def aclose(self) -> None:
        """Stop reading; what is not acknowledged stays in the stream."""
        await self._relay.stop()
        await self._reader.aclose()

    async def acknowledge(self, ack: _Ack) -> None:
        """Remove a message from the stream; a lost acknowledgement is sent again after the reconnect."""
        if self._open.pop(ack.sequence, None) is not None:
            await self._send_ack(ack.reply)

    def _count_expired(self, sequence: int) -> None:
        """Behind what was there at the start, a gap is what left the stream before it was read."""
        if sequence > self._known_last:
            self.expired += sequence - max(self._last, self._known_last) - 1

    async def _send_ack(self, reply: str) -> None:
        if not self._link.connected.is_set():
            return  # its consumer is gone with the connection: the message comes again and is acknowledged then
        try:
            await self._link.client.publish(reply, b"+ACK")
        except (NatsError, OSError) as error:
            log.debug("bus: acknowledgement not sent: %s", error)

    async def _again(self, delivered: Delivered) -> None:
        """Take a message in hand that was given before: still open, or acknowledged and the word was lost."""
        waiting = self._open.get(delivered.sequence)
        if waiting is None:
            await self._send_ack(delivered.message.reply)
        else:
            waiting.reply = delivered.message.reply

    async def _give(self, delivered: Delivered) -> RawDelivery | None:
        message = delivered.message
        t_received_us = on_clock(self._clock, delivered.t_server_us)
        try:
            family, sensor = raw_parts(message.subject)
        except SubjectError as error:
            await self._refuse(delivered, t_received_us, str(error))
            return None
        ack = self._open[delivered.sequence] = _Ack(self, delivered.sequence, message.reply)
        raw = RawMessage(
            family=family,
            sensor=sensor,
            data=message.data,
            t_received_us=t_received_us,
            sequence=delivered.sequence,
        )
        self.given += 1
        return RawDelivery(raw, ack)

    async def _refuse(self, delivered: Delivered, t_us: int, reason: str) -> None:
        await self._reject(
            Rejected(
                id=derived_ulid(t_us, "raw", delivered.sequence),
                t_us=t_us,
                source="bus/raw",
                reason="subject not allowed",
                detail=reason,
                raw_sequence=delivered.sequence,
            )
        )
        await self._send_ack(delivered.message.reply)

    async def _make_consumer(self) -> str:
        """Make it anew: only so does it begin with the oldest message that is still there."""
        await self._relay.start()
        streams = self._link.client.jetstream()
        with suppress(NotFoundError):
            await streams.delete_consumer(RAW, _CONSUMER)
        config = ConsumerConfig(
            name=_CONSUMER,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT_S,
            max_ack_pending=_MAX_ACK_PENDING,
            filter_subject=f"s4.{self._site}.raw.>",
            inactive_threshold=_ACK_WAIT_S,
            mem_storage=True,
            num_replicas=1,
            max_waiting=64,
        )
        if self._known_last < 0:
            self._known_last = (await streams.stream_info(RAW)).state.last_seq
        info = await streams.add_consumer(RAW, config=config)
        return info.name
