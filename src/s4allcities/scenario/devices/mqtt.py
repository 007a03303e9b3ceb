"""A device that speaks MQTT 3.1.1: own connection and credential, QoS 1, the same again until acknowledged."""

import asyncio
import logging
from collections.abc import Callable

import aiomqtt
from msgspec import Struct

from .account import Account
from .backoff import BackOff
from .outbox import Outbox, Waiting

__all__ = ("Broker", "MqttDevice")

IN_FLIGHT = 10
KEEPALIVE_S = 10
ANSWER_S = 5.0

_QUIET = logging.getLogger("s4allcities.scenario.mqtt")
_QUIET.setLevel(logging.CRITICAL)


class Broker(Struct, frozen=True):
    """Where the broker listens, and for which site it speaks."""

    host: str
    port: int
    site: str


class MqttDevice:
    """Publishes what is in its outbox on its own raw topics. ``on_command`` makes it listen to its command topic."""

    def __init__(
        self,
        name: str,
        password: str,
        broker: Broker,
        outbox: Outbox,
        account: Account,
        *,
        on_command: Callable[[bytes], None] | None = None,
    ) -> None:
        self.name = name
        self.connected = asyncio.Event()
        self._password = password
        self._broker = broker
        self._outbox = outbox
        self._account = account
        self._on_command = on_command
        self._back_off = BackOff()

    async def run(self) -> None:
        """Be connected and send, for ever; after a lost connection, connect again and send again."""
        while True:
            try:
                await self._session()
            except* (aiomqtt.MqttError, OSError):
                self._account.reconnects[self.name] += int(self.connected.is_set())
            await self._back_off.wait()

    async def _session(self) -> None:
        client = aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self.name,
            password=self._password,
            identifier=self.name,
            clean_session=True,
            keepalive=KEEPALIVE_S,
            timeout=ANSWER_S,
            logger=_QUIET,
        )
        async with client, asyncio.TaskGroup() as tasks:
            # Listening ends with an error when the connection is lost, and takes the sender with it.
            tasks.create_task(self._listen(client))
            if self._on_command is not None:
                await client.subscribe(f"s4/{self._broker.site}/cmd/{self.name}", qos=1)
            self.connected.set()
            self._back_off.reset()
            tasks.create_task(self._send(client))

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if self._on_command is not None and isinstance(message.payload, bytes | bytearray):
                self._on_command(bytes(message.payload))

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            batch = await self._outbox.first(IN_FLIGHT)
            if len(batch) == 1:
                await self._publish(client, batch[0])
                continue
            results = await asyncio.gather(
                *(self._publish(client, each) for each in batch), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    async def _publish(self, client: aiomqtt.Client, waiting: Waiting) -> None:
        datum = waiting.datum
        topic = f"s4/{self._broker.site}/raw/{datum.family}/{datum.sensor}"
        await client.publish(topic, datum.payload, qos=1)
        self._outbox.acknowledged(waiting)
