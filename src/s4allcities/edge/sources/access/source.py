"""Reads access events: ``{"t", "badge", "result", "role", "reason", "distance_bits", "left", "warnings"}``."""

from typing import Any

from s4allcities.domain import Decoded, Observation, RawMessage

from ..border import MAX_AGE_S, Refused, check_time, decode_json, finite, guarded, read_time, show

__all__ = ("ACCESS", "ALLOWED_KEYS", "AccessSource")

ACCESS = "access/1"
"""The form of an access event on the bus; its ``badge`` is a pseudonym by then."""

ALLOWED_KEYS = frozenset({"t", "badge", "result", "role", "reason", "distance_bits", "left", "warnings"})
"""The whole vocabulary. Fail closed: a key that is not here may say who somebody is."""

MAX_CHARS = 128
MAX_WARNINGS = 8
_RESULTS = ("granted", "denied")


class AccessSource:
    """Decodes one event. ``result`` is ``granted`` or ``denied``; all else may be left out."""

    name = "access"
    families: tuple[str, ...] = ("access",)

    def __init__(self, *, max_age_s: float | None = MAX_AGE_S) -> None:
        self.max_age_s = max_age_s

    def decode(self, message: RawMessage) -> Decoded:
        """Decode and validate one message."""
        return guarded(self._read, message)

    def _read(self, message: RawMessage) -> tuple[Observation, ...]:
        content = decode_json(message.data)
        if not isinstance(content, dict):
            raise Refused("not an object: a badge reader sends one object with badge and result")
        if not content.keys() <= ALLOWED_KEYS:
            raise Refused(f"bad field: keys beside {', '.join(sorted(ALLOWED_KEYS))} are not allowed")
        if content.get("result") not in _RESULTS:
            raise Refused(f"bad field: result is {show(content.get('result'))}; allowed are granted, denied")
        t_us = message.t_received_us
        if content.get("t") is not None:
            t_us = check_time(read_time(content["t"]), message.t_received_us, self.max_age_s)
        row = Observation(
            family=message.family,
            sensor=message.sensor,
            quantity="access",
            t_us=t_us,
            schema=ACCESS,
            payload=_payload(content),
            personal="badge" in content,
        )
        return (row,)


def _payload(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"result": content["result"]}
    for key in ("badge", "role", "reason"):
        if (text := content.get(key)) is not None:
            if not isinstance(text, str) or not 0 < len(text) <= MAX_CHARS:
                raise Refused(f"bad field: {key}; allowed is text of 1 to {MAX_CHARS} characters")
            found[key] = text
    for key in ("distance_bits", "left"):
        if (number := content.get(key)) is not None:
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise Refused(f"bad field: {key}; allowed are numbers")
            found[key] = finite(number, key)
    if (warnings := content.get("warnings")) is not None:
        if not isinstance(warnings, list) or len(warnings) > MAX_WARNINGS:
            raise Refused(f"bad field: warnings; allowed is a list of up to {MAX_WARNINGS} texts")
        if not all(isinstance(each, str) and len(each) <= MAX_CHARS for each in warnings):
            raise Refused(f"bad field: warnings; allowed are texts of up to {MAX_CHARS} characters")
        found["warnings"] = warnings
    return found
