"""A lock's reader as a device: asks for a challenge, answers it, and lets in only on a verdict that is the platform's.

No I/O. What it says and hears is `docs/reference/locks.md`.
"""

import hmac
from collections.abc import Callable

import msgspec
import numpy as np
from msgspec import Struct

from s4allcities.domain import to_rfc3339
from s4allcities.security.puf import bound, reader_key

__all__ = ("LockReader", "Respond")

Respond = Callable[[bytes], bytes]
"""What lies on the reader: a challenge in, a response out."""


class _Told(Struct):
    id: str
    mac: str
    challenge: str = ""
    nonce: str = ""
    verdict: str = ""
    reason: str = ""


class LockReader:
    """``password`` is the device's own; ``rng`` makes its nonces. ``opened`` counts how often somebody was let in.

    What does not bear the platform's code, or answers nothing that was asked, is counted in ``forged`` and ignored.
    """

    def __init__(self, password: str, rng: np.random.Generator) -> None:
        self._key = reader_key(password)
        self._rng = rng
        self._on_it: Respond | None = None
        self._nonce = ""
        self._asked = ""
        self.opened = 0
        self.forged = 0
        self.verdicts: list[tuple[str, str]] = []

    def put_on(self, token: str, respond: Respond, t_us: int) -> bytes:
        """Put a token on the reader; gives the request to send."""
        self._on_it, self._nonce, self._asked = respond, self._rng.bytes(16).hex(), ""
        return msgspec.json.encode({"t": to_rfc3339(t_us), "token": token, "nonce": self._nonce})

    def hear(self, data: bytes, t_us: int) -> bytes | None:
        """Take what the platform says; gives the answer to a challenge, None after a verdict."""
        try:
            told = msgspec.json.decode(data, type=_Told)
        except msgspec.MsgspecError:
            self.forged += 1
            return None
        if told.verdict:
            self._close(told)
            return None
        return self._answer(told, t_us)

    def _answer(self, told: _Told, t_us: int) -> bytes | None:
        wanted = bound(self._key, told.id, told.nonce, told.challenge)
        if (
            self._on_it is None
            or told.nonce != self._nonce
            or self._asked
            or not hmac.compare_digest(wanted, told.mac)
        ):
            self.forged += 1
            return None
        self._asked = told.id
        response = self._on_it(bytes.fromhex(told.challenge)).hex()
        mac = bound(self._key, told.id, told.nonce, response)
        return msgspec.json.encode({"t": to_rfc3339(t_us), "id": told.id, "response": response, "mac": mac})

    def _close(self, told: _Told) -> None:
        genuine = hmac.compare_digest(bound(self._key, told.id, told.verdict), told.mac)
        if not genuine or told.id not in (self._asked, self._nonce) or not told.id:
            self.forged += 1
            return
        self.opened += told.verdict == "accepted" and told.id == self._asked
        self.verdicts.append((told.verdict, told.reason))
        self._on_it, self._nonce, self._asked = None, "", ""
