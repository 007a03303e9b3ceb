"""Reads messages as a mapping says; what the mapping does not name is left out."""

from typing import Any

from s4allcities.domain import Decoded, Observation, RawMessage

from ..border import (
    MAX_AGE_S,
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
from .mapping import Field, Mapping

__all__ = ("MappedSource",)


class MappedSource:
    """Decodes the messages of one device type.

    >>> from .mapping import parse_mapping
    >>> text = "topic: env/*\\nquantities: {heat_c: {path: data.temp, scale: 0.1, range: [-40, 85]}}"
    >>> source = MappedSource(parse_mapping(text))
    >>> raw = RawMessage(family="env", sensor="e1", data=b'{"data": {"temp": 214}}', t_received_us=0)
    >>> round(source.decode(raw).observations[0].value, 3)
    21.4
    """

    def __init__(self, mapping: Mapping, *, max_age_s: float | None = MAX_AGE_S) -> None:
        self.mapping = mapping
        self.name = mapping.name or f"mapped-{mapping.family}"
        self.families: tuple[str, ...] = (mapping.family,)
        self.sensors = mapping.sensors
        self.max_age_s = max_age_s
        self._time_keys = tuple(mapping.time.split(".")) if mapping.time else ()
        self._quality_keys = tuple(mapping.quality.split(".")) if mapping.quality else ()
        self._fields = [(quantity, field, field.keys) for quantity, field in mapping.fields.items()]

    def decode(self, message: RawMessage) -> Decoded:
        """Decode and validate one message."""
        return guarded(self._read, message)

    def _read(self, message: RawMessage) -> tuple[Observation, ...]:
        content = decode_json(message.data)
        t_us = self._time(content, message.t_received_us)
        declared = _find(content, self._quality_keys) if self._quality_keys else None
        quality = read_quality(declared) if declared is not None else 0
        rows = []
        for quantity, field, keys in self._fields:
            value = _find(content, keys)
            if value is not None:
                rows.append(_row(message, quantity, field, value, t_us, quality))
            elif field.required:
                raise Refused(f"missing field: {field.path}; the mapping {self.name} requires it")
        if not rows:
            raise Refused(f"no reading: nothing of what the mapping {self.name} names is in the message")
        return tuple(rows)

    def _time(self, content: Any, now_us: int) -> int:
        if not self._time_keys:
            return now_us
        value = _find(content, self._time_keys)
        if value is None:
            raise Refused(
                f"missing field: {self.mapping.time}; the mapping {self.name} takes the time from it"
            )
        return check_time(read_time(value, self._time_keys[-1]), now_us, self.max_age_s)


def _find(content: Any, keys: tuple[str, ...]) -> Any:
    """Follow keys and list positions; None where they lead nowhere."""
    for key in keys:
        if isinstance(content, dict):
            content = content.get(key)
        elif isinstance(content, list) and key.isdecimal() and len(key) < 6 and int(key) < len(content):
            content = content[int(key)]
        else:
            return None
    return content


def _row(
    message: RawMessage, quantity: str, field: Field, value: Any, t_us: int, quality: int
) -> Observation:
    common: dict[str, Any] = {
        "family": message.family,
        "sensor": message.sensor,
        "quantity": quantity,
        "t_us": t_us,
        "quality": quality,
    }
    if field.text:
        if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
            raise Refused(
                f"bad field: {field.path} is {show(value)}; allowed is text of {MAX_TEXT_CHARS} characters"
            )
        return Observation(**common, schema="text/1", payload=value, personal=field.personal)
    return Observation(**common, value=_number(field, value), unit=field.unit or unit_of(quantity))


def _number(field: Field, value: Any) -> float:
    if isinstance(value, str):  # devices that send numbers as text are common, and here we know it is meant
        try:
            value = float(value)
        except ValueError:
            value = None
    if not isinstance(value, int | float):
        raise Refused(f"bad field: {field.path} is {show(value)}; allowed are numbers")
    number = finite(finite(value, field.path) * field.scale + field.offset, field.path)
    if field.range is not None and not field.range[0] <= number <= field.range[1]:
        raise Refused(
            f"out of range: {field.path} gives {number:g}; allowed are {field.range[0]:g} to {field.range[1]:g}"
        )
    return number
