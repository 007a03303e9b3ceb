"""Credentials of devices: made here, clear only in a file of mode 600, hashed everywhere else."""

import hmac
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe

import msgspec

from s4allcities.domain import Clock

from .errors import CredentialError, KeyFileError
from .files import read_private, write_private

__all__ = ("Credential", "DeviceCredentials", "credential_hash")

_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a device logs in with; its user name is the device's own. ``t_made_us`` is when it was made."""

    device: str
    password: str
    t_made_us: int

    def __repr__(self) -> str:  # passwords never reach a log
        return f"Credential(device={self.device!r}, t_made_us={self.t_made_us})"


def credential_hash(password: str) -> str:
    """Give the hash of a device password. It is 256 random bits, so a plain hash cannot be guessed back."""
    return sha256(b"s4-device/1" + password.encode()).hexdigest()


class DeviceCredentials:
    """The credentials of all devices, in one file that only its owner may read.

    The message broker needs them clear (`clear`); HTTP basic auth needs the hashes only (`hashed`, `check`).

    :raises CredentialError: a device name that is not allowed, a device that is not there, a damaged file.
    :raises KeyFileError: others may read the file.
    """

    def __init__(
        self, path: Path, clock: Clock, *, new_password: Callable[[], str] = lambda: token_urlsafe(32)
    ) -> None:
        self.path = Path(path)
        self._clock = clock
        self._new_password = new_password
        self._hashes = {name: credential_hash(found.password) for name, found in self._read().items()}

    def ensure(self, devices: list[str]) -> list[Credential]:
        """Give the credentials of these devices, making those that are missing."""
        kept = self._read()
        missing = [device for device in devices if device not in kept]
        for device in missing:
            kept[device] = self._fresh(device)
        if missing:
            self._write(kept)
        return [kept[device] for device in devices]

    def make(self, device: str) -> Credential:
        """Make a credential for a new device."""
        if device in self._hashes:
            raise CredentialError(f"device {device!r} has a credential already; rotate it instead")
        return self.ensure([device])[0]

    def rotate(self, device: str) -> Credential:
        """Give a device a new password; the old one stops working."""
        kept = self._read()
        if device not in kept:
            raise CredentialError(f"device {device!r} has no credential")
        kept[device] = self._fresh(device)
        self._write(kept)
        return kept[device]

    def revoke(self, device: str) -> bool:
        """Take a device's credential away; False if it had none."""
        kept = self._read()
        found = kept.pop(device, None) is not None
        if found:
            self._write(kept)
        return found

    def check(self, device: str, password: str) -> bool:
        """Tell whether a device's password is right, in a time that does not tell how wrong it is."""
        kept = self._hashes.get(device, "0" * 64)
        return hmac.compare_digest(kept, credential_hash(password))

    def hashed(self) -> dict[str, str]:
        """Give the hash of each device's password, for other nodes."""
        return dict(self._hashes)

    def clear(self) -> dict[str, str]:
        """Give each device's password, for the broker's own configuration. Never log it."""
        return {name: found.password for name, found in self._read().items()}

    def reload(self) -> None:
        """Take over what another process wrote into the file."""
        self._hashes = {name: credential_hash(found.password) for name, found in self._read().items()}

    def _fresh(self, device: str) -> Credential:
        if not _DEVICE.fullmatch(device):
            raise CredentialError(f"device {device!r}: allowed are 1 to 64 of letters, digits, _ and -")
        return Credential(device=device, password=self._new_password(), t_made_us=self._clock.now_us())

    def _read(self) -> dict[str, Credential]:
        try:
            return msgspec.json.decode(read_private(self.path), type=dict[str, Credential])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            raise CredentialError(f"{self.path}: cannot read the credentials: {error}") from error

    def _write(self, kept: Mapping[str, Credential]) -> None:
        try:
            write_private(self.path, msgspec.json.encode(dict(sorted(kept.items()))), replace=True)
        except OSError as error:
            raise KeyFileError(f"{self.path}: cannot write the credentials: {error}") from error
        self._hashes = {name: credential_hash(found.password) for name, found in kept.items()}
