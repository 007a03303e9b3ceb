from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from s4allcities.security.keys import InstallationKey
from s4allcities.security.ledger import (
    GENESIS,
    Head,
    HeadKeeper,
    LedgerChain,
    ledger_hash,
    read_heads,
    verify,
    verify_texts,
)


class Entry(NamedTuple):
    sequence: int
    t_us: int
    kind: str
    record: bytes
    previous: bytes
    hash: bytes


def chain(count: int, word: str = "said") -> list[Entry]:
    def grow() -> Iterator[Entry]:
        previous = GENESIS
        for number in range(1, count + 1):
            record = f"{word} {number}".encode()
            digest = ledger_hash(previous, number, number * 10, "alert", record)
            yield Entry(number, number * 10, "alert", record, previous, digest)
            previous = digest

    return list(grow())


@pytest.fixture
def key(tmp_path: Path) -> InstallationKey:
    return InstallationKey.open(tmp_path / "keys")


async def heads_over(key: InstallationKey, entries: list[Entry], path: Path) -> list[Head]:
    keeper = HeadKeeper(path, key, every_entries=4)
    for entry in entries:
        await keeper.note(entry.sequence, entry.hash, entry.t_us)
    await keeper.note(entries[-1].sequence, entries[-1].hash, entries[-1].t_us, final=True)
    heads, bad = read_heads(path)
    assert bad == 0
    return heads


pytestmark = pytest.mark.anyio


async def test_an_untouched_ledger_passes(key: InstallationKey, tmp_path: Path) -> None:
    entries = chain(10)
    heads = await heads_over(key, entries, tmp_path / "heads.jsonl")
    report = verify(entries, heads, key.public)
    assert report.ok
    assert (report.entries, report.heads, report.covered) == (10, 4, 10)
    assert [head.sequence for head in heads] == [1, 5, 9, 10]
    assert verify([], [], key.public).ok


async def test_each_kind_of_tampering_is_named_with_its_entry(key: InstallationKey, tmp_path: Path) -> None:
    entries = chain(10)
    heads = await heads_over(key, entries, tmp_path / "heads.jsonl")

    def found(changed: list[Entry], signed: list[Head] = heads) -> set[tuple[int, str]]:
        return {(finding.sequence, finding.what) for finding in verify(changed, signed, key.public).findings}

    altered = [*entries[:3], entries[3]._replace(record=b"other"), *entries[4:]]
    assert found(altered) == {(4, "changed")}
    assert (4, "missing") in found(entries[:3] + entries[4:])
    assert found(entries[:7]) == {(8, "missing tail")}
    assert found([]) == {(1, "missing tail")}
    assert (5, "rewritten") in found(chain(10, "invented"))
    assert {what for _, what in found([*entries[:4], entries[5], entries[4], *entries[6:]])} >= {
        "out of order"
    }
    rehashed = entries[3]._replace(record=b"x", hash=ledger_hash(entries[3].previous, 4, 40, "alert", b"x"))
    assert found([*entries[:3], rehashed, *entries[4:]]) == {(5, "broken link")}
    assert found(entries, [msgspec.structs.replace(heads[0], t_us=1), *heads[1:]]) == {(1, "bad head")}
    assert found(entries, [msgspec.structs.replace(heads[0], signature="zz")]) == {(1, "bad head")}


async def test_heads_come_by_count_or_by_time_and_only_for_something_new(
    key: InstallationKey, tmp_path: Path
) -> None:
    keeper = HeadKeeper(tmp_path / "h", key, every_entries=10, every_s=10)
    digest = bytes(32)
    assert await keeper.note(0, digest, 0) is None
    assert await keeper.note(1, digest, 0) is not None
    assert await keeper.note(2, digest, 5_000_000) is None
    assert await keeper.note(2, digest, 10_000_000) is not None
    assert await keeper.note(2, digest, 90_000_000) is None
    assert await keeper.note(3, digest, 90_000_001, final=True) is not None
    again = HeadKeeper(tmp_path / "h", key, every_entries=10, every_s=10)
    assert await again.note(3, digest, 190_000_000, final=True) is None


async def test_a_head_cut_short_spoils_no_other(key: InstallationKey, tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    path.write_bytes(b'{"sequence": 1, "t_')
    keeper = HeadKeeper(path, key)
    await keeper.note(1, bytes(32), 5)
    heads, bad = read_heads(path)
    assert (len(heads), bad) == (1, 1)


async def test_personal_texts_are_tied_to_their_references() -> None:
    chained = LedgerChain()
    reference, salt = chained.reference("Aino")
    assert reference != chained.reference("Aino")[0]
    assert verify_texts([(reference, salt, "Aino")]) == []
    [finding] = verify_texts([(reference, salt, "Eino")])
    assert finding.what == "changed text"


async def test_many_findings_are_cut_at_a_hundred(key: InstallationKey) -> None:
    entries = [entry._replace(record=b"") for entry in chain(500)]
    assert len(verify(entries, [], key.public).findings) == 100
