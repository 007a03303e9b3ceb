"""`s4 verify ledger`, `s4 backup` and `s4 restore`, as a person or a script calls them."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from tests.unit.store.samples import story

from s4allcities.cli.backup import backup
from s4allcities.cli.restore import restore
from s4allcities.cli.verify import ledger, prove_ledger
from s4allcities.security.keys import InstallationKey
from s4allcities.security.ledger import HeadKeeper, LedgerChain
from s4allcities.store.database import Database
from s4allcities.store.layout import DataDir
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder


async def installed(folder: DataDir) -> None:
    database = Database.open(folder.database)
    store = LedgerStore(database, LedgerChain())
    recorder = EventRecorder(database, store)
    keeper = HeadKeeper(folder.heads, InstallationKey.open(folder.keys), every_entries=3)
    for sequence, events in story():
        await recorder.record(sequence, events)
        tail = await store.tail()
        await keeper.note(tail.sequence, tail.hash, tail.t_us)
    tail = await store.tail()
    await keeper.note(tail.sequence, tail.hash, tail.t_us, final=True)
    await database.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    asyncio.run(installed(DataDir(tmp_path / "data")))
    return tmp_path / "data"


def change(data: Path, statement: str) -> None:
    connection = sqlite3.connect(DataDir(data).database)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_an_untouched_ledger_is_proven(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ledger(data_dir=data, as_json=True) == 0
    proof = json.loads(capsys.readouterr().out)
    assert proof["ok"] is True
    assert (proof["entries"], proof["covered"], proof["unsigned"], proof["findings"]) == (8, 8, 0, [])
    assert ledger(data_dir=data) == 0
    assert capsys.readouterr().out.endswith("\nuntouched\n")


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE ledger SET record = record || x'00' WHERE sequence = 3", "changed"),
        ("UPDATE ledger SET t_us = t_us + 1 WHERE sequence = 8", "changed"),
        ("UPDATE ledger SET kind = 'order' WHERE sequence = 1", "changed"),
        ("DELETE FROM ledger WHERE sequence = 4", "missing"),
        ("DELETE FROM ledger WHERE sequence >= 7", "missing tail"),
        ("DELETE FROM ledger", "missing tail"),
        ("UPDATE ledger_text SET text = 'Eino' WHERE text = 'Aino'", "changed text"),
    ],
)
def test_tampering_is_named(
    data: Path, capsys: pytest.CaptureFixture[str], statement: str, what: str
) -> None:
    change(data, statement)
    assert ledger(data_dir=data, as_json=True) == 2
    assert what in {finding["what"] for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert ledger(data_dir=data) == 2
    assert "NOT untouched" in capsys.readouterr().out


def test_erasing_personal_texts_is_not_tampering(data: Path) -> None:
    change(data, "DELETE FROM ledger_text")
    assert prove_ledger(data).ok


def test_without_heads_nothing_is_proven(data: Path) -> None:
    DataDir(data).heads.unlink()
    assert {finding.what for finding in prove_ledger(data).findings} == {"no heads"}


def test_a_ledger_made_anew_with_another_key_is_found_by_the_key_kept_elsewhere(
    data: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.pub"
    kept.write_bytes((DataDir(data).keys / "installation.pub").read_bytes())
    forged = tmp_path / "forged"
    asyncio.run(installed(DataDir(forged)))
    assert prove_ledger(forged).ok
    assert not prove_ledger(forged, public_key=kept).ok
    assert not prove_ledger(forged, heads=DataDir(data).heads, public_key=kept).ok


def test_nothing_to_verify_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ledger(data_dir=tmp_path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert not DataDir(tmp_path).database.exists()


def test_backup_and_restore_carry_the_proof_along(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backup(tmp_path / "copy", data_dir=data, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["manifest"]["product"] == "s4allcities-backup/1"
    assert restore(tmp_path / "copy", data_dir=tmp_path / "new", check=True) == 0
    assert restore(tmp_path / "copy", data_dir=tmp_path / "new") == 0
    assert "restored to" in capsys.readouterr().out
    assert prove_ledger(tmp_path / "new").ok
    assert backup(tmp_path / "copy", data_dir=data) == 2
    assert restore(tmp_path / "copy", data_dir=tmp_path / "new") == 2
    assert capsys.readouterr().err.count("\n") == 2
    assert backup(tmp_path / "no-keys", data_dir=data, keys=False) == 0
    assert "private keys left out" in capsys.readouterr().out
