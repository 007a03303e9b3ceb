"""From stream EVENTS to everything that remembers or shows: store, picture, waiting operators, signs, partners.

In order, one after the other. The store comes first: what it has recorded with the stream's position is never lost, and
what comes after can be done again from it. A backlog is recorded many messages at a time.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from s4allcities.awareness.picture import PictureHub, Replies
from s4allcities.bus import EVENTS, Bus, EnvelopeError, Message
from s4allcities.domain import Clock, Event, Heartbeat
from s4allcities.store.errors import StoreError
from s4allcities.store.recorder import EventRecorder

__all__ = ("Recording", "restore_picture")

log = structlog.get_logger(__name__)

Follower = Callable[[Sequence[Event]], Awaitable[None]]
Entry = tuple[int, list[Event]]

MOST_AT_ONCE = 256
"""Messages in one transaction, and read ahead, at most."""
RETRY_S = 1.0


class Recording:
    """Follows EVENTS from where the store stands. ``followers`` act on records once these are safe.

    ``unreadable`` counts messages that are none of ours and are passed over; ``failing`` says that the store takes
    nothing at present (a full disk): it is tried again until it does.
    """

    def __init__(
        self,
        bus: Bus,
        recorder: EventRecorder,
        hub: PictureHub,
        replies: Replies,
        clock: Clock,
        followers: Sequence[Follower] = (),
    ) -> None:
        self._bus = bus
        self._recorder = recorder
        self._hub = hub
        self._replies = replies
        self._clock = clock
        self._followers = tuple(followers)
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue(MOST_AT_ONCE)
        self.sequence = 0
        self.follower_errors = 0
        self.unreadable = 0
        self.failing = False

    async def run(self) -> None:
        """Record until cancelled or the bus is closed."""
        self.sequence = await self._recorder.last_sequence()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read())
            while entries := await self._next_entries():
                await self._take(entries)

    async def _read(self) -> None:
        async for message in self._bus.follow(EVENTS, [">"], after=self.sequence):
            await self._waiting.put(message)
        await self._waiting.put(None)

    async def _next_entries(self) -> list[Entry]:
        """Wait for a message and give it with all that has come behind it; nothing when the bus is closed."""
        messages = [await self._waiting.get()]
        while not self._waiting.empty() and messages[-1] is not None:
            messages.append(self._waiting.get_nowait())
        if messages[-1] is None and len(messages) > 1:
            self._waiting.put_nowait(None)
        return [(message.sequence, self._events(message)) for message in messages if message is not None]

    def _events(self, message: Message) -> list[Event]:
        try:
            events = message.envelope.events
        except EnvelopeError as error:
            self.unreadable += 1
            log.warning("a message of EVENTS cannot be read", sequence=message.sequence, error=str(error))
            return []
        return [event for event in events if not isinstance(event, Heartbeat)]

    async def _take(self, entries: Sequence[Entry]) -> None:
        full = [entry for entry in entries if entry[1]]
        if full:
            await self._insist(full)
            events = [event for _, some in full for event in some]
            self._hub.picture.apply(events)
            self._hub.publish(self._clock.now_us())
            self._replies.take(events)
            for follow in self._followers:
                await self._tell(follow, events)
        self.sequence = entries[-1][0]

    async def _insist(self, entries: Sequence[Entry]) -> None:
        """Record until the store has it: nothing is shown or done that could be forgotten."""
        while True:
            try:
                await self._recorder.record_all(entries)
            except (StoreError, sqlite3.OperationalError) as error:
                self.failing = True
                log.error("the store does not take records, trying again", error=str(error))
                await asyncio.sleep(RETRY_S)
            except Exception:
                await self._one_by_one(entries)
                return
            else:
                self.failing = False
                return

    async def _one_by_one(self, entries: Sequence[Entry]) -> None:
        """Find the message that cannot be recorded, whatever is in it, and go on without it."""
        if len(entries) > 1:
            for entry in entries:
                await self._insist([entry])
            return
        self.unreadable += 1
        log.exception("a message of EVENTS cannot be recorded", sequence=entries[0][0])

    async def _tell(self, follow: Follower, events: Sequence[Event]) -> None:
        """Let a follower act. One that fails is counted and shown, and never stops the record."""
        try:
            await follow(events)
        except Exception:
            self.follower_errors += 1
            log.exception("a follower of the record failed", kinds=sorted({type(e).__name__ for e in events}))


async def restore_picture(recorder: EventRecorder, hub: PictureHub) -> None:
    """Fill the picture from the store, so that a page sees after a restart what it saw before."""
    events: list[Event] = [*(await recorder.detections())[::-1]]
    events += [*await recorder.context(), *await recorder.sensors(), *await recorder.incidents()]
    events += [*await recorder.risks(), *await recorder.alerts(), *await recorder.courses()]
    events += [*await recorder.orders(), *await recorder.commands(), *await recorder.notifications()]
    hub.picture.restore(events, [msgspec.to_builtins(line) for line in await recorder.log()])
