"""Whatever single thing is done to a ledger below its last signed head, verification finds it."""

import tempfile
from pathlib import Path
from typing import Any

import anyio
import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.security.test_ledger import Entry, chain

from s4allcities.security.keys import InstallationKey
from s4allcities.security.ledger import Head, HeadKeeper, ledger_hash, read_heads, verify

COUNT = 12
ENTRIES = chain(COUNT)


def _signed() -> tuple[list[Head], bytes]:
    with tempfile.TemporaryDirectory() as folder:
        key = InstallationKey.open(Path(folder) / "keys")
        keeper = HeadKeeper(Path(folder) / "heads", key, every_entries=5)

        async def note() -> None:
            for entry in ENTRIES:
                await keeper.note(entry.sequence, entry.hash, entry.t_us, final=entry.sequence == COUNT)

        anyio.run(note)
        return read_heads(Path(folder) / "heads")[0], key.public


HEADS, PUBLIC = _signed()


def flipped(data: bytes, bit: int) -> bytes:
    place = bit % (8 * len(data))
    changed = bytearray(data)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


@given(
    place=st.integers(0, COUNT - 1),
    field=st.sampled_from(["record", "previous", "hash", "kind", "t_us", "sequence"]),
    bit=st.integers(0, 10_000),
)
def test_any_changed_bit_is_found(place: int, field: str, bit: int) -> None:
    entry = ENTRIES[place]
    old = getattr(entry, field)
    if isinstance(old, bytes):
        new: Any = flipped(old, bit)
    elif isinstance(old, str):
        new = flipped(old.encode(), bit).decode("latin-1")
    else:
        new = old ^ (1 << bit % 40)
    changed = [*ENTRIES[:place], entry._replace(**{field: new}), *ENTRIES[place + 1 :]]
    report = verify(changed, HEADS, PUBLIC)
    assert not report.ok
    named = {finding.sequence for finding in report.findings}
    assert named & {entry.sequence, entry.sequence + 1, new}


@given(keep=st.integers(0, COUNT - 1))
def test_any_missing_tail_is_found(keep: int) -> None:
    assert "missing tail" in {finding.what for finding in verify(ENTRIES[:keep], HEADS, PUBLIC).findings}


@given(start=st.integers(0, COUNT - 1), stop=st.integers(1, COUNT))
def test_any_missing_stretch_is_found(start: int, stop: int) -> None:
    if start < stop:
        assert not verify(ENTRIES[:start] + ENTRIES[stop:], HEADS, PUBLIC).ok


@given(place=st.integers(0, COUNT - 1), record=st.binary())
def test_a_chain_made_anew_from_any_entry_is_found(place: int, record: bytes) -> None:
    if record == ENTRIES[place].record:
        return
    forged = list(ENTRIES[:place])
    for entry in ENTRIES[place:]:
        previous = forged[-1].hash if forged else ENTRIES[0].previous
        said = record if entry.sequence == place + 1 else entry.record
        digest = ledger_hash(previous, entry.sequence, entry.t_us, entry.kind, said)
        forged.append(Entry(entry.sequence, entry.t_us, entry.kind, said, previous, digest))
    assert "rewritten" in {finding.what for finding in verify(forged, HEADS, PUBLIC).findings}


@given(order=st.permutations(range(COUNT)))
def test_any_other_order_is_found(order: list[int]) -> None:
    if order != sorted(order):
        assert not verify([ENTRIES[place] for place in order], HEADS, PUBLIC).ok


@given(head=st.integers(0, len(HEADS) - 1), bit=st.integers(0, 511))
def test_a_forged_head_is_found(head: int, bit: int) -> None:
    signature = flipped(bytes.fromhex(HEADS[head].signature), bit).hex()
    forged = [*HEADS[:head], msgspec.structs.replace(HEADS[head], signature=signature), *HEADS[head + 1 :]]
    assert "bad head" in {finding.what for finding in verify(ENTRIES, forged, PUBLIC).findings}
