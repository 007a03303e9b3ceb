"""What a benchmark says: one document, the same for every benchmark, and the machine it was made on."""

import math
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from msgspec import Struct

import s4allcities
from s4allcities.bus.errors import ServerError
from s4allcities.bus.server_config import find_binary
from s4allcities.domain import SystemClock, to_rfc3339

__all__ = (
    "BenchDocument",
    "Bound",
    "Machine",
    "Result",
    "Say",
    "at_least",
    "at_most",
    "describe_machine",
    "measured",
    "unmeasured",
)

PACKAGES = ("numpy", "numba", "msgspec", "nats-py", "paho-mqtt", "litestar", "uvicorn", "shapely", "duckdb")

Say = Callable[[str], None]
"""Takes a line that tells how far a benchmark is."""


class Result(Struct, frozen=True, kw_only=True):
    """One figure: the median of ``runs`` runs, by what ``how`` says. ``goal`` is a bound such as ``"<= 8"`` in the same
    unit. ``reason`` says why a value or a peer is null. ``peer_value`` was measured in the same run.
    """

    name: str
    value: float | None
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    goal: str | None = None
    holds: bool | None = None
    runs: int = 0
    how: str = ""
    reason: str = ""


class Machine(Struct, frozen=True, kw_only=True):
    """Where and when: ``load_average`` is that of the last 1, 5 and 15 minutes before the benchmark began."""

    t: str
    cpu: str
    cores: int
    memory_gib: float
    system: str
    load_average: tuple[float, float, float]
    versions: dict[str, str]


class BenchDocument(Struct, frozen=True, kw_only=True):
    """The document of ``s4 bench NAME --json``."""

    bench: str
    version: str = s4allcities.__version__
    machine: Machine
    results: tuple[Result, ...]


class Bound(Struct, frozen=True):
    """A goal: its text, and whether a value reaches it."""

    text: str
    holds: Callable[[float], bool]


def at_most(bound: float) -> Bound:
    """Make a goal that a value must not exceed."""
    return Bound(f"<= {bound:g}", lambda value: value <= bound)


def at_least(bound: float) -> Bound:
    """Make a goal that a value must reach."""
    shown = f"{bound:,.0f}" if bound == int(bound) else f"{bound:g}"
    return Bound(f">= {shown}", lambda value: value >= bound)


def measured(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    how: str,
    goal: Bound | None = None,
    digits: int = 2,
    peer_reason: str = "",
) -> Result:
    """Make a result of one value a run; the median counts.

    >>> measured("x.y_s", [3.0, 1.0, 2.0], "s", how="by hand", goal=at_most(2)).holds
    True
    """
    value = round(statistics.median(values), digits)
    return Result(
        name=name,
        value=int(value) if digits == 0 and math.isfinite(value) else value,
        unit=unit,
        goal=goal.text if goal else None,
        holds=goal.holds(value) if goal else None,
        runs=len(values),
        how=how,
        reason=peer_reason,
    )


def unmeasured(name: str, unit: str, *, reason: str, how: str = "", goal: Bound | None = None) -> Result:
    """Make a result that could not be measured, and say why."""
    return Result(name=name, value=None, unit=unit, goal=goal.text if goal else None, how=how, reason=reason)


def describe_machine() -> Machine:
    """Look at this machine now."""
    return Machine(
        t=to_rfc3339(SystemClock().now_us() // 1_000_000 * 1_000_000),
        cpu=_first_match(Path("/proc/cpuinfo"), r"model name\s*:\s*(.+)") or platform.machine(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=round(int(_first_match(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)") or 0) / 2**20, 1),
        system=f"{platform.system()} {platform.release()}",
        load_average=tuple(round(each, 2) for each in os.getloadavg()),  # type: ignore[arg-type]
        versions={
            "python": platform.python_version(),
            "nats-server": _nats_version(),
            **{name: metadata.version(name) for name in PACKAGES},
        },
    )


def _first_match(path: Path, pattern: str) -> str:
    try:
        found = re.search(pattern, path.read_text())
    except OSError:
        return ""
    return found.group(1).strip() if found else ""


def _nats_version() -> str:
    try:
        done = subprocess.run([find_binary(), "--version"], capture_output=True, text=True, check=False)
    except (ServerError, OSError):
        return "absent"
    return done.stdout.strip().rpartition(" ")[2].lstrip("v")
