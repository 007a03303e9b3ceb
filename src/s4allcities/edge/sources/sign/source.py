"""Reads what signs say: ``{"t", "status", "showing"}`` is a sign of life, ``{"t", "ack", "showing"}`` an answer."""

import re
from typing import Any

from s4allcities.domain import Decoded, Observation, RawMessage

from ..border import MAX_AGE_S, Refused, check_time, decode_json, guarded, read_time, show

__all__ = ("MAX_SHOWN_CHARS", "SignSource")

MAX_SHOWN_CHARS = 500
_COMMAND_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


class SignSource:
    """Decodes a sign's messages.

    A status becomes ``ok`` (1 when the status is ``ok``, else 0), ``status`` and ``showing``. An acknowledgement
    becomes one reading of the form ``sign-ack/1``, which the edge hands to the actuators instead of the bus.
    """

    name = "sign"
    families: tuple[str, ...] = ("sign",)

    def __init__(self, *, max_age_s: float | None = MAX_AGE_S) -> None:
        self.max_age_s = max_age_s

    def decode(self, message: RawMessage) -> Decoded:
        """Decode and validate one message."""
        return guarded(self._read, message)

    def _read(self, message: RawMessage) -> tuple[Observation, ...]:
        content = decode_json(message.data)
        if not isinstance(content, dict):
            raise Refused(f"not an object: {show(content)}; allowed is one object with status or ack")
        t_us = message.t_received_us
        if content.get("t") is not None:
            t_us = check_time(read_time(content["t"]), message.t_received_us, self.max_age_s)
        showing = _text(content, "showing")
        if "ack" in content:
            return (_row(message, "ack", t_us, schema="sign-ack/1", payload=_ack(content, showing)),)
        status = _text(content, "status")
        if not status:
            raise Refused("missing field: status or ack; a sign sends one of them")
        rows = [
            _row(message, "ok", t_us, value=float(status == "ok")),
            _row(message, "status", t_us, schema="text/1", payload=status),
        ]
        if showing:
            rows.append(_row(message, "showing", t_us, schema="text/1", payload=showing))
        return tuple(rows)


def _ack(content: dict[str, Any], showing: str) -> dict[str, str]:
    command = content["ack"]
    if not isinstance(command, str) or not _COMMAND_ID.fullmatch(command):
        raise Refused(f"bad field: ack is {show(command)}; allowed is the id of a command")
    return {"ack": command, "showing": showing}


def _text(content: dict[str, Any], key: str) -> str:
    value = content.get(key, "")
    if not isinstance(value, str) or len(value) > MAX_SHOWN_CHARS:
        raise Refused(
            f"bad field: {key} is {show(value)}; allowed is text of up to {MAX_SHOWN_CHARS} characters"
        )
    return value


def _row(message: RawMessage, quantity: str, t_us: int, **content: Any) -> Observation:
    return Observation(family=message.family, sensor=message.sensor, quantity=quantity, t_us=t_us, **content)
