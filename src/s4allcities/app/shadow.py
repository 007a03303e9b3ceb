"""Shadow mode: our alerts, which called nobody, beside the alarm log of the system that people work with."""

import asyncio
import csv
from pathlib import Path
from zoneinfo import ZoneInfo

from s4allcities.domain import Alert, from_rfc3339, to_rfc3339
from s4allcities.evaluation.shadow import LoggedAlarm, ShadowReport, compare
from s4allcities.security.ledger import LedgerChain
from s4allcities.site import Site
from s4allcities.store.database import Database
from s4allcities.store.errors import DatabaseError
from s4allcities.store.layout import DataDir
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.recorder import EventRecorder

__all__ = ("LogError", "read_log", "shadow_report", "shadow_text")

COLUMNS = ("time", "alarm", "zone", "level")
NEEDED = ("time", "alarm")


class LogError(ValueError):
    """An alarm log cannot be used: the message says where, what is wrong and what is allowed."""


def read_log(path: Path) -> tuple[list[LoggedAlarm], list[str]]:
    """Read a CSV log with the columns time (RFC 3339), alarm, and if there are any zone and level.

    Gives the alarms in order of time, and one line for each row that could not be read.

    :raises LogError: no such file, not text, a column is missing, or not one row could be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in NEEDED if name not in (rows.fieldnames or ())]
            if missing:
                raise LogError(
                    f"{path}: no column {missing[0]!r}; allowed are {', '.join(COLUMNS)}, the first two needed"
                )
            found, bad = _rows(rows, path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LogError(f"{path}: cannot be read: {error}") from None
    if bad and not found:
        raise LogError(f"{path}: not one row could be read; the first: {bad[0]}")
    return sorted(found, key=lambda each: each.t_us), bad


def _rows(rows: "csv.DictReader[str]", path: Path) -> tuple[list[LoggedAlarm], list[str]]:
    found: list[LoggedAlarm] = []
    bad: list[str] = []
    for row in rows:
        time, text = (row.get("time") or "").strip(), (row.get("alarm") or "").strip()
        try:
            t_us = from_rfc3339(time)
        except (ValueError, OverflowError):
            bad.append(f"{path}, line {rows.line_num}: time is {time!r}; allowed is an RFC 3339 time")
            continue
        zone, level = (row.get("zone") or "").strip(), (row.get("level") or "").strip()
        found.append(LoggedAlarm(t_us=t_us, text=text, zone=zone, level=level))
    return found, bad


def shadow_report(log: list[LoggedAlarm], data_dir: Path, site: Site, *, within_s: float) -> ShadowReport:
    """Compare a log with the alerts of an installation, over the time that the log covers.

    :raises DatabaseError: there is no sound database there.
    """
    path = DataDir(data_dir).database
    if not path.is_file():
        raise DatabaseError(f"{path}: no database there; give the data directory of an installation")

    async def read() -> list[Alert]:
        database = Database.open(path)
        try:
            return await EventRecorder(database, LedgerStore(database, LedgerChain())).alerts(limit=-1)
        finally:
            await database.close()

    alerts = asyncio.run(read())
    span_us = round(within_s * 1e6)
    first, last = (log[0].t_us - span_us, log[-1].t_us + span_us) if log else (0, 0)
    ours = [
        LoggedAlarm(t_us=each.t_annunciated_us, text=each.title, zone=each.zone, level=each.level)
        for each in alerts
        if first <= each.t_annunciated_us <= last
    ]
    ours.sort(key=lambda each: each.t_us)
    return compare(ours, log, within_s=within_s, zone=ZoneInfo(site.timezone))


def shadow_text(report: ShadowReport) -> str:
    """Tell a comparison on a terminal."""
    lead = "" if report.median_lead_s is None else f", median lead of ours {report.median_lead_s:+.0f} s"
    lines = [
        f"Both: {len(report.pairs)} (ours first {report.ours_first}, theirs {report.theirs_first}{lead})"
    ]
    lines += [
        f"  {to_rfc3339(pair.ours.t_us)[:19]} {pair.lead_s:+6.0f} s  {pair.ours.text} | {pair.theirs.text}"
        for pair in report.pairs
    ]
    for title, some in (("Only ours", report.ours_only), ("Only theirs", report.theirs_only)):
        lines.append(f"{title}: {len(some)}")
        lines += [f"  {to_rfc3339(each.t_us)[:19]} {each.text}" for each in some]
    lines.append("Per shift, ours and theirs:")
    lines += [f"  {each.day} {each.shift:6} {each.ours:5} {each.theirs:5}" for each in report.shifts]
    return "\n".join(lines)
