"""The right database and history for a data directory, and readings by `s4 history` from both."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.unit.store.postgres_server import Server
from tests.unit.store.test_history import DAY, S, batch

from s4allcities.app.history import HistoryAsk, ask_history, list_series
from s4allcities.domain import ManualClock
from s4allcities.store.backup import backup
from s4allcities.store.database import Database
from s4allcities.store.errors import BackupError, DatabaseError
from s4allcities.store.layout import DataDir
from s4allcities.store.opening import has_state, named_postgres, note_postgres, open_history, open_state
from s4allcities.store.postgres import PostgresDatabase, PostgresSettings

pytestmark = pytest.mark.integration


def test_without_a_note_the_files_of_the_directory(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    with pytest.raises(DatabaseError, match="no database there"):
        open_state(tmp_path)
    opened = open_state(tmp_path, new=True)
    assert isinstance(opened, Database)
    opened.close_now()
    assert has_state(data)
    data.postgres.write_text("{")
    with pytest.raises(DatabaseError, match="cannot be read"):
        open_state(tmp_path)


def test_the_note_leads_to_the_server_and_holds_no_secret(tmp_path: Path, postgres: Server) -> None:
    data = DataDir(tmp_path)
    password = tmp_path / "password"
    password.write_text("sesame")
    password.chmod(0o600)
    fresh = postgres.fresh()
    settings = PostgresSettings(url=fresh.url, schema=fresh.schema, password_file=str(password))
    note_postgres(data, settings)
    assert named_postgres(data) == settings
    assert data.postgres.stat().st_mode & 0o077 == 0
    assert "sesame" not in data.postgres.read_text()
    opened = open_state(tmp_path, alone=True)
    assert isinstance(opened, PostgresDatabase)
    opened.close_now()
    with pytest.raises(BackupError, match="pg_dump"):
        backup(tmp_path, tmp_path / "backup", t_us=1, version="1")
    note_postgres(data, None)
    assert named_postgres(data) is None


@pytest.mark.parametrize("where", ["files", "postgres"])
def test_readings_are_looked_up_alike(tmp_path: Path, request: pytest.FixtureRequest, where: str) -> None:
    if where == "postgres":
        server: Server = request.getfixturevalue("postgres")
        note_postgres(DataDir(tmp_path), server.fresh(history=True))

    async def fill() -> None:
        history = await open_history(tmp_path, clock=ManualClock(DAY))
        history.append(batch([DAY + S, DAY + 2 * S], [1.5, float("nan")]))
        history.append(batch([DAY - S], [5.0], sensor="gate", quantity="people", family="people"))
        await history.close()

    asyncio.run(fill())
    series = list_series(HistoryAsk(data_dir=tmp_path))
    assert [(row.sensor, row.families, row.first_day) for row in series] == [
        ("gate", ("people",), "2023-11-13"),
        ("smoke-1", ("env",), "2023-11-14"),
    ]
    found = ask_history(HistoryAsk(data_dir=tmp_path, sensor="smoke-1"))
    assert [row["value"] for row in found["readings"]] == [1.5, None]
    assert found["readings"][0]["zone"] == "ticket-hall"
    assert json.dumps(found)
    target = tmp_path / "all.csv"
    asked = HistoryAsk(data_dir=tmp_path, export=target, span=(0, 1 << 62), family="people")
    assert ask_history(asked)["rows"] == 1
    assert "gate" in target.read_text()
