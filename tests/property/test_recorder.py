"""Whatever messages are repeated or come in another order, the same state is kept."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.store.conftest import PlainChain
from tests.unit.store.samples import story

from s4allcities.domain import Event
from s4allcities.store.database import Database
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder

TABLES = ("record", "detection", "rejected", "rejected_count", "log", "stream_offset", "counter")
Message = tuple[int, list[Event]]


async def recorded(messages: list[Message], in_one: bool = False) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(Path(folder) / "s4.sqlite")
        recorder = EventRecorder(database, LedgerStore(database, PlainChain()))
        for group in [messages] if in_one else [[message] for message in messages]:
            await recorder.record_all(group)
        found = {
            name: await database.read(lambda c, name=name: sorted(c.execute(f"SELECT * FROM {name}")))  # type: ignore[misc]
            for name in TABLES
        }
        found["ledger"] = await database.read(lambda c: sorted(c.execute("SELECT subject, t_us FROM ledger")))
        await database.close()
        return found


ONCE = asyncio.run(recorded(story()))


@settings(max_examples=25)
@given(
    order=st.lists(st.integers(0, len(story()) - 1), max_size=20).flatmap(
        lambda extra: st.permutations([*range(len(story())), *extra])
    ),
    in_one=st.booleans(),
)
def test_repeats_and_reordering_change_nothing(order: list[int], in_one: bool) -> None:
    messages = [story()[place] for place in order]
    assert asyncio.run(recorded(messages, in_one)) == ONCE
