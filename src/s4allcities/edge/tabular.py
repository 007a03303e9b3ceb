"""Reads recorded files line by line: CSV and JSON lines, plain or gzipped. Every line gives a message or a reason."""

import csv
import gzip
import io
import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .errors import ReplayError
from .sources.border import MAX_EVE_BYTES, Refused, decode_json, finite, read_time, show
from .sources.json_auto.source import TIME_KEYS

__all__ = ("Columns", "Line", "read_lines", "sensor_of")

MAX_RECORD_LINES = 50
"""A quoted field may hold that many line ends; a quote open for longer is a damaged line."""

_PERSONAL = frozenset(
    {"author", "user", "username", "user_name", "account", "sender", "from", "email", "phone"}
)
_TEXT = frozenset({"message", "msg", "body", "text"})
_TIME = (*TIME_KEYS, "datetime", "date_time")
_DROPPED = "drop"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_SUFFIXES = (".gz", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt")


class Columns(Struct, frozen=True, kw_only=True):
    """How a CSV file is read where guessing would not do.

    ``time`` is the time column's name, ``time_format`` its strptime form if it is none of the usual. ``rename`` is
    column -> quantity, or ``drop``. Columns of people's names get pseudonyms made with ``key`` (the same name, the same
    pseudonym, as long as the key is the same) and are left out without a key.
    """

    time: str = ""
    time_format: str = ""
    rename: dict[str, str] = {}
    key: bytes = b""


class Line(Struct, frozen=True):
    """One line of a file (a CSV record with line ends inside counts once, at its first line).

    ``data`` is the message as JSON, ``item`` the same decoded, or ``refused`` says why there is none.
    """

    number: int
    data: bytes = b""
    item: Any = None
    refused: str = ""


def sensor_of(path: Path) -> str:
    """Give the sensor name that a file stands for.

    >>> sensor_of(Path("data/eve test.json.gz"))
    'eve_test'
    """
    name = path.name
    while name.lower().endswith(_SUFFIXES):
        name = name[: name.rindex(".")]
    return _NOT_IN_NAMES.sub("_", name).strip("_")[:64] or "file"


def read_lines(path: Path, columns: Columns) -> Iterator[Line]:
    """Read a file; a CSV file's header is not among the lines.

    :raises ReplayError: no such file, an empty one, or a column asked for that it lacks.
    """
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield from _records(enumerate(iter(file.readline, b""), 1), path, columns)
    except (OSError, EOFError) as error:
        raise ReplayError(f"{path}: cannot be read: {error}") from error


def _records(lines: Iterator[tuple[int, bytes]], path: Path, columns: Columns) -> Iterator[Line]:
    number, first = next(lines, (1, b""))
    if not first:
        raise ReplayError(f"{path}: empty; allowed are CSV or JSON lines")
    first = first.removeprefix(b"\xef\xbb\xbf")
    if first.lstrip()[:1] in (b"{", b"["):
        yield _json_line(number, first)
        for number, line in lines:
            yield _json_line(number, line)
    else:
        yield from _csv_lines(number, first, lines, path, columns)


def _json_line(number: int, line: bytes) -> Line:
    line = line.strip()
    if not line:
        return Line(number, refused="empty line: nothing in it")
    try:
        item = decode_json(line, MAX_EVE_BYTES)
    except Refused as refusal:
        return Line(number, refused=str(refusal))
    if not isinstance(item, dict):
        return Line(number, refused=f"not an object: {show(item)}; allowed is one object a line")
    return Line(number, line, item)


# --- CSV ------------------------------------------------------------------------------------------


def _text_of(line: bytes) -> str:
    """Decode UTF-8; a line that is none is taken as Windows-1252, the usual other one."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


def _csv_lines(
    number: int, first: bytes, lines: Iterator[tuple[int, bytes]], path: Path, columns: Columns
) -> Iterator[Line]:
    header = _text_of(first)
    delimiter = max(",;\t", key=header.count)
    try:
        cells = _cells(header, delimiter)
    except Refused as refusal:
        raise ReplayError(f"{path}: line {number}: {refusal}") from refusal
    headed = not any(_is_number_or_time(cell) for cell in cells)
    reader = _CsvReader(cells if headed else _made_up(len(cells)), delimiter, path, columns)
    if not headed:
        yield reader.line(number, header)
    yield from (reader.line(at, text) for at, text in _whole_records(lines, delimiter))


def _whole_records(lines: Iterator[tuple[int, bytes]], delimiter: str) -> Iterator[tuple[int, str]]:
    """Give each record with the number of its first line: lines are joined while a quoted field is open.

    A quote that never closes makes its own line a record of its own, and the lines after it theirs.
    """
    waiting: deque[tuple[int, bytes]] = deque()
    while head := waiting.popleft() if waiting else next(lines, None):
        text = joined = _text_of(head[1])
        more: list[tuple[int, bytes]] = []
        while _is_open(joined, delimiter) and len(more) < MAX_RECORD_LINES:
            line = waiting.popleft() if waiting else next(lines, None)
            if line is None:
                break
            more.append(line)
            joined += _text_of(line[1])
        if _is_open(joined, delimiter):
            waiting.extendleft(reversed(more))
            joined = text
        yield head[0], joined


def _is_open(text: str, delimiter: str) -> bool:
    """Tell whether a record ends inside a quoted field; only a quote at the start of a field opens one."""
    if text.count('"') % 2 == 0:
        return False
    quoted, at_start, closed = False, True, False
    for letter in text:
        if quoted:
            quoted, closed = letter != '"', letter == '"'
        else:
            quoted = letter == '"' and (at_start or closed)
            at_start, closed = letter == delimiter, False
    return quoted


def _cells(text: str, delimiter: str) -> list[str]:
    """Split one record; quotes inside a field that does not start with one are plain characters.

    :raises Refused: an open quote, or nothing that can be split.
    """
    if _is_open(text, delimiter):
        raise Refused(f"unclosed quote: {show(text.strip())}; allowed are quotes in pairs")
    try:
        return [
            cell.strip() for cell in next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        ]
    except csv.Error as error:
        raise Refused(f"not CSV: {error}") from error


def _made_up(n: int) -> list[str]:
    return ["t", "value"] if n == 2 else ["t", *(f"column_{i}" for i in range(2, n + 1))]


def _is_number_or_time(cell: str) -> bool:
    try:
        float(cell)
        return True
    except ValueError:
        pass
    try:
        read_time(cell)
        return True
    except Refused:
        return False


class _CsvReader:
    """Turns the cells of one file's records into messages."""

    def __init__(self, header: list[str], delimiter: str, path: Path, columns: Columns) -> None:
        self.columns = columns
        self.delimiter = delimiter
        plain = [name.partition("(")[0].strip().lower() for name in header]
        rename = {key.strip().lower(): value for key, value in columns.rename.items()}
        wanted = (columns.time.strip().lower(),) if columns.time else _TIME
        self.time_at = next((plain.index(name) for name in wanted if name in plain), None)
        if columns.time and self.time_at is None:
            raise ReplayError(f"{path}: no column {columns.time!r}; there are {', '.join(header)[:300]}")
        unknown = sorted(rename.keys() - set(plain))
        if unknown:
            raise ReplayError(f"{path}: no column {unknown[0]!r}; there are {', '.join(header)[:300]}")
        self.names = [rename.get(name, "text" if name in _TEXT else name or "value") for name in plain]
        self.personal = {i for i, name in enumerate(plain) if name in _PERSONAL and name not in rename}

    def line(self, number: int, text: str) -> Line:
        if not text.strip():
            return Line(number, refused="empty line: nothing in it")
        try:
            item = self._item(_cells(text, self.delimiter))
        except Refused as refusal:
            return Line(number, refused=str(refusal))
        return Line(number, msgspec.json.encode(item), item)

    def _item(self, cells: list[str]) -> dict[str, Any]:
        if len(cells) != len(self.names):
            raise Refused(f"wrong columns: {len(cells)} in this line; allowed are {len(self.names)}")
        item: dict[str, Any] = {}
        for i, cell in enumerate(cells):
            if i == self.time_at:
                item["t_us"] = self._time(cell)
            elif cell and self.names[i] != _DROPPED:
                self._put(item, i, cell)
        return item

    def _put(self, item: dict[str, Any], i: int, cell: str) -> None:
        name = self.names[i]
        if i in self.personal:
            if self.columns.key:
                item[name] = "p_" + blake2b(cell.encode(), key=self.columns.key, digest_size=6).hexdigest()
            return
        try:
            number = float(cell)
        except ValueError:
            item[name] = cell
            return
        item[name] = cell if name == "text" else finite(number, name)

    def _time(self, cell: str) -> int:
        if not self.columns.time_format:
            return read_time(cell, self.names[self.time_at or 0])
        try:
            moment = datetime.strptime(cell, self.columns.time_format)
        except ValueError:
            raise Refused(f"bad time: {show(cell)}; allowed is the form {self.columns.time_format}") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return read_time(moment.isoformat())
