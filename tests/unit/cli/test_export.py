import asyncio
import json
from pathlib import Path

import capvalidator
import msgspec
import pytest
from tests.unit.exchange.test_cap import ALERT, COURSE, INCIDENT, ORDER

from s4allcities.cli.export import cap
from s4allcities.security.ledger import LedgerChain
from s4allcities.store.database import Database
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder

SITE = Path(__file__).parents[3] / "sites" / "helsinki-station"


def test_every_order_among_the_records_becomes_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "records.jsonl"
    records.write_bytes(
        b"\n".join(msgspec.json.encode(each) for each in (INCIDENT, ALERT, COURSE, ORDER)) + b"\n\n"
    )
    assert cap(records, site=SITE, out=tmp_path / "cap", as_json=True) == 0
    (path,) = json.loads(capsys.readouterr().out)["files"]
    assert capvalidator.check_schema(Path(path).read_bytes()).passed


@pytest.mark.parametrize(
    ("line", "says"), [("{", "line 1"), ('{"record": "party"}', "line 1"), ("", "no order among the records")]
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    records = tmp_path / "records.jsonl"
    records.write_text(line + "\n")
    assert cap(records, site=SITE, out=tmp_path / "cap") == (2 if line else 0)
    said = capsys.readouterr()
    assert says in said.err + said.out
    assert len((said.err + said.out).strip().splitlines()) == 1


def test_missing_files_and_sites_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cap(tmp_path / "none.jsonl", site=SITE) == 2
    assert "none.jsonl" in capsys.readouterr().err
    assert cap(tmp_path / "none.jsonl", site=tmp_path / "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err


def test_orders_of_an_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def record() -> None:
        database = Database.open(tmp_path / "s4.sqlite")
        await EventRecorder(database, LedgerStore(database, LedgerChain())).record(
            1, [INCIDENT, ALERT, COURSE, ORDER]
        )
        await database.close()

    asyncio.run(record())
    assert cap(data_dir=tmp_path, order=ORDER.id, site=SITE, out=tmp_path / "cap", as_json=True) == 0
    (path,) = json.loads(capsys.readouterr().out)["files"]
    assert Path(path).name == f"{ORDER.id}.xml"
    assert "Fire" in Path(path).read_text()
    assert cap(data_dir=tmp_path, order="nope", site=SITE, out=tmp_path / "cap") == 2
    assert "there is no order nope" in capsys.readouterr().err
    assert cap(data_dir=tmp_path / "elsewhere", site=SITE) == 2
    assert "no database there" in capsys.readouterr().err
    assert cap(site=SITE) == 2
    assert "either a file of records or --data-dir" in capsys.readouterr().err
