import stat
from pathlib import Path

import pytest

from s4allcities.domain import ManualClock
from s4allcities.security.credentials import DeviceCredentials
from s4allcities.security.errors import CredentialError, KeyFileError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "devices.json"


def test_credentials_are_made_checked_rotated_and_revoked(path: Path) -> None:
    credentials = DeviceCredentials(path, ManualClock(7))
    made = credentials.make("smoke-1")
    assert made.password not in repr(made)
    assert credentials.check("smoke-1", made.password)
    assert not credentials.check("smoke-2", made.password)
    rotated = credentials.rotate("smoke-1")
    assert not credentials.check("smoke-1", made.password)
    assert credentials.check("smoke-1", rotated.password)
    assert credentials.clear() == {"smoke-1": rotated.password}
    assert rotated.password not in str(credentials.hashed())
    assert credentials.revoke("smoke-1")
    assert not credentials.revoke("smoke-1")
    assert not credentials.check("smoke-1", rotated.password)


def test_they_survive_a_restart_and_nobody_else_reads_them(path: Path) -> None:
    first = DeviceCredentials(path, ManualClock())
    made = first.ensure(["a", "b"])
    assert first.ensure(["b", "a"]) == [made[1], made[0]]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert DeviceCredentials(path, ManualClock()).check("b", made[1].password)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        DeviceCredentials(path, ManualClock())


def test_mistakes_are_said_clearly(path: Path) -> None:
    credentials = DeviceCredentials(path, ManualClock())
    credentials.make("a")
    with pytest.raises(CredentialError, match="rotate it instead"):
        credentials.make("a")
    with pytest.raises(CredentialError, match="letters, digits"):
        credentials.make("a.b")
    with pytest.raises(CredentialError, match="has no credential"):
        credentials.rotate("z")
    path.write_bytes(b"{")
    with pytest.raises(CredentialError, match="cannot read"):
        DeviceCredentials(path, ManualClock())
