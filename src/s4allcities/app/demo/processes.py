"""The child processes of a demonstration: started, watched, restarted if they fall, ended with us."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

__all__ = ("Child", "free_port", "port_is_free")

log = structlog.get_logger(__name__)

STOP_S = 8.0

# The child asks the kernel to end with us (PR_SET_PDEATHSIG = 1, SIGTERM = 15), then becomes the command.
_EXEC = """
import ctypes, os, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)
if os.getppid() != parent:
    sys.exit(3)
os.execv(sys.argv[2], sys.argv[2:])
"""


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Tell whether we could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


class Child:
    """One child process with its output in a log file. ``restarts`` counts how often it fell and was started again."""

    def __init__(self, name: str, command: Sequence[str], log_file: Path) -> None:
        self.name = name
        self.restarts = 0
        self._command = (sys.executable, *command)
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int:
        """Its process id, 0 if it does not run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    async def start(self) -> None:
        """Start it."""
        with self._log_file.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", "-c", _EXEC, str(os.getpid()), *self._command,
                stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    async def wait(self) -> int:
        """Wait until it ends; give its exit code (negative: the signal that ended it)."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return await self._process.wait()

    async def keep_alive(self, *, most: int = 10) -> int:
        """Start it again whenever a signal ends it, up to ``most`` times; give the code it ended with by itself."""
        while True:
            code = await self.wait()
            if self._stopping or code >= 0 or self.restarts >= most:
                return code
            self.restarts += 1
            log.warning("child ended by a signal, starting it again", child=self.name, signal=-code)
            await self.start()

    async def stop(self) -> int:
        """End it politely, then firmly."""
        self._stopping = True
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        return process.returncode or 0

    def last_words(self) -> str:
        """Give the end of its log, for when it does not start."""
        lines = self._log_file.read_text(errors="replace").splitlines() if self._log_file.exists() else []
        return "\n".join(lines[-12:])
