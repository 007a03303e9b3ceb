"""JSON Schema of every record, for integrators."""

from typing import Any

import msgspec

from .events import EVENT_TYPES
from .observation import Observation

__all__ = ("json_schemas",)


def json_schemas() -> dict[str, Any]:
    """Give one JSON Schema document with a definition for each record and for the single observation."""
    types = (*EVENT_TYPES, Observation)
    references, definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "oneOf": list(references),
        "$defs": definitions,
    }
