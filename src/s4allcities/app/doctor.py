"""Looks an installation over and says, check by check, what is well and what is not."""

import os
import shutil
import sqlite3
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import msgspec
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

import s4allcities
from s4allcities.bus import ServerError
from s4allcities.bus.server_config import find_binary
from s4allcities.domain import SensorHealth
from s4allcities.security.errors import SecurityError
from s4allcities.security.keys import InstallationKey, load_public_key
from s4allcities.security.ledger import LedgerChain, read_heads, verify, verify_texts
from s4allcities.site import SiteError, load_site
from s4allcities.store.errors import StoreError
from s4allcities.store.layout import DataDir
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.opening import has_state, open_state
from s4allcities.store.postgres import PostgresDatabase
from s4allcities.store.sql import SqlDatabase

from .serve import RUNNING_FILE, Running
from .server import page_folder

__all__ = ("Check", "Report", "examine")

State = Literal["ok", "note", "fault"]

LOWEST_DISK_GB = 1.0
GOOD_DISK_GB = 10.0
MOST_AGE_S = 60.0
MOST_LAG = 5000
"""Messages waiting before a stage; more is a fault."""
_SHOWN = 5


class Check(Struct, frozen=True, kw_only=True):
    """One thing looked at: ``note`` is worth knowing, ``fault`` has to be mended; ``text`` says what and how."""

    name: str
    state: State
    text: str


class Report(Struct, frozen=True, kw_only=True):
    """All checks; ``ok`` when none is a fault."""

    ok: bool
    version: str
    data_dir: str
    running: bool
    checks: tuple[Check, ...]


def _ok(name: str, text: str) -> Check:
    return Check(name=name, state="ok", text=text)


def _note(name: str, text: str) -> Check:
    return Check(name=name, state="note", text=text)


def _fault(name: str, text: str) -> Check:
    return Check(name=name, state="fault", text=text)


def examine(data_dir: Path, site: Path, heads: Path | None = None) -> Report:
    """Look at the programs, the site, the data directory and, if one runs there, the platform.

    ``heads`` is the file of the ledger's signed heads, if it is kept elsewhere.
    """
    running = _running(data_dir)
    looks: list[Callable[[], Iterator[Check]]] = [
        _programs,
        lambda: _site(site),
        lambda: _folder(DataDir(data_dir)),
        lambda: _kept(DataDir(data_dir), heads or DataDir(data_dir).heads),
        lambda: _platform(running, DataDir(data_dir)),
    ]
    checks = tuple(check for look in looks for check in look())
    return Report(
        ok=all(check.state != "fault" for check in checks),
        version=s4allcities.__version__,
        data_dir=str(data_dir),
        running=running is not None,
        checks=checks,
    )


def _programs() -> Iterator[Check]:
    found = sys.version_info
    version = ".".join(map(str, found[:3]))
    yield (_ok if found >= (3, 11) else _fault)("python", f"{version} (3.11 or newer is needed)")
    try:
        yield _ok("nats-server", _says(find_binary(), "--version"))
    except ServerError as error:
        yield _fault("nats-server", str(error))
    if page_folder() is not None:
        yield _ok("page", "built")
        return
    node = shutil.which("node")
    with_node = _says(node, "--version") if node else "none on the path"
    yield _fault("page", f"not built: run `make setup` (needs Node 20 or newer; here is {with_node})")


def _says(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not answer ({error})"
    return (done.stdout or done.stderr).strip().splitlines()[0] if (done.stdout or done.stderr) else "silent"


def _site(folder: Path) -> Iterator[Check]:
    try:
        site = load_site(folder)
    except (SiteError, OSError) as error:
        yield _fault("site", f"{error}; `s4 site validate {folder}` says more")
        return
    yield _ok(
        "site", f"{site.name}: {len(site.zones)} zones, {len(site.exits)} exits, {len(site.sensors)} sensors"
    )


def _folder(data: DataDir) -> Iterator[Check]:
    if not data.root.is_dir():
        yield _note("data directory", f"{data.root} is not there yet; the first start makes it")
        return
    if not os.access(data.root, os.R_OK | os.W_OK | os.X_OK):
        yield _fault("data directory", f"{data.root} cannot be written by this user")
    open_to_others = [
        path for path in _private(data) if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_to_others:
        names = ", ".join(map(str, open_to_others))
        yield _fault("permissions", f"others may read {names}; run `chmod go-rwx` on them")
    else:
        yield _ok("permissions", f"{data.root} is private")
    free_gb = shutil.disk_usage(data.root).free / 1e9
    text = f"{free_gb:.1f} GB left where {data.root} lies"
    if free_gb < LOWEST_DISK_GB:
        yield _fault("disk", f"{text}; below {LOWEST_DISK_GB:g} GB nothing more may be kept")
    else:
        yield (_ok if free_gb >= GOOD_DISK_GB else _note)("disk", text)


def _private(data: DataDir) -> tuple[Path, ...]:
    keys = data.keys
    return (
        data.root,
        data.database,
        keys,
        keys / "installation.key",
        keys / "devices.json",
        data.root / "nats",
    )


def _kept(data: DataDir, heads: Path) -> Iterator[Check]:
    if not has_state(data):
        return
    if not (data.keys / "installation.key").is_file():
        yield _fault("keys", f"{data.keys / 'installation.key'} is missing; bring it back from a backup")
        return
    try:
        InstallationKey.open(data.keys)
        database = open_state(data.root)
    except (StoreError, SecurityError, OSError) as error:
        yield _fault("database", str(error))
        return
    try:
        yield _integrity(database)
        yield _ledger(database, data, heads)
    except (StoreError, SecurityError, sqlite3.Error, OSError) as error:
        yield _fault("database", str(error))
    finally:
        database.close_now()


def _integrity(database: SqlDatabase) -> Check:
    if isinstance(database, PostgresDatabase):
        return _ok("database", f"{database.settings.shown()} answers")
    rows = database.read_now(lambda connection: connection.execute("PRAGMA quick_check(5)").fetchall())
    if rows == [("ok",)]:
        return _ok("database", "sound")
    return _fault("database", f"damaged: {'; '.join(str(row[0]) for row in rows)}; restore a backup")


def _ledger(database: SqlDatabase, data: DataDir, heads_file: Path) -> Check:
    heads, _ = read_heads(heads_file)  # before the entries: what is signed is in the database already
    store = LedgerStore(database, LedgerChain())
    report = verify(store.rows_now(), heads, load_public_key(data.keys / "installation.pub"))
    findings = [*report.findings, *verify_texts(store.texts_now())]
    if findings:
        return _fault("ledger", f"{findings[0].detail}; `s4 verify ledger` lists {len(findings)} findings")
    return _ok("ledger", f"untouched: {report.entries} entries, signed up to {report.covered}")


def _running(data_dir: Path) -> Running | None:
    try:
        found = msgspec.json.decode((data_dir / RUNNING_FILE).read_bytes(), type=Running)
        os.kill(found.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return found


def _platform(running: Running | None, data: DataDir) -> Iterator[Check]:
    if running is None:
        yield _note("platform", f"none runs on {data.root}")
        return
    try:
        # Its certificate is the installation's own matter; we only ask whether it answers here.
        context = ssl._create_unverified_context() if running.url.startswith("https") else True
        with httpx.Client(base_url=running.url, verify=context, trust_env=False, timeout=10) as client:
            health = client.get("/healthz").json()
            metrics = _Metrics(client.get("/metrics").text)
    except (httpx.HTTPError, ValueError) as error:
        yield _fault("platform", f"{running.url} does not answer: {error}")
        return
    yield _health(running, health)
    yield from _flow(metrics)
    yield from _rejections(data)
    yield from _silent(data)


def _health(running: Running, health: dict[str, Any]) -> Check:
    broken = [name for name, works in health.get("parts", {}).items() if not works]
    if broken:
        return _fault("platform", f"{running.url}: not working: {', '.join(broken)}; its log says why")
    return _ok(
        "platform", f"{running.url} works (version {health.get('version')}, MQTT port {running.mqtt_port})"
    )


class _Metrics:
    """The values of a platform's `/metrics`."""

    def __init__(self, text: str) -> None:
        self._values: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                label = next(iter(sample.labels.values()), "")
                self._values.setdefault(sample.name, {})[label] = sample.value

    def by_label(self, name: str) -> dict[str, float]:
        return self._values.get(f"s4_{name}", {})

    def one(self, name: str) -> float:
        return self.by_label(name).get("", 0.0)


def _flow(metrics: _Metrics) -> Iterator[Check]:
    yield _stages(metrics)
    errors = {name: n for name, n in metrics.by_label("stage_errors_total").items() if n}
    if errors:
        yield _note("stage errors", _counted(errors))
    yield _snapshots(metrics)
    state = metrics.by_label("messages_total")
    text = ", ".join(f"{state.get(word, 0):.0f} {word}" for word in ("decided", "rejected", "expired"))
    yield (_note if state.get("expired") else _ok)("messages", text)
    incoming = {family: n for family, n in metrics.by_label("received_total").items() if n}
    yield (
        _ok("incoming", f"since the start {_counted(incoming)}")
        if incoming
        else _note("incoming", "no good message since the start")
    )
    yield _oldest(metrics.one("oldest_unprocessed_seconds"))
    refused = {kind: n for kind, n in metrics.by_label("refused_by_broker_total").items() if n}
    if refused:
        yield _note("refused by the broker", _counted(refused))


def _counted(values: dict[str, float]) -> str:
    return ", ".join(
        f"{name}: {n:.0f}" for name, n in sorted(values.items(), key=lambda each: -each[1])[:_SHOWN]
    )


def _stages(metrics: _Metrics) -> Check:
    lags = metrics.by_label("stage_lag")
    standing = [name for name, runs in metrics.by_label("stage_running").items() if not runs]
    if standing:
        return _fault("stages", f"not running: {', '.join(standing)}; the platform's log says why")
    behind = {name: lag for name, lag in lags.items() if lag > MOST_LAG}
    if behind:
        return _fault(
            "stages", ", ".join(f"{name} is {lag:.0f} messages behind" for name, lag in behind.items())
        )
    return _ok(
        "stages", f"{len(lags)} stages, the furthest {max(lags.values(), default=0):.0f} messages behind"
    )


def _snapshots(metrics: _Metrics) -> Check:
    ages = metrics.by_label("stage_snapshot_age_seconds")
    if not ages:
        return _note("snapshots", "none since the start")
    return _ok("snapshots", f"{len(ages)} stages, the newest {min(ages.values()):.0f} s ago")


def _oldest(age_s: float) -> Check:
    if age_s > MOST_AGE_S:
        return _fault(
            "oldest datum", f"waits since {age_s:.0f} s; more than {MOST_AGE_S:g} s means that work piles up"
        )
    return _ok("oldest datum", f"waits since {age_s:.1f} s" if age_s else "nothing waits")


def _rejections(data: DataDir) -> Iterator[Check]:
    rows = _ask(data, "SELECT source, reason, count FROM rejected_count ORDER BY count DESC LIMIT ?", _SHOWN)
    if rows:
        text = "; ".join(f"{source}: {reason} ({count} times)" for source, reason, count in rows)
        yield _note("rejected input", text)


def _silent(data: DataDir) -> Iterator[Check]:
    rows = _ask(
        data, "SELECT body FROM record WHERE kind = 'sensor' AND state IN ('gone', 'stale', 'clock wrong')"
    )
    sensors = [msgspec.msgpack.decode(row[0], type=SensorHealth) for row in rows]
    if not sensors:
        yield _ok("sensors", "none is silent")
        return
    named = ", ".join(f"{each.sensor} ({each.state})" for each in sensors[:_SHOWN])
    more = f" and {len(sensors) - _SHOWN} more" if len(sensors) > _SHOWN else ""
    yield _note("sensors", f"{len(sensors)} do not deliver as they should: {named}{more}")


def _ask(data: DataDir, statement: str, *values: object) -> list[tuple[Any, ...]]:
    database = open_state(data.root)
    try:
        return database.read_now(lambda connection: connection.execute(statement, values).fetchall())
    finally:
        database.close_now()
