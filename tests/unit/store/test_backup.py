import asyncio
import json
import stat
from pathlib import Path

import pytest
from tests.unit.store import samples as made
from tests.unit.store.conftest import PlainChain
from tests.unit.store.test_history import DAY, batch

from s4allcities.domain import ManualClock
from s4allcities.store.backup import MANIFEST, backup, restore, verify_backup
from s4allcities.store.database import Database
from s4allcities.store.errors import BackupError
from s4allcities.store.history import ParquetHistory
from s4allcities.store.layout import DataDir
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder
from s4allcities.store.retention import RetentionLimits, enforce, forget_person
from s4allcities.store.snapshots import SqliteSnapshots
from s4allcities.store.sql import SqlDatabase


async def filled(folder: DataDir) -> None:
    database = Database.open(folder.database)
    recorder = EventRecorder(database, LedgerStore(database, PlainChain()))
    for sequence, events in made.story():
        await recorder.record(sequence, events)
    await database.close()
    history = await ParquetHistory.open(folder.history, clock=ManualClock(DAY))
    history.append(batch([DAY], [1.0]), sequence=4)
    await history.close()
    folder.heads.parent.mkdir()
    folder.heads.write_text("{}\n")
    folder.keys.mkdir()
    (folder.keys / "installation.key").write_text("secret")
    (folder.keys / "installation.key").chmod(0o600)
    (folder.keys / "installation.pub").write_text("public")


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    folder = DataDir(tmp_path / "data")
    asyncio.run(filled(folder))
    return folder


async def found(folder: DataDir) -> tuple[int, list[float]]:
    database = Database.open(folder.database)
    recorder = EventRecorder(database, LedgerStore(database, PlainChain()))
    last = await recorder.last_sequence()
    await database.close()
    history = await ParquetHistory.open(folder.history, clock=ManualClock(DAY))
    values = list((await history.query("smoke-1", "smoke_pct_m"))[1])
    await history.close()
    return last, values


def test_a_backup_comes_back_whole(data: DataDir, tmp_path: Path) -> None:
    manifest = backup(data.root, tmp_path / "copy", t_us=5, version="1.0")
    assert manifest.keys == ("installation.key", "installation.pub")
    assert restore(tmp_path / "copy", tmp_path / "new") == manifest
    assert asyncio.run(found(DataDir(tmp_path / "new"))) == (0, [1.0])
    kept = DataDir(tmp_path / "new").keys / "installation.key"
    assert kept.read_text() == "secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700


def test_readers_of_streams_begin_anew_after_a_restore(data: DataDir, tmp_path: Path) -> None:
    async def keep_on() -> None:
        database = Database.open(data.database)
        await SqliteSnapshots(database).save("fusion", 0, 7, b"state")
        await database.close()

    async def check() -> None:
        database = Database.open(tmp_path / "new" / "s4.sqlite")
        assert await SqliteSnapshots(database).load("fusion", 0) is None
        await database.close()
        history = await ParquetHistory.open(tmp_path / "new" / "history", clock=ManualClock(DAY))
        assert history.last_sequence == 0
        history.append(batch([DAY + 1], [2.0]), sequence=1)
        assert len((await history.query("smoke-1", "smoke_pct_m"))[0]) == 2
        await history.forget_position()
        assert history.last_sequence == 0
        history.append(batch([DAY + 2], [3.0]), sequence=1)
        assert len((await history.query("smoke-1", "smoke_pct_m"))[0]) == 3
        await history.close()

    asyncio.run(keep_on())
    backup(data.root, tmp_path / "copy", t_us=5, version="1.0")
    restore(tmp_path / "copy", tmp_path / "new")
    asyncio.run(check())


def test_it_works_while_the_platform_writes(data: DataDir, tmp_path: Path) -> None:
    database = Database.open(data.database)
    database.write_now(lambda c: c.execute("INSERT INTO counter VALUES ('late', 1)").rowcount)
    backup(data.root, tmp_path / "copy", t_us=5, version="1.0")
    database.close_now()
    restore(tmp_path / "copy", tmp_path / "new")
    again = Database.open(tmp_path / "new" / "s4.sqlite")
    assert again.read_now(
        lambda c: c.execute("SELECT value FROM counter WHERE name = 'late'").fetchone()
    ) == (1,)
    again.close_now()


def test_private_keys_can_stay_behind(data: DataDir, tmp_path: Path) -> None:
    manifest = backup(data.root, tmp_path / "copy", t_us=5, version="1.0", with_keys=False)
    assert manifest.keys == ("installation.key", "installation.pub")
    assert [path.name for path in (tmp_path / "copy" / "keys").iterdir()] == ["installation.pub"]
    verify_backup(tmp_path / "copy")


def test_any_damage_is_refused_in_one_line(data: DataDir, tmp_path: Path) -> None:
    backup(data.root, tmp_path / "copy", t_us=5, version="1.0")
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file() and path.name != MANIFEST]
    assert len(files) >= 5
    for path in files:
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(BackupError, match="damaged") as caught:
            restore(tmp_path / "copy", tmp_path / "new")
        assert "\n" not in str(caught.value)
        path.unlink()
        with pytest.raises(BackupError, match="missing"):
            restore(tmp_path / "copy", tmp_path / "new")
        path.write_bytes(whole)
    (tmp_path / "copy" / "extra").write_text("")
    with pytest.raises(BackupError, match="not in its manifest"):
        restore(tmp_path / "copy", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"product": "other/1"}, "allowed is 's4allcities-backup/1'"),
        ({"schema": 999}, "newer program"),
        ({"files": [{"path": "../up", "bytes": 0, "sha256": ""}]}, "outside of the backup"),
        ({"files": [{"path": "/etc/hostname", "bytes": 0, "sha256": ""}]}, "outside of the backup"),
        ({"files": 3}, "cannot read the manifest"),
    ],
)
def test_foreign_manifests_are_refused(
    data: DataDir, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    backup(data.root, tmp_path / "copy", t_us=5, version="1.0")
    path = tmp_path / "copy" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BackupError, match=message):
        restore(tmp_path / "copy", tmp_path / "new")


def test_wrong_directories_are_refused(data: DataDir, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no database there"):
        backup(tmp_path / "nothing", tmp_path / "copy", t_us=5, version="1.0")
    with pytest.raises(BackupError, match="exists already"):
        backup(data.root, tmp_path, t_us=5, version="1.0")
    with pytest.raises(BackupError, match="not a backup"):
        restore(tmp_path, tmp_path / "new")
    backup(data.root, tmp_path / "copy", t_us=5, version="1.0")
    with pytest.raises(BackupError, match="not empty"):
        restore(tmp_path / "copy", data.root)


@pytest.mark.anyio
async def test_what_is_too_old_goes_and_counts_stay(
    tmp_path: Path, store: SqlDatabase, recorder: EventRecorder
) -> None:
    history = await ParquetHistory.open(tmp_path / "history", clock=ManualClock(DAY))
    history.append(batch([DAY], [1.0]))
    await history.flush()
    now_us = DAY + 10 * 86_400_000_000
    await recorder.record(
        1, [made.detection("D1", DAY), made.detection("D2", now_us), made.rejected("J1", t_us=DAY)]
    )
    limits = RetentionLimits(history_days={"env": 9}, detection_days=5, rejected_days=5)
    removed = await enforce(store, history, limits, now_us)
    assert (removed.history, removed.detections, removed.rejected) == (1, 1, 1)
    assert [detection.id for detection in await recorder.detections()] == ["D2"]
    assert [entry.count for entry in await recorder.rejected_counts()] == [1]
    await history.close()


@pytest.mark.anyio
async def test_a_person_can_be_forgotten(
    store: SqlDatabase, ledger: LedgerStore, recorder: EventRecorder
) -> None:
    for sequence, events in made.story():
        await recorder.record(sequence, events)
    before = list(ledger.rows_now())
    assert await forget_person(store, ledger, "Aino") > 3
    assert list(ledger.rows_now()) == before
    [alert] = await recorder.open_alerts()
    assert alert.actor == "erased"
    assert {line.actor for line in await recorder.log()} == {"", "erased"}
    assert "Aino" not in {text for _, _, text in ledger.texts_now()}
