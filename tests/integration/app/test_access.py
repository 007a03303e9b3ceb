"""Who gets in, who does not, and that each refusal is in the ledger."""

import sqlite3

import httpx
import pytest
from tests.integration.app.parts import PASSWORD, Installation, Person, ledger_records, until

from s4allcities.store.layout import DataDir

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def sign_in(platform: Installation, **body: str) -> httpx.Response:
    return httpx.post(f"{platform.url}/api/v1/session", json=body, trust_env=False)


def refusals(platform: Installation) -> list[tuple[str, str, str]]:
    return [
        (record["who"], record["action"], record["reason"])
        for kind, record in ledger_records(platform.data)
        if kind == "refused"
    ]


def test_a_one_time_link_works_once(platform: Installation) -> None:
    token = platform.link("operator").token
    first = sign_in(platform, token=token)
    assert (first.status_code, first.json()["role"]) == (201, "operator")
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    again = sign_in(platform, token=token)
    assert again.status_code == 401
    assert "ask for a new link" in again.json()["detail"]
    assert ("one-time link", "sign-in", "unknown, used or expired") in refusals(platform)


def test_a_password_works_and_a_wrong_one_does_not(platform: Installation) -> None:
    platform.link("paula", "operator")
    platform.users(lambda users: users.set_password("paula", PASSWORD))
    assert sign_in(platform, name="paula", password="wrong" + PASSWORD).status_code == 401
    assert sign_in(platform, name="paula", password=PASSWORD).json()["name"] == "paula"
    assert ("paula", "sign-in", "unknown, used or expired") in refusals(platform)


def test_neither_or_both_ways_to_sign_in_are_wrong_use(platform: Installation) -> None:
    assert sign_in(platform).status_code == 400
    assert sign_in(platform, token="x", name="y", password="z").status_code == 400


def test_nobody_sees_or_changes_anything(platform: Installation) -> None:
    with httpx.Client(base_url=platform.url, trust_env=False) as nobody:
        for path in ("site", "picture", "rejected", "accounting", "schemas", "session", "releases"):
            assert nobody.get(f"/api/v1/{path}").status_code == 401, path
        answer = nobody.post("/api/v1/orders", json={"course_of_action_id": "x"})
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Not signed in, or the session has ended: sign in again."}
    assert ("nobody", "orders.give", "not signed in or session ended") in refusals(platform)


def test_an_expired_session_is_refused_and_logged(platform: Installation) -> None:
    person = platform.person("eve-ning", "operator")
    assert person.get("/api/v1/picture").status_code == 200
    connection = sqlite3.connect(DataDir(platform.data).database)
    connection.execute("UPDATE session SET t_start_us = 0, t_seen_us = 0 WHERE name = 'eve-ning'")
    connection.commit()
    connection.close()
    answer = person.get("/api/v1/sensors/smoke-21/history")
    assert answer.status_code == 401
    assert "ended" in answer.json()["detail"]
    assert any(who == "nobody" and "history" in action for who, action, _ in refusals(platform))


def test_signing_out_ends_the_session(platform: Installation) -> None:
    person = platform.person("otto", "operator")
    assert person.http.delete("/api/v1/session", headers={"x-csrf-token": person.csrf}).status_code == 204
    assert person.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize("token", [None, "", "0" * 64, "ü"])
def test_a_change_without_the_sessions_token_is_refused(
    platform: Installation, operator: Person, token: str | None
) -> None:
    headers = {} if token is None else {b"x-csrf-token": token.encode()}
    answer = operator.http.post("/api/v1/orders", json={"course_of_action_id": "x"}, headers=headers)
    assert answer.status_code == 403
    assert "x-csrf-token" in answer.json()["detail"]
    assert ("operator", "orders.give", "no or wrong CSRF token") in refusals(platform)


@pytest.mark.parametrize(
    ("role", "path", "body"),
    [
        ("auditor", "alerts/x/actions", {"verb": "acknowledge", "expected_version": 1}),
        ("integrator", "orders", {"course_of_action_id": "x"}),
        ("auditor", "context", {"subject": "a", "attribute": "b", "value": 1}),
        ("operator", "releases/x/confirm", None),
    ],
)
def test_a_role_may_not_do_what_is_not_its_own(
    platform: Installation, request: pytest.FixtureRequest, role: str, path: str, body: object
) -> None:
    person: Person = request.getfixturevalue(role)
    answer = person.post(f"/api/v1/{path}", body)
    assert answer.status_code == 403
    assert f"Your role ({role}) may not" in answer.json()["detail"]
    assert any(
        who == person.name and reason == f"role {role} may not" for who, _, reason in refusals(platform)
    )


def test_an_account_that_is_locked_out_loses_its_session(platform: Installation) -> None:
    person = platform.person("lotte", "supervisor")
    platform.users(lambda users: users.disable("lotte"))
    assert person.get("/api/v1/picture").status_code == 401


def test_the_same_refusal_enters_the_ledger_once_a_minute(platform: Installation, auditor: Person) -> None:
    for _ in range(5):
        assert auditor.post("/api/v1/releases", {"order_id": "x"}).status_code == 403
    assert refusals(platform).count((auditor.name, "releases.ask", "role auditor may not")) == 1


def test_who_fails_to_sign_in_too_often_has_to_wait(platform: Installation) -> None:
    # Behind a proxy on this machine the address is the caller's, so that the other tests keep theirs.
    headers = {"x-forwarded-for": "192.0.2.7"}

    def tries() -> int:
        body = {"token": "wrong"}
        answer = httpx.post(f"{platform.url}/api/v1/session", json=body, headers=headers, trust_env=False)
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) <= 60
            assert "try again in" in answer.json()["detail"]
        return answer.status_code

    assert [tries() for _ in range(12)] == [401] * 10 + [429] * 2
    until(lambda: sign_in(platform, token=platform.link("operator").token).status_code == 201, "others may")
