"""Which database and which history belong to a data directory: its own files, or a PostgreSQL server it names.

A platform configured for PostgreSQL leaves the address (never the password) in its data directory, so that commands
that are given only the directory find the same records.
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from s4allcities.domain import Clock

from .buffered import BufferedHistory
from .database import Database
from .errors import DatabaseError
from .history import ParquetHistory
from .layout import DataDir
from .postgres import PostgresDatabase, PostgresSettings
from .postgres_history import PostgresHistory
from .sql import SqlDatabase

__all__ = ("has_state", "named_postgres", "note_postgres", "open_history", "open_state")


def note_postgres(data: DataDir, settings: PostgresSettings | None) -> None:
    """Leave in a data directory where its records lie; None: in its own files."""
    if settings is None:
        with suppress(FileNotFoundError):
            data.postgres.unlink()
        return
    fresh = data.postgres.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(settings))
    fresh.replace(data.postgres)


def named_postgres(data: DataDir) -> PostgresSettings | None:
    """Give the server that a data directory names, None if its records lie in its own files.

    :raises DatabaseError: the note cannot be read.
    """
    try:
        return msgspec.json.decode(data.postgres.read_bytes(), type=PostgresSettings)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise DatabaseError(f"{data.postgres}: cannot be read: {error}") from error


def has_state(data: DataDir) -> bool:
    """Tell whether records are kept for a data directory."""
    return data.postgres.is_file() or data.database.is_file()


def open_state(data_dir: Path, *, alone: bool = False, new: bool = False) -> SqlDatabase:
    """Open the database of a data directory; ``alone``: as the platform; ``new``: make it where there is none.

    :raises DatabaseError: there is none, or it cannot be used.
    """
    data = DataDir(Path(data_dir))
    settings = named_postgres(data)
    if settings is not None:
        return PostgresDatabase.open(settings, alone=alone)
    if not new and not data.database.is_file():
        raise DatabaseError(f"{data.database}: no database there; give the data directory of an installation")
    return Database.open(data.database)


async def open_history(data_dir: Path, *, clock: Clock) -> BufferedHistory:
    """Open the history of a data directory as its one writer.

    :raises StoreError: it cannot be used.
    """
    data = DataDir(Path(data_dir))
    settings = named_postgres(data)
    if settings is not None and settings.history:
        return await PostgresHistory.open(settings, clock=clock)
    return await ParquetHistory.open(data.history, clock=clock)
