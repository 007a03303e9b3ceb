"""All devices of a world, connected: one connection and credential each, in one process."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping

import structlog

from .devices import Account, HttpDevices, MqttDevice, Outbox
from .devices.mqtt import Broker
from .families import Channel

__all__ = ("Players",)

log = structlog.get_logger(__name__)


class Players:
    """Makes a device for each sensor that has a credential. ``outboxes`` is where their messages are put."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        credentials: Mapping[str, str],
        broker: Broker,
        http: HttpDevices,
        account: Account,
        *,
        signs: Mapping[str, Callable[[bytes], None]],
    ) -> None:
        missing = sorted(set(channels) - set(credentials))
        if missing:
            log.warning("no credential, so silent", devices=missing[:10], count=len(missing))
        self._channels = {name: channel for name, channel in channels.items() if name in credentials}
        self._credentials = credentials
        self._http = http
        self._account = account
        self.outboxes = {name: Outbox(account) for name in self._channels}
        self._mqtt = [
            MqttDevice(
                name, credentials[name], broker, self.outboxes[name], account, on_command=signs.get(name)
            )
            for name, channel in self._channels.items()
            if channel.protocol == "mqtt"
        ]

    def start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start all devices."""
        started = [tasks.create_task(device.run(), name=device.name) for device in self._mqtt]
        started += [
            tasks.create_task(self._http.run(name, self._credentials[name], self.outboxes[name]), name=name)
            for name, channel in self._channels.items()
            if channel.protocol == "http"
        ]
        return started

    async def connected(self, within_s: float) -> int:
        """Wait until all are connected, but not for ever; tell how many are."""
        waits = [asyncio.create_task(device.connected.wait()) for device in self._mqtt]
        if waits:
            _, late = await asyncio.wait(waits, timeout=within_s)
            for each in late:
                each.cancel()
        return sum(device.connected.is_set() for device in self._mqtt)

    async def drain(self, within_s: float) -> int:
        """Wait until nothing waits for an acknowledgement; give up what still does, and tell how many."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                for outbox in self.outboxes.values():
                    await outbox.emptied()
        return sum(outbox.leave() for outbox in self.outboxes.values())
