"""The API on its own: what it says of itself, and that nothing from outside makes it fail."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient
from tests.unit.app.parts import ALERT, Behind

CSRF = {"x-csrf-token": "token"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        "people",
        "exit_state",
        "hazard",
        "traffic",
        "ticket-hall",
        "acknowledge",
        "close",
        "",
        "\x00",
        "é" * 300,
        "../x",
    ]
)
VALUES = WORDS | JSON
FIELDS = {
    "/api/v1/session": ("token", "name", "password"),
    f"/api/v1/alerts/{ALERT.id}/actions": ("verb", "expected_version", "reason", "assignee"),
    "/api/v1/orders": ("course_of_action_id", "note"),
    "/api/v1/alerts/acknowledge": ("alerts",),
    "/api/v1/context": ("subject", "attribute", "value", "unit", "reason", "until"),
    "/api/v1/releases": ("order_id",),
    "/api/v1/releases/x/confirm": (),
    "/api/v1/releases/x/refuse": ("reason",),
    "/api/v1/disclosures": ("sensor", "partner", "why", "count", "hours"),
    "/api/v1/observations": ("family", "sensor", "t", "x"),
}


@pytest.fixture(scope="module")
def behind() -> Behind:
    return Behind()


@pytest.fixture(scope="module")
def client(behind: Behind) -> Iterator[TestClient[Any]]:
    with TestClient(behind.app(), cookies={"s4_session": "open"}, raise_server_exceptions=False) as made:
        yield made


def fuzz(client: TestClient[Any], examples: int) -> None:
    """Send all kinds of content to every route that takes any."""
    bodies = st.binary(max_size=60) | JSON

    @settings(max_examples=examples)
    @given(st.sampled_from(sorted(FIELDS)), st.data())
    def try_one(path: str, data: st.DataObject) -> None:
        known = st.dictionaries(st.sampled_from(FIELDS[path] or ("x",)), VALUES)
        body = data.draw(known | bodies)
        headers = CSRF | {"authorization": "Basic x", "content-type": "application/json"}
        content = body if isinstance(body, bytes) else _encoded(body)
        answer = client.post(path, content=content, headers=headers)
        assert answer.status_code < 500, (path, content, answer.text)
        if answer.status_code >= 400:
            said = answer.json()
            assert said.get("detail") or said["rejected"], (path, content, said)

    try_one()


def _encoded(body: object) -> bytes:
    import json

    return json.dumps(body).encode("utf-8", "surrogatepass")


def test_no_content_makes_it_fail(client: TestClient[Any]) -> None:
    fuzz(client, 150)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_content_makes_it_fail_at_length(client: TestClient[Any]) -> None:
    fuzz(client, 2000)


@settings(max_examples=100)
@given(
    path=st.sampled_from(["sensors/{}/history", "alerts/{}/actions", "releases/{}/confirm", "{}"]),
    part=st.text(min_size=1, max_size=30),
    query=st.text(max_size=20),
)
def test_no_address_makes_it_fail(client: TestClient[Any], path: str, part: str, query: str) -> None:
    from urllib.parse import quote

    address = "/api/v1/" + path.format(quote(part, safe="")) + "?minutes=" + quote(query, safe="")
    assert client.get(address).status_code < 500


def test_a_history_is_given_with_what_was_usual(client: TestClient[Any]) -> None:
    (row,) = client.get("/api/v1/sensors/heat-02/usual?minutes=5").json()["heat_c"]
    assert row[1:] == [1.0, None, None, ""]
    assert client.get("/api/v1/sensors/nope/usual").json() == {}


@pytest.mark.parametrize("minutes", ["0", "-5", "99999999999999999999999", "1.5", "x", ""])
def test_any_number_of_minutes(client: TestClient[Any], minutes: str) -> None:
    assert client.get(f"/api/v1/sensors/heat-02/history?minutes={minutes}").status_code in (200, 400)


def test_openapi_names_every_error(client: TestClient[Any]) -> None:
    schema = client.get("/schema").json()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            codes = set(operation["responses"])
            assert operation.get("summary") or operation.get("description"), (method, path)
            assert "401" in codes, (method, path)
            if method == "post":
                assert "400" in codes, (method, path)
                if "session" not in path and "observations" not in path:
                    assert {"403"} <= codes, (method, path)
    assert "409" in schema["paths"]["/api/v1/alerts/{alert_id}/actions"]["post"]["responses"]
    assert "429" in schema["paths"]["/api/v1/session"]["post"]["responses"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_answers_are_what_the_description_says() -> None:
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_asgi("/schema", Behind().app())
    checked = 0

    for operation in schema.get_all_operations():
        result = operation.ok()

        @given(case=result.as_strategy())
        @settings(max_examples=15, suppress_health_check=[HealthCheck.filter_too_much])
        def one(case: Any) -> None:
            nonlocal checked
            checked += 1
            headers = {**dict(case.headers or {}), **CSRF, "authorization": "Basic x"}
            answer = case.call(headers=headers, cookies={"s4_session": "open"})
            assert answer.status_code < 500, answer.text

        one()
    assert checked > 100


def test_an_action_is_answered_by_its_refusal(client: TestClient[Any]) -> None:
    answer = client.post(
        f"/api/v1/alerts/{ALERT.id}/actions",
        json={"verb": "acknowledge", "expected_version": 3},
        headers=CSRF,
    )
    assert (answer.status_code, answer.json()["detail"]) == (409, "another version is current")


def test_what_does_not_work_is_named(client: TestClient[Any], behind: Behind) -> None:
    behind.parts = {"bus": False, "record": True}
    answer = client.get("/healthz")
    behind.parts = {"bus": True}
    assert (answer.status_code, answer.json()["parts"]) == (503, {"bus": False, "record": True})


def test_without_a_page_it_says_how_to_get_one(client: TestClient[Any]) -> None:
    assert "make setup" in client.get("/").text


@pytest.mark.parametrize("note", ["\x00", "\x1b[31m", "x" * 2001])
def test_remarks_hold_text_only(client: TestClient[Any], note: str) -> None:
    answer = client.post("/api/v1/orders", json={"course_of_action_id": "x", "note": note}, headers=CSRF)
    assert answer.status_code == 400
