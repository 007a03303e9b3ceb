"""What nats-server's MQTT gateway promises devices, and where it keeps the promise.

The gateway does two things with a device's QoS 1 message: it hands it to whoever listens on its subject, waiting for
nobody, and it stores it under ``$MQTT.msgs.<subject>`` and waits until that is on disk. Only then does it acknowledge.
By itself it keeps that store in its own stream `GATEWAY`, and only for MQTT subscribers. Here stream RAW takes these
subjects instead, so that what is acknowledged is in RAW, always, through any kill. GATEWAY is left what devices
subscribe to: commands.
"""

import logging
from contextlib import suppress

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from .errors import BusRefused
from .link import Link

__all__ = ("GATEWAY", "GATEWAY_PREFIX", "Relay", "make_room")

log = logging.getLogger(__name__)

GATEWAY = "$MQTT_msgs"
"""The stream that the gateway makes at its first client, unless it is there."""
GATEWAY_PREFIX = "$MQTT.msgs."
_OWN = [f"{GATEWAY_PREFIX}s4.*.cmd.>"]
_QOS = "Nmqtt-Pub"
_RELAYS = "s4-relay"


async def make_room(streams: JetStreamContext, *, replicas: int) -> None:
    """Make the gateway's stream, or narrow the one it made, so that RAW may take what devices publish.

    :raises BusRefused: other applications' devices use it too.
    """
    try:
        config = (await streams.stream_info(GATEWAY)).config
    except NotFoundError:
        await streams.add_stream(
            StreamConfig(
                name=GATEWAY,
                subjects=_OWN,
                retention=RetentionPolicy.INTEREST,
                storage=StorageType.FILE,
                num_replicas=replicas,
            )
        )
        return
    if config.subjects == _OWN:
        return
    for consumer in await streams.consumers_info(GATEWAY):
        subject = consumer.config.filter_subject or ">"
        if not subject.startswith(f"{GATEWAY_PREFIX}s4."):
            raise BusRefused(
                f"stream {GATEWAY}: MQTT clients of this account subscribe to {subject}; "
                "give the platform an account of its own"
            )
    config.subjects = _OWN
    await streams.update_stream(config)


class Relay:
    """Passes into RAW what comes on the devices' subjects without a promise: QoS 0, and plain NATS publishers.

    A publisher that waits for an acknowledgement gets RAW's own. QoS 1 and 2 are in RAW already and passed over.
    """

    def __init__(self, link: Link, site: str) -> None:
        self._link = link
        self._subject = f"s4.{site}.raw.>"
        self._subscription: Subscription | None = None
        self.passed = 0

    async def start(self) -> None:
        """Listen, through reconnects; among several relays of a site one takes each message."""
        if self._subscription is None:
            self._subscription = await self._link.client.subscribe(self._subject, _RELAYS, cb=self._take)

    async def stop(self) -> None:
        """Listen no longer."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None and self._link.client.is_connected:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()

    async def _take(self, message: Msg) -> None:
        if message.headers and message.headers.get(_QOS, "0") != "0":
            return
        try:
            await self._link.client.publish(
                GATEWAY_PREFIX + message.subject, message.data, message.reply, message.headers
            )
        except (NatsError, OSError) as error:
            log.warning("bus: a message without promise on %s is lost: %s", message.subject, error)
        else:
            self.passed += 1
