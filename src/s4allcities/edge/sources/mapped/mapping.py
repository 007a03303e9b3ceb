"""The mapping file: which messages, and where in them which quantity is."""

import math
import re
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from ...errors import MappingError
from ..border import MAX_DEPTH, NAME, show

__all__ = ("Field", "Mapping", "load_mapping", "parse_mapping")

MAX_MAPPING_BYTES = 64 * 1024
_TOPIC = re.compile(r"[A-Za-z0-9_-]+/(?:[A-Za-z0-9_-]*\*?[A-Za-z0-9_-]*)")
_PATH = re.compile(r"[^.\s]+(?:\.[^.\s]+)*")
_QUANTITY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Field(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quantity: ``value = number * scale + offset``, refused outside ``range``.

    ``path`` is where it is: keys and list positions with dots between. ``text: true`` reads text instead; it is taken
    as personal and redacted unless ``personal: false``. ``required`` refuses a message without it.
    """

    path: str
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    range: tuple[float, float] | None = None
    text: bool = False
    personal: bool = True
    required: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The path, step by step."""
        return tuple(self.path.split("."))


class Mapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a mapping file says. ``topic`` is ``<family>/<sensor>``, where the sensor may hold one ``*``."""

    topic: str
    quantities: dict[str, Field | str]
    name: str = ""
    time: str = ""
    quality: str = ""

    @property
    def family(self) -> str:
        """The device family it is for."""
        return self.topic.partition("/")[0]

    @property
    def sensors(self) -> str:
        """The pattern of sensor names it is for."""
        return self.topic.partition("/")[2]

    @property
    def fields(self) -> dict[str, Field]:
        """Quantity -> field; ``co_ppm: air.co`` is short for ``co_ppm: {path: air.co}``."""
        return {
            quantity: Field(path=field) if isinstance(field, str) else field
            for quantity, field in self.quantities.items()
        }


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    :raises MappingError: it cannot be read, or something in it is not allowed; says what, where and what is.
    """
    try:
        if path.stat().st_size > MAX_MAPPING_BYTES:
            raise MappingError(f"{path}: longer than {MAX_MAPPING_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path}: cannot be read: {error}") from error
    return parse_mapping(text, where=str(path))


def parse_mapping(text: str, where: str = "mapping") -> Mapping:
    """Read a mapping from YAML text.

    >>> mapping = parse_mapping("topic: env/*\\nquantities: {co_ppm: air.co}")
    >>> mapping.family, mapping.fields["co_ppm"].path
    ('env', 'air.co')

    :raises MappingError: see `load_mapping`.
    """
    try:
        content: Any = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MappingError(f"{where}: not YAML: {' '.join(str(error).split())}") from error
    try:
        mapping = msgspec.convert(content, Mapping)
    except msgspec.ValidationError as error:
        raise MappingError(f"{where}: {error}") from error
    fault = _fault(mapping)
    if fault:
        raise MappingError(f"{where}: {fault}")
    return mapping


def _fault(mapping: Mapping) -> str:
    if not _TOPIC.fullmatch(mapping.topic) or not mapping.sensors:
        return f"topic is {show(mapping.topic)}; allowed is <family>/<sensor>, the sensor with at most one *"
    if mapping.name and not NAME.fullmatch(mapping.name):
        return f"name is {show(mapping.name)}; allowed are letters, digits, _ and -"
    if not mapping.fields:
        return "quantities is empty; allowed is at least one"
    for key in ("time", "quality"):
        path = getattr(mapping, key)
        if path and not _PATH.fullmatch(path):
            return f"{key} is {show(path)}; allowed are keys with dots between"
    return next((fault for name, field in mapping.fields.items() if (fault := _field_fault(name, field))), "")


def _field_fault(quantity: str, field: Field) -> str:
    where = f"quantities.{quantity}"
    if not _QUANTITY.fullmatch(quantity):
        return f"{where}: the name is {show(quantity)}; allowed are letters, digits and _, starting with a letter"
    if not _PATH.fullmatch(field.path) or len(field.keys) > 2 * MAX_DEPTH:
        return f"{where}.path is {show(field.path)}; allowed are up to {2 * MAX_DEPTH} keys with dots between"
    if not (math.isfinite(field.scale) and math.isfinite(field.offset) and field.scale != 0):
        return (
            f"{where}: scale is {field.scale}, offset {field.offset}; allowed are finite numbers, scale not 0"
        )
    if field.range is not None and not field.range[0] < field.range[1]:
        return f"{where}.range is {list(field.range)}; allowed is [low, high] with low < high"
    if field.text and (field.range is not None or field.scale != 1 or field.offset != 0):
        return f"{where}: text has no scale, offset or range"
    return ""
