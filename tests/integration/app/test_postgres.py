"""A whole platform on PostgreSQL: it serves, is killed, comes back, and its secrets stay out of its logs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.app.parts import Installation, until
from tests.unit.store.postgres_server import Server, missing, server

from s4allcities.app.history import HistoryAsk, ask_history

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
SECRET = "a-secret-that-nobody-may-read"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if why := missing():
        pytest.skip(why)
    with server(tmp_path_factory.mktemp("pg") / "server") as running:
        yield running


def test_a_platform_on_postgresql(tmp_path: Path, postgres: Server) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    password.chmod(0o600)
    settings = postgres.fresh()
    platform = Installation(
        tmp_path,
        f'[server]\nport = 0\n[postgres]\nurl = "{settings.url}"\npassword_file = "{password}"\nhistory = true\n',
    )
    try:
        platform.start()
        with platform.device("heat-33") as device:
            device.send("env", {"heat_c": 21.0})
        operator = platform.person("operator")
        until(lambda: operator.accounting()["account"]["decided"] == 1, "decided")
        platform.kill()
        until(lambda: not platform.nats_pids(), "the bus goes with its platform")
        platform.start()
        with platform.device("heat-33") as device:
            device.send("env", {"heat_c": 22.0})
        again = platform.person("operator")
        until(lambda: again.accounting()["account"]["decided"] == 2, "decided after the kill")
        assert platform.stop()[0] == 0
    finally:
        platform.close()
    assert not (platform.data / "s4.sqlite").exists()
    found = ask_history(HistoryAsk(data_dir=platform.data, sensor="heat-33", quantity="heat_c"))
    assert [row["value"] for row in found["readings"]] == [21.0, 22.0]
    kept = [platform.log, *(path for path in platform.data.rglob("*") if path.is_file())]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
