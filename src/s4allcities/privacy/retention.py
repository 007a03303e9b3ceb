"""What is kept for how long, and why: a table, read by the stores that delete and by people who ask."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from .policies import FAMILIES

__all__ = ("DEFAULT_DAYS", "RETENTION", "Rule", "history_days", "kept_days", "rule_for")

Kind = Literal["history", "records", "memory"]
DEFAULT_DAYS = 7
"""For families that no rule names: an unknown thing is kept short."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """``what`` (a family of readings, or a kind of record) is kept in ``where`` for ``days`` (None = until erased)."""

    what: str
    where: Kind
    days: float | None
    personal: bool
    why: str


RETENTION: tuple[Rule, ...] = (
    Rule(
        what="env",
        where="history",
        days=365,
        personal=False,
        why="no personal data; seasons are learned from it",
    ),
    Rule(what="building", where="history", days=365, personal=False, why="no personal data; as env"),
    Rule(
        what="people",
        where="history",
        days=90,
        personal=False,
        why="counts only; usual crowds are learned from it",
    ),
    Rule(what="door", where="history", days=30, personal=False, why="states only; investigations of a month"),
    Rule(
        what="lock", where="history", days=30, personal=False, why="signs of life; investigations of a month"
    ),
    Rule(
        what="access",
        where="history",
        days=30,
        personal=True,
        why="under a pseudonym that changes every hour; investigations of a month",
    ),
    Rule(
        what="camera",
        where="history",
        days=3,
        personal=False,
        why="hashes, counts, scores; 72 h as for pictures",
    ),
    Rule(
        what="audio", where="history", days=3, personal=False, why="levels and scores; 72 h as for pictures"
    ),
    Rule(
        what="eve",
        where="history",
        days=30,
        personal=True,
        why="host addresses may be a person's; intrusions show late",
    ),
    Rule(
        what="traffic",
        where="history",
        days=365,
        personal=False,
        why="no personal data; seasons are learned from it",
    ),
    Rule(what="weather", where="history", days=365, personal=False, why="no personal data"),
    Rule(
        what="sign",
        where="history",
        days=90,
        personal=False,
        why="what was shown when; evidence after an evacuation",
    ),
    Rule(
        what="report", where="history", days=7, personal=True, why="masked, but people may still be described"
    ),
    Rule(what="detection", where="records", days=30, personal=False, why="the evidence behind incidents"),
    Rule(
        what="rejected", where="records", days=30, personal=False, why="for integrators to mend their devices"
    ),
    Rule(
        what="past",
        where="records",
        days=30,
        personal=False,
        why="risk and context as they stood at a moment",
    ),
    Rule(
        what="incident",
        where="records",
        days=None,
        personal=False,
        why="the account of what was decided, and why",
    ),
    Rule(
        what="alert",
        where="records",
        days=None,
        personal=True,
        why="who acknowledged; the person is erasable",
    ),
    Rule(what="order", where="records", days=None, personal=True, why="who decided; the person is erasable"),
    Rule(
        what="ledger",
        where="records",
        days=None,
        personal=False,
        why="proof; persons only by erasable reference",
    ),
    Rule(what="session", where="records", days=0.5, personal=True, why="as long as a shift"),
    Rule(
        what="pseudonym-salt",
        where="memory",
        days=1 / 24,
        personal=True,
        why="so that nobody can be followed",
    ),
)
"""The whole table. Every family with a redaction policy has a rule."""


def rule_for(what: str) -> Rule | None:
    """Give the rule of a family or kind, None if there is none."""
    return next((rule for rule in RETENTION if rule.what == what), None)


def kept_days(what: str, overrides: Mapping[str, float] | None = None) -> float | None:
    """Give how many days something is kept; None = until erased; `DEFAULT_DAYS` if no rule names it.

    ``overrides`` come from an operator's configuration.
    """
    if overrides and what in overrides:
        return overrides[what]
    rule = rule_for(what)
    return DEFAULT_DAYS if rule is None else rule.days


def history_days(overrides: Mapping[str, float] | None = None) -> dict[str, int]:
    """Give the days of each known family, for the history to enforce; families not named get `DEFAULT_DAYS`."""
    names = {*FAMILIES, *(overrides or {})}
    found = {name: kept_days(name, overrides) for name in sorted(names)}
    return {name: int(days) for name, days in found.items() if days is not None}
