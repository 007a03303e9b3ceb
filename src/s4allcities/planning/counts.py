"""Counts as they come in, made fit to plan with: what is missing, not a number, negative or absurd is said aloud."""

from collections.abc import Iterable, Mapping
from math import isfinite

from msgspec import Struct

__all__ = ("MOST_PEOPLE", "Counts", "clean_counts")

MOST_PEOPLE = 1_000_000
"""No zone holds more; a larger figure is an error of the counter."""


class Counts(Struct, frozen=True):
    """``people`` by zone, whole numbers; ``notes`` say what was not taken as it came."""

    people: dict[str, int]
    notes: tuple[str, ...]


def clean_counts(
    counts: Mapping[str, object], zones: Iterable[str], *, assumed: Mapping[str, int] | None = None
) -> Counts:
    """Take counts for ``zones``; ``assumed`` stands in where there is no usable one (0 if it has none either).

    >>> clean_counts({"hall": float("nan"), "cellar": 3.2}, ["hall", "shop"], assumed={"hall": 90}).people
    {'hall': 90, 'shop': 0}
    """
    known, stand_in = list(zones), dict(assumed or {})
    notes: list[str] = []
    people: dict[str, int] = {}
    for zone in known:
        value = counts.get(zone)
        fault = _fault(value) if zone in counts else "is not counted"
        if fault:
            people[zone] = stand_in.get(zone, 0)
            notes.append(f"{zone} {fault}: {people[zone]} people assumed")
        else:
            # Nobody is left out by rounding.
            people[zone] = -int(-float(value) // 1)  # type: ignore[arg-type]
    unknown = sorted(str(zone) for zone in counts if zone not in set(known))
    if unknown:
        notes.append(f"no zone of the place, left out: {', '.join(unknown[:10])}")
    return Counts(people, tuple(notes))


def _fault(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"counts {value!r}, which is no number"
    if not isfinite(value):
        return f"counts {value}, which is no number"
    if value < 0:
        return f"counts {value:g}, less than nobody"
    if value > MOST_PEOPLE:
        return f"counts {value:g}, more than {MOST_PEOPLE}"
    return ""
