"""What each hypothesis means at the desk: stake, time to act and texts, read from a data file."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

__all__ = ("Profile", "load_profiles", "profile_of")


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One hypothesis; the data file says what the fields mean."""

    stake: Literal["life", "control", "watch"]
    act_within_s: float
    title: tuple[str, ...]
    what: tuple[str, ...]
    act: tuple[str, ...]
    together: str = ""
    on_delay_s: float | None = None
    off_delay_s: float | None = None
    share: Literal["automatic", "operator"] = "operator"


def load_profiles() -> dict[str, Profile]:
    """Read the file that comes with the package."""
    text = (files(__package__) / "profiles.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Profile])


def profile_of(profiles: Mapping[str, Profile], hypothesis: str) -> Profile:
    """Give a hypothesis' profile; one that the file does not know is something unusual to look at."""
    return profiles.get(hypothesis) or profiles["other"]
