"""The doctor looks at a platform that runs."""

import json
import re
import subprocess
import sys

import pytest
from tests.integration.app.parts import ROOT, Installation

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_the_doctor_sees_a_running_platform(platform: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "s4allcities", "doctor", "--config", str(platform.config), "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    report = json.loads(done.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    faults = [name for name, check in checks.items() if check["state"] == "fault"]
    assert set(faults) <= {"page"}, report
    assert done.returncode == (1 if faults else 0)
    assert report["running"]
    assert "works" in checks["platform"]["text"]
    assert re.search(r"\b1\d stages", checks["stages"]["text"])
    assert {"database", "ledger", "disk", "permissions", "messages", "sensors"} <= set(checks)
    assert {"incoming", "oldest datum", "snapshots"} <= set(checks)
