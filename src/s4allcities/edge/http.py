"""Readings that come by HTTP: one object, a list or NDJSON becomes raw messages. Pure; the route is elsewhere."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from .sources.border import MAX_EVE_BYTES, MAX_MESSAGE_BYTES, NAME, Refused, decode_json, show

__all__ = ("MAX_BODY_BYTES", "MAX_ITEMS", "ParsedBody", "RawItem", "RejectedItem", "parse_body")

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_ITEMS = 10_000

_SENSOR_KEYS = ("sensor", "id")
_NAMING_KEYS = frozenset({"family", *_SENSOR_KEYS})


class RawItem(Struct, frozen=True):
    """One device message: its place in the body, and what goes to ``Bus.publish_raw``."""

    index: int
    family: str
    sensor: str
    data: bytes


class RejectedItem(Struct, frozen=True):
    """One item that was not taken, by its place in the body, and why."""

    index: int
    reason: str


class ParsedBody(Struct, frozen=True):
    """What is in a body, item by item: accepted and rejected together are all of it."""

    accepted: tuple[RawItem, ...] = ()
    rejected: tuple[RejectedItem, ...] = ()


def parse_body(body: bytes, *, family: str = "", sensor: str = "") -> ParsedBody:
    """Read the body of ``POST /api/v1/observations``.

    Each item may name its ``family`` and its ``sensor`` (or ``id``); ``family`` and ``sensor`` given here (from the
    query) hold for items that do not. The names are taken out, the rest is the message that the family's source reads.

    >>> parsed = parse_body(b'{"sensor": "e1", "co_ppm": 4}', family="env")
    >>> parsed.accepted[0].sensor, parsed.accepted[0].data
    ('e1', b'{"co_ppm":4}')
    """
    accepted: list[RawItem] = []
    rejected: list[RejectedItem] = []
    for index, item in enumerate(_items(body)):
        try:
            accepted.append(_raw_item(index, item, family, sensor))
        except Refused as refusal:
            rejected.append(RejectedItem(index, str(refusal)))
    return ParsedBody(tuple(accepted), tuple(rejected))


def _items(body: bytes) -> Iterator[Any]:
    """Give the items: objects, or `Refused` for what is none."""
    if len(body) > MAX_BODY_BYTES:
        yield Refused(f"too large: {len(body)} bytes; allowed are {MAX_BODY_BYTES} a request")
        return
    try:
        content = decode_json(body, MAX_BODY_BYTES)
    except Refused as refusal:
        lines = [line for line in body.splitlines() if line.strip()]
        yield from _lines(lines) if len(lines) > 1 else [refusal]
        return
    items = content if isinstance(content, list) else [content]
    if not items:
        yield Refused("no reading: an empty list; allowed is at least one object")
    elif len(items) > MAX_ITEMS:
        yield _too_many(len(items))
    else:
        yield from items


def _lines(lines: list[bytes]) -> Iterator[Any]:
    if len(lines) > MAX_ITEMS:
        yield _too_many(len(lines))
        return
    for line in lines:
        try:
            yield decode_json(line, MAX_EVE_BYTES)
        except Refused as refusal:
            yield refusal


def _too_many(items: int) -> Refused:
    return Refused(f"too many items: {items}; allowed are {MAX_ITEMS} a request")


def _raw_item(index: int, item: Any, family: str, sensor: str) -> RawItem:
    if isinstance(item, Refused):
        raise item
    if not isinstance(item, dict):
        raise Refused(f"not an object: {show(item)}; allowed are objects")
    family = _name("family", item.get("family", family))
    own = next((item[key] for key in _SENSOR_KEYS if key in item), sensor)
    # A number is a usual id of small devices.
    sensor = _name("sensor", str(own) if isinstance(own, int) and not isinstance(own, bool) else own)
    content = {key: value for key, value in item.items() if key not in _NAMING_KEYS}
    try:
        data = msgspec.json.encode(content)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Refused(f"not JSON: {error}"[:200]) from None
    limit = MAX_EVE_BYTES if family == "eve" else MAX_MESSAGE_BYTES
    if len(data) > limit:
        raise Refused(f"too large: {len(data)} bytes; allowed are {limit}")
    return RawItem(index, family, sensor, data)


def _name(what: str, value: Any) -> str:
    if value == "":
        raise Refused(f"missing field: {what}; give it in the item or in the query")
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise Refused(
            f"bad field: {what} is {show(value)}; allowed are letters, digits, _ and -, up to 64 characters"
        )
    return value
