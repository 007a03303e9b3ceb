from itertools import pairwise
from pathlib import Path

import pytest
from tests.unit.store import samples as made

from s4allcities.domain import Alert
from s4allcities.store.database import Database
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder

pytestmark = pytest.mark.anyio


async def record_story(recorder: EventRecorder) -> None:
    for sequence, events in made.story():
        await recorder.record(sequence, events)


async def test_the_newest_version_of_everything_is_kept(recorder: EventRecorder) -> None:
    await record_story(recorder)
    assert await recorder.last_sequence() == 14
    [alert] = await recorder.open_alerts()
    assert (alert.version, alert.state, alert.actor) == (2, "acknowledged", "Aino")
    assert [i.version for i in await recorder.incidents(open_only=True)] == [2]
    assert [c.version for c in await recorder.courses("I1")] == [2]
    assert await recorder.orders() == [made.order()]
    assert [(c.state, c.attempts) for c in await recorder.commands("O1")] == [("acknowledged", 2)]
    assert [r.value for r in await recorder.risks()] == [0.9]
    assert [c.value for c in await recorder.context("people")] == [7]
    assert [h.state for h in await recorder.sensors()] == ["stale"]
    assert [d.id for d in await recorder.detections()] == ["D2", "D1"]


async def test_closed_alerts_leave_the_open_ones_and_can_still_be_asked_for(recorder: EventRecorder) -> None:
    await recorder.record(1, [made.alert("A1"), made.alert("A2")])
    await recorder.record(2, [made.alert("A1", 2, state="closed", changed_by="B", reason="false alarm")])
    assert [alert.id for alert in await recorder.open_alerts()] == ["A2"]
    assert {alert.id for alert in await recorder.alerts()} == {"A1", "A2"}
    assert await recorder.alert("A1") == made.alert(
        "A1", 2, state="closed", changed_by="B", reason="false alarm"
    )
    assert await recorder.alert("A9") is None


async def test_an_older_version_never_replaces_a_newer_one(recorder: EventRecorder) -> None:
    await recorder.record(7, [made.alert(version=3, state="assigned")])
    await recorder.record(3, [made.alert(version=1)])
    assert [alert.version for alert in await recorder.alerts()] == [3]
    assert await recorder.last_sequence() == 7


async def test_the_log_reads_like_a_story(recorder: EventRecorder) -> None:
    await record_story(recorder)
    lines = [entry.text for entry in await recorder.log()]
    assert "Incident confirmed: fire at ticket-hall" in lines
    assert "Alert (critical): Fire in the ticket hall" in lines
    assert "Alert acknowledged: Seen" in lines
    assert "Order given: Go" in lines
    assert "sign-1 does not answer (attempt 1)" in lines
    assert [entry.actor for entry in await recorder.log(alert_id="A1")] == ["", "Aino"]
    assert all(entry.incident_id == "I1" for entry in await recorder.log(incident_id="I1"))


async def test_rejected_are_counted_by_reason_and_capped_with_a_count(recorder: EventRecorder) -> None:
    await record_story(recorder)
    counts = {entry.reason: entry.count for entry in await recorder.rejected_counts()}
    assert counts == {"not JSON": 2, "too late": 1}
    for number in range(40):
        await recorder.record(100 + number, [made.rejected(f"K{number:02}", t_us=made.S + number)])
    kept = await recorder.rejected(limit=1000)
    counters = await recorder.counters()
    assert len(kept) == 10
    assert kept[0].id == "K39"
    assert counters["rejected.evicted"] == 33
    assert {entry.reason: entry.count for entry in await recorder.rejected_counts()}["not JSON"] == 42
    await recorder.record(101, [made.rejected("K01")])  # a repeat of one that is gone is not counted again
    assert {entry.reason: entry.count for entry in await recorder.rejected_counts()}["not JSON"] == 42


async def test_detections_are_a_ring(recorder: EventRecorder) -> None:
    for number in range(300):
        await recorder.record(number + 1, [made.detection(f"D{number:03}", number)])
    kept = await recorder.detections(limit=1000)
    assert kept[0].id == "D299"
    assert 100 <= len(kept) <= 102


async def test_the_ledger_holds_each_statement_once_and_nothing_personal(
    recorder: EventRecorder, ledger: LedgerStore
) -> None:
    await record_story(recorder)
    await record_story(recorder)
    rows = [row async for row in ledger.rows()]
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    kinds = [row.kind for row in rows]
    assert {kind: kinds.count(kind) for kind in kinds} == {"alert": 2, "refusal": 1, "order": 1, "command": 4}
    assert all(later.previous == earlier.hash for earlier, later in pairwise(rows))
    assert not any(b"Aino" in row.record or b"Seen" in row.record for row in rows)
    assert {text for _, _, text in ledger.texts_now()} == {"Aino", "Seen", "Go", "someone else was first"}
    assert (await ledger.tail()).sequence == len(rows)
    assert list(ledger.rows_now()) == rows


async def test_erased_texts_leave_the_chain_whole(recorder: EventRecorder, ledger: LedgerStore) -> None:
    await record_story(recorder)
    before = list(ledger.rows_now())
    [reference] = [reference for reference, _, text in ledger.texts_now() if text == "Aino"]
    assert await ledger.text(reference) == "Aino"
    assert await ledger.erase("Aino") == 1
    assert await ledger.text(reference) is None
    assert list(ledger.rows_now()) == before


async def test_disclosures_enter_the_ledger_too(ledger: LedgerStore) -> None:
    said = {"to": "fire brigade", "until_us": 5}
    assert await ledger.append("disclosure", "disclosure/1", 1, said, {"actor": "Aino"})
    assert not await ledger.append("disclosure", "disclosure/1", 1, said)


async def test_a_failing_chain_keeps_nothing_of_the_message(
    recorder: EventRecorder, ledger: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise ValueError("no key")

    monkeypatch.setattr(ledger._chain, "link", fail)
    with pytest.raises(ValueError, match="no key"):
        await recorder.record(1, [made.incident(), made.alert()])
    assert await recorder.incidents() == []
    assert await recorder.last_sequence() == 0


async def test_state_survives_a_restart(tmp_path: Path) -> None:
    from tests.unit.store.conftest import PlainChain

    for sequence in (1, 2):
        database = Database.open(tmp_path / "again.sqlite")
        recorder = EventRecorder(database, LedgerStore(database, PlainChain()))
        assert await recorder.last_sequence() == sequence - 1
        await recorder.record(sequence, [made.alert(f"A{sequence}")])
        await database.close()
    database = Database.open(tmp_path / "again.sqlite")
    recorder = EventRecorder(database, LedgerStore(database, PlainChain()))
    alerts: list[Alert] = await recorder.open_alerts()
    assert [alert.id for alert in alerts] == ["A1", "A2"]
    await database.close()
