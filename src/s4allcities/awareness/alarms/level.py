"""How serious an alert is: what happens if nobody acts, and how much time is left.

The level of an alert is read from a matrix of consequence and time, as EEMUA 191 has it. The consequence is what not
acting adds to the risk: probability x vulnerability x impact in the worst zone of the incident. It is worked out for
the incident alone, so one more actor, place or hypothesis never ranks below what it would rank by itself, however bad
things are already.
"""

from typing import Literal

from msgspec import Struct

from s4allcities.domain import ALERT_LEVELS, AlertLevel

__all__ = ("CONSEQUENCES", "TIMES_S", "Stakes", "consequence_class", "level_of", "rank")

CONSEQUENCES = (0.02, 0.06, 0.15, 0.30)
"""Where one class of consequence ends and the next begins: negligible, minor, moderate, severe, catastrophic."""
TIMES_S = (1800.0, 4 * 3600.0)
"""With more time than the first an alert is one level lower, with more than the second two."""
ALERT_OF_CLASS: tuple[AlertLevel, ...] = ("info", "low", "medium", "high", "critical")
OCCUPIED = 1.0


class Stakes(Struct, frozen=True, kw_only=True):
    """What decides the level.

    ``consequence`` 0..1; ``people`` is None where nobody counts: that is not the same as nobody there. ``danger`` is
    the level of the gravest incident that threatens life and is linked to this one, "" without any.
    """

    consequence: float
    act_within_s: float
    stake: Literal["life", "control", "watch"] = "watch"
    people: float | None = None
    danger: AlertLevel | Literal[""] = ""


def consequence_class(consequence: float) -> int:
    """Give the class of a consequence, 0 negligible to 4 catastrophic.

    >>> consequence_class(0.01), consequence_class(0.2), consequence_class(0.7)
    (0, 3, 4)
    """
    return sum(consequence >= edge for edge in CONSEQUENCES)


def level_of(stakes: Stakes) -> tuple[AlertLevel, str]:
    """Give the level, and the rule that kept it from being lower ("" = none did).

    >>> level_of(Stakes(consequence=0.7, act_within_s=120.0))
    ('critical', '')
    >>> level_of(Stakes(consequence=0.05, act_within_s=300.0, stake="control", danger="critical"))
    ('high', 'linked to a danger to life')
    """
    plain = max(
        0, consequence_class(stakes.consequence) - sum(stakes.act_within_s > limit for limit in TIMES_S)
    )
    floors = [(plain, "")]
    if stakes.stake == "life" and (stakes.people is None or stakes.people >= OCCUPIED):
        floors.append((rank("high"), "people may be hurt"))
    if stakes.danger:
        floors.append((max(rank(stakes.danger) - 1, 0), "linked to a danger to life"))
    best, why = max(floors, key=lambda each: each[0])
    return ALERT_LEVELS[best], why


def rank(level: AlertLevel) -> int:
    """The order of levels, 0 = info."""
    return ALERT_LEVELS.index(level)
