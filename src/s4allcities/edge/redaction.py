"""What may leave the edge. Fail closed: a reading marked personal goes on only if redaction took the mark off."""

import re
from collections.abc import Callable

from msgspec.structs import replace

from s4allcities.domain import Observation

__all__ = ("Redactor", "mask_text", "redact_text")

Redactor = Callable[[Observation], Observation | None]
"""Gives the reading as it may leave the edge, or None to withhold it."""

_MASKS = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[e-mail]"),
    (re.compile(r"(?<![\w])@\w[\w.-]*"), "[name]"),
    (re.compile(r"(?<![\w.])\+?\d(?:[\s()/-]?\d){6,14}(?![\w])"), "[number]"),
)


def mask_text(text: str) -> str:
    """Replace e-mail addresses, @names and long numbers (telephone, identity) by a word for what they were.

    Names written out are not found: free text stays in need of protection by access rights.

    >>> mask_text("call +358 40 123 4567 or @ada, ada@example.org")
    'call [number] or [name], [e-mail]'
    """
    for pattern, word in _MASKS:
        text = pattern.sub(word, text)
    return text


def redact_text(observation: Observation) -> Observation | None:
    """Redact in the simplest safe way: mask personal text, withhold anything else that is personal."""
    if not observation.personal:
        return observation
    if observation.schema == "text/1" and isinstance(observation.payload, str):
        return replace(observation, payload=mask_text(observation.payload), personal=False)
    return None
