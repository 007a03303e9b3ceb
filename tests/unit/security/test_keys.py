import stat
from pathlib import Path

import pytest

from s4allcities.security.errors import KeyFileError
from s4allcities.security.keys import InstallationKey, load_public_key, verify_signature
from s4allcities.security.signing import EdgeKey, hmac_signature, sign, verify

SHARED = bytes(range(32))


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = InstallationKey.open(tmp_path / "keys")
    again = InstallationKey.open(tmp_path / "keys")
    assert first.public == again.public == load_public_key(tmp_path / "keys" / "installation.pub")
    assert stat.S_IMODE((tmp_path / "keys" / "installation.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert len(first.id) == 16


def test_a_key_that_others_may_read_or_that_is_damaged_is_refused(tmp_path: Path) -> None:
    InstallationKey.open(tmp_path)
    path = tmp_path / "installation.key"
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="others may read it"):
        InstallationKey.open(tmp_path)
    path.chmod(0o600)
    path.write_bytes(b"not a key")
    with pytest.raises(KeyFileError, match="damaged"):
        InstallationKey.open(tmp_path)
    with pytest.raises(KeyFileError, match="cannot read the public key"):
        load_public_key(tmp_path / "none.pub")


def test_signatures_hold_only_for_what_was_signed(tmp_path: Path) -> None:
    key = InstallationKey.open(tmp_path)
    signature = key.sign(b"said")
    assert verify_signature(key.public, b"said", signature)
    assert not verify_signature(key.public, b"other", signature)
    assert not verify_signature(key.public, b"said", signature[:-1])
    assert not verify_signature(b"short", b"said", signature)


def test_batches_are_signed_by_shared_or_own_key(tmp_path: Path) -> None:
    own = InstallationKey.open(tmp_path)
    keys = {"a": EdgeKey(how="hmac-sha256", key=SHARED), "b": EdgeKey(how="ed25519", key=own.public)}
    assert verify(sign("a", b"batch", SHARED), b"batch", keys) == "a"
    assert verify(sign("b", b"batch", own), b"batch", keys) == "b"
    assert verify(sign("a", b"batch", SHARED), b"batcH", keys) == ""
    assert verify(sign("c", b"batch", SHARED), b"batch", keys) == ""


@pytest.mark.parametrize(
    "header", ["", "a", "a:hmac-sha256", "a:hmac-sha256:!!", "a:ed25519:AAAA", "a:none:"]
)
def test_malformed_headers_hold_nothing(header: str) -> None:
    assert verify(header, b"batch", {"a": EdgeKey(how="hmac-sha256", key=SHARED)}) == ""


def test_a_batch_cannot_be_passed_off_as_another_nodes() -> None:
    keys = {name: EdgeKey(how="hmac-sha256", key=SHARED) for name in "ab"}
    forged = sign("a", b"batch", SHARED).replace("a:", "b:", 1)
    assert verify(forged, b"batch", keys) == ""


def test_weak_keys_and_odd_names_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed are 32 or more"):
        hmac_signature(b"short", b"")
    with pytest.raises(ValueError, match="without a colon"):
        sign("a:b", b"", SHARED)
    assert "key" not in repr(EdgeKey(how="ed25519", key=SHARED)).replace("EdgeKey", "")
