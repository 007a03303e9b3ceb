"""Signatures over batches: which edge node packed them, unchanged since.

HMAC-SHA256 with a key shared by one edge node and the platform is the fast way (about half a million a second);
Ed25519 is for edge nodes whose key the platform shall not hold.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hashlib import sha256
from typing import Literal, Protocol

import msgspec

from .keys import verify_signature

__all__ = ("EdgeKey", "Signer", "hmac_signature", "sign", "verify")

_MIN_KEY = 32


class Signer(Protocol):
    """Signs with a private key of its own."""

    def sign(self, data: bytes) -> bytes:
        """Give the signature."""


class EdgeKey(msgspec.Struct, frozen=True, kw_only=True):
    """How to check one edge node's signatures: the shared key (32 bytes or more), or its public Ed25519 key."""

    how: Literal["hmac-sha256", "ed25519"]
    key: bytes

    def __repr__(self) -> str:  # keys never reach a log
        return f"EdgeKey(how={self.how!r})"


def hmac_signature(key: bytes, data: bytes) -> bytes:
    """Give the HMAC-SHA256 of ``data``.

    :raises ValueError: a key under 32 bytes.
    """
    if len(key) < _MIN_KEY:
        raise ValueError(f"the key has {len(key)} bytes; allowed are {_MIN_KEY} or more")
    return hmac.new(key, data, sha256).digest()


def sign(edge: str, data: bytes, key: bytes | Signer) -> str:
    """Sign batch bytes; give the header ``<edge>:<how>:<base64>``. ``bytes`` mean a shared key.

    The edge's name is signed with the batch, so that one node's batch cannot be passed off as another's.

    >>> text = sign("edge-1", b"batch", bytes(32))
    >>> verify(text, b"batch", {"edge-1": EdgeKey(how="hmac-sha256", key=bytes(32))})
    'edge-1'

    :raises ValueError: a colon in the edge's name, or a shared key under 32 bytes.
    """
    if not edge or ":" in edge:
        raise ValueError(f"edge {edge!r} is not allowed; a name without a colon is")
    said = _said(edge, data)
    if isinstance(key, bytes):
        return f"{edge}:hmac-sha256:{b64encode(hmac_signature(key, said)).decode()}"
    return f"{edge}:ed25519:{b64encode(key.sign(said)).decode()}"


def verify(header: str, data: bytes, keys: Mapping[str, EdgeKey]) -> str:
    """Give the edge node that signed ``data``; empty if the header is malformed, the node unknown or the seal wrong.

    The way of signing is taken from ``keys``, never from the header alone.
    """
    edge, _, rest = header.partition(":")
    how, _, encoded = rest.partition(":")
    known = keys.get(edge)
    if known is None or how != known.how:
        return ""
    try:
        signature = b64decode(encoded, validate=True)
    except (Base64Error, ValueError):
        return ""
    return edge if _holds(known, _said(edge, data), signature) else ""


def _holds(key: EdgeKey, said: bytes, signature: bytes) -> bool:
    if key.how == "ed25519":
        return verify_signature(key.key, said, signature)
    return hmac.compare_digest(hmac_signature(key.key, said), signature)


def _said(edge: str, data: bytes) -> bytes:
    return edge.encode() + b"\x00" + data
