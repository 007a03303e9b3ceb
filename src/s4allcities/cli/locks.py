"""`s4 locks`: tokens of locks whose keys cannot be copied."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

__all__ = ("app", "enrol", "list_tokens", "revoke")

app = App(
    name="locks", help="Tokens of locks: enrol their pairs, list, revoke; a running platform sees changes."
)

DataDirOption = Annotated[Path, Parameter(help="Where the platform keeps everything.")]
AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")]


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    challenge: str
    response: str


@app.command
def enrol(
    token: str,
    file: Path,
    *,
    role: str,
    data_dir: DataDirOption = Path("s4-data"),
    as_json: AsJson = False,
) -> int:
    """Add challenge-response pairs to a token: one JSON object a line with challenge and response in hexadecimal.

    ROLE is its bearer's role, never a name. A challenge that the token had before is passed over.

    Example: s4 locks enrol t-042 pairs.jsonl --role cleaner
    """
    from s4allcities.domain import SystemClock

    try:
        pairs = _pairs(file)
        _name(token)
    except ValueError as error:
        return _refused(str(error))
    now_us = SystemClock().now_us()
    new = _with_locks(data_dir, lambda locks: locks.enrol(token, role, pairs, now_us))
    if as_json:
        print(msgspec.json.encode({"token": token, "pairs": len(pairs), "new": new}).decode())
    else:
        print(f"{token}: {new} new pairs of {len(pairs)}")
    return 0


@app.command(name="list")
def list_tokens(*, data_dir: DataDirOption = Path("s4-data"), as_json: AsJson = False) -> int:
    """List the tokens with the role of their bearers and how many pairs are left.

    Example: s4 locks list
    """
    from s4allcities.security.puf import PufConfig

    low = PufConfig().low_water
    rows = _with_locks(data_dir, lambda locks: locks.tokens())
    found = [{"token": n, "role": r, "left": left, "revoked": gone} for n, r, left, gone in rows]
    if as_json:
        print(msgspec.json.encode(found).decode())
        return 0
    for name, role, left, gone in rows:
        state = "revoked" if gone else f"{left} pairs left" + (": enrol more" if left <= low else "")
        print(f"{name:24} {role:16} {state}")
    return 0


@app.command
def revoke(token: str, *, data_dir: DataDirOption = Path("s4-data")) -> int:
    """Refuse a token from now on and forget its pairs.

    Example: s4 locks revoke t-042
    """
    if not _with_locks(data_dir, lambda locks: locks.revoke(token)):
        return _refused(f"there is no token {token!r}; `s4 locks list` names those that are known")
    return 0


def _name(token: str) -> None:
    from s4allcities.edge.sources.border import NAME

    if not NAME.fullmatch(token):
        raise ValueError(f"token {token!r}: allowed are 1 to 64 of letters, digits, _ and -")


def _pairs(file: Path) -> list[tuple[bytes, bytes]]:
    from s4allcities.security.puf import PufConfig

    bits, found = PufConfig().bits, list[tuple[bytes, bytes]]()
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        try:
            read = msgspec.json.decode(line, type=_Line)
            pair = bytes.fromhex(read.challenge), bytes.fromhex(read.response)
        except ValueError as error:  # msgspec's own errors are of this kind too
            raise ValueError(f"{file}, line {number}: {error}") from None
        if not 8 <= len(pair[0]) <= 64 or len(pair[1]) * 8 != bits:
            raise ValueError(
                f"{file}, line {number}: a challenge has 8 to 64 bytes, a response {bits // 8}"
                f"; these have {len(pair[0])} and {len(pair[1])}"
            )
        found.append(pair)
    if not found:
        raise ValueError(f"{file}: no pairs in it; one JSON object a line is expected")
    return found


def _with_locks(data_dir: Path, work: Callable[[Any], Awaitable[Any]]) -> Any:
    from s4allcities.store.locks import SqliteLocks
    from s4allcities.store.opening import open_state

    async def run() -> Any:
        database = open_state(data_dir, new=True)
        try:
            return await work(SqliteLocks(database))
        finally:
            await database.close()

    return asyncio.run(run())


def _refused(text: str) -> int:
    print(f"s4 locks: {text}", file=sys.stderr)
    return 2
