"""SenML packs (RFC 8428): base fields resolved, one plain object a record."""

import re
from collections.abc import Iterator
from typing import Any

from s4allcities.domain import US_PER_S

from ..border import Refused, finite, show

__all__ = ("is_senml", "senml_objects")

_RELATIVE_BELOW_S = 2**28  # RFC 8428 section 4.5.3: smaller times are relative to now
_VALUE_KEYS = ("v", "vb", "vs")
_LAST_PART = re.compile(r"[:/]")


def is_senml(items: list[dict[str, Any]]) -> bool:
    """Tell a SenML pack from a plain list of objects.

    >>> is_senml([{"bn": "urn:dev:1:", "n": "heat", "v": 21.4}]), is_senml([{"heat_c": 21.4}])
    (True, False)
    """
    return any(key in items[0] for key in ("bn", "bt", "bu", "bv")) or (
        "n" in items[0] and any(key in items[0] for key in _VALUE_KEYS)
    )


def senml_objects(items: list[dict[str, Any]], now_us: int) -> Iterator[dict[str, Any]]:
    """Give ``{"quantity", "value", "unit", "t_us"}`` for each record of the pack.

    The quantity is the last part of the name; sums (``s``) and opaque data (``vd``) are passed over.

    :raises Refused: a base or value field of the wrong kind.
    """
    base: dict[str, Any] = {}
    for item in items:
        base |= {key: item[key] for key in ("bn", "bt", "bu", "bv") if key in item}
        value = next((item[key] for key in _VALUE_KEYS if key in item), None)
        if value is None:
            continue
        name = f"{base.get('bn', '')}{item.get('n', '')}"
        yield {
            "quantity": _LAST_PART.split(name)[-1] or "value",
            "value": _with_base(value, base.get("bv", 0)),
            "unit": item.get("u", base.get("bu")),
            "t_us": _time_us(_seconds(item.get("t", 0)) + _seconds(base.get("bt", 0)), now_us),
        }


def _with_base(value: Any, base: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return finite(finite(value, "v") + _seconds(base), "v")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"bad field: {show(value)} in a SenML base or time field; allowed are numbers")
    return finite(value, "SenML")


def _time_us(seconds: float, now_us: int) -> int:
    if abs(seconds) < _RELATIVE_BELOW_S:
        return now_us + round(seconds * US_PER_S)
    if abs(seconds) > 1e12:
        raise Refused(f"bad time: {show(seconds)} in SenML; allowed are seconds since 1970")
    return round(seconds * US_PER_S)
