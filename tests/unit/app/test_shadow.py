"""Shadow mode by its command, over the record of an installation."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.unit.app.parts import SITE_FOLDER
from tests.unit.awareness.alarm_stories import T0_US, Desk, S, incident, intrusion

from s4allcities.app.shadow import LogError, read_log
from s4allcities.awareness.alarms import alarm_settings
from s4allcities.cli.risk import shadow
from s4allcities.domain import Alert, to_rfc3339
from s4allcities.security.ledger import LedgerChain
from s4allcities.store.database import Database
from s4allcities.store.layout import DataDir
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder


def alerts() -> list[Alert]:
    desk = Desk(settings=alarm_settings({"shadow": True}))
    desk.give(incident())
    desk.give(intrusion(), at_s=20)
    return desk.said


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = DataDir(tmp_path_factory.mktemp("shadow"))

    async def record() -> None:
        database = Database.open(folder.database)
        recorder = EventRecorder(database, LedgerStore(database, LedgerChain()))
        await recorder.record(1, alerts())
        await database.close()

    asyncio.run(record())
    return folder.root


def test_in_the_shadow_alerts_are_raised_and_call_nobody() -> None:
    said = alerts()
    assert len(said) == 2
    assert {alert.held for alert in said} == {"shadow: another system calls"}
    assert said[0].level == "critical"


def test_the_report_says_who_was_first(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "old.csv"
    rows = [
        f"{to_rfc3339(T0_US + 40 * S)},FIRE PANEL 3,ticket-hall,high",
        f"{to_rfc3339(T0_US + 500 * S)},LIFT STUCK,main-hall,low",
        "yesterday,WHAT,,",
    ]
    log.write_text("\n".join(["time,alarm,zone,level", *rows]))
    assert shadow(log, data_dir=kept, site=SITE_FOLDER, as_json=True) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["pairs"][0]["lead_s"] == 40.0
    assert (document["ours_first"], document["theirs_first"]) == (1, 0)
    assert [each["text"] for each in document["theirs_only"]] == ["LIFT STUCK"]
    assert [each["text"] for each in document["ours_only"]] == ["Cyber intrusion, door DC-07"]
    assert "line 4: time is 'yesterday'; allowed is an RFC 3339 time" in said.err
    assert shadow(log, data_dir=kept, site=SITE_FOLDER) == 0
    assert "median lead of ours +40 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("when,what\n", "no column 'time'; allowed are time, alarm, zone, level"),
        ("time,alarm\nnow,x\n", "not one row could be read"),
    ],
)
def test_a_log_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    log = tmp_path / "bad.csv"
    log.write_text(text)
    with pytest.raises(LogError, match=words):
        read_log(log)


def test_wrong_use_exits_with_2(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "old.csv"
    assert shadow(log, data_dir=kept, site=SITE_FOLDER) == 2
    log.write_text("time,alarm\n")
    assert shadow(log, data_dir=tmp_path, site=SITE_FOLDER) == 2
    assert shadow(log, data_dir=kept, site=SITE_FOLDER, within=0) == 2
    assert "allowed are seconds above 0" in capsys.readouterr().err
