"""A sign as a device: it says how it is, takes commands, and answers them. No I/O."""

import msgspec
import numpy as np
from msgspec import Struct

from s4allcities.domain import to_rfc3339

__all__ = ("Answer", "SignDevice")

ANSWERS_AFTER_S = (0.2, 1.0)
MOST_CHARS = 500


class _Order(Struct):
    id: str
    show: str


class Answer(Struct, frozen=True):
    """``after_s`` until the sign has switched and says so; ``command`` is what it was told."""

    after_s: float
    command: str
    showing: str


class SignDevice:
    """``answers`` False makes a sign that shows nothing new and never says anything about it.

    >>> sign = SignDevice(np.random.default_rng(1))
    >>> sign.command(b'{"id": "c1", "show": "LEAVE BY EXIT B"}').showing
    'LEAVE BY EXIT B'
    """

    def __init__(self, rng: np.random.Generator, *, answers: bool = True) -> None:
        self._rng = rng
        self.answers = answers
        self.showing = ""
        self.refused = 0

    def command(self, data: bytes) -> Answer | None:
        """Take a command; None if it is not one, or if this sign does not answer. A repeated one is answered again."""
        try:
            order = msgspec.json.decode(data, type=_Order)
        except msgspec.MsgspecError:
            self.refused += 1
            return None
        if not order.id or len(order.show) > MOST_CHARS:
            self.refused += 1
            return None
        if not self.answers:
            return None
        self.showing = order.show
        return Answer(float(self._rng.uniform(*ANSWERS_AFTER_S)), order.id, order.show)

    def status(self, t_us: int) -> bytes:
        """Give a sign of life."""
        return msgspec.json.encode({"t": to_rfc3339(t_us), "status": "ok", "showing": self.showing})

    @staticmethod
    def acknowledgement(answer: Answer, t_us: int) -> bytes:
        """Give the message that a command was carried out."""
        return msgspec.json.encode({"t": to_rfc3339(t_us), "ack": answer.command, "showing": answer.showing})
