"""`s4 sources`: connectors: list and check them, replay recorded files, watch live observations."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from s4allcities.bus import Bus
    from s4allcities.domain import ObservationBatch, Source
    from s4allcities.edge.replay import ReplayOptions, ReplayReport

__all__ = ("app", "check", "list_sources", "replay", "watch")

app = App(
    name="sources", help="Connectors: list and check them, replay recorded files, watch live observations."
)

AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")]
DataDirOption = Annotated[
    Path | None, Parameter(help="Where the running platform keeps everything; s4-data if not given.")
]
MappingOption = Annotated[
    tuple[Path, ...],
    Parameter(name="--mapping", negative=(), help="YAML mapping of a device type; may be repeated."),
]

_DEFAULT_DATA_DIR = Path("s4-data")
_SHOWN_REJECTIONS = 10


class _Wrong(Exception):
    """Wrong use or bad input, in one line."""


class _NotRunning(_Wrong):
    """No platform to talk to."""


def _print_json(document: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _refuse(error: Exception) -> int:
    print(f"s4 sources: {error}", file=sys.stderr)
    return 2


@app.command(name="list")
def list_sources(*, as_json: AsJson = False) -> int:
    """List the connectors and what their manifests say.

    Example: s4 sources list
    """
    from s4allcities.edge.sources import built_in_manifests

    manifests = list(built_in_manifests().values())
    if as_json:
        _print_json([msgspec.to_builtins(manifest) for manifest in manifests])
        return 0
    for manifest in manifests:
        personal = "personal data" if manifest.personal_data else "no personal data"
        families = ", ".join(manifest.families) or "by mapping"
        print(f"{manifest.name:10} {families:10} {manifest.title} ({personal}; {manifest.rate})")
    return 0


@app.command
def check(file: Path, *, mapping: MappingOption = (), family: str = "", as_json: AsJson = False) -> int:
    """Check a mapping (.yaml), a manifest (.toml) or a recorded file; exit code 2 if something is wrong with it.

    Example: s4 sources check gas-sensor.yaml
    """
    from s4allcities.edge.errors import EdgeError
    from s4allcities.edge.replay import ReplayOptions
    from s4allcities.edge.sources import read_manifest
    from s4allcities.edge.sources.mapped import load_mapping

    try:
        if file.suffix.lower() in (".yaml", ".yml"):
            found: object = load_mapping(file)
        elif file.suffix.lower() == ".toml":
            found = read_manifest(file)
        else:
            found = None
        if found is not None:
            _print_json({"file": str(file), "valid": True, "content": found}) if as_json else print(
                f"{file}: right"
            )
            return 0
        options = ReplayOptions(family=family)
        (report,) = asyncio.run(_replay_all((file,), mapping, options, None, any_age=True))
    except (EdgeError, _Wrong) as error:
        if as_json:
            _print_json({"file": str(file), "valid": False, "problem": str(error)})
        return _refuse(error)
    if as_json:
        _print_json({"file": str(file), "valid": not report.rejected, "report": report})
    else:
        _print_report(report, checked=True)
    return 2 if report.rejected else 0


@app.command
def replay(
    *files: Path,
    speed: Annotated[
        float, Parameter(help="1 as recorded, 10 ten times as fast, 0 as fast as it goes.")
    ] = 0.0,
    family: Annotated[str, Parameter(help="Device family; guessed from the content if not given.")] = "",
    sensor: Annotated[str, Parameter(help="Sensor name; from the file's name if not given.")] = "",
    time_column: Annotated[str, Parameter(help="Name of a CSV file's time column.")] = "",
    time_format: Annotated[str, Parameter(help="strptime form of its times, e.g. '%d/%m/%y %H'.")] = "",
    column: Annotated[
        tuple[str, ...], Parameter(negative=(), help="COLUMN=QUANTITY, or COLUMN=drop; may be repeated.")
    ] = (),
    mapping: MappingOption = (),
    retime: Annotated[
        bool, Parameter(negative=(), help="Move the times so that the first line is now.")
    ] = False,
    any_age: Annotated[
        bool, Parameter(negative=(), help="Send lines that are older than 24 h, too.")
    ] = False,
    dry_run: Annotated[bool, Parameter(negative=(), help="Decode only, send nothing.")] = False,
    data_dir: DataDirOption = None,
    as_json: AsJson = False,
) -> int:
    """Play recorded CSV or JSONL files (plain or .gz) into the running platform; every line is accounted for.

    Without a running platform the files are only decoded. Names of people in CSV columns become pseudonyms.

    Example: s4 sources replay traffic.csv --speed 600 --retime
    """
    import secrets

    from s4allcities.edge.errors import EdgeError
    from s4allcities.edge.replay import ReplayOptions
    from s4allcities.edge.tabular import Columns

    try:
        if not files:
            raise _Wrong("no file; give one or more CSV or JSONL files")
        columns = Columns(
            time=time_column, time_format=time_format, rename=_renames(column), key=secrets.token_bytes(16)
        )
        options = ReplayOptions(speed=speed, family=family, sensor=sensor, retime=retime, columns=columns)
        platform = None if dry_run else _platform(data_dir)
        reports = asyncio.run(_replay_all(files, mapping, options, platform, any_age=any_age or retime))
    except (EdgeError, _Wrong) as error:
        return _refuse(error)
    checked = platform is None
    if as_json:
        _print_json({"sent": not checked, "files": reports, "total": _total(reports)})
    else:
        for report in reports:
            _print_report(report, checked=checked)
    if checked and not dry_run:
        print("s4 sources: no platform is running, so the files were decoded only", file=sys.stderr)
    if any("too old" in report.reasons for report in reports):
        print("s4 sources: old lines: use --retime with a --speed above 0, or --any-age", file=sys.stderr)
    return 0


@app.command
def watch(
    *,
    family: Annotated[str, Parameter(help="Only this device family.")] = "",
    sensor: Annotated[str, Parameter(help="Only this sensor.")] = "",
    count: Annotated[int, Parameter(help="Stop after so many observations; 0 = never.")] = 0,
    seconds: Annotated[float, Parameter(help="Stop after so many seconds; 0 = never.")] = 0.0,
    data_dir: DataDirOption = None,
    as_json: AsJson = False,
) -> int:
    """Show observations as they arrive, until Ctrl-C. With --json: all of them in one document at the end.

    Example: s4 sources watch --family env --count 20
    """
    from s4allcities.edge.sources.border import NAME

    seen: list[dict[str, object]] = []

    def show(row: dict[str, object]) -> bool:
        if sensor and row["sensor"] != sensor:
            return False
        seen.append(row)
        if not as_json:
            print("{t}  {sensor:16} {quantity:16} {value} {unit}".format(**row), flush=True)
        return 0 < count <= len(seen)

    try:
        if count < 0 or seconds < 0 or (family and not NAME.fullmatch(family)):
            raise _Wrong("--count and --seconds are 0 or above; --family has letters, digits, _ and -")
        platform = _platform(data_dir or _DEFAULT_DATA_DIR)
        assert platform is not None
        asyncio.run(_watch(platform, f"obs.{family or '*'}.>", show, seconds or None))
    except _Wrong as error:
        return _refuse(error)
    except KeyboardInterrupt:
        pass
    if as_json:
        _print_json(seen)
    return 0


# --- what the commands share ----------------------------------------------------------------------


class _Platform(msgspec.Struct, frozen=True):
    """How to reach the bus of a running platform."""

    url: str
    site: str
    user: str
    password: str


class _Running(msgspec.Struct):
    """The part of ``running.json`` that matters here."""

    nats_port: int
    site: str


def _platform(data_dir: Path | None) -> _Platform | None:
    """Find the running platform; None when none runs and no directory was named.

    :raises _NotRunning: none runs on the directory that was named.
    """
    from s4allcities.bus.server_config import PLATFORM_USER

    folder = data_dir or _DEFAULT_DATA_DIR
    try:
        running = msgspec.json.decode((folder / "running.json").read_bytes(), type=_Running)
        password = (folder / "nats" / "platform.password").read_text(encoding="utf-8").strip()
    except (OSError, msgspec.MsgspecError) as error:
        if data_dir is None:
            return None
        raise _NotRunning(f"no platform runs on {folder}: start one with `s4 serve`") from error
    return _Platform(f"nats://127.0.0.1:{running.nats_port}", running.site, PLATFORM_USER, password)


async def _connect(platform: _Platform) -> Bus:
    from s4allcities.bus import Bus, BusError
    from s4allcities.domain import SystemClock

    try:
        return await Bus.connect(
            platform.url,
            site=platform.site,
            clock=SystemClock(),
            user=platform.user,
            password=platform.password,
            wait_s=5.0,
        )
    except BusError as error:
        raise _NotRunning(f"the platform at {platform.url} does not answer: {error}") from error


def _renames(columns: Sequence[str]) -> dict[str, str]:
    pairs = [column.partition("=") for column in columns]
    for (name, _, quantity), given in zip(pairs, columns, strict=True):
        if not name or not quantity:
            raise _Wrong(f"--column {given!r}; allowed is COLUMN=QUANTITY or COLUMN=drop")
    return {name: quantity for name, _, quantity in pairs}


async def _replay_all(
    files: Sequence[Path],
    mappings: Sequence[Path],
    options: ReplayOptions,
    platform: _Platform | None,
    *,
    any_age: bool,
) -> list[ReplayReport]:
    from s4allcities.domain import SystemClock
    from s4allcities.edge.replay import replay as play
    from s4allcities.edge.sources import SourceTable, built_in_sources
    from s4allcities.edge.sources.border import MAX_AGE_S
    from s4allcities.edge.sources.mapped import MappedSource, load_mapping

    max_age_s = MAX_AGE_S if platform is not None and not any_age else None
    mapped: list[Source] = [MappedSource(load_mapping(path), max_age_s=max_age_s) for path in mappings]
    sources = SourceTable([*mapped, *built_in_sources(max_age_s=max_age_s)])
    bus = await _connect(platform) if platform is not None else None
    reports = []
    try:
        for path in files:
            with _Progress(path) as progress:
                publish = bus.publish_raw if bus is not None else None
                report = await play(
                    path,
                    sources=sources,
                    clock=SystemClock(),
                    publish=publish,
                    options=options,
                    progress=progress,
                )
            reports.append(report)
    finally:
        if bus is not None:
            await bus.close()
    return reports


class _Progress:
    """A count of lines on a terminal; nothing elsewhere."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Callable[[int], None]:
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr)

    def _show(self, lines: int) -> None:
        if self._shown:
            print(f"\r\x1b[K{self._name}: {lines} lines", end="", file=sys.stderr, flush=True)


def _total(reports: Sequence[ReplayReport]) -> dict[str, int]:
    names = ("lines", "accepted", "rejected", "observations", "sent")
    return {name: sum(getattr(report, name) for report in reports) for name in names}


def _print_report(report: ReplayReport, *, checked: bool) -> None:
    done = "decoded" if checked else "sent"
    families = ", ".join(report.families) or "nothing"
    print(
        f"{report.file}: {report.lines} lines, {report.accepted} {done} as {families}"
        f" ({report.observations} observations), {report.rejected} rejected"
    )
    for rejected in report.rejected_lines[:_SHOWN_REJECTIONS]:
        print(f"  line {rejected.line}: {rejected.reason}")
    if report.rejected > _SHOWN_REJECTIONS:
        print(f"  ... {report.rejected - _SHOWN_REJECTIONS} more; --json lists up to 1000")


async def _watch(
    platform: _Platform, suffix: str, show: Callable[[dict[str, object]], bool], seconds: float | None
) -> None:
    bus = await _connect(platform)
    try:
        after = (await bus.stream_state("OBS")).last_sequence
        async with asyncio.timeout(seconds):
            async for message in bus.follow("OBS", [suffix], after=after):
                if any(show(row) for row in _rows(message.batch)):  # shows up to the last one wanted
                    return
    except TimeoutError:
        return
    finally:
        await bus.close()


def _rows(batch: ObservationBatch) -> list[dict[str, object]]:
    from s4allcities.domain import to_rfc3339

    content = {payload.row: payload.data for payload in batch.payloads}
    rows: list[dict[str, object]] = []
    for row, (ix, t_us, value) in enumerate(zip(batch.series_ix, batch.t_us, batch.value, strict=True)):
        series = batch.series[int(ix)]
        rows.append(
            {
                "t": to_rfc3339(int(t_us)),
                "family": batch.family,
                "sensor": series.sensor,
                "zone": series.zone,
                "quantity": series.quantity,
                "value": content.get(row, float(value)),
                "unit": series.unit,
                "mode": batch.mode,
            }
        )
    return rows
