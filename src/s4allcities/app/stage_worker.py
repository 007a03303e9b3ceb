"""The process of a heavy stage: ``python -m s4allcities.app.stage_worker JSON``, started by the platform.

It takes its orders on stdin (see `s4allcities.bus.hosts`), gives way to the platform where processors are few, and
ends with it, whatever ends the platform.
"""

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from s4allcities.bus.hosts import LENGTH, Request, answer
from s4allcities.domain import Stage

__all__ = ("Work", "command", "main", "serve")

NICER = 5
"""Steps of priority below the platform: an alert goes before a plan."""


class Work(Struct, frozen=True, kw_only=True):
    """Which stage of which site: what `build_stages` needs, and the process that it ends with."""

    stage: str
    site: str
    seed: int
    parent: int
    alarms: dict[str, Any] = {}
    detectors: dict[str, dict[str, Any]] = {}
    plugins: tuple[str, ...] = ()


def command(work: Work) -> tuple[str, ...]:
    """Give the command that starts the process."""
    return (sys.executable, "-m", "s4allcities.app.stage_worker", msgspec.json.encode(work).decode())


def serve(stage: Stage[Any], requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end."""
    decode = msgspec.msgpack.Decoder(Request).decode
    state: Any = None
    while len(head := requests.read(LENGTH.size)) == LENGTH.size:
        state, said = answer(stage, state, decode(requests.read(LENGTH.unpack(head)[0])))
        data = msgspec.msgpack.encode(said)
        answers.write(LENGTH.pack(len(data)) + data)
        answers.flush()


def _stage(work: Work) -> Stage[Any]:
    from s4allcities.site import load_site

    from .plan_stage import plan_stage

    site = load_site(Path(work.site))
    if work.stage == "plan":
        return plan_stage(site, seed=work.seed)
    from .stages import build_stages

    stages = build_stages(
        site,
        Path(work.site),
        seed=work.seed,
        alarms=work.alarms or None,
        detectors=work.detectors,
        plugins=work.plugins,
    )
    return next(each for each in stages if each.name == work.stage)


def main() -> int:
    """Be the process."""
    work = msgspec.json.decode(sys.argv[1], type=Work)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != work.parent:
        return 0
    with suppress(OSError):
        os.nice(NICER)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not mix with the answers
    serve(_stage(work), sys.stdin.buffer, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
