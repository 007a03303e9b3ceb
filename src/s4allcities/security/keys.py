"""The Ed25519 key of an installation: made at the first start, kept in a file that only its owner may read."""

from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from .errors import KeyFileError
from .files import read_private, write_private

__all__ = ("InstallationKey", "key_id", "load_public_key", "verify_signature")

_PRIVATE, _PUBLIC = "installation.key", "installation.pub"


class InstallationKey:
    """Signs for this installation.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     key = InstallationKey.open(Path(folder))
    >>> verify_signature(key.public, b"said", key.sign(b"said"))
    True
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        """The 32 bytes with which others check signatures."""

    @classmethod
    def open(cls, directory: Path) -> "InstallationKey":
        """Read the key from ``installation.key``, or make it; the public half lies beside it for others to take.

        :raises KeyFileError: the file is damaged, of another kind, readable by others, or cannot be written.
        """
        path = Path(directory) / _PRIVATE
        try:
            if not path.exists():
                _make(path)
            key = cls(_private_from(path, read_private(path)))
            public = Path(directory) / _PUBLIC
            if not public.exists():
                public.write_bytes(key.public_pem)
        except OSError as error:
            raise KeyFileError(f"{path}: cannot use the key file: {error}") from error
        return key

    @property
    def id(self) -> str:
        """The key's short name: 16 hex digits of the hash of its public half."""
        return key_id(self.public)

    @property
    def public_pem(self) -> bytes:
        """The public half as PEM."""
        return self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data: bytes) -> bytes:
        """Give the signature (64 bytes)."""
        return self._private.sign(data)


def key_id(public: bytes) -> str:
    """Give the short name of a public key."""
    return sha256(public).hexdigest()[:16]


def load_public_key(path: Path) -> bytes:
    """Read a public key file; give its 32 bytes.

    :raises KeyFileError: not there, or not an Ed25519 public key.
    """
    try:
        key = load_pem_public_key(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{path}: cannot read the public key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path}: not an Ed25519 public key")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def verify_signature(public: bytes, data: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` is the key's own over ``data``; False for anything malformed."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        write_private(path, pem)
    except FileExistsError:
        return  # another process made it a moment ago


def _private_from(path: Path, pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path}: damaged key file: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: not an Ed25519 key")
    return key
