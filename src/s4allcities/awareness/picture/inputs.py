"""What people may write into the API: how long, how large, which words."""

from math import isfinite
from typing import Annotated

from msgspec import Meta

__all__ = ("Ident", "Label", "Remark", "Version", "check_fact")

_PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]*$"
"""Control characters have no meaning in a remark, and cannot be written in XML."""

Ident = Annotated[str, Meta(min_length=1, max_length=64)]
Label = Annotated[str, Meta(max_length=128, pattern=_PRINTABLE)]
Remark = Annotated[str, Meta(max_length=2000, pattern=_PRINTABLE)]
Version = Annotated[int, Meta(ge=0, le=1_000_000_000)]

_NUMBERS = frozenset({"people", "exit_rate", "speed_kmh", "smoke_pct_m", "co_ppm", "heat_c"})
_WORDS = {
    "exit_state": ("usable", "doubtful", "unusable"),
    "traffic": ("free", "slow", "jam"),
    "door_state": ("open", "closed"),
}
_MADE_HERE = frozenset({"hazard", "entry", "resilience", "forecast"})


def check_fact(attribute: str, value: str | float | bool) -> str:
    """Give what is wrong with a stated fact, or nothing. Attributes that the platform does not use may be any.

    >>> check_fact("people", "many")
    "people is 'many'; allowed are numbers of 0 or above"
    >>> check_fact("exit_state", "usable")
    ''
    """
    if attribute in _MADE_HERE:
        return f"{attribute} is made by the platform and cannot be stated"
    if attribute in _NUMBERS:
        number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        if not number or (attribute != "heat_c" and float(value) < 0):
            return f"{attribute} is {value!r}; allowed are numbers of 0 or above"
    words = _WORDS.get(attribute, (value,))
    if value not in words:
        return f"{attribute} is {value!r}; allowed are {', '.join(map(str, words))}"
    if isinstance(value, float) and not isfinite(value):
        return f"{attribute} is {value!r}; allowed are finite numbers"
    return ""
