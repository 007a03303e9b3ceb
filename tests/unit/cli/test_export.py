import json
from pathlib import Path

import capvalidator
import msgspec
import pytest
from tests.unit.exchange.test_cap import ALERT, COURSE, INCIDENT, ORDER

from s4allcities.cli.export import cap

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
