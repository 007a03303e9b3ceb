"""The disk fills up under load and is freed again: what was told "received" is there, and the platform goes on."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.app.parts import Installation, until
from tests.integration.app.test_crash import Load, kept, settled

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]
SIZE = "96m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which only root may mount."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() or subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode:  # fmt: skip
        pytest.skip("no right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return


def test_a_full_disk_costs_time_and_nothing_else(small_disk: Path) -> None:
    platform = Installation(small_disk)
    try:
        platform.start()
        load = Load(platform)
        try:
            until(lambda: load.count > 100, "load")
            ballast = small_disk / "ballast"
            fill(ballast)
            time.sleep(8)
            fill(small_disk / "crumbs")
            assert platform._process is not None
            assert platform._process.poll() is None, "the platform stands a full disk"
            ballast.unlink()
            (small_disk / "crumbs").unlink()
            before = load.count
            until(lambda: load.count > before + 100, "load once there is room again", within_s=90)
        finally:
            load.stop()
        account = settled(platform.person("operator"), load)
        assert platform.stop()[0] == 0
        assert account["expired"] == account["rejected"] == 0
        found = kept(platform.data)
        sent = {(name, t) for name, times in load.acknowledged.items() for t in times}
        assert not sent - set(found), "acknowledged and lost"
        assert not {key: times for key, times in found.items() if times > 1}, "doubled"
    finally:
        platform.close()
