"""The Protocols at which rooms and plug-ins meet."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from .events import Event
from .observation import Columns, Observation, ObservationBatch
from .response import CourseOfAction, Order

__all__ = (
    "Clock",
    "Decoded",
    "Exchange",
    "Input",
    "Playbook",
    "RawMessage",
    "SnapshotStore",
    "Source",
    "Stage",
)

Input = ObservationBatch | Sequence[Event]
"""What one step of a stage gets: one message of stream OBS or of stream EVENTS."""

S = TypeVar("S")


class Clock(Protocol):
    """Tells the time. Passed in wherever time matters; a demo runs it faster, a test by hand."""

    def now_us(self) -> int:
        """Give microseconds since the Unix epoch, UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long on this clock."""


class RawMessage(Struct, frozen=True, kw_only=True):
    """A device message as it came: ``sequence`` is its place in its ``partition`` of stream RAW, or its number at the
    edge's own door (partition -1); 0 if it has none.
    """

    family: str
    sensor: str
    data: bytes
    t_received_us: int
    sequence: int = 0
    partition: int = 0


class Decoded(Struct, frozen=True, kw_only=True):
    """What a source made of one raw message: readings one by one or in columns, or the one reason why not."""

    observations: tuple[Observation, ...] = ()
    columns: Columns | None = None
    rejected: str = ""


@runtime_checkable
class Source(Protocol):
    """Turns a device family's messages into observations; bad input becomes ``Decoded.rejected``, no exception."""

    name: str
    families: tuple[str, ...]

    def decode(self, message: RawMessage) -> Decoded:
        """Decode and validate one message."""


@runtime_checkable
class Stage(Protocol[S]):
    """A pure step of the pipeline: all that changes is in ``state``, which belongs to the runner.

    ``inputs`` are subject suffixes it reads, all of one stream: ``("obs.>",)`` or ``("det.>", "health.>")``.
    ``heavy`` stages may compute for more than 5 ms and are run off the event loop.
    """

    name: str
    inputs: tuple[str, ...]
    heavy: bool

    def start(self) -> S:
        """Give the state before any input."""

    def step(self, state: S, batch: Any, now_us: int) -> list[Event]:
        """Take one message in, change ``state`` in place, give what follows from it. ``now_us`` is the platform's time
        when the message was published; an empty batch means that time has passed.
        """

    def snapshot(self, state: S) -> bytes:
        """Freeze the state."""

    def restore(self, data: bytes) -> S:
        """Thaw what `snapshot` gave."""


@runtime_checkable
class SnapshotStore(Protocol):
    """Keeps a stage's state together with the last stream sequence it contains."""

    async def save(self, stage: str, partition: int, sequence: int, state: bytes) -> None:
        """Replace the snapshot in one transaction."""

    async def load(self, stage: str, partition: int) -> tuple[int, bytes] | None:
        """Give (sequence, state), or None before the first save."""


@runtime_checkable
class Playbook(Protocol):
    """Proposes courses of action for an incident."""

    name: str
    hypotheses: tuple[str, ...]

    def propose(self, incident: Any, situation: Any, now_us: int) -> list[CourseOfAction]:
        """Give options, best first; empty when it has nothing to offer."""


@runtime_checkable
class Exchange(Protocol):
    """Shares records with partners in an outside format."""

    name: str

    async def share(self, events: Sequence[Event | Order]) -> None:
        """Send or write what the partner may see."""

    def stream(self) -> AsyncIterator[Event]:
        """Give what the partner sends."""
