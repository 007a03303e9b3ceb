"""Every route of the HTTP interface is in the reference."""

from pathlib import Path

from litestar.testing import TestClient
from tests.unit.app.parts import Behind

API = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


def test_every_route_is_documented() -> None:
    with TestClient(Behind().app()) as client:
        paths = client.get("/schema").json()["paths"]
    text = API.read_text(encoding="utf-8")
    for path, methods in paths.items():
        short = path.removeprefix("/api/v1")
        for name in ("alert_id", "release_id", "sensor"):
            short = short.replace(f"{{{name}}}", "{id}")
        for method in methods:
            assert f"`{method.upper()} {short}" in text or f"`{method.upper()} {path}" in text, (method, path)
