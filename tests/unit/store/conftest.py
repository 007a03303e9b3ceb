"""A database, a chain with fixed salts, and a recorder for each test of the store."""

import hashlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.unit.store.postgres_server import Server, missing, server

from s4allcities.store.database import Database
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.postgres import PostgresDatabase
from s4allcities.store.recorder import EventRecorder, RecorderLimits
from s4allcities.store.sql import SqlDatabase


class PlainChain:
    """A chain like the real one, with salts that count."""

    def __init__(self) -> None:
        self._salts = count(1)

    def link(self, previous: bytes, sequence: int, t_us: int, kind: str, record: bytes) -> bytes:
        return hashlib.sha256(repr((previous, sequence, t_us, kind, record)).encode()).digest()

    def reference(self, text: str) -> tuple[str, bytes]:
        salt = next(self._salts).to_bytes(16)
        return hashlib.sha256(salt + text.encode()).hexdigest(), salt


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """The SQLite file, for what only it does."""
    opened = Database.open(tmp_path / "s4.sqlite")
    yield opened
    opened.close_now()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    why = missing()
    if why:
        pytest.skip(why)
    with server(tmp_path_factory.mktemp("pg") / "server") as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlDatabase]:
    """Both databases, one after the other: what holds for one holds for the other."""
    opened: SqlDatabase
    if request.param == "sqlite":
        opened = Database.open(tmp_path / "s4.sqlite")
    else:
        opened = PostgresDatabase.open(request.getfixturevalue("postgres").fresh())
    yield opened
    opened.close_now()


@pytest.fixture
def ledger(store: SqlDatabase) -> LedgerStore:
    return LedgerStore(store, PlainChain())


@pytest.fixture
def recorder(store: SqlDatabase, ledger: LedgerStore) -> EventRecorder:
    return EventRecorder(store, ledger, limits=RecorderLimits(detections=100, rejected=10))
