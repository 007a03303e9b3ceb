"""What nats-server's MQTT gateway promises devices, and where it keeps the promise.

The gateway does two things with a device's QoS 1 message: it hands it to whoever listens on its subject, waiting for
nobody, and it stores it under ``$MQTT.msgs.<subject>`` and waits until that is on disk. Only then does it acknowledge.
By itself it keeps that store in its own stream `GATEWAY`, and only for MQTT subscribers. Here stream RAW takes these
subjects instead, so that what is acknowledged is in RAW, always, through any kill. GATEWAY is left what devices
subscribe to: commands.

The gateway's other streams (sessions, retained messages, QoS 2 in flight) would grow for ever, by a device that takes a
new client id each time or retains on ever new topics. They are made here, before the gateway makes them, with bounds.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from msgspec import Struct
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from .errors import BusRefused
from .link import Link
from .wire import header, read_directly

__all__ = ("GATEWAY", "GATEWAY_PREFIX", "GATEWAY_STREAMS", "GatewayLimits", "Relay", "make_room")

log = logging.getLogger(__name__)

GATEWAY = "$MQTT_msgs"
"""The stream that the gateway makes at its first client, unless it is there."""
GATEWAY_PREFIX = "$MQTT.msgs."
_OWN = [f"{GATEWAY_PREFIX}s4.*.cmd.>"]
_QOS = "Nmqtt-Pub"
_RELAYS = "s4-relay"


GATEWAY_STREAMS = (GATEWAY, "$MQTT_sess", "$MQTT_rmsgs", "$MQTT_qos2in", "$MQTT_out")
"""All streams that the MQTT gateway keeps."""


class GatewayLimits(Struct, frozen=True, kw_only=True):
    """Bounds of the gateway's streams, seconds and bytes each.

    ``session_age_s`` is how long a device's persistent session outlives its last subscription, ``message_age_s`` how
    long what waits for a device, is retained or half-way (QoS 2) stays.
    """

    session_age_s: float = 90 * 86_400.0
    message_age_s: float = 86_400.0
    bytes: int = 128 << 20
    duplicate_window_s: float = 120.0
    replicas: int = 1


def _configs(limits: GatewayLimits) -> list[StreamConfig]:
    """Give the streams as the gateway itself would make them, with bounds on top."""
    bounds: dict[str, Any] = {
        "storage": StorageType.FILE,
        "num_replicas": limits.replicas,
        "max_bytes": limits.bytes,
        "duplicate_window": limits.duplicate_window_s,
    }
    return [
        StreamConfig(name=GATEWAY, subjects=_OWN, retention=RetentionPolicy.INTEREST,
                     max_age=limits.message_age_s, **bounds),
        StreamConfig(name="$MQTT_sess", subjects=["$MQTT.sess.>"], retention=RetentionPolicy.LIMITS,
                     max_msgs_per_subject=1, max_age=limits.session_age_s, **bounds),
        StreamConfig(name="$MQTT_rmsgs", subjects=["$MQTT.rmsgs.>"], retention=RetentionPolicy.LIMITS,
                     max_msgs_per_subject=1, max_age=limits.message_age_s, **bounds),
        StreamConfig(name="$MQTT_qos2in", subjects=["$MQTT.qos2.in.>"], retention=RetentionPolicy.LIMITS,
                     max_msgs_per_subject=1, discard=DiscardPolicy.NEW, discard_new_per_subject=True,
                     max_age=limits.message_age_s, **bounds),
        StreamConfig(name="$MQTT_out", subjects=["$MQTT.out.>"], retention=RetentionPolicy.INTEREST,
                     max_age=limits.message_age_s, **bounds),
    ]  # fmt: skip


async def make_room(streams: JetStreamContext, limits: GatewayLimits) -> None:
    """Make the gateway's streams, or bound those it made; narrow its first so that RAW may take what devices publish.

    :raises BusRefused: other applications' devices use them too.
    """
    for wanted in _configs(limits):
        name = str(wanted.name)
        try:
            config = (await streams.stream_info(name)).config
        except NotFoundError:
            await streams.add_stream(wanted)
            continue
        if name == GATEWAY and config.subjects != _OWN:
            await _refuse_shared(streams)
            config.subjects = _OWN
        config.max_age, config.max_bytes = wanted.max_age, wanted.max_bytes
        config.duplicate_window = wanted.duplicate_window
        await streams.update_stream(config)


async def _refuse_shared(streams: JetStreamContext) -> None:
    for consumer in await streams.consumers_info(GATEWAY):
        subject = consumer.config.filter_subject or ">"
        if not subject.startswith(f"{GATEWAY_PREFIX}s4."):
            raise BusRefused(
                f"stream {GATEWAY}: MQTT clients of this account subscribe to {subject}; "
                "give the platform an account of its own"
            )


class Relay:
    """Passes into RAW what comes on the devices' subjects without a promise: QoS 0, and plain NATS publishers.

    A publisher that waits for an acknowledgement gets RAW's own. QoS 1 and 2 are in RAW already and passed over.
    """

    def __init__(self, link: Link, site: str) -> None:
        self._link = link
        self._subjects = (f"s4.{site}.raw.>", f"s4.{site}.rawp.>")
        self._subscriptions: list[Subscription] = []
        self._forget: list[Callable[[], None]] = []
        self.passed = 0

    async def start(self) -> None:
        """Listen, through reconnects; among several relays of a site one takes each message."""
        if self._subscriptions:
            return
        client = self._link.client
        for subject in self._subjects:
            subscription = await client.subscribe(subject, _RELAYS, cb=self._take)
            self._forget.append(read_directly(client, subscription, _is_stored))
            self._subscriptions.append(subscription)

    async def stop(self) -> None:
        """Listen no longer."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for forget in self._forget:
            forget()
        self._forget.clear()
        for subscription in subscriptions:
            if self._link.client.is_connected:
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


def _is_stored(_subject: bytes, _reply: bytes, headers: bytes, _data: bytes) -> bool:
    """Pass over what the gateway has stored itself, before any more work is done for it."""
    return bool(headers) and header(headers, _QOS.encode()) not in ("", "0")
