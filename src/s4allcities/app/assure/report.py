"""What came of the attacks: what would have been missed, where, at which size and how late, and who is blind."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from .attacks import KINDS, Kind
from .trial import Alarm, Outcome

__all__ = (
    "Assurance",
    "BlindSpot",
    "KindShare",
    "Limit",
    "Missed",
    "SensorShare",
    "Tried",
    "at_most",
    "blind_spots",
    "false_alarms_month",
    "kind_shares",
    "limits_of",
    "missed_by",
    "sensor_shares",
)

BY_CHANCE = 0.05
"""How likely a report may be to name any sensor as blind that is not."""
EPISODE_US = 3_600_000_000
"""Alarms of a sensor within this time of each other are one."""
MONTH_S = 30 * 86_400.0


class Tried(Struct, frozen=True, kw_only=True):
    """One attack that was tried, on which sensor, and what came of it. ``rank`` numbers the sizes, 2 the largest."""

    sensor: str
    quantity: str
    zone: str
    kind: str
    rank: int
    size: str
    outcome: Outcome


class KindShare(Struct, frozen=True, kw_only=True):
    """Of one quantity, one kind and one size: how many were tried and found, and how late (median, seconds)."""

    quantity: str
    kind: str
    size: str
    tried: int
    found: int
    delay_s: float | None
    detectors: tuple[str, ...]


class SensorShare(Struct, frozen=True, kw_only=True):
    """Of one sensor: how many attacks of the largest size were tried and found, and its alarms a month otherwise."""

    sensor: str
    zone: str
    tried: int
    found: int
    expected: float
    false_alarms_month: float


class Missed(Struct, frozen=True, kw_only=True):
    """A sensor and a kind of attack, the largest of which was missed every time."""

    sensor: str
    zone: str
    quantity: str
    kind: str
    size: str


class Limit(Struct, frozen=True, kw_only=True):
    """What these settings hardly see anywhere: less than half of the largest attacks of a kind on a quantity."""

    quantity: str
    kind: str
    tried: int
    found: int


class BlindSpot(Struct, frozen=True, kw_only=True):
    """A sensor that misses more than chance would, given what others of its kind find; ``why`` as far as is known."""

    sensor: str
    name: str
    zone: str
    found: int
    tried: int
    expected: float
    missed: tuple[str, ...]
    why: tuple[str, ...]


class Assurance(Struct, frozen=True, kw_only=True):
    """The whole report. ``planted`` are the blind spots that a simulated history was given, ``simulated`` says so.

    ``false_alarms_month`` is what the unaltered history gave, a sensor and month: no recorded event is known to be
    true here, so all count as false. ``sensors_tried`` of ``sensors`` were attacked within the time given.
    """

    site: str
    made: str
    t_from: str
    t_judged: str
    t_until: str
    simulated: bool
    settings: dict[str, dict[str, object]]
    sensors: int
    sensors_tried: int
    attacks: int
    found: int
    false_alarms_month: float
    blind_spots: tuple[BlindSpot, ...]
    limits: tuple[Limit, ...]
    kinds: tuple[KindShare, ...]
    by_sensor: tuple[SensorShare, ...]
    missed: tuple[Missed, ...]
    cpu_s: float
    planted: tuple[str, ...] = ()


def kind_shares(tried: Sequence[Tried]) -> tuple[KindShare, ...]:
    """Sum up by quantity, kind and size."""
    groups: dict[tuple[str, str, int], list[Tried]] = {}
    for each in tried:
        groups.setdefault((each.quantity, each.kind, each.rank), []).append(each)
    order = {kind.name: n for n, kind in enumerate(KINDS)}
    out = []
    for (quantity, kind, _), group in sorted(
        groups.items(), key=lambda item: (item[0][0], order[item[0][1]], item[0][2])
    ):
        hits = [each.outcome for each in group if each.outcome.found]
        delays = [each.delay_s for each in hits if each.delay_s is not None]
        out.append(
            KindShare(
                quantity=quantity, kind=kind, size=group[0].size, tried=len(group), found=len(hits),
                delay_s=round(float(np.median(delays)), 1) if delays else None,
                detectors=tuple(sorted({each.detector for each in hits})),
            )
        )  # fmt: skip
    return tuple(out)


def false_alarms_month(
    alarms: Iterable[Alarm], sensors: Sequence[str], judged_s: float
) -> tuple[float, dict[str, float]]:
    """Give alarms a sensor and month over all ``sensors``, and of each."""
    last: dict[tuple[str, str], int] = {}
    count = dict.fromkeys(sensors, 0)
    for sensor, kind, _, t_us in sorted(alarms, key=lambda each: each[3]):
        if sensor in count:
            count[sensor] += t_us - last.get((sensor, kind), -(1 << 62)) > EPISODE_US
            last[sensor, kind] = t_us
    month = judged_s / MONTH_S
    each_month = {sensor: round(number / month, 2) for sensor, number in count.items()}
    return round(sum(count.values()) / max(1, len(sensors)) / month, 2), each_month


def limits_of(kinds: Iterable[KindShare], largest: Mapping[str, str]) -> tuple[Limit, ...]:
    """Give what is hardly found anywhere at its largest size; ``largest`` names that size of each kind."""
    return tuple(
        Limit(quantity=each.quantity, kind=each.kind, tried=each.tried, found=each.found)
        for each in kinds
        if each.size == largest[each.kind] and 2 * each.found < each.tried
    )


def missed_by(tried: Iterable[Tried], kinds: Sequence[Kind] = KINDS) -> tuple[Missed, ...]:
    """Give each sensor and kind of which nothing was found at the largest size."""
    groups: dict[tuple[str, str, str, str, str], list[bool]] = {}
    for each in tried:
        if each.rank == len(kinds[0].sizes()) - 1:
            key = (each.sensor, each.zone, each.quantity, each.kind, each.size)
            groups.setdefault(key, []).append(each.outcome.found)
    return tuple(
        Missed(sensor=sensor, zone=zone, quantity=quantity, kind=kind, size=size)
        for (sensor, zone, quantity, kind, size), found in sorted(groups.items())
        if not any(found)
    )


def sensor_shares(tried: Sequence[Tried], alarms_month: Mapping[str, float]) -> tuple[SensorShare, ...]:
    """Give what each sensor found of the largest attacks, and what others of its kind would have found."""
    out = []
    for sensor, (mine, rates) in sorted(_with_rates(tried).items()):
        out.append(
            SensorShare(
                sensor=sensor, zone=mine[0].zone, tried=len(mine), found=sum(each.outcome.found for each in mine),
                expected=round(sum(rates), 1), false_alarms_month=alarms_month.get(sensor, 0.0),
            )
        )  # fmt: skip
    return tuple(out)


def blind_spots(
    tried: Sequence[Tried], names: Mapping[str, str], why: Mapping[str, tuple[str, ...]]
) -> tuple[BlindSpot, ...]:
    """Give the sensors that find so few of the largest attacks that chance does not explain it.

    In plain words: how often the *other* sensors find each kind on the same quantity says what this one should have
    found. Named is who found so few that this, or less, happens by chance once in twenty reports at most.

    Limits: a sensor alone of its quantity is held against all others; what no sensor finds makes nobody blind (see
    `limits_of`).
    """
    found = _with_rates(tried)
    bound = BY_CHANCE / max(1, len(found))
    out = []
    for sensor, (mine, rates) in found.items():
        hits = sum(each.outcome.found for each in mine)
        if at_most(hits, rates) >= bound:
            continue
        seen = {each.kind for each in mine if each.outcome.found}
        usual = {each.kind for each, rate in zip(mine, rates, strict=True) if rate >= 0.5}
        out.append(
            BlindSpot(
                sensor=sensor, name=names.get(sensor, sensor), zone=mine[0].zone, found=hits, tried=len(mine),
                expected=round(sum(rates), 1),
                missed=tuple(kind.name for kind in KINDS if kind.name in usual - seen),
                why=why.get(sensor, ()),
            )
        )  # fmt: skip
    return tuple(sorted(out, key=lambda each: (each.found - each.expected, each.sensor)))


def _with_rates(tried: Sequence[Tried]) -> dict[str, tuple[list[Tried], list[float]]]:
    """Give by sensor its largest attacks, and how often other sensors found such a one."""
    most = max((each.rank for each in tried), default=0)
    largest = [each for each in tried if each.rank == most]
    out: dict[str, tuple[list[Tried], list[float]]] = {}
    for each in largest:
        others = [
            other.outcome.found
            for other in largest
            if other.sensor != each.sensor and other.kind == each.kind and other.quantity == each.quantity
        ] or [
            other.outcome.found
            for other in largest
            if other.sensor != each.sensor and other.kind == each.kind
        ]
        mine, rates = out.setdefault(each.sensor, ([], []))
        mine.append(each)
        rates.append((sum(others) + 0.5) / (len(others) + 1))
    return out


def at_most(hits: int, rates: Sequence[float]) -> float:
    """Give how likely so few or fewer of independent things come true, each with its own probability.

    >>> at_most(0, [0.5, 0.5]), at_most(2, [0.5, 0.5])
    (0.25, 1.0)
    """
    chance = np.ones(1)
    for rate in rates:
        chance = np.convolve(chance, (1 - rate, rate))
    return float(min(1.0, chance[: hits + 1].sum()))
