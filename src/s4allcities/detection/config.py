"""Reading a detector's settings: TOML defaults in its own folder, changed by what an installation gives."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, TypeVar

import msgspec

__all__ = ("ConfigError", "load_config")

C = TypeVar("C", bound=msgspec.Struct)


class ConfigError(ValueError):
    """A setting is unknown or out of its range: the message names detector, setting and what is allowed."""


def _merge(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        old = merged.get(name)
        merged[name] = _merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged


def load_config(package: str, type_: type[C], changes: Mapping[str, Any] | None = None) -> C:
    """Read ``defaults.toml`` of a detector's package; tables in ``changes`` replace single settings inside it.

    :raises ConfigError: a setting is unknown or not allowed.
    """
    text = files(package).joinpath("defaults.toml").read_text(encoding="utf-8")
    settings = _merge(tomllib.loads(text), changes or {})
    try:
        return msgspec.convert(settings, type_)
    except msgspec.ValidationError as error:
        raise ConfigError(f"settings of {package.rsplit('.', 1)[-1]}: {error}") from None
