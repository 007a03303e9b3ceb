"""Reading stream RAW: device messages in order, each to be acknowledged once what became of it is durable."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
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
from .streams import RAW_PARTITIONS, raw_stream
from .subjects import raw_parts
from .wire import ACK, send_at_once

__all__ = ("RawReader", "on_clock")

log = logging.getLogger(__name__)

_CONSUMER = "edge"
_ACK_WAIT_S = 3600.0
_MAX_ACK_PENDING = 50_000
_READ_AHEAD = 1024
_KNOWN_SUBJECTS = 50_000

Refuse = Callable[[Rejected, int], Awaitable[object]]


def on_clock(clock: Clock, wall_us: int) -> int:
    """Tell what a clock showed when the wall showed ``wall_us``; a clock moved by hand only knows its now."""
    if isinstance(clock, SystemClock):
        return wall_us
    if isinstance(clock, ScaledClock):
        return clock.origin_us + int((wall_us - clock.origin_us) * clock.speed)
    return clock.now_us()


class _Partition:
    """Reads one of RAW's streams; ``open`` holds how each message that is not acknowledged yet can be."""

    def __init__(self, number: int, link: Link, site: str, clock: Clock, refuse: Refuse) -> None:
        self.number = number
        self.expired = 0
        self._link = link
        self._site = site
        self._clock = clock
        self._refuse_to = refuse
        self._open: dict[int, bytes] = {}
        self._parts: dict[bytes, tuple[str, str]] = {}
        self._last = 0
        self._known_last = -1
        self._reader = PullReader(link, raw_stream(number), self._make_consumer, read_ahead=_READ_AHEAD)

    async def next_some(self) -> list[RawMessage]:
        """Wait for messages and give all that have come; those that came before are not among them."""
        given: list[RawMessage] = []
        while not given:
            again: list[bytes] = []
            for delivered in await self._reader.next_some():
                if delivered.sequence > self._last:
                    self._count_expired(delivered.sequence)
                    self._last = delivered.sequence
                    try:
                        given.append(self._message(delivered))
                    except SubjectError as error:
                        await self._refuse(delivered, str(error))
                elif delivered.sequence in self._open:
                    self._open[delivered.sequence] = delivered.reply
                else:  # acknowledged, and the word was lost
                    again.append(delivered.reply)
            await self._send(again)
        return given

    async def acknowledge(self, sequences: Iterable[int]) -> None:
        """Remove messages from the stream; a lost acknowledgement is sent again after the reconnect."""
        replies = [self._open.pop(sequence, b"") for sequence in sequences]
        await self._send([reply for reply in replies if reply])

    async def aclose(self) -> None:
        """Stop reading."""
        await self._reader.aclose()

    def _count_expired(self, sequence: int) -> None:
        """Behind what was there at the start, a gap is what left the stream before it was read."""
        if sequence > self._known_last:
            self.expired += sequence - max(self._last, self._known_last) - 1

    def _message(self, delivered: Delivered) -> RawMessage:
        parts = self._parts.get(delivered.subject)
        if parts is None:
            if len(self._parts) > _KNOWN_SUBJECTS:  # made-up names shall not fill the memory
                self._parts.clear()
            parts = self._parts[delivered.subject] = raw_parts(delivered.subject.decode(errors="replace"))
        self._open[delivered.sequence] = delivered.reply
        return RawMessage(
            family=parts[0],
            sensor=parts[1],
            data=delivered.data,
            t_received_us=on_clock(self._clock, delivered.t_server_us),
            sequence=delivered.sequence,
            partition=self.number,
        )

    async def _refuse(self, delivered: Delivered, reason: str) -> None:
        t_us = on_clock(self._clock, delivered.t_server_us)
        await self._refuse_to(
            Rejected(
                id=derived_ulid(t_us, "raw", self.number, delivered.sequence),
                t_us=t_us,
                source="bus/raw",
                reason="subject not allowed",
                detail=reason,
                raw_sequence=delivered.sequence,
            ),
            self.number,
        )
        await self._send([delivered.reply])

    async def _send(self, replies: list[bytes]) -> None:
        if not replies or not self._link.connected.is_set():
            return  # the consumer is gone with the connection: the messages come again and are acknowledged then
        try:
            await send_at_once(self._link.client, [(reply, ACK) for reply in replies])
        except (NatsError, OSError) as error:
            log.debug("bus: acknowledgements not sent: %s", error)

    async def _make_consumer(self) -> str:
        """Make it anew: only so does it begin with the oldest message that is still there."""
        streams, stream = self._link.client.jetstream(), raw_stream(self.number)
        with suppress(NotFoundError):
            await streams.delete_consumer(stream, _CONSUMER)
        filters = [f"s4.{self._site}.rawp.>"] + ([f"s4.{self._site}.raw.>"] if self.number == 0 else [])
        config = ConsumerConfig(
            name=_CONSUMER,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT_S,
            max_ack_pending=_MAX_ACK_PENDING,
            filter_subjects=filters,
            inactive_threshold=_ACK_WAIT_S,
            mem_storage=True,
            num_replicas=1,
            max_waiting=64,
        )
        if self._known_last < 0:
            self._known_last = (await streams.stream_info(stream)).state.last_seq
        info = await streams.add_consumer(stream, config=config)
        return info.name


class RawReader(AsyncIterator[RawDelivery]):
    """Iterates over the messages of all devices of a site and ends with the bus.

    Messages of one sensor come in their order; RAW's partitions take turns. There is one reader: a second one takes the
    place of the first. A message that was given and not yet acknowledged is not given again by the same reader,
    whatever happens to the connection; a new reader starts with it. A message on a subject that no device should use
    is published as rejected and removed. While it reads, it passes into the stream what comes without a promise (see
    `Relay`). ``expired`` counts the messages that came after the start and left the stream unread, by age or size
    (exact where the server serves one site).

    `next_some` and `acknowledge` do the same as iterating and `RawDelivery.ack`, for many messages at once.
    """

    def __init__(self, link: Link, site: str, clock: Clock, refuse: Refuse) -> None:
        self.given = 0
        self._relay = Relay(link, site)
        self._partitions = [_Partition(number, link, site, clock, refuse) for number in range(RAW_PARTITIONS)]
        # One list of each partition waits here at most: with what its reader holds, that is the back-pressure.
        self._ready: asyncio.Queue[list[RawMessage] | BaseException] = asyncio.Queue(RAW_PARTITIONS)
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: deque[RawMessage] = deque()

    @property
    def expired(self) -> int:
        """How many messages left the stream before they were read."""
        return sum(partition.expired for partition in self._partitions)

    def __aiter__(self) -> "RawReader":
        return self

    async def __anext__(self) -> RawDelivery:
        if not self._waiting:
            self._waiting.extend(await self.next_some())
        message = self._waiting.popleft()
        return RawDelivery(message, _Ack(self, message))

    async def next_some(self) -> list[RawMessage]:
        """Wait for messages; gives some of one partition, in order.

        :raises StopAsyncIteration: the bus was closed.
        :raises BusRefused: there is no such stream.
        """
        if not self._tasks:
            await self._relay.start()
            self._tasks = [asyncio.create_task(self._pump(each)) for each in self._partitions]
        found = await self._ready.get()
        if isinstance(found, BaseException):
            self._ready.put_nowait(found)  # whoever asks again is told again
            raise found
        self.given += len(found)
        return found

    async def _pump(self, partition: _Partition) -> None:
        try:
            while True:
                await self._ready.put(await partition.next_some())
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            await self._ready.put(error)

    async def acknowledge(self, partition: int, sequences: Iterable[int]) -> None:
        """Remove messages from a partition of the stream."""
        await self._partitions[partition].acknowledge(sequences)

    async def aclose(self) -> None:
        """Stop reading; what is not acknowledged stays in the stream."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._relay.stop()
        for partition in self._partitions:
            await partition.aclose()


class _Ack:
    """Acknowledges one message."""

    __slots__ = ("_message", "_reader")

    def __init__(self, reader: RawReader, message: RawMessage) -> None:
        self._reader = reader
        self._message = message

    async def __call__(self) -> None:
        await self._reader.acknowledge(self._message.partition, (self._message.sequence,))
