"""The context graph over the API: stated, changed, withdrawn; refused where somebody else was faster."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient
from tests.unit.app.parts import Behind

from s4allcities.domain import Context

CSRF = {"x-csrf-token": "token"}
EVENT = {"type": "event", "name": "Market", "zones": ["ticket-hall"], "people": 300}


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def client(behind: Behind) -> Iterator[TestClient[Any]]:
    with TestClient(behind.app(), cookies={"s4_session": "open"}, raise_server_exceptions=False) as made:
        yield made


def state(client: TestClient[Any], key: str, entry: dict[str, Any], version: int = 0) -> Any:
    body = {"entry": entry, "expected_version": version, "reason": "yearly"}
    return client.put(f"/api/v1/context/entries/{key}", json=body, headers=CSRF)


def stated(client: TestClient[Any]) -> dict[str, Any]:
    found = client.get("/api/v1/context/entries").json()
    return {each["id"]: each for each in found["entries"]}


def test_an_entry_is_stated_changed_and_withdrawn(client: TestClient[Any], behind: Behind) -> None:
    answer = state(client, "market", EVENT)
    assert (answer.status_code, answer.json()["version"], answer.json()["stated_by"]) == (200, 1, "sue")
    assert stated(client)["market"]["people"] == 300
    assert client.get("/api/v1/context/entries").json()["edges"] == [["market", "at", "ticket-hall"]]
    assert state(client, "market", {**EVENT, "people": 400}, 1).json()["version"] == 2
    gone = client.delete("/api/v1/context/entries/market?expected_version=2&reason=over", headers=CSRF)
    assert (gone.status_code, gone.json()) == (200, {"id": "market", "version": 3})
    assert stated(client) == {}
    facts = [each for each in behind.published if isinstance(each, Context)]
    assert [(each.version, each.value is None, each.reason) for each in facts] == [
        (1, False, "yearly"), (2, False, "yearly"), (3, True, "over"),
    ]  # fmt: skip


def test_who_saw_an_older_version_is_refused(client: TestClient[Any]) -> None:
    state(client, "market", EVENT)
    late = state(client, "market", EVENT)
    assert late.status_code == 409
    assert "it is at version 1, you saw 0" in late.json()["detail"]
    assert client.delete("/api/v1/context/entries/market", headers=CSRF).status_code == 409


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"type": "party"}, "type is 'party'; allowed are event, opening-hours"),
        ({**EVENT, "people": "many"}, "Expected `float`"),
        ({**EVENT, "zones": ["moon"]}, "no zone 'moon' on this site; allowed: "),
        ({**EVENT, "from": "tomorrow"}, "from is 'tomorrow'; allowed is an RFC 3339 time"),
        (
            {**EVENT, "from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
            "until is not after from",
        ),
        ({**EVENT, "id": "other"}, "allowed here is 'market'"),
        ({**EVENT, "colour": "red"}, "unknown field `colour`"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    client: TestClient[Any], entry: dict[str, Any], words: str
) -> None:
    answer = state(client, "market", entry)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


def test_withdrawing_what_is_not_there(client: TestClient[Any]) -> None:
    assert client.delete("/api/v1/context/entries/none", headers=CSRF).status_code == 404


def test_bulk_acknowledge_answers_each_by_itself(client: TestClient[Any]) -> None:
    body = {
        "alerts": [
            {"alert_id": "01ALERT", "expected_version": 1},
            {"alert_id": "nope", "expected_version": 1},
        ]
    }
    answer = client.post("/api/v1/alerts/acknowledge", json=body, headers=CSRF).json()
    assert answer["refused"]["nope"] == "There is no such alert."


def test_the_checklist_and_the_past_are_given(client: TestClient[Any]) -> None:
    assert "standoff" in client.get("/api/v1/risk/survey").json()["questions"]
    past = client.get("/api/v1/risk/past?at=2026-01-01T00:00:00Z").json()
    assert (past["risks"], past["context"]) == ([], [])
    assert client.get("/api/v1/risk/past?at=then").status_code == 400
