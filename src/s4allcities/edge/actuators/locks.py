"""The desk between readers of locks and the verifier: requests in; challenges and verdicts out, tied to their reader.

A verdict opens nothing by itself: it goes to the reader, whose own controller lets its bearer in, and as an access
event into the stream, where detectors look at it.
"""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import structlog

from s4allcities.domain import Observation, to_rfc3339
from s4allcities.security.puf import Exchange, PufRefused, Verdict, bound, reader_key

__all__ = ("LockBus", "LockDesk", "LockVerifier")

log = structlog.get_logger(__name__)


class LockBus(Protocol):
    """The part of the bus that locks use."""

    async def send_command(self, device: str, data: bytes) -> None:
        """Tell a device something; nothing is kept for it."""

    async def publish_raw(self, family: str, sensor: str, data: bytes) -> int:
        """Put in a message as if a device had sent it; durable when this returns."""


class LockVerifier(Protocol):
    """What gives challenges and judges answers; see ``security.puf_verifier``."""

    async def begin(self, reader: str, token: str, nonce: str) -> Exchange:
        """Give a challenge. :raises PufRefused: none is given."""

    def finish(self, reader: str, id: str, response: bytes, mac: str, key: bytes) -> Verdict:
        """Judge an answer."""


class LockDesk:
    """Takes what readers hand over. ``password_of`` gives a device's password, from which its message key follows.

    An access event carries the time of the reading that caused it, so that an answer which is handed over twice after
    a crash makes the same event twice, and the border drops the second.
    """

    def __init__(
        self, bus: LockBus, verifier: LockVerifier, password_of: Callable[[str], str | None]
    ) -> None:
        self._bus = bus
        self._verifier = verifier
        self._password_of = password_of

    async def take(self, reading: Observation) -> None:
        """Take one request or answer in."""
        password = self._password_of(reading.sensor)
        if password is None:
            log.warning("a reader without a credential was not answered", reader=reading.sensor)
            return
        key, said = reader_key(password), reading.payload
        if "token" in said:
            await self._challenge(reading, said, key)
        else:
            await self._judge(reading, said, key)

    async def _challenge(self, reading: Observation, said: dict[str, str], key: bytes) -> None:
        try:
            exchange = await self._verifier.begin(reading.sensor, said["token"], said["nonce"])
        except PufRefused as refusal:
            await self._tell(reading.sensor, said["nonce"], "refused", str(refusal), key)
            await self._note(reading, said["token"], {"result": "denied", "reason": str(refusal)})
            return
        challenge = exchange.challenge.hex()
        told = {
            "id": exchange.id,
            "challenge": challenge,
            "nonce": exchange.nonce,
            "mac": bound(key, exchange.id, exchange.nonce, challenge),
        }
        await self._bus.send_command(reading.sensor, msgspec.json.encode(told))

    async def _judge(self, reading: Observation, said: dict[str, str], key: bytes) -> None:
        response = bytes.fromhex(said["response"]) if len(said["response"]) % 2 == 0 else b""
        verdict = self._verifier.finish(reading.sensor, said["id"], response, said["mac"], key)
        word = "accepted" if verdict.accepted else "refused"
        await self._tell(reading.sensor, said["id"], word, verdict.reason, key)
        found: dict[str, Any] = {"result": "granted" if verdict.accepted else "denied"}
        if verdict.role:
            found |= {"role": verdict.role, "left": verdict.left}
        if verdict.reason:
            found["reason"] = verdict.reason
        if verdict.distance_bits is not None:
            found["distance_bits"] = verdict.distance_bits
        if verdict.warnings:
            found["warnings"] = list(verdict.warnings)
            log.warning("a lock's token needs a look", token=verdict.token, warnings=verdict.warnings)
        await self._note(reading, verdict.token, found)

    async def _tell(self, reader: str, about: str, word: str, reason: str, key: bytes) -> None:
        told = {"id": about, "verdict": word, "reason": reason, "mac": bound(key, about, word)}
        await self._bus.send_command(reader, msgspec.json.encode(told))

    async def _note(self, reading: Observation, token: str, found: dict[str, Any]) -> None:
        event = {"t": to_rfc3339(reading.t_us), **({"badge": token} if token else {}), **found}
        await self._bus.publish_raw("access", reading.sensor, msgspec.json.encode(event))
