"""One-time pairs of locks, in both databases."""

import pytest

from s4allcities.store.locks import SqliteLocks
from s4allcities.store.sql import SqlDatabase

pytestmark = pytest.mark.anyio


async def test_a_pair_is_used_once_and_never_enrolled_again(store: SqlDatabase) -> None:
    locks = SqliteLocks(store)
    pairs = [(bytes([number]) * 8, b"r" * 16) for number in range(3)]
    assert await locks.enrol("badge-1", "guard", pairs, 1) == 3
    taken = await locks.take_pair("badge-1")
    assert taken in pairs
    assert await locks.enrol("badge-1", "guard", pairs, 2) == 0
    assert await locks.token("badge-1") == ("badge-1", "guard", 2, False)
    assert await locks.revoke("badge-1")
    assert await locks.take_pair("badge-1") is None
    assert await locks.tokens() == [("badge-1", "guard", 0, True)]
    assert not await locks.revoke("badge-9")
