"""The supervised nats-server: a child that is started, watched, restarted after a crash, and never outlives us."""

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

from .broker_log import BrokerLog, Refusal
from .errors import ServerError
from .server_config import (
    PLATFORM_USER,
    DeviceUser,
    ServerConfig,
    find_binary,
    platform_password,
    render,
    write_private,
)

__all__ = ("NatsServer",)

log = logging.getLogger(__name__)

_READY_S = 20.0
_RELOAD_S = 5.0
_STOP_S = 5.0
_LOCK_S = 5.0
_PORT_TRIES = 3
_BACK_OFF_S = 0.1
_BACK_OFF_MAX_S = 10.0
_STEADY_S = 30.0
_ROOM_LOOK_S = 1.0
_ROOM_BYTES = 32 << 20

# Runs in the child before it becomes nats-server. Asking the kernel for the signal there, and not between fork and
# exec in here, keeps Python code out of a forked copy of a process with threads. If the parent is gone already, end.
_EXEC = """
import ctypes, os, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None, use_errno=True).prctl(1, 9, 0, 0, 0)
if os.getppid() != parent:
    sys.exit(3)
os.execv(sys.argv[2], sys.argv[2:])
"""


class NatsServer:
    """Runs nats-server for one data directory. Use it as ``async with NatsServer(config) as server``.

    ``on_restart`` is called with a line of text after each crash, once the server is ready again; ``on_refusal`` for
    each thing the broker refused. The data directory is locked, also by the child: nothing foreign is adopted, and two
    platforms never share one store.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        devices: Iterable[DeviceUser] = (),
        on_restart: Callable[[str], None] | None = None,
        on_refusal: Callable[[Refusal], None] | None = None,
    ) -> None:
        self.config = config
        self.user = PLATFORM_USER
        self.password = ""
        self.port = config.port
        self.mqtt_port = config.mqtt_port
        self.restarts = 0
        self.log = BrokerLog()
        self._devices = tuple(devices)
        self._on_restart = on_restart
        self._on_refusal = on_refusal
        self._binary = ""
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._lock = -1
        self._closing = False
        self._healer: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the platform connects."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running server, 0 if there is none now."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    @property
    def refused_by_broker(self) -> dict[str, int]:
        """How often the broker refused something, by kind."""
        return {str(kind): count for kind, count in self.log.refused_by_broker.items()}

    async def __aenter__(self) -> "NatsServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Start and wait until it is ready.

        :raises ServerError: no binary, the data directory is in use, or the server does not come up.
        """
        self._binary = find_binary(self.config.binary)
        self.config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._take_lock()
        try:
            self.password = platform_password(self.config.data_dir / "platform.password")
            await self._first_start()
        except BaseException:
            await self.close()
            raise
        self._watcher = asyncio.create_task(self._watch(), name="nats-server watcher")
        self._healer = asyncio.create_task(self._heal(), name="nats-server healer")

    async def _first_start(self) -> None:
        """Start on the ports asked for; a free one that another took in between is chosen again."""
        automatic = 0 in (self.config.port, self.config.mqtt_port)
        for tries_left in reversed(range(_PORT_TRIES)):
            free = _free_ports(2)
            self.port = self.config.port or free[0]
            self.mqtt_port = self.config.mqtt_port or free[1]
            self._write_config()
            await self._spawn()
            try:
                return await self._until_ready()
            except ServerError as error:
                if not (automatic and tries_left and "address already in use" in str(error)):
                    raise
            await self._stop()

    async def set_devices(self, devices: Iterable[DeviceUser]) -> None:
        """Replace the devices' credentials while running; a device whose credential is gone is disconnected.

        :raises SubjectError: a name that cannot be part of a subject; nothing has changed then.
        :raises ServerError: the server did not take them over.
        """
        before, self._devices = self._devices, tuple(devices)
        try:
            self._write_config()
        except Exception:
            self._devices = before
            raise
        if not self.pid:
            return  # it is being restarted and will read them
        reloads = self.log.reloads
        os.kill(self.pid, signal.SIGHUP)
        if not await self._news_that(lambda: self.log.reloads > reloads, _RELOAD_S):
            raise ServerError(f"nats-server did not reload its configuration: {self._last_words()}")

    async def close(self) -> None:
        """Stop the server and free the data directory."""
        self._closing = True
        for task in (self._healer, self._watcher):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        self._healer = self._watcher = None
        await self._stop()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def _stop(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
            except TimeoutError:
                log.warning("nats-server does not stop; ending it")
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._reader is not None:
            await self._reader
            self._reader = None

    async def _take_lock(self) -> None:
        """Lock the data directory; a server whose parent was killed holds it until it is gone itself."""
        self._lock = os.open(self.config.data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LOCK_S
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if loop.time() > deadline:
                    os.close(self._lock)
                    self._lock = -1
                    raise ServerError(f"{self.config.data_dir} is in use by another platform") from error
                await asyncio.sleep(0.05)
            else:
                return

    @property
    def _config_path(self) -> Path:
        return self.config.data_dir / "nats-server.conf"

    def _write_config(self) -> None:
        text = render(
            self.config,
            port=self.port,
            mqtt_port=self.mqtt_port,
            password=self.password,
            devices=self._devices,
        )
        write_private(self._config_path, text)

    async def _spawn(self) -> None:
        command = (self._binary, "-c", str(self._config_path))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            "-c",
            _EXEC,
            str(os.getpid()),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(self._lock,),
            start_new_session=True,  # Ctrl-C is for us: we end the server after our own work
        )
        assert self._process.stderr is not None
        self._reader = asyncio.create_task(self._read(self._process.stderr), name="nats-server log")

    async def _read(self, stream: asyncio.StreamReader) -> None:
        """Read the log to its end, in pieces: a line may be longer than any limit."""
        rest = b""
        while piece := await stream.read(65_536):
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[-65_536:]
            for line in lines:
                self._take(line.decode(errors="replace"))
        self._take(rest.decode(errors="replace"))
        self._news.set()

    def _take(self, line: str) -> None:
        refusal = self.log.take(line)
        log.debug("nats-server: %s", line)
        self._news.set()
        if refusal is not None:
            log.warning("nats-server refused: %s", refusal.line)
            if self._on_refusal is not None:
                self._on_refusal(refusal)

    async def _news_that(self, holds: Callable[[], bool], wait_s: float) -> bool:
        """Wait until a log line makes something true, or the server is gone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not holds() and not (self._reader is None or self._reader.done()):
                    self._news.clear()
                    await self._news.wait()
        return holds()

    async def _until_ready(self) -> None:
        """Wait for the word that it serves clients.

        :raises ServerError: it ended or said nothing of the kind.
        """
        ready = self.log.ready
        if not await self._news_that(lambda: self.log.ready > ready, _READY_S):
            raise ServerError(f"nats-server does not start: {self._last_words()}")

    def _last_words(self) -> str:
        worst = [
            line for line in self.log.tail if "[FTL]" in line or "[ERR]" in line or "nats-server:" in line
        ]
        return "; ".join(worst[-3:] or list(self.log.tail)[-3:]) or "it said nothing"

    async def _watch(self) -> None:
        """Restart the server whenever it ends without being asked to."""
        loop = asyncio.get_running_loop()
        back_off_s, started = _BACK_OFF_S, loop.time()
        while True:
            assert self._process is not None
            code = await self._process.wait()
            if self._reader is not None:
                await self._reader
            if loop.time() - started > _STEADY_S:
                back_off_s = _BACK_OFF_S
            log.error("nats-server ended with %d, starting it again: %s", code, self._last_words())
            await asyncio.sleep(back_off_s)
            back_off_s, started = min(2 * back_off_s, _BACK_OFF_MAX_S), loop.time()
            await self._start_again(code)

    async def _heal(self) -> None:
        """Start the server again once there is room after its disk was full: its streams stay closed otherwise."""
        while True:
            await asyncio.sleep(_ROOM_LOOK_S)
            if not self.log.store_failed or not self.pid:
                continue
            if shutil.disk_usage(self.config.data_dir).free > _ROOM_BYTES:
                log.error("nats-server could not write and there is room again: starting it anew")
                self.log.store_failed = False
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)

    async def _start_again(self, code: int) -> None:
        self.restarts += 1
        try:
            await self._spawn()
            await self._until_ready()
        except (ServerError, OSError) as error:
            log.error("nats-server: %s", error)
            await self._stop()
            return
        if self._on_restart is not None:
            self._on_restart(f"nats-server ended with {code} and was started again")


def _free_ports(count: int) -> list[int]:
    """Find free ports of loopback, all different: each is held until the last is found."""
    with ExitStack() as held:
        ports: list[int] = []
        for _ in range(count):
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
        return ports
