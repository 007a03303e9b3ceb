"""Locks whose keys cannot be copied: challenge and response with a physical unclonable function (PUF).

A token of scattering material answers a challenge (a pattern of light) with a response (bits of its speckle) that
depends on its own disorder. At enrolment many pairs are recorded; each is used once. Two readings of the same pair
differ by noise, so a response is accepted up to a number of differing bits.

The method is the classic one (R. Pappu et al., "Physical One-Way Functions", Science 297, 2002; the probabilities in
:func:`false_accept` and :func:`false_reject` are binomial tails). How a certain photonic lock is read is not our
matter: its driver speaks the messages of ``docs/reference/locks.md``.

Limits of validity: the figures assume independent bits, each 1 with probability one half, and noise that flips each
bit independently. A token whose bits are correlated needs more of them.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from math import comb
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Struct

__all__ = (
    "Exchange",
    "Pair",
    "PairStore",
    "PufConfig",
    "PufRefused",
    "Token",
    "Verdict",
    "bound",
    "distance_bits",
    "false_accept",
    "false_reject",
    "reader_key",
)


class Token(Struct, frozen=True, kw_only=True):
    """What is known of an enrolled token. ``role`` is its bearer's role, never a name; ``left`` the pairs not used."""

    name: str
    role: str
    left: int
    revoked: bool = False


Pair = tuple[bytes, bytes]
"""A challenge and the response to it, as recorded at enrolment."""


class PairStore(Protocol):
    """Keeps tokens as (name, role, pairs left, revoked) and their pairs.

    Whoever can read it can open every lock: it belongs on the server only.
    """

    async def enrol(self, token: str, role: str, pairs: Sequence[Pair], t_us: int) -> int:
        """Add pairs to a new or known token; give how many were new (a challenge is never kept twice)."""

    async def token(self, name: str) -> tuple[str, str, int, bool] | None:
        """Give what is known of a token, or None."""

    async def tokens(self) -> list[tuple[str, str, int, bool]]:
        """Give all, by name."""

    async def take_pair(self, token: str) -> Pair | None:
        """Give a pair that is gone for good when this returns, or None when none is left."""

    async def revoke(self, token: str) -> bool:
        """Refuse a token from now on and forget its pairs; False if there is none of that name."""


class PufConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings. A response of ``bits`` is accepted up to ``accept_bits`` of difference, within ``answer_s``.

    After ``lockout_failures`` refusals in a row a token is refused for ``lockout_s``. ``low_water`` pairs left are too
    few. A token whose accepted responses differ by more than ``aged_bits`` on average should be enrolled anew. The
    watch for learnt models counts distances between ``grey_from_bits`` and ``grey_to_bits`` among the last
    ``watch_last``, and copies of enrolled responses by distances up to ``too_good_bits``.
    """

    bits: int = 128
    accept_bits: int = 32
    answer_s: float = 10.0
    lockout_failures: int = 5
    lockout_s: float = 300.0
    low_water: int = 50
    aged_bits: float = 19.0
    grey_from_bits: int = 28
    grey_to_bits: int = 42
    grey_most: int = 2
    too_good_bits: int = 1
    too_good_most: int = 1
    watch_last: int = 20


class Exchange(Struct, frozen=True, kw_only=True):
    """One challenge on its way: ``id`` names it, ``nonce`` came from the reader."""

    id: str
    reader: str
    token: str
    nonce: str
    challenge: bytes


class Verdict(Struct, frozen=True, kw_only=True):
    """What became of an exchange. ``warnings`` are what an operator should look at, accepted or not."""

    id: str
    reader: str
    token: str
    role: str
    accepted: bool
    reason: str = ""
    distance_bits: int | None = None
    left: int = 0
    warnings: tuple[str, ...] = ()


class PufRefused(Exception):
    """No challenge is given; the message is the reason: unknown token, revoked, locked out, no pairs left."""


def reader_key(password: str) -> bytes:
    """Derive a reader's message key from its device password, so that no second secret has to be kept.

    >>> reader_key("a") == reader_key("a"), reader_key("a") == reader_key("b")
    (True, False)
    """
    derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"s4-puf-reader/1")
    return derive.derive(password.encode())


def bound(key: bytes, *parts: str) -> str:
    """Give the code that ties parts of a message together and to its sender (HMAC-SHA256, hexadecimal).

    Each part is preceded by its length: what two parts say cannot be read as other two.
    """
    text = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(key, text, sha256).hexdigest()


def distance_bits(one: bytes, other: bytes) -> int:
    """Count the bits in which two responses of equal length differ.

    >>> distance_bits(b"\\x0f", b"\\xf0"), distance_bits(b"", b"")
    (8, 0)

    :raises ValueError: the lengths differ.
    """
    if len(one) != len(other):
        raise ValueError(f"responses of {len(one)} and {len(other)} bytes cannot be compared")
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def false_accept(bits: int, accept_bits: int) -> float:
    """Give the probability that guessed bits are accepted: the binomial tail at one half.

    >>> f"{false_accept(128, 32):.1e}"
    '6.4e-09'
    """
    return float(sum(comb(bits, k) for k in range(accept_bits + 1)) / 2**bits)


def false_reject(bits: int, accept_bits: int, noise: float) -> float:
    """Give the probability that the right token is refused when each bit flips with probability ``noise``.

    >>> f"{false_reject(128, 32, 0.10):.1e}", f"{false_reject(128, 32, 0.15):.1e}"
    ('2.8e-07', '1.0e-03')
    """
    return sum(comb(bits, k) * noise**k * (1 - noise) ** (bits - k) for k in range(accept_bits + 1, bits + 1))
