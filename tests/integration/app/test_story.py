"""A fire from the sensors to the public warning: detections, incident, alert, actions, order, signs, CAP, ledger."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import capvalidator
import pytest
from tests.integration.app.parts import ROOT, Installation, Person, ledger_records, until

from s4allcities.formats.cap import CapAlert, read_cap
from s4allcities.store.layout import DataDir

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

Json = dict[str, Any]


def newest(person: Person, collection: str, key: str) -> Json:
    found: Json = person.picture()[collection][key]
    return found


def only(entries: Json) -> Json:
    found: Json = max(entries.values(), key=lambda each: each["t_us"])
    return found


@pytest.fixture(scope="module")
def alert(fire: Json) -> Json:
    return next(each for each in fire["alerts"].values() if each["hypothesis"] == "fire")


@pytest.fixture(scope="module")
def course(operator: Person, alert: Json) -> Json:
    courses = operator.picture()["courses"].values()
    return max(
        (each for each in courses if each["incident_id"] == alert["incident_id"]),
        key=lambda each: each["t_us"],
    )


@pytest.fixture(scope="module")
def order(operator: Person, course: Json, platform: Installation) -> Json:
    """Given to signs of which one answers and the others are not there."""
    answering = course["signs"][0]["device"]

    def answer(data: bytes) -> bytes:
        command = json.loads(data)
        return json.dumps({"ack": command["id"], "showing": command["show"]}).encode()

    with platform.device(answering, answer):
        given = operator.post("/api/v1/orders", {"course_of_action_id": course["id"], "note": "go"})
        assert given.status_code == 201, given.text

        def mine() -> list[Json]:
            commands = operator.picture()["commands"].values()
            return [each for each in commands if each["order_id"] == given.json()["id"]]

        until(
            lambda: len(mine()) == len(course["signs"]) and all(each["state"] != "sent" for each in mine()),
            "all commands answered or given up",
            within_s=30,
        )
    found: Json = given.json()
    return found


def test_smoke_becomes_a_fire_with_reasons(operator: Person, fire: Json, alert: Json) -> None:
    incident = fire["incidents"][alert["incident_id"]]
    assert incident["status"] == "confirmed"
    assert incident["hypothesis"] == "fire"
    assert "ticket-hall" in incident["zones"]
    assert incident["terms"]
    assert {each["label"] for each in fire["detections"].values() if "label" in each} or fire["detections"]
    assert alert["zone"] == "ticket-hall"
    assert alert["lines"]
    until(
        lambda: any(each["abnormal"] for each in operator.picture()["sensors"].values()),
        "sensors marked, which follow the incident within a second",
    )
    assert fire["zones"]["ticket-hall"]["risk"] is not None
    assert any(entry["text"].startswith("Alert: ") for entry in fire["log"].values())


def test_what_is_not_there_is_said_so(operator: Person) -> None:
    action = {"verb": "acknowledge", "expected_version": 1}
    assert operator.post("/api/v1/alerts/nope/actions", action).status_code == 404
    assert operator.post("/api/v1/orders", {"course_of_action_id": "nope"}).status_code == 404
    assert operator.post("/api/v1/releases", {"order_id": "nope"}).status_code == 409
    assert operator.post("/api/v1/alerts/nope/actions", {"verb": "explode"}).status_code == 400
    assert operator.get("/api/v1/sensors/nope/history").json() == {}


def test_an_order_reaches_the_signs(operator: Person, course: Json, order: Json) -> None:
    commands = [each for each in operator.picture()["commands"].values() if each["order_id"] == order["id"]]
    states = {each["device"]: each["state"] for each in commands}
    answering = course["signs"][0]["device"]
    assert states.pop(answering) == "acknowledged"
    assert set(states.values()) <= {"no_answer"}
    silent = next(each for each in commands if each["device"] != answering)
    assert silent["attempts"] == 3
    texts = [entry["text"] for entry in operator.picture()["log"].values()]
    assert f"{silent['device']} does not answer after 3 tries" in texts


def test_the_same_order_twice_is_one_order(operator: Person, course: Json, order: Json) -> None:
    again = operator.post("/api/v1/orders", {"course_of_action_id": course["id"]})
    assert again.json()["id"] == order["id"]
    assert (
        len([o for o in operator.picture()["orders"].values() if o["course_of_action_id"] == course["id"]])
        == 1
    )


def cap(path: Path) -> CapAlert:
    result = capvalidator.check_schema(path.read_bytes())
    assert result.passed, result.message
    return read_cap(path.read_bytes())


def test_the_order_is_a_valid_private_cap_message(platform: Installation, order: Json) -> None:
    message = cap(platform.data / "cap" / f"{order['id']}.xml")
    assert message.scope == "Private"


def test_a_public_warning_needs_two_persons(
    platform: Installation, operator: Person, supervisor: Person, order: Json
) -> None:
    public = platform.data / "cap" / f"{order['id']}-public.xml"
    asked = operator.post("/api/v1/releases", {"order_id": order["id"]})
    assert (asked.status_code, asked.json()["state"]) == (201, "asked")
    release = asked.json()["id"]
    assert operator.post(f"/api/v1/releases/{release}/confirm").status_code == 403
    assert [each["id"] for each in supervisor.get("/api/v1/releases").json()] == [release]
    assert not public.exists()
    done = supervisor.post(f"/api/v1/releases/{release}/confirm")
    assert (done.status_code, done.json()["state"]) == (201, "confirmed")
    assert cap(public).scope == "Public"
    assert supervisor.post(f"/api/v1/releases/{release}/confirm").status_code == 409
    disclosures = [record for kind, record in ledger_records(platform.data) if kind == "disclosure"]
    assert [(each["asked_by"], each["confirmed_by"]) for each in disclosures] == [("operator", "supervisor")]


def test_the_same_person_cannot_confirm(supervisor: Person, platform: Installation, order: Json) -> None:
    asked = supervisor.post("/api/v1/releases", {"order_id": order["id"]}).json()
    answer = supervisor.post(f"/api/v1/releases/{asked['id']}/confirm")
    assert answer.status_code == 409
    second = platform.person("sven", "supervisor")
    refused = second.post(f"/api/v1/releases/{asked['id']}/refuse", {"reason": "not now"})
    assert (refused.status_code, refused.json()["state"]) == (201, "refused")
    assert any(
        kind == "refused" and record["who"] == "supervisor" for kind, record in ledger_records(platform.data)
    )


def test_an_alert_goes_through_its_life(
    platform: Installation, operator: Person, alert: Json, order: Json
) -> None:
    """Comes after the order: who closes a fire's alert ends the incident, and with it its options."""
    path = f"/api/v1/alerts/{alert['id']}/actions"

    def act(verb: str, **more: Any) -> Json:
        version = newest(operator, "alerts", alert["id"])["version"]
        answer = operator.post(path, {"verb": verb, "expected_version": version, **more})
        if answer.status_code == 409:  # the stage made a newer version between the look and the action
            version = newest(operator, "alerts", alert["id"])["version"]
            answer = operator.post(path, {"verb": verb, "expected_version": version, **more})
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()
        return found

    old = operator.post(path, {"verb": "acknowledge", "expected_version": 0})
    assert old.status_code == 409
    assert act("acknowledge")["state"] == "acknowledged"
    assigned = act("assign", assignee="anna")
    assert (assigned["state"], assigned["owner"]) == ("assigned", "anna")
    version = newest(operator, "alerts", alert["id"])["version"]
    wrong = operator.post(path, {"verb": "close", "expected_version": version})
    assert wrong.status_code == 409
    assert wrong.json()["detail"]
    for verb in ("start", "resolve"):
        act(verb, reason="checked on site")
    closed = act("close", reason="drill over")
    assert (closed["state"], closed["reason"], closed["actor"]) == ("closed", "drill over", "operator")
    texts = [entry["text"] for entry in operator.picture()["log"].values()]
    assert "Closed: drill over" in texts
    states = [
        record["state"] for kind, record in ledger_records(platform.data)
        if kind == "alert" and record["id"] == alert["id"]
    ]  # fmt: skip
    for state in ("acknowledged", "assigned", "closed"):
        assert state in states


def verify(data: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "s4allcities",
        "verify",
        "ledger",
        "--data-dir",
        str(data),
        "--json",
        *more,
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_the_ledger_proves_untouched_and_shows_a_changed_byte(
    platform: Installation, order: Json, tmp_path: Path
) -> None:
    done = verify(platform.data)
    assert done.returncode == 0, done.stdout + done.stderr
    proof = json.loads(done.stdout)
    assert proof["ok"]
    assert proof["entries"] > 10
    assert proof["heads"] > 0
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("keys", "heads"):
        shutil.copytree(platform.data / name, copy / name)
    with (
        closing(sqlite3.connect(DataDir(platform.data).database)) as source,
        closing(sqlite3.connect(DataDir(copy).database)) as target,
    ):
        source.backup(target)
        row = target.execute("SELECT sequence, record FROM ledger WHERE kind = 'order'").fetchone()
        changed = bytearray(row[1])
        changed[len(changed) // 2] ^= 1
        target.execute("UPDATE ledger SET record = ? WHERE sequence = ?", (bytes(changed), row[0]))
        target.commit()
    found = verify(copy)
    assert found.returncode == 2
    assert {each["what"] for each in json.loads(found.stdout)["findings"]} == {"changed"}
