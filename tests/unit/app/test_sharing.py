"""What a partner is given: the last readings, never without an entry in the ledger."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient
from tests.unit.app.parts import Behind

CSRF = {"x-csrf-token": "token"}
ASKED = {
    "sensor": "heat-02",
    "partner": "emergency call centre",
    "why": "fire reported by phone",
    "count": 15,
}


class Past(Behind):
    """Twenty readings of one sensor, one a minute."""

    async def _history(self, sensor: str, t_from_us: int, t_to_us: int) -> dict[str, list[tuple[int, float]]]:
        return {"heat_c": [(n, float(n)) for n in range(20)]} if sensor == "heat-02" else {}


@pytest.fixture
def behind() -> Past:
    return Past()


@pytest.fixture
def client(behind: Past) -> Iterator[TestClient[Any]]:
    with TestClient(behind.app(), cookies={"s4_session": "open"}) as made:
        yield made


def test_the_last_fifteen_are_given_and_who_why_and_until_when_is_kept(
    client: TestClient[Any], behind: Past
) -> None:
    response = client.post("/api/v1/disclosures", json=ASKED, headers=CSRF)
    assert response.status_code == 201
    given = response.json()
    assert given["readings"] == {"heat_c": [[n, float(n)] for n in range(5, 20)]}
    ((record, personal),) = behind.disclosed
    assert personal == {"who": "sue", "why": "fire reported by phone"}
    assert (record["sensor"], record["partner"], record["readings"]) == ("heat-02", ASKED["partner"], 15)
    assert record["t_until_us"] == given["t_until_us"] == given["t_us"] + 24 * 3_600_000_000


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"sensor": "none"}, 404),
        ({"why": ""}, 400),
        ({"count": 0}, 400),
        ({"partner": ""}, 400),
        ({"x": 1}, 400),
    ],
)
def test_what_cannot_be_given_leaves_no_entry(
    change: dict[str, Any], status: int, client: TestClient[Any], behind: Past
) -> None:
    response = client.post("/api/v1/disclosures", json=ASKED | change, headers=CSRF)
    assert response.status_code == status
    assert not behind.disclosed


def test_what_cannot_be_recorded_is_not_given(behind: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_record: dict[str, Any], _personal: dict[str, str]) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(behind, "_disclose", full)
    with TestClient(behind.app(), cookies={"s4_session": "open"}, raise_server_exceptions=False) as client:
        response = client.post("/api/v1/disclosures", json=ASKED, headers=CSRF)
    assert response.status_code == 500
    assert "readings" not in response.text
