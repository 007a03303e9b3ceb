"""Follows Suricata's EVE logs as ``tail -F`` does and puts each line on stream RAW, as if the sensor had sent it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import IO

import msgspec
import structlog
from msgspec import Struct

from s4allcities.edge.sources.border import MAX_EVE_BYTES

from .config import EveFile

__all__ = ("EveFollower", "Place")

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.25
MOST_LINES = 64
"""Lines under way to the bus at a time; the place is written after each such lot."""
RETRY_S = 1.0
_READ_BYTES = 1 << 20
_MOST_BYTES = MAX_EVE_BYTES + 1

PublishRaw = Callable[[str, str, bytes], Awaitable[int]]


class Place(Struct, frozen=True):
    """How far a file was read: which file (its number on the disk) and up to which byte."""

    inode: int
    offset: int


class EveFollower:
    """Follows one log through rotation (rename and new file) and truncation.

    A log seen for the first time is read from its end: what is old is no news. Later, reading goes on where it stopped;
    a rotated log whose rest was not read while the platform was down is lost, as with ``tail -F``. After a crash the
    last lot may be published twice. A line that is too long is cut, and the edge refuses it with that reason.
    """

    def __init__(self, config: EveFile, folder: Path, publish: PublishRaw) -> None:
        self.lines = 0
        self._config = config
        self._path = Path(config.path)
        self._place_path = folder / f"{config.sensor}.json"
        self._publish = publish
        self._file: IO[bytes] | None = None
        self._place = Place(0, 0)
        self._rest = b""
        self._cut = 0  # bytes of the present line that were not kept

    async def run(self) -> None:
        """Follow until cancelled. A log that is not there is waited for; a bus that is away, too."""
        try:
            self._place = self._first_place()
            while True:
                try:
                    await self.look()
                except OSError as error:
                    log.warning("EVE log cannot be read", path=str(self._path), error=repr(error))
                    self._close()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._close()

    async def look(self) -> None:
        """Publish what is new."""
        if self._file is None and not self._open():
            return
        await self._read_on()
        if self._moved():
            await self._read_on()  # what was written between the last read and the rotation
            self._close()
            if self._open():
                await self._read_on()

    def _first_place(self) -> Place:
        try:
            return msgspec.json.decode(self._place_path.read_bytes(), type=Place)
        except (OSError, msgspec.MsgspecError):
            pass
        try:
            found = self._path.stat()
        except OSError:
            return Place(0, 0)
        return Place(found.st_ino, found.st_size)

    def _open(self) -> bool:
        try:
            self._file = self._path.open("rb")
        except FileNotFoundError:
            return False
        found = os.fstat(self._file.fileno())
        known = found.st_ino == self._place.inode and found.st_size >= self._place.offset
        self._place = Place(found.st_ino, self._place.offset if known else 0)
        self._file.seek(self._place.offset)
        self._rest, self._cut = b"", 0
        return True

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _moved(self) -> bool:
        """Whether the name leads to another file now, or the file became shorter than what was read."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False  # renamed, and the new one is not there yet
        return found.st_ino != self._place.inode or found.st_size < self._place.offset

    async def _read_on(self) -> None:
        assert self._file is not None
        while data := await asyncio.to_thread(self._file.read, _READ_BYTES):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for first in range(0, len(lines), MOST_LINES):
                await self._send(lines[first : first + MOST_LINES])
            # A line without an end would fill the memory; its start is enough to refuse it.
            self._cut += max(0, len(self._rest) - _MOST_BYTES)
            self._rest = self._rest[:_MOST_BYTES]

    async def _send(self, lines: Sequence[bytes]) -> None:
        await asyncio.gather(*[self._insist(line[:_MOST_BYTES]) for line in lines if line.strip()])
        self.lines += len(lines)
        read = sum(len(line) + 1 for line in lines) + self._cut
        self._cut = 0
        self._place = Place(self._place.inode, self._place.offset + read)
        await asyncio.to_thread(self._keep)

    async def _insist(self, line: bytes) -> None:
        while True:
            try:
                await self._publish("eve", self._config.sensor, line)
            except Exception as error:  # the bus is away: the line waits, and so does the file
                log.warning("EVE line not taken yet", sensor=self._config.sensor, error=repr(error))
                await asyncio.sleep(RETRY_S)
            else:
                return

    def _keep(self) -> None:
        self._place_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._place_path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(self._place))
        part.replace(self._place_path)
