"""Platform, broker and stage workers are killed at random moments under load: nothing acknowledged is lost or doubled.

A worker in the quick run (platform and broker are killed in `test_crash`), fifty kills of all three in the slow one;
the moments follow from a fixed seed.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from tests.integration.app.parts import Installation, until
from tests.integration.app.test_crash import Load, kept, settled

from s4allcities.store.opening import open_state

pytestmark = [pytest.mark.integration]
COUNTS = [
    pytest.param(1, marks=pytest.mark.timeout(300)),
    pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(3000)]),
]


def workers(platform: Installation) -> list[int]:
    """The processes in which the platform lets stages compute, by the kernel's own list."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == platform.pid and b"stage_worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def kill_platform(platform: Installation) -> None:
    platform.kill()
    until(lambda: not platform.nats_pids(), "the bus goes with its platform")
    platform.start()


def kill_broker(platform: Installation) -> None:
    before = platform.nats_pids()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: platform.nats_pids() not in ([], before), "the bus is started again", within_s=60)


def kill_worker(platform: Installation) -> None:
    before = until(lambda: workers(platform), "a stage's worker", within_s=60)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: set(workers(platform)) - set(before), "the worker is started again", within_s=60)


KILLS: tuple[Callable[[Installation], None], ...] = (kill_worker, kill_broker, kill_platform)


@pytest.mark.parametrize("count", COUNTS)
def test_kills_at_random_moments(tmp_path: Path, count: int) -> None:
    random = Random(count)
    platform = Installation(tmp_path)
    try:
        platform.start()
        load = Load(platform)
        try:
            until(lambda: load.count > 100, "load")
            for number in range(count):
                time.sleep(random.uniform(0.2, 2.0))
                kill = KILLS[number] if number < len(KILLS) else random.choice(KILLS)
                kill(platform)
            before = load.count
            until(lambda: load.count > before + 100, "load after the last kill", within_s=60)
        finally:
            load.stop()
        account = settled(platform.person("operator"), load)
        assert platform.stop()[0] == 0
    finally:
        platform.close()
    assert account["rejected"] == account["expired"] == 0
    assert account["decided"] >= load.count
    found = kept(platform.data)
    sent = {(name, t) for name, times in load.acknowledged.items() for t in times}
    assert not sent - set(found), "acknowledged and lost"
    assert not {key: times for key, times in found.items() if times > 1}, "doubled"
    assert not doubled_decisions(platform.data)


def doubled_decisions(data: Path) -> list[tuple[int, str]]:
    """Detections that say the same of the same sensor at the same time under two ids."""
    import msgspec

    database = open_state(data)
    try:
        bodies = database.read_now(lambda c: c.execute("SELECT body FROM detection").fetchall())
    finally:
        database.close_now()
    seen: set[tuple[int, str]] = set()
    twice = []
    for (body,) in bodies:
        said = msgspec.msgpack.decode(body)
        key = (said["t_us"], f"{said['detector']} {said['kind']} {said.get('sensor', '')}")
        if key in seen:
            twice.append(key)
        seen.add(key)
    return twice
