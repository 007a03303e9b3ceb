"""What the web server gives to anybody: the page, its headers, health, metrics, the API's description."""

import httpx
import pytest
from tests.integration.app.parts import Installation, Person

from s4allcities.app.server import page_folder

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def get(platform: Installation, path: str) -> httpx.Response:
    return httpx.get(platform.url + path, trust_env=False)


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/session", "/api/v1/nothing", "/schema"])
def test_every_answer_carries_the_security_headers(platform: Installation, path: str) -> None:
    headers = get(platform, path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_an_unknown_address_of_the_api_is_a_json_404(platform: Installation, operator: Person) -> None:
    for path in ("/api/v1/nothing", "/api/v2/site", "/api/", "/api"):
        answer = operator.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["detail"]


def test_the_wrong_method_is_said_so(operator: Person) -> None:
    answer = operator.http.put("/api/v1/session")
    assert answer.status_code == 405
    assert answer.json()["detail"]


@pytest.mark.skipif(page_folder() is None, reason="the page is not built")
def test_deep_links_give_the_page_and_a_missing_asset_does_not(platform: Installation) -> None:
    for path in ("/", "/alerts/01ABC", "/login?token=x", "/a/b/c/d", "/..%2f..%2fetc/passwd", "/x%00y"):
        answer = get(platform, path)
        assert answer.status_code == 200, path
        assert "<html" in answer.text.lower(), path
    assert get(platform, "/" + "x" * 5000).status_code == 200
    assert get(platform, "/assets/none.js").status_code == 404
    assert "<html" in get(platform, "/../../../pyproject.toml").text.lower()


def test_health_and_metrics(platform: Installation) -> None:
    health = get(platform, "/healthz").json()
    assert health["ok"]
    assert health["parts"] == {"bus": True, "record": True, "history": True, "upkeep": True}
    text = get(platform, "/metrics")
    assert text.headers["content-type"].startswith("text/plain")
    assert 's4_messages_total{state="decided"}' in text.text
    assert 's4_stage_lag{stage="validity"}' in text.text
    far = httpx.get(f"{platform.url}/metrics", headers={"x-forwarded-for": "192.0.2.9"}, trust_env=False)
    assert far.status_code == 403


def test_the_api_describes_itself(platform: Installation, operator: Person) -> None:
    schema = get(platform, "/schema").json()
    assert schema["openapi"].startswith("3.")
    assert {"/api/v1/picture", "/api/v1/orders", "/api/v1/observations"} <= set(schema["paths"])
    records = operator.get("/api/v1/schemas").json()
    assert "Alert" in str(records)


def test_the_site_is_given_with_its_levels(operator: Person) -> None:
    site = operator.get("/api/v1/site").json()
    assert site["levels"]
    assert site["collections"]["sensor"]["features"][0]["properties"]["slug"]
