"""The settings of the context stage."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

__all__ = ("ContextConfig", "context_config")

_Positive = Annotated[float, Meta(gt=0)]


class ContextConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    A fact is given when it has moved by its ``deadband`` and at most every ``every_s``, and again unchanged after
    ``refresh_s``, and only from readings at most ``late_s`` old: a back-fill says nothing about now. A zone's people
    are those of its counters heard within ``fresh_s``. Traffic is a jam below ``jam_below_kmh`` until above
    ``jam_above_kmh``, slow below and above the next two; a change must last ``hold_s``.
    """

    every_s: _Positive = 2.0
    refresh_s: _Positive = 10.0
    fresh_s: _Positive = 30.0
    late_s: _Positive = 7200.0
    jam_below_kmh: _Positive = 10.0
    jam_above_kmh: _Positive = 15.0
    slow_below_kmh: _Positive = 20.0
    slow_above_kmh: _Positive = 25.0
    hold_s: _Positive = 10.0
    deadband: dict[str, float] = {}


def context_config(changes: Mapping[str, Any] | None = None) -> ContextConfig:
    """Give the shipped settings with an installation's changes.

    :raises ValueError: a setting is unknown or not allowed.
    """
    text = files(__package__ or "").joinpath("defaults.toml").read_text(encoding="utf-8")
    try:
        return msgspec.convert({**tomllib.loads(text), **(changes or {})}, ContextConfig)
    except msgspec.ValidationError as error:
        raise ValueError(f"settings of context: {error}") from None
