"""Works the figures of an alert out again from the ledger alone, and says whether each is what was shown."""

from collections.abc import Iterable, Iterator
from math import exp
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from s4allcities.awareness.alarms.level import Stakes, level_of, rank
from s4allcities.awareness.risk import factors_of
from s4allcities.domain import BENIGN, Alert, Grounds, RiskBasis, to_rfc3339
from s4allcities.security.ledger import GENESIS, LedgerChain, ledger_hash
from s4allcities.store.ledger import LedgerRow, LedgerStore
from s4allcities.store.opening import open_state

__all__ = ("Explanation", "Figure", "NoSuchAlert", "explain_alert", "explain_file")

CLOSE = 1e-9
RISK_FIGURES = {
    "threat": "1 - (1 - base) x product of (1 - weight)",
    "vulnerability": "bare x product of (1 - effect x available)",
    "impact": "1 - exp(-(people + asset + service + delay))",
    "value": "threat x vulnerability x impact",
    "low": "value / exp(1.28 sigma)",
    "high": "value x exp(1.28 sigma), at most 1",
    "before": "base x bare x measures without any incident x impact",
}


class NoSuchAlert(ValueError):
    """The ledger has no such alert or version; the message says what there is."""


class Figure(Struct, frozen=True, kw_only=True):
    """One figure: as entered in the ledger, as worked out again, from what, and whether they agree."""

    name: str
    recorded: float | str
    again: float | str
    how: str
    same: bool


class Explanation(Struct, frozen=True, kw_only=True):
    """All figures of one version of an alert.

    ``entry`` is its place in the ledger; ``intact`` says that its hash holds and that it follows from the entry before
    it (`s4 verify ledger` proves the whole).
    """

    alert: str
    version: int
    versions: tuple[int, ...]
    title: str
    lines: tuple[str, ...]
    entry: int
    intact: bool
    reproduced: bool
    figures: tuple[Figure, ...]
    basis: RiskBasis | None = None


def explain_file(data_dir: Path, alert_id: str, version: int = 0) -> Explanation:
    """Explain an alert of an installation, which may be running; version 0 is the newest.

    :raises NoSuchAlert: see `explain_alert`.
    :raises StoreError: there is no sound database there.
    """
    database = open_state(data_dir)
    try:
        return explain_alert(LedgerStore(database, LedgerChain()).rows_now(), alert_id, version)
    finally:
        database.close_now()


def explain_alert(rows: Iterable[LedgerRow], alert_id: str, version: int = 0) -> Explanation:
    """Find an alert in the ledger and work its figures out again.

    :raises NoSuchAlert: the ledger has no such alert or version.
    """
    found: dict[int, tuple[LedgerRow, bool, dict[str, Any]]] = {}
    previous = GENESIS
    for row in rows:
        if row.kind == "alert":
            record = msgspec.msgpack.decode(row.record)
            if record.get("id") == alert_id:
                found[int(record["version"])] = (row, _intact(row, previous), record)
        previous = row.hash
    if not found:
        raise NoSuchAlert(f"the ledger has no alert {alert_id!r}; allowed are ids as the page shows them")
    wanted = version or max(found)
    if wanted not in found:
        known = ", ".join(map(str, sorted(found)))
        raise NoSuchAlert(f"alert {alert_id} has no version {version} in the ledger; allowed: {known}")
    row, intact, record = found[wanted]
    alert = msgspec.convert({k: v for k, v in record.items() if k != "subject"}, Alert)
    figures = tuple(_figures(alert))
    return Explanation(
        alert=alert_id,
        version=wanted,
        versions=tuple(sorted(found)),
        title=alert.title,
        lines=alert.lines,
        entry=row.sequence,
        intact=intact,
        reproduced=all(figure.same for figure in figures),
        figures=figures,
        basis=alert.grounds.risk.basis if alert.grounds and alert.grounds.risk else None,
    )


def _intact(row: LedgerRow, previous: bytes) -> bool:
    told = ledger_hash(row.previous, row.sequence, row.t_us, row.kind, row.record)
    return told == row.hash and row.previous == previous


def _figures(alert: Alert) -> Iterator[Figure]:
    grounds = alert.grounds
    if grounds is None:
        return
    if grounds.terms and BENIGN in grounds.hypotheses:
        odds = exp(sum(term.llr for term in grounds.terms))
        terms = " ".join(f"{term.llr:+.2f} ({term.name})" for term in grounds.terms)
        again = odds * grounds.hypotheses[BENIGN]
        yield _figure("probability", alert.probability, again, f"P(benign) x exp({terms})", close=1e-6)
    risk = grounds.risk
    if risk is not None and risk.basis is not None:
        factors = factors_of(risk.basis)
        for name, how in RISK_FIGURES.items():
            yield _figure(f"risk.{name}", getattr(risk, name), getattr(factors, name), how)
    yield _level(alert, grounds)


def _level(alert: Alert, grounds: Grounds) -> Figure:
    """The level from its matrix; a rule that kept it up is named."""
    level, floor = level_of(
        Stakes(
            consequence=grounds.consequence,
            act_within_s=grounds.act_within_s,
            stake=grounds.stake,
            people=grounds.counted,
            danger=grounds.danger,
        )
    )
    how = (
        f"consequence {grounds.consequence:.3f} (probability x vulnerability x impact of the worst zone),"
        f" {grounds.act_within_s:g} s to act"
    )
    how += f"; kept up because {floor}" if floor else ""
    waits = bool(grounds.lower_since_us) and rank(level) < rank(alert.level)
    how += (
        f"; {level} since {to_rfc3339(grounds.lower_since_us)}, a level falls after a while" if waits else ""
    )
    same = level == alert.level or waits
    return Figure(name="level", recorded=alert.level, again=level, how=how, same=same)


def _figure(name: str, recorded: float, again: float, how: str, close: float = CLOSE) -> Figure:
    same = abs(recorded - again) <= close * max(1.0, abs(recorded))
    return Figure(name=name, recorded=recorded, again=again, how=how, same=same)
