"""The side of a lock that decides: gives each challenge once and judges the one answer to it."""

import hmac
import re
from random import Random
from secrets import SystemRandom

from msgspec import Struct

from s4allcities.domain import US_PER_S, Clock, random_ulid

from .puf import Exchange, PairStore, PufConfig, PufRefused, Token, Verdict, bound, distance_bits
from .puf_watch import PufWatch

__all__ = ("MAX_OPEN", "PufVerifier")

MAX_OPEN = 1_000
"""Exchanges under way at once; beyond, the oldest is given up."""

_NONCE = re.compile(r"[0-9a-f]{16,64}")


class _Tries(Struct):
    failures: int = 0
    t_locked_until_us: int = 0


class _Open(Struct, frozen=True):
    exchange: Exchange
    token: Token
    response: bytes
    t_due_us: int


class PufVerifier:
    """Runs exchanges over a store of pairs.

    ``begin`` takes a pair out of the store before it hands the challenge out, so that a crash wastes a pair rather than
    using one twice. ``finish`` judges an answer once: what is decided or too late is refused. Tries, lockouts and the
    watch live in memory; after a restart they begin anew, the pairs do not.
    """

    def __init__(
        self,
        store: PairStore,
        clock: Clock,
        config: PufConfig | None = None,
        *,
        random: Random | None = None,
    ) -> None:
        self.config = config or PufConfig()
        self._store = store
        self._clock = clock
        self._random = random or SystemRandom()
        self._open: dict[str, _Open] = {}
        self._tries: dict[str, _Tries] = {}
        self._watches: dict[str, PufWatch] = {}

    async def begin(self, reader: str, token: str, nonce: str) -> Exchange:
        """Give a challenge for a token that was put on a reader.

        :raises PufRefused: the nonce is malformed, or the token unknown, revoked, locked out or without pairs.
        """
        if not _NONCE.fullmatch(nonce):
            raise PufRefused("the nonce is not 16 to 64 hexadecimal digits")
        row = await self._store.token(token)
        if row is None or row[3]:
            raise PufRefused("unknown token" if row is None else "revoked token")
        known = Token(name=row[0], role=row[1], left=row[2], revoked=row[3])
        now_us = self._clock.now_us()
        if (tries := self._tries.get(token)) is not None and now_us < tries.t_locked_until_us:
            raise PufRefused("locked out after repeated refusals")
        pair = await self._store.take_pair(token)
        if pair is None:
            raise PufRefused("no pairs left: enrol the token anew")
        exchange = Exchange(
            id=random_ulid(now_us, self._random),
            reader=reader,
            token=token,
            nonce=nonce,
            challenge=pair[0],
        )
        self._forget(now_us)
        due_us = now_us + round(self.config.answer_s * US_PER_S)
        self._open[exchange.id] = _Open(exchange, known, pair[1], due_us)
        return exchange

    def finish(self, reader: str, id: str, response: bytes, mac: str, key: bytes) -> Verdict:
        """Judge the answer of a reader whose message key is ``key``. Never raises for what comes from outside."""
        found = self._open.pop(id, None)
        if found is None or found.exchange.reader != reader:
            return Verdict(
                id=id, reader=reader, token="", role="", accepted=False, reason="no such exchange is open"
            )
        wanted = bound(key, found.exchange.id, found.exchange.nonce, response.hex())
        if not hmac.compare_digest(wanted, mac):
            return self._judged(found, "the answer is not bound to this reader")
        if self._clock.now_us() > found.t_due_us:
            return self._judged(found, "the answer came too late")
        if len(response) != len(found.response):
            return self._judged(found, f"the response has {8 * len(response)} bits")
        distance = distance_bits(response, found.response)
        accepted = distance <= self.config.accept_bits
        return self._judged(found, "" if accepted else "the response differs too much", distance)

    def _judged(self, found: _Open, reason: str, distance: int | None = None) -> Verdict:
        token, warnings = found.token, list[str]()
        left = max(0, token.left - 1)
        if distance is not None:
            watch = self._watches.setdefault(token.name, PufWatch())
            warnings += watch.note(distance, not reason, self.config)
        if self._locks_out(token.name, bool(reason)):
            warnings.append("token locked out")
        if left <= self.config.low_water:
            warnings.append(f"{left} pairs left")
        return Verdict(
            id=found.exchange.id,
            reader=found.exchange.reader,
            token=token.name,
            role=token.role,
            accepted=not reason,
            reason=reason,
            distance_bits=distance,
            left=left,
            warnings=tuple(warnings),
        )

    def _locks_out(self, token: str, failed: bool) -> bool:
        tries = self._tries.setdefault(token, _Tries())
        tries.failures = tries.failures + 1 if failed else 0
        if tries.failures < self.config.lockout_failures:
            return False
        tries.failures = 0
        tries.t_locked_until_us = self._clock.now_us() + round(self.config.lockout_s * US_PER_S)
        return True

    def _forget(self, now_us: int) -> None:
        for id in [id for id, each in self._open.items() if now_us > each.t_due_us]:
            del self._open[id]
        while len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
