"""The bus as the rooms see it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NotFoundError

from s4allcities.domain import Clock, Event, ObservationBatch, Rejected, derived_ulid, kind_of

from .batch import encode_batch
from .envelope import Envelope, by_kind, encode_events
from .errors import BusClosed, BusRefused, BusTimeout
from .follow import KEYS, Follower, keys_text
from .gateway import GATEWAY_PREFIX, make_room
from .link import Link, Outgoing, open_link, unique
from .messages import Message, StreamState, summed
from .raw import RawReader
from .streams import RAW, RAW_PARTITIONS, StreamLimits, raw_stream, stream_configs
from .subjects import (
    batch_subject,
    command_subject,
    event_subject,
    full,
    partition_of,
    raw_subject,
    valid_token,
)

__all__ = ("Bus",)

_API_TRIES = 10
_API_WAIT_S = 0.1
_COMMAND_TRIES = 5
_COMMAND_WAIT_S = 1.0
_NO_MESSAGE = 10037
_HEADER_ROOM = 4096
_DEFAULT_LIMITS = StreamLimits()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Bus:
    """One connection to the bus, for one site. It reconnects for ever; see `connect`."""

    def __init__(self, link: Link, *, site: str, clock: Clock) -> None:
        self.site = valid_token(site, "site")
        self.clock = clock
        self._link = link
        self._origin = unique()
        self._count = 0

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        site: str,
        clock: Clock,
        user: str = "",
        password: str = "",
        wait_s: float = 10.0,
        publish_wait_s: float = 30.0,
    ) -> "Bus":
        """Connect to a server at ``nats://host:port``.

        ``publish_wait_s`` bounds how long a publish may wait for its acknowledgement, reconnects included.

        :raises BusTimeout: no server, or wrong credentials, for ``wait_s`` seconds.
        :raises SubjectError: the site's name cannot be part of a subject.
        """
        valid_token(site, "site")
        link = await open_link(
            url, user=user, password=password, wait_s=wait_s, publish_wait_s=publish_wait_s
        )
        return cls(link, site=site, clock=clock)

    @property
    def connected(self) -> bool:
        """Whether the server can be reached now."""
        return self._link.connected.is_set() and not self._link.closed

    @property
    def open(self) -> bool:
        """False once the bus is closed; a lost connection alone leaves it open."""
        return not self._link.closed

    @property
    def reconnects(self) -> int:
        """How often the connection was made again."""
        return self._link.reconnects

    async def ensure_streams(self, limits: StreamLimits = _DEFAULT_LIMITS) -> None:
        """Make the streams, or give those that are there these limits.

        What the MQTT gateway acknowledges is in RAW from here on: let devices in only afterwards.

        :raises BusRefused: the server cannot hold them, a stream of the same name is of another kind, or the account is
            shared with other applications' MQTT devices.
        """
        streams = self._link.client.jetstream()
        try:
            await make_room(streams, limits.gateway())
        except APIError as error:
            raise BusRefused(f"streams of the MQTT gateway: {error.description}") from error
        for config in stream_configs(limits):
            try:
                await streams.stream_info(str(config.name))
            except NotFoundError:
                change = streams.add_stream(config)
            else:
                change = streams.update_stream(config)
            try:
                await change
            except APIError as error:
                raise BusRefused(f"stream {config.name}: {error.description}") from error

    async def publish_batch(
        self, batch: ObservationBatch, *, keys: Sequence[int] = (), at_door: str = ""
    ) -> int:
        """Publish observations; gives their sequence in OBS. ``keys`` (64 bits each) come back in `Message.keys`.

        A batch is known by how far it has come in stream RAW, and by ``at_door`` if it holds what did not come from
        there: published again it is stored once.

        :raises BatchError: the batch does not hold together.
        :raises BusError: not stored.
        """
        marks = "-".join(map(str, batch.raw_last))
        place = f"{marks}.{at_door}" if at_door else marks
        headers = self._headers(f"obs.{batch.family}.{batch.partition}.{place}" if place else "")
        headers["S4-Raw-Last"] = marks
        if keys:
            headers[KEYS] = keys_text(keys)
        subject = batch_subject(self.site, batch.family, batch.partition)
        (ack,) = await self._link.publish((Outgoing(subject, encode_batch(batch), headers),))
        return ack.seq

    async def publish_events(
        self,
        events: Sequence[Event],
        *,
        stage: str,
        partition: int = 0,
        sequence: int = 0,
        epoch: int = 0,
        ttl_s: int = 0,
    ) -> int:
        """Publish the outputs of one step, in order, in messages of one kind each; gives the last one's sequence.

        ``sequence`` and ``epoch`` name the input message, so that publishing again after a crash stores nothing twice.
        Events without an id get one. ``ttl_s`` lets the messages expire. Gives 0 for no events.

        :raises EnvelopeError: an event cannot be written.
        :raises BusError: not all stored.
        """
        named = [self._named(event, stage, partition, sequence, index) for index, event in enumerate(events)]
        messages: list[Outgoing] = []
        for kind, index, run in by_kind(named):
            messages += self._enveloped(kind, index, run, (stage, partition, sequence, epoch))
        if not messages:
            return 0
        if ttl_s:
            for message in messages:
                message.headers["Nats-TTL"] = str(ttl_s)
        acks = await self._link.publish(messages)
        return acks[-1].seq

    async def publish_event(self, event: Event, *, stage: str = "api") -> int:
        """Publish one event that no stage made. The same version of the same record is stored once.

        :raises BusError: not stored.
        """
        named = self._named(event, stage, 0, 0, 0)
        version = [str(getattr(named, name, "")) for name in ("version", "state", "attempts")]
        envelope = Envelope(
            stage=stage, partition=0, sequence=0, index=0, now_us=self.clock.now_us(), events=(named,)
        )
        subject = event_subject(self.site, kind_of(named), stage)
        headers = self._headers(".".join((named.id, *version)))
        (ack,) = await self._link.publish((Outgoing(subject, encode_events(envelope), headers),))
        return ack.seq

    def follow(
        self, stream: str, filters: Sequence[str], *, after: int = 0, headers_only: bool = False
    ) -> Follower:
        """Iterate over a stream from sequence ``after`` + 1 on: all of it, once, in order, until the bus is closed.

        ``filters`` are suffixes such as ``"det.>"``; no two of them may cover the same subject. With ``headers_only``
        the messages come without their content.

        :raises SubjectError: a filter cannot be one.
        """
        subjects = [full(self.site, suffix) for suffix in filters]
        return Follower(self._link, stream, subjects, after=after, headers_only=headers_only)

    def raw(self) -> RawReader:
        """Iterate over the devices' messages, those of each in order; see `RawReader`."""
        return RawReader(self._link, self.site, self.clock, self._reject_raw)

    async def publish_raw(self, family: str, sensor: str, data: bytes) -> int:
        """Put in a device's message that came by another way than MQTT; when this returns it is durable.

        :raises SubjectError: family or sensor cannot be part of a subject.
        :raises BusError: not stored.
        """
        subject = self._raw_subject(family, sensor)
        (ack,) = await self._link.publish((Outgoing(subject, data, self._headers("")),))
        return ack.seq

    async def publish_raws(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Put in many (family, sensor, data), in order, under way at once; when this returns all are durable.

        :raises SubjectError: family or sensor cannot be part of a subject; none is sent then.
        :raises BusError: not all stored.
        """
        await self._link.publish(
            [
                Outgoing(self._raw_subject(family, sensor), data, self._headers(""))
                for family, sensor, data in messages
            ]
        )

    def _raw_subject(self, family: str, sensor: str) -> str:
        """Give the subject under which a stream of RAW takes a message: the gateway's, in the sensor's partition."""
        partition = partition_of(sensor, RAW_PARTITIONS)
        return GATEWAY_PREFIX + raw_subject(self.site, family, sensor, partition)

    async def send_command(self, device: str, data: bytes) -> None:
        """Tell a device something, now: nothing is kept for a device that does not listen.

        When it returns the server has it. After a cut it may be sent twice: commands carry an id.

        :raises BusTimeout: no connection to the server.
        """
        subject = command_subject(self.site, device)
        for _ in range(_COMMAND_TRIES):
            try:
                async with asyncio.timeout(_COMMAND_WAIT_S):
                    await self._link.connected.wait()
                    await self._link.client.publish(subject, data)
                    await self._link.client.flush()
            except (TimeoutError, NatsError, OSError) as error:
                why = error
            else:
                return
        raise BusTimeout(f"command to {device}: no connection to the server") from why

    async def last(self, stream: str, subject_suffix: str) -> Message | None:
        """Give the newest message of a subject (wildcards allowed), or None.

        :raises BusRefused: there is no such stream.
        :raises BusTimeout: the server does not answer.
        """
        body = {"last_by_subj": full(self.site, subject_suffix)}
        answer = await self._ask(f"STREAM.MSG.GET.{stream}", body)
        stored = answer.message
        if stored is None:
            return None
        return Message(
            sequence=stored.seq,
            subject=stored.subject,
            now_us=_now_header(stored.hdrs),
            data=stored.data,
            t_server_us=_to_us(stored.time),
        )

    async def stream_state(self, stream: str) -> StreamState:
        """Give what a stream holds; of RAW the sums over its partitions.

        :raises BusRefused: there is no such stream.
        :raises BusTimeout: the server does not answer.
        """
        if stream == RAW:
            return summed(await self.raw_states())
        return await self._state(stream)

    async def raw_states(self) -> list[StreamState]:
        """Give what each partition of RAW holds.

        :raises BusError: as `stream_state`.
        """
        return [await self._state(raw_stream(number)) for number in range(RAW_PARTITIONS)]

    async def _state(self, stream: str) -> StreamState:
        answer = await self._ask(f"STREAM.INFO.{stream}", {})
        return StreamState(
            first_sequence=answer.state.first_seq,
            last_sequence=answer.state.last_seq,
            messages=answer.state.messages,
            bytes=answer.state.bytes,
            t_first_us=_to_us(answer.state.first_ts) if answer.state.messages else 0,
            created_us=_to_us(answer.created),
        )

    async def close(self) -> None:
        """Send what is buffered and end the connection; every iteration over the bus ends."""
        await self._link.close()

    async def _ask(self, request: str, body: dict[str, str]) -> "_Answer":
        """Ask the server about a stream, again while it is starting. "No message found" is an answer."""
        why = ""
        for _ in range(_API_TRIES):
            if self._link.closed:
                raise BusClosed("the bus is closed")
            try:
                reply = await self._link.client.request(
                    f"$JS.API.{request}", msgspec.json.encode(body), timeout=2
                )
                answer = _answers.decode(reply.data)
            except (NatsError, TimeoutError, OSError, msgspec.MsgspecError) as error:
                why = str(error) or type(error).__name__
            else:
                if answer.error is None or answer.error.err_code == _NO_MESSAGE:
                    return answer
                why = answer.error.description
                if answer.error.code != 503:
                    raise BusRefused(f"{request}: {why}")
            await asyncio.sleep(_API_WAIT_S)
        raise BusTimeout(f"{request}: no answer from the server ({why})")

    def _headers(self, message_id: str) -> dict[str, str]:
        """Every message has an id, so that sending it again after a cut stores it once."""
        return {"Nats-Msg-Id": message_id or self._next_id(), "S4-Now": str(self.clock.now_us())}

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._origin}.{self._count}"

    def _named(self, event: Event, stage: str, partition: int, sequence: int, index: int) -> Event:
        if event.id:
            return event
        origin = (sequence, index) if sequence else (self._next_id(),)
        return msgspec.structs.replace(event, id=derived_ulid(event.t_us, stage, partition, *origin))

    def _enveloped(
        self, kind: str, index: int, events: tuple[Event, ...], origin: tuple[str, int, int, int]
    ) -> list[Outgoing]:
        """Wrap a run of events, halved until each message fits the server's limit."""
        stage, partition, sequence, epoch = origin
        envelope = Envelope(
            stage=stage,
            partition=partition,
            sequence=sequence,
            index=index,
            now_us=self.clock.now_us(),
            events=events,
            epoch=epoch,
        )
        data = encode_events(envelope)
        half = len(events) // 2
        if half and len(data) > self._link.client.max_payload - _HEADER_ROOM:
            first = self._enveloped(kind, index, events[:half], origin)
            return first + self._enveloped(kind, index + half, events[half:], origin)
        message_id = f"{stage}.{partition}.{epoch}.{sequence}.{index}" if sequence else ""
        return [Outgoing(event_subject(self.site, kind, stage), data, self._headers(message_id))]

    async def _reject_raw(self, rejected: Rejected, partition: int) -> None:
        await self.publish_event(rejected, stage=f"raw-{partition}")


class _Problem(Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Stored(Struct):
    subject: str
    seq: int
    time: datetime
    data: bytes = b""
    hdrs: bytes = b""


class _State(Struct, frozen=True):
    first_seq: int = 0
    last_seq: int = 0
    messages: int = 0
    bytes: int = 0
    first_ts: datetime = _EPOCH


class _Answer(Struct):
    error: _Problem | None = None
    message: _Stored | None = None
    created: datetime = _EPOCH
    state: _State = _State()


_answers = msgspec.json.Decoder(_Answer)


def _to_us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _now_header(headers: bytes) -> int:
    for line in headers.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip() == b"S4-Now" and value.strip().isdigit():
            return int(value)
    return 0
