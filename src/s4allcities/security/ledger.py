"""Proof that the ledger is what it was: a hash chain, and signed heads written outside of the database.

Each entry's hash is SHA-256 over canonical msgpack of (previous hash, sequence, t_us, kind, record). A head says "after
entry n the hash was h" and is signed. The chain finds a change inside; the heads find what a chain alone cannot: a
missing tail, and a chain made anew from the start.
"""

import hmac
import os
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import anyio
import anyio.to_thread
import msgspec

from .keys import key_id, verify_signature

__all__ = (
    "GENESIS",
    "Finding",
    "Head",
    "HeadKeeper",
    "LedgerChain",
    "LedgerReport",
    "ledger_hash",
    "read_heads",
    "verify",
    "verify_texts",
)

GENESIS = bytes(32)
"""The hash before the first entry."""

_MOST_FINDINGS = 100


class _Entry(Protocol):
    @property
    def sequence(self) -> int: ...
    @property
    def t_us(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def record(self) -> bytes: ...
    @property
    def previous(self) -> bytes: ...
    @property
    def hash(self) -> bytes: ...


class _Signer(Protocol):
    @property
    def public(self) -> bytes: ...
    def sign(self, data: bytes) -> bytes: ...


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed: the hash of entry ``sequence``, when, and by which key. ``hash`` and ``signature`` are hex."""

    sequence: int
    t_us: int
    hash: str
    key: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """The bytes under the signature."""
        return msgspec.msgpack.encode(("s4-ledger-head/1", self.sequence, self.t_us, self.hash, self.key))


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: at which entry, what it is called, and in words."""

    sequence: int
    what: str
    detail: str


class LedgerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found. ``covered`` is the last entry that a signed head vouches for; later ones only the chain."""

    entries: int
    heads: int
    covered: int
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def ledger_hash(previous: bytes, sequence: int, t_us: int, kind: str, record: bytes) -> bytes:
    """Give the hash of an entry, 32 bytes."""
    return sha256(msgspec.msgpack.encode((previous, sequence, t_us, kind, record))).digest()


class LedgerChain:
    """What the ledger's store needs to build the chain; satisfies its ``Chain``."""

    def __init__(self, salt: Callable[[int], bytes] = os.urandom) -> None:
        self._salt = salt

    def link(self, previous: bytes, sequence: int, t_us: int, kind: str, record: bytes) -> bytes:
        """Give the hash of an entry."""
        return ledger_hash(previous, sequence, t_us, kind, record)

    def reference(self, text: str) -> tuple[str, bytes]:
        """Give what stands for a personal text in the ledger, and the salt (16 bytes) that ties it to the text."""
        salt = self._salt(16)
        return _reference(salt, text), salt


class HeadKeeper:
    """Signs the ledger's end and appends it to a file, every ``every_entries`` entries or ``every_s`` seconds.

    The file is only ever appended to and flushed to disk at once. Put it where whoever could change the database
    cannot write: another machine's mount, a write-once medium, a log server.
    """

    def __init__(self, path: Path, key: _Signer, *, every_entries: int = 100, every_s: float = 10.0) -> None:
        self.path = Path(path)
        self._key = key
        self._every = every_entries
        self._every_us = round(every_s * 1_000_000)
        heads, _ = read_heads(self.path)
        self._last = heads[-1] if heads else None

    async def note(self, sequence: int, hash: bytes, now_us: int, *, final: bool = False) -> Head | None:
        """Tell it where the ledger ends now; it signs when it is time, or when ``final`` and there is anything new."""
        if not self._due(sequence, now_us, final):
            return None
        head = self._signed(sequence, hash, now_us)
        await anyio.to_thread.run_sync(self._append, head)
        self._last = head
        return head

    def _due(self, sequence: int, now_us: int, final: bool) -> bool:
        if self._last is None:
            return sequence > 0
        new = sequence - self._last.sequence
        return new > 0 and (final or new >= self._every or now_us - self._last.t_us >= self._every_us)

    def _signed(self, sequence: int, hash: bytes, now_us: int) -> Head:
        head = Head(sequence=sequence, t_us=now_us, hash=hash.hex(), key=key_id(self._key.public))
        return msgspec.structs.replace(head, signature=self._key.sign(head.signed).hex())

    def _append(self, head: Head) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        with os.fdopen(handle, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                file.write(b"\n")  # a line cut short by a power cut: end it, so that it spoils no other
            file.write(msgspec.json.encode(head) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read_heads(path: Path) -> tuple[list[Head], int]:
    """Read the file of heads; give them with the number of lines that are none. No file gives none."""
    try:
        lines = Path(path).read_bytes().splitlines()
    except FileNotFoundError:
        return [], 0
    heads, bad = [], 0
    for line in lines:
        try:
            heads.append(msgspec.json.decode(line, type=Head))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            bad += 1
    return heads, bad


def verify(entries: Iterable[_Entry], heads: Sequence[Head], public_key: bytes) -> LedgerReport:
    """Check a ledger against itself and against its signed heads; say which entry is wrong and how.

    ``entries`` come in the order they are kept. Findings are ``changed`` (a byte of the entry), ``broken link``,
    ``missing`` (a gap), ``out of order``, ``missing tail``, ``rewritten`` (a consistent chain that is not the signed
    one), ``bad head``. At most 100 are listed. Entries after the last head are vouched for by the chain alone: what is
    cut off there cannot be seen.
    """
    findings: list[Finding] = []
    wanted = _trusted(heads, public_key, findings)
    seen: set[int] = set()
    number, previous, count = 0, GENESIS, 0
    for entry in entries:
        count += 1
        findings.extend(_entry_findings(entry, number + 1, previous))
        findings.extend(_head_findings(entry, wanted.get(entry.sequence, set())))
        seen.add(entry.sequence)
        number, previous = entry.sequence, entry.hash
        if len(findings) > _MOST_FINDINGS:
            break
    else:
        findings.extend(_missing_tail(number, [n for n in wanted if n not in seen]))
    covered = max((n for n in wanted if n in seen), default=0)
    return LedgerReport(
        entries=count, heads=len(heads), covered=covered, findings=tuple(findings[:_MOST_FINDINGS])
    )


def verify_texts(texts: Iterable[tuple[str, bytes, str]]) -> list[Finding]:
    """Check that the personal texts that are not erased, (reference, salt, text), are those the ledger refers to."""
    return [
        Finding(sequence=0, what="changed text", detail=f"the text behind {reference[:16]} was changed")
        for reference, salt, text in texts
        if not hmac.compare_digest(_reference(salt, text), reference)
    ]


def _reference(salt: bytes, text: str) -> str:
    return sha256(b"s4-text/1" + salt + text.encode()).hexdigest()


def _trusted(heads: Sequence[Head], public: bytes, findings: list[Finding]) -> dict[int, set[str]]:
    """Give the hashes that heads vouch for, by entry; a head with a wrong signature is a finding and not trusted."""
    wanted: dict[int, set[str]] = {}
    for head in heads:
        if _genuine(head, public):
            wanted.setdefault(head.sequence, set()).add(head.hash)
        else:
            detail = f"the signature of the head over entry {head.sequence} does not hold"
            findings.append(Finding(sequence=head.sequence, what="bad head", detail=detail))
    return wanted


def _genuine(head: Head, public: bytes) -> bool:
    try:
        return verify_signature(public, head.signed, bytes.fromhex(head.signature))
    except ValueError:
        return False


def _entry_findings(entry: _Entry, expected: int, previous: bytes) -> list[Finding]:
    found = []
    if entry.sequence > expected:
        missing = f"entries {expected} to {entry.sequence - 1} are missing"
        found.append(Finding(sequence=expected, what="missing", detail=missing))
    elif entry.sequence < expected:
        detail = f"entry {entry.sequence} stands where {expected} belongs"
        found.append(Finding(sequence=entry.sequence, what="out of order", detail=detail))
    elif entry.previous != previous:
        detail = f"entry {entry.sequence} does not follow from the one before it"
        found.append(Finding(sequence=entry.sequence, what="broken link", detail=detail))
    told = ledger_hash(entry.previous, entry.sequence, entry.t_us, entry.kind, entry.record)
    if told != entry.hash:
        detail = f"the content of entry {entry.sequence} was changed after it was entered"
        found.append(Finding(sequence=entry.sequence, what="changed", detail=detail))
    return found


def _head_findings(entry: _Entry, signed: set[str]) -> list[Finding]:
    if not signed or signed == {entry.hash.hex()}:
        return []
    detail = f"entry {entry.sequence} is not the one that was signed: the ledger was made anew"
    return [Finding(sequence=entry.sequence, what="rewritten", detail=detail)]


def _missing_tail(last: int, unseen: Sequence[int]) -> list[Finding]:
    signed = max(unseen, default=0)
    if signed <= last:
        return []
    detail = f"the ledger ends at entry {last}, and entry {signed} was signed: the tail is missing"
    return [Finding(sequence=last + 1, what="missing tail", detail=detail)]
