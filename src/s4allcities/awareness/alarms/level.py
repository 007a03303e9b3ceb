"""How serious an alert is: what happens if nobody acts, and how much time is left."""

from typing import Literal

from msgspec import Struct

from s4allcities.domain import ALERT_LEVELS, AlertLevel

__all__ = ("Stakes", "level_of", "rank")

LONG_S = 1800.0
"""With more time than this to act, an alert is one level lower."""


class Stakes(Struct, frozen=True, kw_only=True):
    """What decides the level. ``people`` is None where nobody counts: that is not the same as nobody there."""

    stake: Literal["life", "control", "watch"]
    people: float | None
    act_within_s: float
    on_opening: bool = False
    linked_to_danger: bool = False


def level_of(stakes: Stakes) -> AlertLevel:
    """Give the level.

    >>> level_of(Stakes(stake="life", people=184.0, act_within_s=120.0))
    'critical'
    >>> level_of(Stakes(stake="control", people=None, act_within_s=300.0, on_opening=True, linked_to_danger=True))
    'high'
    """
    occupied = stakes.people is None or stakes.people >= 1
    match stakes.stake:
        case "life":
            consequence = 4 if occupied else 3
        case "control":
            consequence = 3 if stakes.linked_to_danger else 2 if stakes.on_opening else 1
        case "watch":
            consequence = 3 if occupied else 2
    return ALERT_LEVELS[max(0, consequence - (stakes.act_within_s > LONG_S))]


def rank(level: AlertLevel) -> int:
    """The order of levels, 0 = info."""
    return ALERT_LEVELS.index(level)
