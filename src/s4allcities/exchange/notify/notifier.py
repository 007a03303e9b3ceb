"""Follows alerts and tells whoever is to be told, once each, with a receipt in the record."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec
import structlog

from ...domain import ALERT_OVER, Alert, Clock, Event, Notification, derived_ulid
from .channels import Channel, NotifyError

__all__ = ("Notifier",)

log = structlog.get_logger(__name__)

Share = Literal["automatic", "operator"]
RETRY_S = (2.0, 10.0, 60.0)
"""Waits between tries; after the last one the receipt says that the recipient was not reached."""
PLATFORM = ("", "platform")


class Notifier:
    """Sends an alert when it calls, when it calls again, and when it is escalated.

    ``share`` says by hypothesis whether that happens by itself or after a person has taken the alert; until then the
    receipt is ``waiting``. ``publish`` puts receipts on the bus. What was sent before a crash is known from
    ``earlier`` and not sent again; a crash between sending and its receipt sends twice rather than never.

    ``share`` lacks a hypothesis: an operator's word is needed.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        share: Mapping[str, Share],
        publish: Callable[[Event], Awaitable[object]],
        clock: Clock,
        site: str,
        earlier: Iterable[Notification] = (),
        retry_s: Sequence[float] = RETRY_S,
    ) -> None:
        self._channels = tuple(channels)
        self._share = dict(share)
        self._publish = publish
        self._clock = clock
        self._site = site
        self._retry_s = tuple(retry_s)
        self._done = {each.id for each in earlier if each.state == "sent"}
        self._waiting: dict[str, set[str]] = {}
        self._queue: asyncio.Queue[tuple[Channel, str, Alert, str]] = asyncio.Queue()

    async def follow(self, events: Sequence[Event]) -> None:
        """Take records in; what is to be sent is queued, so that nobody waits for a mail server."""
        for event in events:
            if isinstance(event, Alert) and self._channels:
                await self._alert(event)

    async def _alert(self, alert: Alert) -> None:
        if alert.held or alert.state in ALERT_OVER:
            return
        calls = alert.state in ("new", "reopened", "escalated")
        taken = alert.role not in PLATFORM
        if not calls and not (taken and alert.id in self._waiting):
            return
        for channel in self._channels:
            for recipient in channel.recipients if channel.config.takes(alert) else ():
                await self._consider(channel, recipient, alert, taken)

    async def _consider(self, channel: Channel, recipient: str, alert: Alert, taken: bool) -> None:
        """Send it, or note that it waits for an operator's word. One call and one escalation are one message each."""
        key = derived_ulid(
            alert.t_annunciated_us, "notify", channel.config.name, recipient, alert.id, alert.escalation_step
        )
        if key in self._done:
            return
        waiting = self._waiting.setdefault(alert.id, set())
        if self._share.get(alert.hypothesis, "operator") == "automatic" or taken:
            waiting.discard(key)
            self._done.add(key)
            self._queue.put_nowait((channel, recipient, alert, key))
        elif key not in waiting:
            waiting.add(key)
            await self._say(channel, recipient, alert, key, "waiting", 0, "an operator has to take it first")

    async def run(self) -> None:
        """Send until cancelled; a slow or dead recipient holds up nobody else."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                channel, recipient, alert, key = await self._queue.get()
                tasks.create_task(self._deliver(channel, recipient, alert, key))

    async def _deliver(self, channel: Channel, recipient: str, alert: Alert, key: str) -> None:
        problem = ""
        for number in range(1 + len(self._retry_s)):
            try:
                receipt = await channel.send(alert, recipient, self._site)
            except NotifyError as error:
                problem = str(error)
                log.warning("a notification was not taken", channel=channel.config.name, error=problem)
            else:
                await self._say(channel, recipient, alert, key, "sent", number + 1, receipt)
                return
            if number < len(self._retry_s):
                await asyncio.sleep(self._retry_s[number])
        await self._say(channel, recipient, alert, key, "failed", 1 + len(self._retry_s), problem)

    async def _say(
        self,
        channel: Channel,
        recipient: str,
        alert: Alert,
        key: str,
        state: Literal["sent", "failed", "waiting"],
        attempts: int,
        receipt: str,
    ) -> None:
        notice = Notification(
            id=key, t_us=self._clock.now_us(), alert_id=alert.id, alert_version=alert.version,
            channel=channel.config.name, recipient=recipient, state=state, attempts=attempts, receipt=receipt[:200],
            mode=alert.mode, provenance=(alert.id,),
        )  # fmt: skip
        try:
            await self._publish(notice)
        except Exception:  # the bus is away: what was sent stays sent, the receipt is in the log
            log.exception("a receipt was not recorded", notice=msgspec.to_builtins(notice))
