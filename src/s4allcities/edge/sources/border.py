"""What holds for every message at the border: size, depth, number of fields, time, finite numbers, UTF-8.

A source calls these readers; what they refuse they raise as `Refused`, whose text is the one clear line that goes into
``Decoded.rejected``. Its form is ``<category>: <detail>``: the category is one of a few words and is what is counted.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from s4allcities.domain import US_PER_S, Columns, Decoded, Observation, RawMessage, from_rfc3339, to_rfc3339

__all__ = (
    "MAX_AGE_S",
    "MAX_DEPTH",
    "MAX_EVE_BYTES",
    "MAX_FIELDS",
    "MAX_FUTURE_S",
    "MAX_KEY_CHARS",
    "MAX_MESSAGE_BYTES",
    "MAX_ROWS",
    "MAX_TEXT_CHARS",
    "NAME",
    "Refused",
    "category_of",
    "check_time",
    "decode_json",
    "finite",
    "guarded",
    "read_quality",
    "read_time",
    "show",
)

MAX_MESSAGE_BYTES = 64 * 1024
MAX_EVE_BYTES = 256 * 1024
"""Suricata's ``stats`` records are long; no other family may send as much."""
MAX_DEPTH = 4
"""Levels of objects inside objects that are flattened; deeper ones are refused."""
MAX_FIELDS = 256
"""Fields of one message, at all levels together."""
MAX_ROWS = 500
"""Readings of one message: it is never split, so it must fit one batch."""
MAX_KEY_CHARS = 64
MAX_TEXT_CHARS = 4096
MAX_AGE_S = 24 * 3600.0
MAX_FUTURE_S = 60.0
"""How far a device's clock may run ahead of ours."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a family and a sensor may be called: one level of an MQTT topic that stays one token of the bus's subject."""

_SHOWN_CHARS = 60
_CALENDAR_DIGITS = 14  # yyyyMMddHHmmss, as many logs write it
_QUALITY = {"good": 0, "ok": 0, "suspect": 1, "uncertain": 1, "bad": 2, "invalid": 2, 0: 0, 1: 1, 2: 2}


class Refused(Exception):
    """Raised inside a source when a message is not acceptable; `guarded` turns it into ``Decoded.rejected``."""


def show(value: object) -> str:
    """Quote a value from outside for a message: one line, printable, at most 60 characters.

    >>> show("a\\nb")
    "'a\\\\nb'"
    """
    if isinstance(value, str | bytes):
        value = value[:_SHOWN_CHARS]
    elif isinstance(value, int) and value.bit_length() > 256:  # too long to be written out
        return f"an integer of {value.bit_length()} bits"
    elif isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 3] + "..."


def category_of(rejected: str) -> str:
    """Give the countable part of a rejection.

    >>> category_of("too old: 2020-01-01T00:00:00 is more than 24 h ago")
    'too old'
    """
    return rejected.partition(":")[0][:_SHOWN_CHARS]


def guarded(read: Callable[[RawMessage], tuple[Observation, ...] | Columns], message: RawMessage) -> Decoded:
    """Run a reader over one message; what it refuses becomes ``Decoded.rejected``."""
    try:
        found = read(message)
    except Refused as refusal:
        return Decoded(rejected=str(refusal))
    return Decoded(columns=found) if isinstance(found, Columns) else Decoded(observations=found)


def decode_json(data: bytes, max_bytes: int = MAX_MESSAGE_BYTES) -> Any:
    """Read JSON in UTF-8 (a byte order mark is passed over).

    :raises Refused: longer than ``max_bytes``, not UTF-8, not JSON, or a number that is not finite.
    """
    if len(data) > max_bytes:
        raise Refused(f"too large: {len(data)} bytes; allowed are {max_bytes}")
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Refused(_why_not_json(data, error)) from None


def _why_not_json(data: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"too deep: objects inside objects; allowed are {MAX_DEPTH} levels"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: byte {show(error.object[error.start : error.start + 1])}; allowed is UTF-8"
    if "out of range" in str(error):
        return "not finite: a number is too large for 64 bits; allowed are finite numbers"
    if any(word in data for word in (b"NaN", b"nan", b"Infinity", b"inf")):
        return (
            "not finite: NaN or Infinity in the message; allowed are finite numbers (leave a missing one out)"
        )
    return f"not JSON: {error}"[:200]


def finite(value: float | int, where: str) -> float:
    """Give the number as a float.

    :raises Refused: NaN, infinite, or an integer beyond the range of a float.
    """
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused(f"not finite: {show(where)} is {show(value)}; allowed are finite numbers")
    return number


def read_time(value: object, key: str = "t") -> int:
    """Read a time in any of the usual forms, in microseconds since the epoch.

    Text: ISO 8601 / RFC 3339 (naive = UTC), ``yyyyMMddHHmmss``, or digits. Numbers: seconds, milliseconds,
    microseconds or nanoseconds since the epoch, told apart by their size (all times from 1973 on); under the key
    ``t_us`` always microseconds.

    >>> read_time("2023-11-14T22:13:20.25Z") == read_time(1700000000.25) == read_time(1700000000250)
    True
    >>> read_time("20140123170000")
    1390496400000000

    :raises Refused: not a time.
    """
    try:
        if isinstance(value, str):
            return _time_of_text(value.strip(), key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _time_of_number(value, key)
    except (ValueError, OverflowError):
        pass
    raise Refused(
        f"bad time: {show(key)} is {show(value)}; allowed are RFC 3339 or seconds, ms or us since 1970"
    )


def _time_of_text(text: str, key: str) -> int:
    if not text[:8].isdecimal():
        return from_rfc3339(text)
    digits = text.replace(".", "", 1)
    if len(text) == _CALENDAR_DIGITS and text.isdecimal():
        return from_rfc3339(f"{text[:8]}T{text[8:]}")
    if digits.isdecimal() and len(digits) > len("yyyyMMdd"):
        return _time_of_number(float(text) if "." in text else int(text), key)
    return from_rfc3339(text)


def _time_of_number(value: float, key: str) -> int:
    size = abs(value)
    if key == "t_us" or 1e14 <= size < 1e17:
        return int(value)
    if size >= 1e17:
        return int(value) // 1000
    return round(value * (1000 if size >= 1e11 else US_PER_S))


def check_time(t_us: int, now_us: int, max_age_s: float | None) -> int:
    """Give the time back when it is near enough to ``now_us``. ``max_age_s`` None: as old as 1970 (replay of files).

    :raises Refused: too old, or more than 60 s in the future.
    """
    if t_us > now_us + MAX_FUTURE_S * US_PER_S:
        raise Refused(f"in the future: {_shown_time(t_us)}; allowed is our time + {MAX_FUTURE_S:.0f} s")
    if t_us < 0 or (max_age_s is not None and t_us < now_us - max_age_s * US_PER_S):
        limit = "1970 and later" if max_age_s is None else f"the last {max_age_s / 3600:g} h"
        raise Refused(f"too old: {_shown_time(t_us)}; allowed is {limit}")
    return t_us


def _shown_time(t_us: int) -> str:
    try:
        return to_rfc3339(t_us)
    except OverflowError:
        return f"{show(t_us)} us"


def read_quality(value: object) -> int:
    """Read a declared quality: 0 good, 1 suspect, 2 bad, or the words.

    :raises Refused: anything else.
    """
    known = value.strip().lower() if isinstance(value, str) else value
    if isinstance(known, str | int) and not isinstance(known, bool) and known in _QUALITY:
        return _QUALITY[known]
    raise Refused(f"bad field: quality is {show(value)}; allowed are good, suspect, bad or 0, 1, 2")
