"""From stream EVENTS to everything that remembers or shows: store, picture, waiting operators, signs, partners.

One loop, in order. The store comes first: what it has recorded with the stream's position is never lost, and what
comes after can be done again from it.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from s4allcities.awareness.picture import PictureHub, Replies
from s4allcities.bus import EVENTS, Bus
from s4allcities.domain import Clock, Event, Heartbeat
from s4allcities.security.ledger import HeadKeeper
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder

__all__ = ("Recording", "restore_picture")

log = structlog.get_logger(__name__)

Follower = Callable[[Sequence[Event]], Awaitable[None]]


class Recording:
    """Follows EVENTS from where the store stands. ``followers`` act on records once these are safe."""

    def __init__(
        self,
        bus: Bus,
        recorder: EventRecorder,
        ledger: LedgerStore,
        heads: HeadKeeper,
        hub: PictureHub,
        replies: Replies,
        clock: Clock,
        followers: Sequence[Follower] = (),
    ) -> None:
        self._bus = bus
        self._recorder = recorder
        self._ledger = ledger
        self._heads = heads
        self._hub = hub
        self._replies = replies
        self._clock = clock
        self._followers = tuple(followers)
        self.sequence = 0
        self.follower_errors = 0

    async def run(self) -> None:
        """Record until cancelled or the bus is closed."""
        self.sequence = await self._recorder.last_sequence()
        async for message in self._bus.follow(EVENTS, [">"], after=self.sequence):
            events = [event for event in message.envelope.events if not isinstance(event, Heartbeat)]
            if events:
                await self._take(message.sequence, events)
            self.sequence = message.sequence

    async def _take(self, sequence: int, events: Sequence[Event]) -> None:
        await self._recorder.record(sequence, events)
        self._hub.picture.apply(events)
        self._hub.publish(self._clock.now_us())
        self._replies.take(events)
        for follow in self._followers:
            await self._tell(follow, events)
        tail = await self._ledger.tail()
        await self._heads.note(tail.sequence, tail.hash, self._clock.now_us())

    async def _tell(self, follow: Follower, events: Sequence[Event]) -> None:
        """Let a follower act. One that fails is counted and shown, and never stops the record."""
        try:
            await follow(events)
        except Exception:
            self.follower_errors += 1
            log.exception("a follower of the record failed", kinds=sorted({type(e).__name__ for e in events}))

    async def sign_off(self) -> None:
        """Sign the ledger's last head at a clean stop."""
        tail = await self._ledger.tail()
        await self._heads.note(tail.sequence, tail.hash, self._clock.now_us(), final=True)


async def restore_picture(recorder: EventRecorder, hub: PictureHub) -> None:
    """Fill the picture from the store, so that a page sees after a restart what it saw before."""
    events: list[Event] = [*(await recorder.detections())[::-1]]
    events += [*await recorder.context(), *await recorder.sensors(), *await recorder.incidents()]
    events += [*await recorder.risks(), *await recorder.alerts(), *await recorder.courses()]
    events += [*await recorder.orders(), *await recorder.commands()]
    hub.picture.restore(events)
