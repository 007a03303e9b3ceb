"""A PostgreSQL server of the tests' own: a fresh cluster on a socket in a temporary folder, run as an ordinary user."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from s4allcities.store.postgres import PostgresSettings

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
CONF = (
    "listen_addresses = ''\nfsync = off\nshared_buffers = 16MB\nmax_connections = 40\nautovacuum = off\n"
    "log_min_messages = warning\n"
)


def program(name: str) -> str | None:
    found = [str(folder / name) for folder in reversed(BIN) if (folder / name).exists()]
    return found[0] if found else shutil.which(name)


def missing() -> str:
    """Say what is not there; empty if all is."""
    if program("initdb") is None or program("pg_ctl") is None:
        return "no PostgreSQL server (apt-get install postgresql)"
    if os.geteuid() == 0 and not _ordinary():
        return "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody"
    return ""


def _ordinary() -> str:
    """A user without rights, when we are root."""
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    return ""


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._as = _ordinary() if os.geteuid() == 0 else ""
        self._schemas = 0

    def run(self, *words: str) -> None:
        done = subprocess.run(
            words, capture_output=True, text=True, cwd=self.folder, user=self._as or None, timeout=60, check=False,
            group=pwd.getpwnam(self._as).pw_gid if self._as else None, extra_groups=[] if self._as else None,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in self._path():
            folder.chmod(folder.stat().st_mode | 0o011)
        if self._as:
            shutil.chown(self.folder, self._as)
        self.run(
            str(program("initdb")),
            "-D",
            str(self.data),
            "-U",
            "s4",
            "-A",
            "trust",
            "-N",
            "--no-locale",
            "-E",
            "UTF8",
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"{CONF}unix_socket_directories = '{self.folder}'\n")

    def _path(self) -> Sequence[Path]:
        """The folders on the way, which an ordinary user must be able to pass."""
        temporary = Path("/tmp").resolve()
        return [parent for parent in self.folder.parents if temporary in parent.parents]

    def start(self) -> None:
        self.run(
            str(program("pg_ctl")), "-D", str(self.data), "-w", "-s", "-l", str(self.folder / "log"), "start"
        )

    def stop(self, how: str = "immediate") -> None:
        self.run(str(program("pg_ctl")), "-D", str(self.data), "-w", "-s", "-m", how, "stop")

    def fresh(self, *, history: bool = False) -> PostgresSettings:
        """Settings with a schema that nobody has used."""
        self._schemas += 1
        return PostgresSettings(
            url=f"postgresql://s4@/postgres?host={self.folder}", schema=f"s4_{self._schemas}", history=history
        )


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    made = Server(folder)
    made.make()
    made.start()
    try:
        yield made
    finally:
        made.stop()
