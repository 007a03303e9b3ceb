"""Every figure of an alert out of the ledger again; what was changed there is found."""

import asyncio
import json
import math
import sqlite3
from pathlib import Path

import msgspec
import pytest
from tests.unit.awareness.alarm_stories import NAMES, T0_US, S, incident, intrusion, linked
from tests.unit.awareness.test_risk import ZONES, fact

from s4allcities.app.explain import NoSuchAlert, explain_file
from s4allcities.app.offline import Offline
from s4allcities.awareness.alarms import AlarmStage
from s4allcities.awareness.risk import RiskStage
from s4allcities.cli.risk import explain
from s4allcities.domain import Alert, Event, Incident
from s4allcities.security.ledger import LedgerChain
from s4allcities.store.database import Database
from s4allcities.store.layout import DataDir
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder


def consistent(one: Incident) -> Incident:
    """An incident whose terms add up to its probability, as fusion's do."""
    total = sum(term.llr for term in one.terms)
    p = 1 / (1 + math.exp(-total))
    return msgspec.structs.replace(one, probability=p, hypotheses={"benign": 1 - p, one.hypothesis: p})


def story() -> list[Event]:
    """A fire with people, then an intrusion that it makes graver, then the crowd leaves."""
    offline = Offline((RiskStage(ZONES), AlarmStage(NAMES)))
    fire = consistent(incident())
    said: list[Event] = []
    steps: list[list[Event]] = [
        [], [fact("ticket-hall", "people", 184)], [fire], [fact("ticket-hall", "people", 60)],
        [consistent(intrusion(version=2, zones=("ticket-hall",), links=(linked(fire),)))],
        [fact("ticket-hall", "people", 0)],
    ]  # fmt: skip
    for number, events in enumerate(steps):
        said += offline.give(events, T0_US + number * 10 * S)
    return [*said, *offline.give([], T0_US + 200 * S)]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Alert]]:
    folder = DataDir(tmp_path_factory.mktemp("explain"))
    said = story()

    async def record() -> None:
        database = Database.open(folder.database)
        recorder = EventRecorder(database, LedgerStore(database, LedgerChain()))
        await recorder.record(1, said)
        await database.close()

    asyncio.run(record())
    return folder.root, [event for event in said if isinstance(event, Alert)]


def test_every_figure_of_every_version_is_reproduced(kept: tuple[Path, list[Alert]]) -> None:
    folder, alerts = kept
    assert {alert.hypothesis for alert in alerts} == {"fire", "cyber-intrusion"}
    for alert in alerts:
        found = explain_file(folder, alert.id, alert.version)
        assert found.intact
        assert found.reproduced, [figure for figure in found.figures if not figure.same]
        names = {figure.name for figure in found.figures}
        assert names >= {"probability", "level"}
        if alert.grounds and alert.grounds.risk:
            assert names >= {"risk.value", "risk.low", "risk.high", "risk.threat", "risk.before"}
            again = {figure.name: figure.again for figure in found.figures}
            assert again["risk.value"] == pytest.approx(alert.grounds.risk.value, abs=1e-12)


def test_some_alert_rests_on_a_risk(kept: tuple[Path, list[Alert]]) -> None:
    assert any(alert.grounds and alert.grounds.risk and alert.grounds.risk.basis for alert in kept[1])


def test_the_command_tells_it(kept: tuple[Path, list[Alert]], capsys: pytest.CaptureFixture[str]) -> None:
    folder, alerts = kept
    fire = next(alert.id for alert in alerts if alert.hypothesis == "fire")
    assert explain(fire, data_dir=folder, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["reproduced"] is True
    assert document["figures"][0]["name"] == "probability"
    assert explain(fire, data_dir=folder) == 0
    told = capsys.readouterr().out
    assert "reproduced" in told
    assert "NOT" not in told


def test_what_is_not_there_is_refused(
    kept: tuple[Path, list[Alert]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, alerts = kept
    with pytest.raises(NoSuchAlert, match="has no alert 'x'"):
        explain_file(folder, "x")
    assert explain(alerts[0].id, data_dir=folder, version=99) == 2
    assert "allowed: 1" in capsys.readouterr().err
    assert explain("x", data_dir=folder / "none") == 2
    assert "no database there" in capsys.readouterr().err


def test_a_changed_entry_is_found(tmp_path: Path, kept: tuple[Path, list[Alert]]) -> None:
    folder, alerts = kept
    copy = DataDir(tmp_path)
    source = sqlite3.connect(DataDir(folder).database)
    with sqlite3.connect(copy.database) as target:
        source.backup(target)
        body = target.execute("SELECT sequence, record FROM ledger WHERE kind = 'alert' LIMIT 1").fetchone()
        target.execute(
            "UPDATE ledger SET record = ? WHERE sequence = ?", (body[1].replace(b"fire", b"fork"), body[0])
        )
    source.close()
    target.close()
    assert not explain_file(tmp_path, alerts[0].id, 1).intact
