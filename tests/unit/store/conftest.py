"""A database, a chain with fixed salts, and a recorder for each test of the store."""

import hashlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from s4allcities.store.database import Database
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder, RecorderLimits


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
    opened = Database.open(tmp_path / "s4.sqlite")
    yield opened
    opened.close_now()


@pytest.fixture
def ledger(database: Database) -> LedgerStore:
    return LedgerStore(database, PlainChain())


@pytest.fixture
def recorder(database: Database, ledger: LedgerStore) -> EventRecorder:
    return EventRecorder(database, ledger, limits=RecorderLimits(detections=100, rejected=10))
