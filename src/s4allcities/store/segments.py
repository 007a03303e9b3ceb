"""The Parquet files of the history: written whole or not at all, named with their checksum, found by time.

A file lies at ``<family>/<YYYY-MM-DD>/<flush>-<crc32>.parquet``. One flush may write several files; the marker
``committed.json`` names the last flush that is complete and the stream sequence it reaches, so that files of a flush
cut short are removed at the next start and their rows come again from the stream: each row once.
"""

import json
import os
import re
import zlib
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from .duck import duck_error
from .errors import HistoryError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = (
    "DAY_US",
    "UNDATED",
    "Columns",
    "Segment",
    "SegmentFiles",
    "SeriesName",
    "day_of",
    "day_start_us",
    "forget_marker_position",
    "names_a_folder",
    "peek",
)

DAY_US = 86_400_000_000
UNDATED = "undated"
"""The day of rows whose clock is far off: before 1970 or after 2199."""

_LAST_DAY = 84_005
_NAME = re.compile(r"(m?)(\d{12})-([0-9a-f]{8})\.parquet")
_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARKER = "committed.json"
_FORM = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd"
"""Version 2 has byte-stream split for doubles and deltas for times: smaller and quicker than version 1."""

Columns = dict[str, NDArray[Any]]
"""``series`` (n,) u8, ``t_us`` (n,) i8, ``value`` (n,) f8, ``quality`` (n,) u1, sometimes ``payload`` (n,) bytes."""


class SeriesName(msgspec.Struct, frozen=True, array_like=True):
    """What the number of a series stands for."""

    sensor: str
    quantity: str
    unit: str = ""
    zone: str = ""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the history."""

    path: Path
    family: str
    day: str
    flush: int
    rows: int
    t_first_us: int
    t_last_us: int

    @property
    def merged(self) -> bool:
        """Whether it was made of other files."""
        return self.path.name.startswith("m")


class _Header(msgspec.Struct, kw_only=True):
    """What a file says about itself, in its Parquet key-value metadata ``s4``."""

    rows: int
    t_first_us: int
    t_last_us: int
    series: dict[str, SeriesName]
    replaces: tuple[str, ...] = ()


def day_of(days: int) -> str:
    """Give the name of a day by its number since 1970-01-01.

    >>> day_of(19675), day_of(-1)
    ('2023-11-14', 'undated')
    """
    if not 0 <= days < _LAST_DAY:
        return UNDATED
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)).date().isoformat()


def names_a_folder(family: str) -> bool:
    """Tell whether a family's name can be a folder's: letters, digits, ``_`` and ``-``, at most 64."""
    return _FAMILY.fullmatch(family) is not None


def day_start_us(day: str) -> int:
    """Give when a named day begins; far in the past for ``undated``."""
    if day == UNDATED:
        return -(1 << 62)
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000


def forget_marker_position(directory: Path) -> None:
    """Set a history's stream position to the beginning; its files stay. Nothing to do where there is no history."""
    path = directory / _MARKER
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({"flush": int(found["flush"]), "sequence": 0}), encoding="utf-8")


def peek(
    connection: "DuckDBPyConnection", directory: Path, days: Collection[str] | None = None
) -> tuple[list[Segment], dict[int, SeriesName], dict[int, set[Path]]]:
    """Give committed files (of these days; None = all), series' names, and the files of each series. Changes nothing.

    For readers beside a running platform: what it merges or removes meanwhile is gone when it is read.

    :raises HistoryError: there is no history, or it cannot be read.
    """
    try:
        marker = json.loads((directory / _MARKER).read_text(encoding="utf-8"))
        paths = [
            path
            for path in sorted(directory.glob("*/*/*.parquet"))
            if (match := _NAME.fullmatch(path.name))
            and int(match[2]) <= int(marker["flush"])
            and (days is None or path.parent.name in days)
        ]
        headers = _headers(connection, paths) if paths else {}
    except FileNotFoundError as error:
        raise HistoryError(f"{directory}: no history there") from error
    except (OSError, ValueError, KeyError, TypeError, duck_error()) as error:
        raise HistoryError(f"{directory}: cannot read the history: {error}") from error
    replaced = {name for header in headers.values() for name in header.replaces}
    names: dict[int, SeriesName] = {}
    found: dict[int, set[Path]] = {}
    segments = []
    for path, header in headers.items():
        if path.name in replaced:
            continue
        segments.append(_segment(path, int(path.stem[-21:-9]), header))
        for number, name in header.series.items():
            names[int(number)] = name
            found.setdefault(int(number), set()).add(path)
    return segments, names, found


def _headers(connection: "DuckDBPyConnection", paths: Sequence[Path]) -> dict[Path, _Header]:
    rows = connection.execute(
        "SELECT file_name, value FROM parquet_kv_metadata($files) WHERE key = 's4' ORDER BY file_name",
        {"files": [str(path) for path in paths]},
    ).fetchall()
    return {Path(name): msgspec.json.decode(value, type=_Header) for name, value in rows}


class SegmentFiles:
    """The files under one directory and the index of them.

    `write`, `merge` and `commit` touch the disk only and may run in another thread; the index belongs to one thread.

    :raises HistoryError: the directory cannot be used.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.segments: list[Segment] = []
        self.names: dict[int, SeriesName] = {}
        self.families: dict[int, set[str]] = {}
        self.damaged = 0
        self.flush = 0
        self.sequence = 0

    def open(self, connection: "DuckDBPyConnection") -> None:
        """Make the directory, undo a flush cut short, set damaged files aside (``*.damaged``), read the index."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._read_marker()
            for path in self.directory.rglob("*.tmp"):
                path.unlink()
            replaced = self._index(connection)
        except OSError as error:
            raise HistoryError(f"{self.directory}: cannot use the history: {error}") from error
        gone = [segment for segment in self.segments if segment.path.name in replaced]
        self.forget(gone)
        self.delete(gone)

    def write(
        self,
        connection: "DuckDBPyConnection",
        family: str,
        day: str,
        flush: int,
        columns: Columns,
    ) -> Segment:
        """Write one file of a flush; it counts only after `commit`."""
        d = columns  # DuckDB finds the arrays by this name
        assert d is not None
        t_us = columns["t_us"]
        header = self._header(np.unique(columns["series"]), len(t_us), int(t_us.min()), int(t_us.max()))
        return self._store(connection, "SELECT * FROM d", {"d": d}, family, day, f"{flush:012d}", header)

    def merge(self, connection: "DuckDBPyConnection", parts: Sequence[Segment]) -> Segment:
        """Write one file, ordered by series and time, in place of several of one family and day.

        The new file names those it replaces: if the program ends before they are gone, the next start removes them.
        """
        source = f"read_parquet({_paths(parts)}, union_by_name = true)"
        found = connection.execute(f"SELECT DISTINCT series FROM {source}").fetchnumpy()["series"]
        header = self._header(
            np.asarray(found),
            sum(part.rows for part in parts),
            min(part.t_first_us for part in parts),
            max(part.t_last_us for part in parts),
        )
        header.replaces = tuple(part.path.name for part in parts)
        flush = max(part.flush for part in parts)
        select = f"SELECT * FROM {source} ORDER BY series, t_us"
        return self._store(connection, select, {}, parts[0].family, parts[0].day, f"m{flush:012d}", header)

    def commit(self, flush: int, sequence: int) -> None:
        """Make the files of a flush count: from here on the stream is followed after ``sequence``."""
        self._write_marker(flush, sequence)

    def accept(self, segments: Iterable[Segment], flush: int, sequence: int) -> None:
        """Take committed files into the index."""
        self.flush, self.sequence = flush, sequence
        self.segments.extend(segments)

    def forget(self, segments: Iterable[Segment]) -> None:
        """Take files out of the index."""
        paths = {segment.path for segment in segments}
        self.segments = [segment for segment in self.segments if segment.path not in paths]

    @staticmethod
    def delete(segments: Collection[Segment]) -> int:
        """Delete files that were forgotten; give how many rows went with them."""
        for segment in segments:
            segment.path.unlink(missing_ok=True)
            _remove_if_empty(segment.path.parent)
        return sum(segment.rows for segment in segments)

    def select(self, series: Collection[int] | None, t_from_us: int, t_to_us: int) -> list[Segment]:
        """Give the files that may hold rows of these series (None = any) in ``t_from_us`` <= t < ``t_to_us``."""
        families = None if series is None else {f for each in series for f in self.families.get(each, ())}
        return [
            segment
            for segment in self.segments
            if segment.t_first_us < t_to_us
            and segment.t_last_us >= t_from_us
            and (families is None or segment.family in families)
        ]

    def check(self) -> list[str]:
        """Compare every file with the checksum in its name; give a line for each that differs or is missing."""
        wrong = []
        for segment in self.segments:
            try:
                if _crc(segment.path) != segment.path.stem[-8:]:
                    wrong.append(f"{segment.path}: damaged: its content does not match its checksum")
            except OSError as error:
                wrong.append(f"{segment.path}: cannot be read: {error}")
        return wrong

    def note_family(self, series: int, family: str) -> None:
        """Remember that a series occurs in a family."""
        self.families.setdefault(series, set()).add(family)

    def _header(self, series: NDArray[Any], rows: int, t_first_us: int, t_last_us: int) -> _Header:
        names = {str(number): self.names[int(number)] for number in series}
        return _Header(rows=rows, t_first_us=t_first_us, t_last_us=t_last_us, series=names)

    def _store(
        self,
        connection: "DuckDBPyConnection",
        select: str,
        frames: dict[str, Columns],
        family: str,
        day: str,
        stem: str,
        header: _Header,
    ) -> Segment:
        if not _FAMILY.fullmatch(family):
            raise HistoryError(
                f"family {family!r} cannot name a folder; allowed are letters, digits, _ and -"
            )
        folder = self.directory / family / day
        temporary = folder / f"{stem}.tmp"
        text = msgspec.json.encode(header).decode().replace("'", "''")
        options = f"{_FORM}, KV_METADATA {{s4: '{text}'}}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, columns in frames.items():
                connection.register(name, columns)
            connection.execute(f"COPY ({select}) TO {_quoted(temporary)} ({options})")
            path = folder / f"{stem}-{_crc(temporary)}.parquet"
            _sync(temporary)
            temporary.rename(path)
            _sync(folder)
        except (OSError, duck_error()) as error:
            temporary.unlink(missing_ok=True)
            raise HistoryError(f"{folder}: cannot write the history: {error}") from error
        finally:
            for name in frames:
                connection.unregister(name)
        return _segment(path, int(stem[-12:]), header)

    def _index(self, connection: "DuckDBPyConnection") -> set[str]:
        """Read what every committed file says of itself; give the names of files that others replace."""
        replaced: set[str] = set()
        for path in sorted(self.directory.glob("*/*/*.parquet")):
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue  # not ours
            if int(match[2]) > self.flush:
                path.unlink()
                continue
            header = self._read_header(connection, path)
            if header is not None:
                self._take_in(path, int(match[2]), header)
                replaced.update(header.replaces)
        return replaced

    def _read_header(self, connection: "DuckDBPyConnection", path: Path) -> _Header | None:
        try:
            rows = connection.execute(
                f"SELECT value FROM parquet_kv_metadata({_quoted(path)}) WHERE key = 's4'"
            ).fetchall()
            return msgspec.json.decode(rows[0][0], type=_Header)
        except (duck_error(), msgspec.MsgspecError, IndexError):
            self.damaged += 1
            path.rename(path.with_suffix(".damaged"))
            return None

    def _take_in(self, path: Path, flush: int, header: _Header) -> None:
        segment = _segment(path, flush, header)
        self.segments.append(segment)
        for number, name in header.series.items():
            self.names[int(number)] = name
            self.note_family(int(number), segment.family)

    def _read_marker(self) -> None:
        path = self.directory / _MARKER
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            self.flush, self.sequence = int(found["flush"]), int(found["sequence"])
            return
        # Files without a marker: someone removed it. Keep what is there.
        numbers = [int(m[2]) for p in self.directory.glob("*/*/*.parquet") if (m := _NAME.fullmatch(p.name))]
        self.flush = max(numbers, default=0)
        self._write_marker(self.flush, 0)

    def _write_marker(self, flush: int, sequence: int) -> None:
        temporary = self.directory / f"{_MARKER}.tmp"
        temporary.write_text(json.dumps({"flush": flush, "sequence": sequence}), encoding="utf-8")
        _sync(temporary)
        temporary.rename(self.directory / _MARKER)
        _sync(self.directory)


def _segment(path: Path, flush: int, header: _Header) -> Segment:
    return Segment(
        path=path,
        family=path.parent.parent.name,
        day=path.parent.name,
        flush=flush,
        rows=header.rows,
        t_first_us=header.t_first_us,
        t_last_us=header.t_last_us,
    )


def _paths(segments: Iterable[Segment]) -> str:
    return "[" + ", ".join(_quoted(segment.path) for segment in segments) + "]"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _crc(path: Path) -> str:
    return f"{zlib.crc32(path.read_bytes()):08x}"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # other files are in it
