"""Backup and restore: database, history, keys and heads, listed with their checksums in a manifest.

A backup is a plain directory. It is made beside its final name and renamed when complete, and so is a restore: there is
never half of one.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import msgspec

from .database import APPLICATION_ID, Database, migrations, schema_version
from .errors import BackupError, StoreError
from .layout import DataDir
from .positions import forget_positions_in
from .segments import forget_marker_position

__all__ = ("MANIFEST", "BackupFile", "Manifest", "backup", "restore", "verify_backup")

MANIFEST = "manifest.json"
_PRODUCT = "s4allcities-backup/1"
_TRIES = 3


class BackupFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup: where, how long, its SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. ``keys`` are the names of the key files of the installation, held or not."""

    product: str
    version: str
    t_us: int
    schema: int
    files: tuple[BackupFile, ...]
    keys: tuple[str, ...] = ()
    with_keys: bool = True


def backup(
    data_dir: Path,
    target: Path,
    *,
    t_us: int,
    version: str,
    with_keys: bool = True,
    heads: Path | None = None,
) -> Manifest:
    """Copy a data directory into ``target``, a directory that does not exist yet; the platform may be running.

    ``t_us`` and ``version`` (of the program) go into the manifest. ``with_keys=False`` leaves the private keys out and
    only lists them. ``heads`` is where the ledger's heads lie if not in the data directory.

    :raises BackupError: no database there, the target exists, or a file cannot be read or written.
    """
    source, target = DataDir(Path(data_dir)), Path(target)
    if source.postgres.is_file():
        raise BackupError(
            f"{data_dir}: its records lie in PostgreSQL; back that up with pg_dump, and copy keys and heads"
        )
    if not source.database.is_file():
        raise BackupError(f"{source.database}: no database there; give the data directory of an installation")
    if target.exists():
        raise BackupError(f"{target}: exists already; give a directory that does not")
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        manifest = _fill(source, partial, t_us, version, with_keys, heads or source.heads)
        (partial / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        partial.rename(target)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{target}: cannot make the backup: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def verify_backup(source: Path) -> Manifest:
    """Read a backup's manifest and compare every file with it.

    :raises BackupError: one line that says what is missing, changed, foreign, or from a newer program.
    """
    manifest = _read_manifest(Path(source))
    known = migrations()[-1][0]
    if manifest.schema > known:
        raise BackupError(
            f"{source}: made by a newer program (schema {manifest.schema}, this one knows {known}); use that one"
        )
    for file in manifest.files:
        _check_file(Path(source), file)
    listed = {file.path for file in manifest.files} | {MANIFEST}
    extra = sorted(_relative_files(Path(source)) - listed)
    if extra:
        raise BackupError(f"{source}: holds {extra[0]}, which is not in its manifest; refused")
    _check_database(DataDir(Path(source)).database)
    return manifest


def restore(source: Path, data_dir: Path) -> Manifest:
    """Put a backup back as a data directory, which must not exist or be empty. The platform must not run on it.

    The bus's streams are not part of a backup, so their readers begin anew and the stages start without their states;
    records, ledger and history are as they were.

    :raises BackupError: the backup is refused (see `verify_backup`), or the data directory is in use.
    """
    data_dir = Path(data_dir)
    if data_dir.exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
        raise BackupError(f"{data_dir}: not empty; give a data directory that is empty or does not exist")
    manifest = verify_backup(source)
    partial = data_dir.with_name(f".{data_dir.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        for file in manifest.files:
            _copy(Path(source) / file.path, partial / file.path)
            _check_file(partial, file)  # what was read just now, not only what was there a moment ago
        _begin_anew(DataDir(partial))
        if data_dir.exists():
            data_dir.rmdir()
        partial.rename(data_dir)
    except BackupError:
        raise
    except (OSError, StoreError) as error:
        raise BackupError(f"{data_dir}: cannot restore: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _fill(source: DataDir, partial: Path, t_us: int, version: str, with_keys: bool, heads: Path) -> Manifest:
    there = DataDir(partial)
    # The heads first: entries that come after them are in the database copy too, never the other way round.
    if heads.is_file():
        _copy(heads, there.heads)
    schema = _copy_database(source.database, there.database)
    _copy_history(source.history, there.history)
    keys = (
        sorted(path.name for path in source.keys.iterdir() if path.is_file()) if source.keys.is_dir() else []
    )
    for name in keys:
        if with_keys or name.endswith(".pub"):
            _copy(source.keys / name, there.keys / name)
    files = tuple(_described(partial, name) for name in sorted(_relative_files(partial)))
    return Manifest(
        product=_PRODUCT,
        version=version,
        t_us=t_us,
        schema=schema,
        files=files,
        keys=tuple(keys),
        with_keys=with_keys,
    )


def _begin_anew(folder: DataDir) -> None:
    database = Database.open(folder.database)
    try:
        database.write_now(forget_positions_in)
    finally:
        database.close_now()
    forget_marker_position(folder.history)


def _copy_database(source: Path, target: Path) -> int:
    """Copy page by page while others write (SQLite's online backup), into a file without a write-ahead log."""
    reading, writing = (
        sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True),
        sqlite3.connect(target),
    )
    try:
        reading.backup(writing, pages=4096, sleep=0.01)
        writing.execute("PRAGMA journal_mode = DELETE")
        return schema_version(writing)
    finally:
        reading.close()
        writing.close()


def _copy_history(source: Path, target: Path) -> None:
    """Copy the committed files. Merging or retention may remove one meanwhile: then the list is read again."""
    if not source.is_dir():
        return
    for attempt in range(_TRIES):
        shutil.rmtree(target, ignore_errors=True)
        try:
            if (source / "committed.json").exists():
                _copy(source / "committed.json", target / "committed.json")
            for path in sorted(source.glob("*/*/*.parquet")):
                _copy(path, target / path.relative_to(source))
            return
        except FileNotFoundError:
            if attempt == _TRIES - 1:
                raise


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    shutil.copymode(source, target)


def _described(root: Path, name: str) -> BackupFile:
    path = root / name
    return BackupFile(path=name, bytes=path.stat().st_size, sha256=_sha256(path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _relative_files(root: Path) -> set[str]:
    found: Iterable[Path] = (path for path in root.rglob("*") if path.is_file() or path.is_symlink())
    return {path.relative_to(root).as_posix() for path in found}


def _read_manifest(source: Path) -> Manifest:
    path = source / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise BackupError(f"{source}: no {MANIFEST} in it, so it is not a backup of this platform") from error
    except (OSError, msgspec.MsgspecError) as error:
        raise BackupError(f"{path}: cannot read the manifest: {error}") from error
    if manifest.product != _PRODUCT:
        raise BackupError(f"{path}: a backup of {manifest.product!r}; allowed is {_PRODUCT!r}")
    return manifest


def _check_file(root: Path, file: BackupFile) -> None:
    name = PurePosixPath(file.path)
    if name.is_absolute() or ".." in name.parts or not name.parts:
        raise BackupError(f"{root}: the manifest names {file.path!r}, outside of the backup; refused")
    path = root / name
    if path.is_symlink() or not path.is_file():
        raise BackupError(f"{path}: missing from the backup")
    try:
        same = path.stat().st_size == file.bytes and _sha256(path) == file.sha256
    except OSError as error:
        raise BackupError(f"{path}: cannot be read: {error}") from error
    if not same:
        raise BackupError(f"{path}: damaged: its content does not match the manifest")


def _check_database(path: Path) -> None:
    if not path.is_file():
        raise BackupError(f"{path}: missing from the backup")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        sound = connection.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{path}: not a sound database: {error}") from error
    finally:
        connection.close()
    if mark != APPLICATION_ID or sound != "ok":
        raise BackupError(f"{path}: not a sound database of this platform")
