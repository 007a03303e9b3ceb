"""The MQTT door for devices: takes their readings straight, and leaves all else to the broker behind it.

A device's connection is joined to one of its own to the broker. The broker lets it in or not, keeps its session and its
subscriptions, sends it commands, and judges every packet but one kind: a reading (QoS 0 or 1, not retained, at most
`MOST_BYTES`) on a topic of the device's own. That goes to the edge node at once, with many of other devices, and is
acknowledged when the batch that holds it is on disk. Through the broker each message would cost a write of its own.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import cast

import structlog
from msgspec import Struct

from s4allcities.domain import Clock, RawMessage

from .batcher import DOOR
from .errors import EdgeError
from .mqtt import ACCEPTED, NO_TIME_LIMIT, Connect, Malformed, body_of, puback, read_connect, whole_packets

__all__ = ("MOST_BYTES", "MOST_WAITING", "DoorStatus", "MqttDoor")

log = structlog.get_logger(__name__)

MOST_BYTES = 260 * 1024
"""A longer packet goes through to the broker piece by piece: no source reads as much, and none is held here whole."""
MOST_WAITING = 4000
"""Messages that wait for the edge node before devices are made to wait."""
LOOK_S = 1.0
JOIN_S = 10.0
"""So long a device may take to say who it is, and the broker to let it in."""
DEAF_S = 30.0
"""So long a device may leave unread what it was sent."""
BACKLOG = 1024
_PATIENCE = 1.5
"""A device counts as gone after so many times the silence that it announced (the standard, 3.1.2.10)."""
_MOST_TOPICS = 64
_READING_MASK, _READING = 0xF5, 0x30
"""PUBLISH with QoS 0 or 1, not retained, sent for the first time or again."""
_AT_LEAST_ONCE = 0x02
_NO_ID = b"\0\0"


class DoorStatus(Struct, frozen=True, kw_only=True):
    """What goes through the door: ``connections`` now, and since the start messages ``taken`` straight and packets
    ``passed_on`` to the broker. ``waiting`` messages are not yet acknowledged.
    """

    connections: int
    taken: int
    passed_on: int
    waiting: int


class MqttDoor:
    """Listens for devices from `start` to `close`; gives their readings like stream RAW gives what is in it.

    ``speaks_for`` gives the sensors of a user whom the broker has let in. ``port`` 0 takes a free one.
    """

    def __init__(
        self,
        speaks_for: Callable[[str], Collection[str]],
        clock: Clock,
        *,
        site: str,
        broker_port: int,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.speaks_for = speaks_for
        self.clock = clock
        self.host = host
        self.port = port
        self.broker_port = broker_port
        self.taken = self.passed_on = 0
        self.topic = re.compile(
            rf"s4/{re.escape(site)}/raw/([A-Za-z0-9_-]{{1,128}})/([A-Za-z0-9_-]{{1,128}})".encode()
        )
        self.devices: set[_Device] = set()
        self._tls = tls
        self._waiting: list[RawMessage] = []
        self._senders: dict[int, tuple[_Device, bytes]] = {}
        self._made_to_wait: set[_Device] = set()
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._looks: asyncio.Task[None] | None = None
        self._taking = True

    def status(self) -> DoorStatus:
        """Give the counters."""
        return DoorStatus(
            connections=len(self.devices),
            taken=self.taken,
            passed_on=self.passed_on,
            waiting=len(self._senders),
        )

    async def start(self) -> None:
        """Let devices come.

        :raises EdgeError: the address is in use or not ours.
        """
        handshake_s = JOIN_S if self._tls is not None else None
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Device(self), self.host, self.port, backlog=BACKLOG,
                ssl=self._tls, ssl_handshake_timeout=handshake_s,
            )  # fmt: skip
        except OSError as error:
            raise EdgeError(f"MQTT cannot listen on {self.host}, port {self.port}: {error}") from error
        self.port = self._server.sockets[0].getsockname()[1]
        self._looks = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Let nobody in, and end the connections; a device that waits for an acknowledgement sends again."""
        if self._server is not None:
            self._server.close()
        if self._looks is not None:
            self._looks.cancel()
            with suppress(asyncio.CancelledError):
                await self._looks
        for device in tuple(self.devices):
            device.end()

    async def next_some(self) -> list[RawMessage]:
        """Wait for readings, and give all that wait. They are of partition `DOOR`, with numbers of the door's own."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        found, self._waiting = self._waiting, []
        released, self._made_to_wait = self._made_to_wait, set()
        for device in released:
            device.release("edge")
        return found

    async def acknowledge(self, _partition: int, sequences: Iterable[int]) -> None:
        """Tell devices that their readings are kept."""
        answered: dict[_Device, list[bytes]] = {}
        for sequence in sequences:
            device, packet_id = self._senders.pop(sequence)
            if packet_id != _NO_ID:
                answered.setdefault(device, []).append(puback(packet_id))
        for device, answers in answered.items():
            device.write(b"".join(answers))

    async def aclose(self) -> None:
        """Take nothing more; what was given is still acknowledged."""
        self._taking = False
        for device in self.devices:
            device.hold("edge")

    def take(
        self, device: "_Device", topic: tuple[str, str], packet_id: bytes, data: bytes, t_us: int
    ) -> None:
        """Take a reading, ``topic`` = (family, sensor); ``packet_id`` is `_NO_ID` if nothing was promised."""
        self.taken += 1
        self._senders[self.taken] = device, packet_id
        self._waiting.append(
            RawMessage(
                family=topic[0],
                sensor=topic[1],
                data=data,
                t_received_us=t_us,
                sequence=self.taken,
                partition=DOOR,
            )
        )
        if len(self._waiting) == 1:
            self._news.set()
        if len(self._waiting) >= MOST_WAITING:
            self._made_to_wait.add(device)
            device.hold("edge")

    def welcome(self, device: "_Device") -> None:
        """Note a new connection."""
        self.devices.add(device)
        if not self._taking:
            device.hold("edge")

    async def _look(self) -> None:
        """End the connections of devices that have been silent for longer than they said."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            now_s = loop.time()
            for device in [each for each in self.devices if now_s > each.gone_at_s(now_s)]:
                device.end()


class _Device(asyncio.Protocol):
    """A device's connection."""

    def __init__(self, door: MqttDoor) -> None:
        self.door = door
        self.broker: _Broker | None = None
        self._transport: asyncio.Transport
        self._connect: Connect | None = None
        self._connected = False
        self._accepted = False
        self._sensors: Collection[str] = ()
        self._topics: dict[bytes, tuple[str, str]] = {}
        self._rest = b""
        self._passing = 0
        self._reasons: set[str] = set()
        self._joining: asyncio.Task[None] | None = None
        self._heard = False
        self._heard_s = asyncio.get_running_loop().time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join it to the broker before anything is read."""
        self._transport = cast("asyncio.Transport", transport)
        self.door.welcome(self)
        self.hold("broker")
        self._joining = asyncio.create_task(self._join())

    async def _join(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            _, self.broker = await loop.create_connection(
                lambda: _Broker(self), "127.0.0.1", self.door.broker_port
            )
        except OSError:  # it is being started again: the device comes back by itself
            self.end()
        else:
            self.release("broker")
            self._read_on()

    def connection_lost(self, _error: Exception | None) -> None:
        """End the broker's side too: without a farewell it publishes what the device left as its will."""
        self.door.devices.discard(self)
        self.door._made_to_wait.discard(self)
        if self._joining is not None:
            self._joining.cancel()
        if self.broker is not None:
            self.broker.end()

    def end(self) -> None:
        """End the connection, with what was written unless nobody reads it."""
        if "device" in self._reasons:
            self._transport.abort()
        else:
            self._transport.close()

    def write(self, data: bytes) -> None:
        """Send to the device. Only whole packets: acknowledgements come in between."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def hold(self, reason: str) -> None:
        """Read nothing more for now."""
        if not self._reasons and not self._transport.is_closing():
            self._transport.pause_reading()
        self._reasons.add(reason)

    def release(self, reason: str) -> None:
        """Read on, unless there are other reasons to wait."""
        self._reasons.discard(reason)
        if not self._reasons and not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """Wait with what it says, and with what is said to it, until it has read what is on its way."""
        self.hold("device")
        if self.broker is not None:
            self.broker.hold()

    def resume_writing(self) -> None:
        """Go on."""
        self.release("device")
        if self.broker is not None:
            self.broker.release()

    def gone_at_s(self, now_s: float) -> float:
        """Give the time of the loop's clock from which on the device counts as gone, if it says nothing before."""
        if self._heard:
            self._heard, self._heard_s = False, now_s
        if not self._accepted:
            return self._heard_s + JOIN_S
        if self._reasons:  # we do not listen
            return self._heard_s + DEAF_S if "device" in self._reasons else float("inf")
        wait_s = self._connect.keep_alive_s * _PATIENCE if self._connect is not None else 0.0
        return self._heard_s + wait_s if wait_s else float("inf")

    def accepted(self) -> None:
        """Take its readings straight from here on: the broker has let it in."""
        self._accepted = True
        if self._connect is not None:
            self._sensors = self.door.speaks_for(self._connect.user)
        self.release("welcome")
        self._read_on()

    def _read_on(self) -> None:
        if self._rest:
            self.data_received(b"")

    def data_received(self, data: bytes) -> None:
        """Cut what came into packets."""
        self._heard = True
        if self.broker is None:  # the loop reads once more after it was told to wait
            self._rest += data
            return
        if self._passing:
            passing = data[: self._passing]
            self._say(passing)
            self._passing -= len(passing)
            data = data[len(passing) :]
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, size, t_us = 0, len(data), self.door.clock.now_us()
        while at < size:
            if at + 1 < size and data[at + 1] < 0x80:
                begin = at + 2
                end = begin + data[at + 1]
            else:
                try:
                    begin, end = body_of(data, at)
                except Malformed:
                    begin, end = at + 1, size  # for the broker to refuse
                if not begin:
                    break
            if end > size:
                if end - at > MOST_BYTES:
                    self._pass_on(data[at:])
                    self._passing, at = end - size, size
                break
            if self._connected and not self._accepted:
                break
            if data[at] & _READING_MASK != _READING or not self._take(data, at, begin, end, t_us):
                self._pass_on(data[at:end] if self._connected else self._first(data[at:end]))
            at = end
        self._rest = data[at:]

    def _first(self, packet: bytes) -> bytes:
        """Read who it is, and read on only when the broker has answered.

        The broker hears nothing of the readings, so it is told to wait for ever, and silence is counted here.
        """
        self._connected = True
        self.hold("welcome")
        self._connect = read_connect(packet)
        if self._connect is None:
            return packet
        at = self._connect.keep_alive_at
        return packet[:at] + NO_TIME_LIMIT + packet[at + 2 :]

    def _take(self, data: bytes, at: int, begin: int, end: int, t_us: int) -> bool:
        """Take a reading; False for what is for the broker to judge."""
        topic_end = begin + 2 + (data[begin] << 8 | data[begin + 1]) if end - begin > 2 else end + 1
        promised = 2 if data[at] & _AT_LEAST_ONCE else 0
        if topic_end + promised > end:
            return False
        name = data[begin + 2 : topic_end]
        topic = self._topics.get(name) or self._own(name)
        packet_id = data[topic_end : topic_end + 2] if promised else _NO_ID
        if topic is None or (promised and packet_id == _NO_ID):
            return False
        self.door.take(self, topic, packet_id, data[topic_end + promised : end], t_us)
        return True

    def _own(self, name: bytes) -> tuple[str, str] | None:
        """Give family and sensor of a topic, if it may speak there."""
        found = self.door.topic.fullmatch(name)
        topic = (found[1].decode(), found[2].decode()) if found else None
        if topic is None or topic[1] not in self._sensors:
            return None
        if len(self._topics) >= _MOST_TOPICS:
            self._topics.clear()
        self._topics[name] = topic
        return topic

    def _pass_on(self, packet: bytes) -> None:
        self.door.passed_on += 1
        self._say(packet)

    def _say(self, data: bytes) -> None:
        if self.broker is not None:
            self.broker.write(data)


class _Broker(asyncio.Protocol):
    """A device's connection to the broker."""

    def __init__(self, device: _Device) -> None:
        self._device = device
        self._transport: asyncio.Transport
        self._rest = b""
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """End the device's side, too."""
        self._device.end()

    def data_received(self, data: bytes) -> None:
        """Give the device what the broker says, packet by packet."""
        data = self._rest + data
        try:
            whole = whole_packets(data)
        except Malformed:
            log.error("the broker said what is no MQTT packet", first=data[:8].hex())
            self.end()
            return
        self._rest = data[whole:]
        if whole:
            self._device.write(data[:whole] if self._rest else data)
            if not self._answered:
                self._answered = True
                if data[:2] == ACCEPTED and data[3] == 0:
                    self._device.accepted()

    def write(self, data: bytes) -> None:
        """Send to the broker."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def end(self) -> None:
        """End the connection."""
        self._transport.close()

    def hold(self) -> None:
        """Read nothing more for now."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def release(self) -> None:
        """Read on."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """Let the device wait."""
        self._device.hold("broker")

    def resume_writing(self) -> None:
        """Let the device go on."""
        self._device.release("broker")
