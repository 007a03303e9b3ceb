"""The crowd engine's validation, and the page with its results."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .flows import flow_cases, measured_cases
from .rig import Case
from .rimea import rimea_cases
from .smoke import smoke_cases

__all__ = ("Case", "report_text", "run_cases")

_HEAD = """# Validation of the crowd engine

This page is written by `s4 simulate validate --report docs/reference/crowd-validation.md`; do not edit it.

What each case asks comes from the RiMEA guideline as two simulators have coded it (J = JuPedSim's former checks, V =
Vadere's scenario bounds), from NIST TN 1822, ISO 20414 as far as it is public, and from measured walking of the
Juelich data archive (doi:10.34735/ped.2018.1). Where a bound is ours the criterion says so. The two populations are
those of [the explanation](../explanation/crowd-twin.md#two-populations): `public` follows Weidmann, `laboratory` the
experiments. Their parameters were chosen with these same cases in view, so that the table shows consistency, not
prediction: these same cases were run again while time gap, radius, lanes and walls were chosen.
Only RiMEA 10, 11 and 14 and ISO 20414 played no part in it.

| case | population | what | criterion | found | holds |
|---|---|---|---|---|---|
"""


def run_cases(data: Path | None, only: str, say: Callable[[str], None]) -> list[Case]:
    """Run all cases, or those whose name begins with ``only``; ``data`` is the folder of measured walking."""
    folder = data or _data_folder()
    checks = [*rimea_cases(), *flow_cases(), *measured_cases(folder), *smoke_cases()]
    found = []
    for name, check in checks:
        if name.lower().startswith(only.lower()):
            began = time.perf_counter()
            found.append(check())
            say(f"{name}: {time.perf_counter() - began:.1f} s")
    return found


def _data_folder() -> Path:
    named = os.environ.get("S4_TEST_DATA")
    return (Path(named) if named else Path("../shared/data")) / "crowd"


def report_text(cases: Sequence[Case]) -> str:
    """Write the page."""
    marks = {True: "yes", False: "**no**", None: "not run"}
    rows = [
        f"| {each.case} | {each.population} | {each.what} | {each.criterion} | {each.found} | {marks[each.holds]} |"
        for each in cases
    ]
    return _HEAD + "\n".join(rows) + "\n"
