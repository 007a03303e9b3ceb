"""Reads what a lock's reader says: ``token, nonce`` asks for a challenge, ``id, response, mac`` answers it."""

import re
from typing import Any

from s4allcities.domain import Decoded, Observation, RawMessage

from ..border import MAX_AGE_S, NAME, Refused, check_time, decode_json, guarded, read_time, show

__all__ = ("EXCHANGE", "LockSource")

EXCHANGE = "puf-exchange/1"
"""Readings of this form go to the verifier, not on the bus."""

_HEX = re.compile(r"[0-9a-f]{16,128}")
_REQUEST = frozenset({"token", "nonce"})
_ANSWER = frozenset({"id", "response", "mac"})


class LockSource:
    """Decodes a reader's messages: a request, an answer, or ``{"status": "ok"}`` as a sign of life."""

    name = "lock"
    families: tuple[str, ...] = ("lock",)

    def __init__(self, *, max_age_s: float | None = MAX_AGE_S) -> None:
        self.max_age_s = max_age_s

    def decode(self, message: RawMessage) -> Decoded:
        """Decode and validate one message."""
        return guarded(self._read, message)

    def _read(self, message: RawMessage) -> tuple[Observation, ...]:
        content = decode_json(message.data)
        if not isinstance(content, dict):
            raise Refused(f"not an object: {show(content)}; allowed is a request, an answer or a status")
        t_us = message.t_received_us
        if content.get("t") is not None:
            t_us = check_time(read_time(content["t"]), message.t_received_us, self.max_age_s)
        said = content.keys() - {"t"}
        if said == {"status"}:
            return (_row(message, "ok", t_us, value=float(content["status"] == "ok")),)
        if said not in (_REQUEST, _ANSWER):
            raise Refused("bad field: allowed are token and nonce; id, response and mac; or status")
        return (_row(message, "exchange", t_us, schema=EXCHANGE, payload=_checked(content, said)),)


def _checked(content: dict[str, Any], said: set[str]) -> dict[str, str]:
    """Secrets are not quoted: a reason is kept and shown."""
    for key in sorted(said):
        form, allowed = (NAME, "a name") if key in ("token", "id") else (_HEX, "16 to 128 hexadecimal digits")
        if not isinstance(content[key], str) or not form.fullmatch(content[key]):
            raise Refused(f"bad field: {key} is not {allowed}")
    return {key: content[key] for key in said}


def _row(message: RawMessage, quantity: str, t_us: int, **content: Any) -> Observation:
    return Observation(family=message.family, sensor=message.sensor, quantity=quantity, t_us=t_us, **content)
