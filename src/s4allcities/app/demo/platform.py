"""The platform process of a demonstration: `serve` with settings that the demonstration wrote."""

import asyncio
import sys
from pathlib import Path

import msgspec
import uvloop

from s4allcities.security.users import FirstLink

from ..config import AppConfig
from ..logs import set_up_logs
from ..serve import Running, serve

__all__ = ("main",)


def _announce(running: Running, links: list[FirstLink]) -> None:
    """Say nothing: the demonstration reads the files."""


def main(path: Path) -> None:
    """Serve until a signal."""
    set_up_logs()
    config = msgspec.json.decode(path.read_bytes(), type=AppConfig)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config, announce=_announce))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
