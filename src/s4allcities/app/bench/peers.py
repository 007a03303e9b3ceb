"""Peers: other people's programs that a benchmark measures beside ours, in an environment of their own.

They are never installed beside the product: some of them clash with its packages, and nobody who runs it needs them.
``requirements/bench-NAME.txt`` holds their exact, hashed versions (``make lock`` compiles it from the ``.in`` beside
it), ``.venv-bench/NAME`` the environment, made when it is first needed. What runs there is a script of
``benchmarks/peers``: one JSON document in, one out.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .results import Say

__all__ = ("PeerAbsent", "peer_environment", "run_peer")

T = TypeVar("T")

FOLDER = ".venv-bench"
INSTALL_S = 900
PIP_SETTINGS = (
    ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
    ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    ("PIP_CERT", "SSL_CERT_FILE"),
)
"""uv does not read pip's settings: what a site made for the one is handed to the other."""


class PeerAbsent(RuntimeError):
    """A peer could not be installed or did not do its work; its figures are null, and the message says why."""


def peer_environment(root: Path, name: str, say: Say) -> Path:
    """Give the Python of the environment of one benchmark's peers; makes it, or makes it anew, where needed.

    :raises PeerAbsent: there is no list of its packages, or they could not be installed.
    """
    wanted = root / "requirements" / f"bench-{name}.txt"
    if not wanted.is_file():
        raise PeerAbsent(f"no requirements/bench-{name}.txt says what the peers of {name} are")
    folder = root / FOLDER / name
    python, stamp = folder / "bin" / "python", folder / ".done"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return python
    say(f"{name}: installing the peers into {FOLDER}/{name}")
    stamp.unlink(missing_ok=True)
    _call([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)], root)
    _install(python, wanted, root)
    stamp.write_text(digest)
    return python


def run_peer(
    root: Path,
    name: str,
    script: str,
    request: object,
    kind: type[T],
    *,
    say: Say,
    timeout_s: float = 600,
) -> T:
    """Run ``benchmarks/peers/SCRIPT.py`` with ``request`` as JSON on its stdin; gives its stdout, read as ``kind``.

    It runs in the checkout, with the environment of :func:`peer_environment` and none of our packages.

    :raises PeerAbsent: it could not be installed, failed, took too long, or its answer is not of that kind.
    """
    python = peer_environment(root, name, say)
    path = root / "benchmarks" / "peers" / f"{script}.py"
    if not path.is_file():
        raise PeerAbsent(f"there is no benchmarks/peers/{script}.py")
    out = _call([str(python), str(path)], root, text=msgspec.json.encode(request), timeout_s=timeout_s)
    try:
        return msgspec.json.decode(out, type=kind)
    except msgspec.MsgspecError as error:
        raise PeerAbsent(f"{script}: its answer cannot be read: {error}") from None


def _install(python: Path, wanted: Path, root: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    options = ["install", "-q", "--require-hashes", "-r", str(wanted)]
    if uv.is_file():
        try:
            _call([str(uv), "pip", *options[:1], "--python", str(python), *options[1:]], root)
        except PeerAbsent:
            pass  # as in set-up, pip is the way on where uv does not run
        else:
            return
    _call([str(python), "-m", "ensurepip"], root)
    _call([str(python), "-m", "pip", *options], root)


def _environment() -> dict[str, str]:
    own: Mapping[str, str] = os.environ
    handed = {new: own[old] for old, new in PIP_SETTINGS if old in own and new not in own}
    return {
        key: value for key, value in {**own, **handed}.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }


def _call(command: list[str], root: Path, *, text: bytes = b"", timeout_s: float = INSTALL_S) -> bytes:
    what = Path(command[1] if command[1].endswith(".py") else command[0]).name
    try:
        done: subprocess.CompletedProcess[Any] = subprocess.run(
            command,
            cwd=root,
            env=_environment(),
            input=text,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerAbsent(f"{what}: {error}") from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no word why"]
        raise PeerAbsent(f"{what} ended with {done.returncode}: {last[0]}")
    return bytes(done.stdout)
