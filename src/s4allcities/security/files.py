"""Files that only their owner may read."""

import os
from pathlib import Path

from .errors import KeyFileError

__all__ = ("read_private", "write_private")


def read_private(path: Path) -> bytes:
    """Read a file, refusing one that its group or others may read.

    :raises KeyFileError: it is readable by others.
    :raises FileNotFoundError: it is not there.
    """
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise KeyFileError(f"{path}: others may read it (mode {mode:o}); allowed is 600: chmod 600 it")
    return path.read_bytes()


def write_private(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a file with mode 600, whole or not at all, flushed to disk.

    :raises FileExistsError: it is there and ``replace`` is not set.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            _place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _place(temporary: Path, path: Path) -> None:
    """Give the finished file its name unless the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        temporary.rename(path)
