"""Files that others pick up: put in their place in one step, safe on the disk before they are seen."""

import os
from pathlib import Path

__all__ = ("write_whole",)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. :raises OSError: the folder cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
