"""Plays recorded files into the platform at any speed, or checks them without sending: every line accounted for."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from s4allcities.domain import US_PER_S, Clock, RawMessage, to_rfc3339

from .errors import ReplayError
from .sources.border import NAME, category_of, read_time, show
from .sources.json_auto.source import TIME_KEYS
from .sources.table import SourceTable
from .tabular import Columns, Line, read_lines, sensor_of

__all__ = ("Publish", "RejectedLine", "ReplayOptions", "ReplayReport", "replay")

Publish = Callable[[str, str, bytes], Awaitable[object]]
"""Takes (family, sensor, data) and returns when the message is stored: ``Bus.publish_raw``."""

MAX_KEPT_REJECTIONS = 1000
"""Lines and reasons kept in a report; all are counted."""
_CHUNK = 256
_SERIES = "series"


class ReplayOptions(Struct, frozen=True, kw_only=True):
    """How to play a file.

    ``speed`` 1 is as recorded, 10 ten times as fast, 0 as fast as it goes. ``family`` and ``sensor`` empty: the line's
    own ``family`` and ``sensor``, else guessed (EVE records are ``eve``, lines with text ``report``, others ``series``)
    and the file's name. ``retime`` moves the times so that the first line is now (needs a speed above 0).
    """

    speed: float = 0.0
    family: str = ""
    sensor: str = ""
    retime: bool = False
    columns: Columns = Columns()


class RejectedLine(Struct, frozen=True):
    """A line that was not accepted, and why."""

    line: int
    reason: str


class ReplayReport(Struct, frozen=True, kw_only=True):
    """What became of a file: ``lines`` (without a header) = ``accepted`` + ``rejected``."""

    file: str
    lines: int
    accepted: int
    rejected: int
    observations: int
    sent: int
    families: dict[str, int]
    reasons: dict[str, int]
    rejected_lines: tuple[RejectedLine, ...]


async def replay(
    path: Path,
    *,
    sources: SourceTable,
    clock: Clock,
    publish: Publish | None = None,
    options: ReplayOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> ReplayReport:
    """Play one file. Without ``publish`` it is only decoded. ``sources`` should let old times in (``max_age_s`` None).

    ``progress`` is called now and then with the number of lines done.

    :raises ReplayError: the file cannot be read, or an option does not fit.
    """
    options = options or ReplayOptions()
    _check(options)
    player = _Player(path, sources, clock, publish, options)
    for line in read_lines(path, options.columns):
        await player.take(line)
        if player.lines % _CHUNK == 0:
            if progress is not None:
                progress(player.lines)
            await asyncio.sleep(0)
    await player.flush()
    return player.report()


def _check(options: ReplayOptions) -> None:
    if not 0 <= options.speed < float("inf"):
        raise ReplayError(f"speed is {options.speed}; allowed are 0 (as fast as possible) and above")
    if options.retime and not options.speed:
        raise ReplayError("retime with speed 0; allowed is a speed above 0, or the file's own times")
    for what in ("family", "sensor"):
        name = getattr(options, what)
        if name and not NAME.fullmatch(name):
            raise ReplayError(f"{what} is {show(name)}; allowed are letters, digits, _ and -, up to 64")


class _Player:
    def __init__(
        self,
        path: Path,
        sources: SourceTable,
        clock: Clock,
        publish: Publish | None,
        options: ReplayOptions,
    ) -> None:
        self.path = path
        self.sources = sources
        self.clock = clock
        self.publish = publish
        self.options = options
        self.sensor = options.sensor or sensor_of(path)
        self.lines = self.accepted = self.observations = self.sent = 0
        self.reasons: Counter[str] = Counter()
        self.families: Counter[str] = Counter()
        self.rejected: list[RejectedLine] = []
        self._chunk: list[tuple[int, RawMessage]] = []
        self._first_us: int | None = None
        self._started_us = clock.now_us()

    def report(self) -> ReplayReport:
        return ReplayReport(
            file=self.path.name,
            lines=self.lines,
            accepted=self.accepted,
            rejected=self.reasons.total(),
            observations=self.observations,
            sent=self.sent,
            families=dict(self.families),
            reasons=dict(self.reasons),
            rejected_lines=tuple(self.rejected),
        )

    async def take(self, line: Line) -> None:
        self.lines += 1
        if line.refused:
            self._refuse(line.number, line.refused)
            return
        message = self._message(line)
        source = self.sources.pick(message.family, message.sensor)
        if source is None:
            self._refuse(line.number, f"no source: family {show(message.family)} is read by none")
            return
        decoded = source.decode(message)
        if decoded.rejected:
            self._refuse(line.number, decoded.rejected)
            return
        columns = decoded.columns
        rows = len(columns) if columns is not None else len(decoded.observations)
        self.families[message.family] += 1
        if self.publish is None:
            self.accepted += 1
            self.observations += rows
            return
        first_us = int(columns.t_us[0]) if columns is not None else decoded.observations[0].t_us
        message = await self._paced(message, line.item, first_us)
        self.observations += rows
        self._chunk.append((line.number, message))
        if self.options.speed or len(self._chunk) >= _CHUNK:
            await self.flush()

    def _message(self, line: Line) -> RawMessage:
        family = self.options.family or _own_name(line.item, "family")
        sensor = self.options.sensor or _own_name(line.item, "sensor")
        return RawMessage(
            family=family or _guess_family(line.item),
            sensor=sensor or self.sensor,
            data=line.data,
            t_received_us=self.clock.now_us(),
        )

    async def _paced(self, message: RawMessage, item: dict[str, Any], t_us: int) -> RawMessage:
        """Wait until the line is due, and give it its new time if asked to."""
        if not self.options.speed:
            return message
        if self._first_us is None:
            self._first_us = t_us
        due_us = self._started_us + int((t_us - self._first_us) / self.options.speed)
        ahead_us = due_us - self.clock.now_us()
        if ahead_us > 0:
            await self.clock.sleep(ahead_us / US_PER_S)
        if not self.options.retime:
            return message
        data = msgspec.json.encode(_retimed(item, due_us))
        return RawMessage(family=message.family, sensor=message.sensor, data=data, t_received_us=due_us)

    async def flush(self) -> None:
        """Send what is gathered, all at once and in order; what is not stored is rejected."""
        chunk, self._chunk = self._chunk, []
        if self.publish is None or not chunk:
            return
        calls = [self.publish(message.family, message.sensor, message.data) for _, message in chunk]
        for (number, _), outcome in zip(
            chunk, await asyncio.gather(*calls, return_exceptions=True), strict=True
        ):
            if isinstance(outcome, BaseException):
                self._refuse(number, f"not stored: {outcome}")
            else:
                self.accepted += 1
                self.sent += 1

    def _refuse(self, number: int, reason: str) -> None:
        self.reasons[category_of(reason)] += 1
        if len(self.rejected) < MAX_KEPT_REJECTIONS:
            self.rejected.append(RejectedLine(number, reason))


def _own_name(item: dict[str, Any], key: str) -> str:
    """Give the line's own family or sensor when it has one that can be used."""
    name = item.get(key)
    return name if isinstance(name, str) and NAME.fullmatch(name) else ""


def _guess_family(item: dict[str, Any]) -> str:
    if "event_type" in item and "timestamp" in item:
        return "eve"
    return "report" if isinstance(item.get("text"), str) else _SERIES


def _retimed(item: dict[str, Any], t_us: int) -> dict[str, Any]:
    if "event_type" in item:
        return item | {"timestamp": to_rfc3339(t_us)}
    kept = {key: value for key, value in item.items() if key not in TIME_KEYS}
    columns = next((item[key] for key in TIME_KEYS if isinstance(item.get(key), list)), None)
    if columns is None:
        return kept | {"t_us": t_us}
    # In columns each reading keeps its distance to the first.
    first_us = read_time(columns[0])
    return kept | {"t_us": [t_us + read_time(each) - first_us for each in columns]}
