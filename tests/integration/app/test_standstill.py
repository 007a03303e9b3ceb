"""Compiled code that never comes back: the process ends by itself, and its next start knows which stage it was."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.app.parts import SITE_FOLDER

from s4allcities.app.stages import build_stages
from s4allcities.app.standstill import FILE, stood_still
from s4allcities.bus.stuck import StepWatch, WatchedHost
from s4allcities.detection.integrity import IntegrityStage
from s4allcities.site import load_site

pytestmark = [pytest.mark.anyio, pytest.mark.integration, pytest.mark.timeout(60)]

# A call through PyDLL keeps the interpreter, as a Numba kernel does.
PROGRAM = """
import asyncio, ctypes, sys
from pathlib import Path
import numpy as np
from s4allcities.app.standstill import watched
from s4allcities.bus.hosts import InProcessHost
from s4allcities.detection.integrity import IntegrityStage, stage
from s4allcities.domain import ObservationBatch, Series

batch = ObservationBatch(
    family="env", partition=0, series=(Series(sensor="a", quantity="heat_c", unit="degC"),),
    series_ix=np.zeros(1, np.uint32), t_us=np.ones(1, np.int64), value=np.ones(1), quality=np.zeros(1, np.uint8),
)

async def run():
    host = InProcessHost(IntegrityStage())
    await host.begin(None)
    stage.check_rows = lambda *_: ctypes.PyDLL(None).sleep(1000)
    async with watched(Path(sys.argv[1]), still_s=1.0):
        await asyncio.sleep(1.5)  # a loop that moves is left alone
        print("moved", flush=True)
        await host.step(batch, 2)

asyncio.run(run())
"""


def test_a_kernel_that_never_ends_ends_the_process_and_is_known_at_the_next_start(tmp_path: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "moved\n"), done.stderr
    assert time.monotonic() - began < 45
    stages = build_stages(load_site(SITE_FOLDER), SITE_FOLDER, seed=0)
    assert stood_still(tmp_path, stages) == "integrity"


async def test_a_run_that_ends_well_leaves_nothing(tmp_path: Path, anyio_backend: str) -> None:
    from s4allcities.app.standstill import watched

    async with watched(tmp_path):
        assert (tmp_path / FILE).exists()
    assert stood_still(tmp_path, [IntegrityStage()]) == ""
    assert not (tmp_path / FILE).exists()


def test_the_stage_that_stood_still_begins_in_a_process_of_its_own() -> None:
    host = WatchedHost(IntegrityStage(), StepWatch(), None, isolated=True)  # type: ignore[arg-type]
    assert host.isolated
