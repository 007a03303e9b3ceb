"""Reads a flat JSON object as readings: numbers are quantities, booleans 0 or 1, strings text.

Objects inside are flattened (``{"air": {"co_ppm": 4}}`` is the quantity ``air_co_ppm``), ``{"heat": {"value": 21.4,
"unit": "°C"}}`` is one quantity with its unit, a list of objects is several readings, a SenML pack (RFC 8428) is
understood, and an object whose time is a list holds its readings in columns.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from s4allcities.domain import Columns, Decoded, Observation, RawMessage

from ..border import (
    MAX_AGE_S,
    MAX_DEPTH,
    MAX_FIELDS,
    MAX_KEY_CHARS,
    MAX_ROWS,
    MAX_TEXT_CHARS,
    Refused,
    check_time,
    decode_json,
    finite,
    guarded,
    read_quality,
    read_time,
    show,
)
from ..units import unit_of
from .columns import decode_columns, is_columns, read_columns
from .senml import is_senml, senml_objects

__all__ = ("PERSONAL_FAMILIES", "TIME_KEYS", "JsonAutoSource")

TIME_KEYS = ("t", "time", "timestamp", "ts", "t_us", "date")
"""Keys that hold the time of a reading, looked for in this order."""

PERSONAL_FAMILIES = frozenset({"report"})
"""Families whose free text may name people."""

_NAMING_KEYS = frozenset({"id", "sensor", "sensor_id", "device", "device_id", "family"})
_INNER_KEYS = frozenset({*TIME_KEYS, "value", "unit", "quality", "quantity", "name"})
_SPECIAL_KEYS = frozenset({*TIME_KEYS, *_NAMING_KEYS, "unit", "quality"})
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


@lru_cache(maxsize=4096)
def _quantity_of(key: str) -> str:
    """Make a key a plain quantity name; letters, digits and underscores stay."""
    if len(key) > MAX_KEY_CHARS:
        raise Refused(f"bad field: the name {show(key)} is longer than {MAX_KEY_CHARS} characters")
    return _NOT_IN_NAMES.sub("_", key).strip("_") or "value"


class JsonAutoSource:
    """Decodes any JSON object of any family.

    A message without a time gets the time at which it was received. ``max_age_s`` is how old a reading may be; None
    lets files of any age in.

    >>> source = JsonAutoSource()
    >>> now_us = 1_700_000_000_000_000
    >>> decoded = source.decode(RawMessage(family="env", sensor="e1", data=b'{"co_ppm": 4}', t_received_us=now_us))
    >>> [(o.quantity, o.value, o.unit) for o in decoded.observations]
    [('co_ppm', 4.0, 'ppm')]
    """

    name = "json_auto"
    families: tuple[str, ...] = ("*",)

    def __init__(self, *, max_age_s: float | None = MAX_AGE_S) -> None:
        self.max_age_s = max_age_s

    def decode(self, message: RawMessage) -> Decoded:
        """Decode and validate one message."""
        return guarded(self._read, message)

    def _read(self, message: RawMessage) -> tuple[Observation, ...] | Columns:
        quick = decode_columns(message.data)
        if quick is not None and is_columns(quick, time_key := _time_key(quick)):
            return self._columns(quick, time_key, message, sure=True)
        content = decode_json(message.data)
        if isinstance(content, dict) and is_columns(content, time_key := _time_key(content)):
            return self._columns(content, time_key, message, sure=False)
        reader = _Reader(message, self.max_age_s)
        if isinstance(content, dict):
            reader.object(content, "", 1, message.t_received_us)
        else:
            for item in _objects(content, message.t_received_us):
                reader.object(item, "", 1, message.t_received_us)
        if not reader.rows:
            raise Refused("no reading: no number, boolean or text in the message; allowed is at least one")
        if len(reader.rows) > MAX_ROWS:
            raise Refused(f"too many fields: {len(reader.rows)} readings; allowed are {MAX_ROWS} a message")
        return tuple(reader.rows)

    def _columns(
        self, content: Mapping[str, Any], time_key: str, message: RawMessage, *, sure: bool
    ) -> Columns:
        series = [
            (key, _named(key))
            for key, value in content.items()
            if key not in (time_key, "quality") and not _names_the_device(key, value)
        ]
        return read_columns(content, time_key, series, message.t_received_us, self.max_age_s, sure=sure)


def _named(key: str) -> tuple[str, str]:
    """Give quantity and unit of a key."""
    quantity = _quantity_of(key)
    return quantity, unit_of(quantity)


def _names_the_device(key: str, value: Any) -> bool:
    return isinstance(value, str) and key in _NAMING_KEYS


def _is_no_reading(key: str, value: Any, time_key: str, prefix: str) -> bool:
    """Tell keys that say something about the readings beside them, or name the device."""
    if key in (time_key, "quality"):
        return True
    return isinstance(value, str) and (key == "unit" or (not prefix and key in _NAMING_KEYS))


def _time_key(item: Mapping[str, Any]) -> str:
    for key in TIME_KEYS:
        if key in item:
            return key
    return ""


def _objects(content: Any, now_us: int) -> Iterator[dict[str, Any]]:
    if not isinstance(content, list):
        raise Refused(f"not an object: {show(content)}; allowed are an object or a list of objects")
    if len(content) > MAX_ROWS:
        raise Refused(f"too many fields: a list of {len(content)}; allowed are {MAX_ROWS} items")
    if not content:
        raise Refused("no reading: an empty list; allowed is at least one object")
    for item in content:
        if not isinstance(item, dict):
            raise Refused(f"not an object: a list with {show(item)}; allowed are lists of objects")
    yield from senml_objects(content, now_us) if is_senml(content) else content


class _Reader:
    """Collects the readings of one message; counts its fields on the way."""

    __slots__ = ("fields", "max_age_s", "message", "now_us", "personal", "rows")

    def __init__(self, message: RawMessage, max_age_s: float | None) -> None:
        self.message = message
        self.max_age_s = max_age_s
        self.now_us = message.t_received_us
        self.personal = message.family in PERSONAL_FAMILIES
        self.fields = 0
        self.rows: list[Observation] = []

    def object(self, item: dict[str, Any], prefix: str, depth: int, t_us: int) -> None:
        """Read one object; ``prefix`` is the name of where it stands, ``t_us`` the time that holds around it."""
        if depth > MAX_DEPTH:
            raise Refused(f"too deep: {show(prefix)}; allowed are {MAX_DEPTH} levels")
        self.fields += len(item)
        if self.fields > MAX_FIELDS:
            raise Refused(f"too many fields: more than {MAX_FIELDS} in one message")
        time_key = _time_key(item)
        if time_key and item[time_key] is not None:
            t_us = check_time(read_time(item[time_key], time_key), self.now_us, self.max_age_s)
        declared = item.get("quality")
        quality = 0 if declared is None else read_quality(declared)
        if "value" in item and item.keys() <= _INNER_KEYS:
            self._measurement(item, prefix, t_us, quality)
            return
        unit = item.get("unit")
        for key, value in item.items():
            if key in _SPECIAL_KEYS and _is_no_reading(key, value, time_key, prefix):
                continue
            name = f"{prefix}_{key}" if prefix else key
            self._field(name, value, depth, t_us, quality, unit if isinstance(unit, str) else "")

    def _measurement(self, item: dict[str, Any], prefix: str, t_us: int, quality: int) -> None:
        """Read ``{"value": 21.4, "unit": "°C"}``: one quantity, named by its key or by where it stands."""
        named = item.get("quantity") or item.get("name")
        name = named if isinstance(named, str) else prefix or "value"
        unit = item.get("unit")
        self._field(name, item["value"], MAX_DEPTH, t_us, quality, unit if isinstance(unit, str) else "")

    def _field(self, name: str, value: Any, depth: int, t_us: int, quality: int, unit: str) -> None:
        kind = type(value)
        if kind is float:  # JSON knows finite ones only
            self._number(name, value, t_us, quality, unit)
        elif kind is int or kind is bool:
            self._number(name, finite(value, name), t_us, quality, unit)
        elif isinstance(value, str):
            self._text(name, value, t_us, quality)
        elif isinstance(value, dict):
            self.object(value, name, depth + 1, t_us)
        elif isinstance(value, list):
            self.object({str(i): entry for i, entry in enumerate(value)}, name, depth + 1, t_us)

    def _number(self, name: str, value: float, t_us: int, quality: int, unit: str) -> None:
        quantity = _quantity_of(name)
        self.rows.append(
            Observation(
                family=self.message.family,
                sensor=self.message.sensor,
                quantity=quantity,
                t_us=t_us,
                value=value,
                unit=unit[:MAX_KEY_CHARS] if unit else unit_of(quantity),
                quality=quality,
            )
        )

    def _text(self, name: str, text: str, t_us: int, quality: int) -> None:
        if len(text) > MAX_TEXT_CHARS:
            raise Refused(f"bad field: {show(name)} has {len(text)} characters; allowed are {MAX_TEXT_CHARS}")
        self.rows.append(
            Observation(
                family=self.message.family,
                sensor=self.message.sensor,
                quantity=_quantity_of(name),
                t_us=t_us,
                quality=quality,
                schema="text/1",
                payload=text,
                personal=self.personal,
            )
        )
