"""The disk of a whole platform fills up under load and is freed: nothing acknowledged is lost or doubled."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.app.parts import Installation, alive, until
from tests.integration.app.test_crash import Load, kept, settled

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which only root may mount."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def test_a_full_disk_costs_time_and_nothing_acknowledged(small_disk: Path) -> None:
    platform = Installation(small_disk)
    platform.log = small_disk.with_name("platform.log")  # what it says must not need the full disk
    ballast = small_disk / "ballast"
    try:
        platform.start()
        person, load = platform.person("operator"), Load(platform)
        try:
            until(lambda: load.count > 200, "load", within_s=60)
            fill(ballast)
            until(Standing(load), "a full disk is noticed", within_s=90)
            fill(ballast)
            assert alive(platform.pid), platform.log.read_text()[-3000:]
            ballast.unlink()
            before = load.count
            until(lambda: load.count > before + 200, "load after the disk was freed", within_s=120)
        finally:
            load.stop()
        account = settled(person, load)
        until(lambda: all(person.accounting()["parts"].values()), "all parts well again", within_s=60)
        assert platform.stop()[0] == 0
    finally:
        ballast.unlink(missing_ok=True)
        platform.close()
    assert account["rejected"] == account["expired"] == 0
    found = kept(platform.data)
    sent = {(name, t) for name, times in load.acknowledged.items() for t in times}
    assert not sent - set(found), "acknowledged and lost"
    assert not {key: times for key, times in found.items() if times > 1}, "doubled"


class Standing:
    """Tells whether no message was acknowledged for three seconds."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._count, self._since_s = -1, 0.0

    def __call__(self) -> bool:
        if self._load.count != self._count:
            self._count, self._since_s = self._load.count, time.monotonic()
        return time.monotonic() - self._since_s > 3.0
