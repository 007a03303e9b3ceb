"""A process that is killed while it writes: what it said was kept is kept, once, and the ledger holds."""

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.unit.store.samples import alert

from s4allcities.domain import ManualClock, ObservationBatch, Series
from s4allcities.security.ledger import GENESIS, LedgerChain, ledger_hash
from s4allcities.store.database import Database
from s4allcities.store.history import ParquetHistory
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
ENOUGH = 60


def reading(sequence: int) -> ObservationBatch:
    return ObservationBatch(
        family="env",
        partition=0,
        series=(Series(sensor="s", quantity="q"),),
        series_ix=np.zeros(1, np.uint32),
        t_us=np.array([sequence], np.int64),
        value=np.array([sequence], np.float64),
        quality=np.zeros(1, np.uint8),
    )


async def write_for_ever(folder: Path) -> None:
    """The child: says each sequence once it is recorded."""
    database = Database.open(folder / "s4.sqlite")
    recorder = EventRecorder(database, LedgerStore(database, LedgerChain()))
    history = await ParquetHistory.open(folder / "history", clock=ManualClock())
    sequence = await recorder.last_sequence()
    for number in range(history.last_sequence + 1, sequence + 1):
        history.append(reading(number), number)
    while True:
        sequence += 1
        history.append(reading(sequence), sequence)
        if sequence % 7 == 0:
            await history.flush()
        await recorder.record(sequence, [alert(version=sequence)])
        sys.stdout.write(f"{sequence}\n")
        sys.stdout.flush()


def run_and_kill(folder: Path, until: int) -> int:
    code = (
        "import asyncio, sys; from pathlib import Path;"
        " from tests.integration.store.test_crash import write_for_ever;"
        " asyncio.run(write_for_ever(Path(sys.argv[1])))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    said = 0
    try:
        assert child.stdout is not None
        for line in child.stdout:
            said = int(line)
            if said >= until:
                break
    finally:
        child.kill()
        rest = child.communicate()[0].split()
    return int(rest[-1]) if rest else said


async def check(folder: Path, said: int) -> None:
    database = Database.open(folder / "s4.sqlite")
    store = LedgerStore(database, LedgerChain())
    last = await EventRecorder(database, store).last_sequence()
    rows = list(store.rows_now())
    assert await database.check() == []
    await database.close()
    assert said <= last <= said + 1
    assert len(rows) == last
    previous = GENESIS
    for row in rows:
        assert row.previous == previous
        assert row.hash == ledger_hash(row.previous, row.sequence, row.t_us, row.kind, row.record)
        previous = row.hash
    history = await ParquetHistory.open(folder / "history", clock=ManualClock())
    kept = list((await history.query("s", "q"))[1])
    assert kept == list(range(1, history.last_sequence + 1))
    assert await history.check() == []
    await history.close()


def test_killed_again_and_again(tmp_path: Path) -> None:
    said = 0
    for _ in range(3):
        said = run_and_kill(tmp_path, said + ENOUGH)
        asyncio.run(check(tmp_path, said))
    assert said >= 3 * ENOUGH
