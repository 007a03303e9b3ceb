"""`s4 verify`: proves that what was recorded has not been changed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.security.ledger import Finding

__all__ = ("LedgerProof", "app", "ledger", "prove_ledger")

app = App(name="verify", help="Prove the ledger untouched.")

_SHOWN = 20


class LedgerProof(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `s4 verify ledger`.

    ``covered`` is the last entry that a signed head vouches for; ``unsigned`` counts those after it, which only the
    chain holds together; ``unreadable_heads`` counts lines of the heads' file that are none, as a power cut leaves.
    """

    ok: bool
    database: str
    heads_file: str
    key: str
    entries: int
    heads: int
    covered: int
    unsigned: int
    unreadable_heads: int
    findings: "tuple[Finding, ...]"


@app.command
def ledger(
    *,
    data_dir: Annotated[Path, Parameter(help="Where the platform keeps everything.")] = Path("s4-data"),
    heads: Annotated[
        Path | None, Parameter(help="Signed heads kept elsewhere; else the data directory's.")
    ] = None,
    public_key: Annotated[
        Path | None, Parameter(help="Public key kept elsewhere; else the installation's.")
    ] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Check every entry of the ledger, the chain between them and the signed heads.

    Exit code 0 if the ledger is untouched, 2 if anything was changed, is missing or cannot be checked. Give heads and
    public key from a copy that nobody on the server can write, and the proof holds against its administrator too.

    Example: s4 verify ledger --data-dir ./s4-data --heads /mnt/elsewhere/ledger-heads.jsonl
    """
    from s4allcities.security.errors import SecurityError
    from s4allcities.store.errors import StoreError

    try:
        proof = prove_ledger(data_dir, heads, public_key)
    except (StoreError, SecurityError, OSError) as error:
        print(f"s4 verify ledger: {error}", file=sys.stderr)
        return 2
    print(msgspec.json.encode(proof).decode() if as_json else _told(proof))
    return 0 if proof.ok else 2


def prove_ledger(data_dir: Path, heads: Path | None = None, public_key: Path | None = None) -> LedgerProof:
    """Verify the ledger of a data directory; the platform may be running.

    :raises StoreError: no sound database there.
    :raises SecurityError: the public key cannot be read.
    """
    from s4allcities.security.keys import key_id, load_public_key
    from s4allcities.security.ledger import LedgerChain, read_heads, verify, verify_texts
    from s4allcities.store.layout import DataDir
    from s4allcities.store.ledger import LedgerStore
    from s4allcities.store.opening import has_state, named_postgres, open_state

    folder = DataDir(data_dir)
    heads_file = heads or folder.heads
    if not has_state(folder):
        open_state(data_dir)  # says what is missing
    postgres = named_postgres(folder)
    public = load_public_key(public_key or folder.keys / "installation.pub")
    signed, unreadable = read_heads(
        heads_file
    )  # before the entries: what is signed is in the database already
    database = open_state(data_dir)
    try:
        store = LedgerStore(database, LedgerChain())
        report = verify(store.rows_now(), signed, public)
        findings = (
            *report.findings,
            *verify_texts(store.texts_now()),
            *_no_heads(report.entries, len(signed)),
        )
    finally:
        database.close_now()
    return LedgerProof(
        ok=not findings,
        database=postgres.shown() if postgres else str(folder.database),
        heads_file=str(heads_file),
        key=key_id(public),
        entries=report.entries,
        heads=report.heads,
        covered=report.covered,
        unsigned=report.entries - report.covered,
        unreadable_heads=unreadable,
        findings=findings,
    )


def _no_heads(entries: int, heads: int) -> "list[Finding]":
    from s4allcities.security.ledger import Finding

    if not entries or heads:
        return []
    return [
        Finding(sequence=0, what="no heads", detail="there is no signed head, so the chain proves nothing")
    ]


def _told(proof: LedgerProof) -> str:
    lines = [
        f"ledger: {proof.entries} entries, {proof.heads} signed heads by key {proof.key}",
        f"signed up to entry {proof.covered}; {proof.unsigned} entries since then are held by the chain alone",
    ]
    if proof.unreadable_heads:
        lines.append(
            f"{proof.unreadable_heads} lines of {proof.heads_file} are no heads and were passed over"
        )
    lines += [f"{finding.what}: {finding.detail}" for finding in proof.findings[:_SHOWN]]
    if len(proof.findings) > _SHOWN:
        lines.append(f"and {len(proof.findings) - _SHOWN} more")
    return "\n".join([*lines, "untouched" if proof.ok else "NOT untouched"])
