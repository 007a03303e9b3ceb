"""The settings of annunciation, read from a data file, with an installation's changes."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from s4allcities.domain import AlertLevel

__all__ = ("AlarmSettings", "alarm_settings")

Seconds = Annotated[float, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]


class AlarmSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; the data file says what they mean. ``budget`` lacks critical: its first call never waits."""

    shadow: bool = False
    on_delay_s: Seconds
    off_delay_s: Seconds
    rearm_s: Seconds
    level_falls_after_s: Seconds
    chatter_times: Positive
    chatter_window_s: Seconds
    chatter_shelved_s: Seconds
    window_s: Seconds
    flood_at: Positive
    flood_over: Positive
    repeats: Positive
    budget: dict[AlertLevel, int]
    shelve_most_s: dict[str, Seconds]
    escalate_after_s: dict[AlertLevel, Seconds]


def alarm_settings(changes: Mapping[str, Any] | None = None) -> AlarmSettings:
    """Give the shipped settings with an installation's changes; a table is changed key by key.

    >>> alarm_settings({"budget": {"high": 6}}).budget["high"]
    6

    :raises ValueError: a setting is unknown or not allowed.
    """
    given = tomllib.loads((files(__package__) / "settings.toml").read_text(encoding="utf-8"))
    for name, value in (changes or {}).items():
        given[name] = (
            {**given[name], **value}
            if isinstance(value, dict) and isinstance(given.get(name), dict)
            else value
        )
    try:
        return msgspec.convert(given, AlarmSettings)
    except msgspec.ValidationError as error:
        raise ValueError(f"settings of alarms: {error}") from None
