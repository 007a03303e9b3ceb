"""The settings of the detector over groups of sensors."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from ..config import load_config

__all__ = ("GroupsConfig", "groups_config")

_Positive = Annotated[float, Meta(gt=0)]


class GroupsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings. A row is unusual at ``bar_times`` what one usual row in 200 reaches.

    ``groups`` names groups of series, each ``sensor/quantity``; beside them, all sensors of the site that measure one
    of ``quantities`` make a group where they are ``members_least`` or more, ``members_most`` at most; series that are
    known not to go with the others are ``left_out`` of these. A row is what all
    members said last in ``row_s``; ``train_rows`` rows teach, and the model is learnt anew after as many usual rows.
    After ``hold_rows`` unusual rows in a row, what was unusual is learnt as the new usual. Said again every
    ``repeat_s`` at most.
    """

    row_s: _Positive = 60.0
    bar_times: Annotated[float, Meta(ge=1)] = 2.0
    train_rows: Annotated[int, Meta(ge=60, le=100_000)] = 1440
    hold_rows: Annotated[int, Meta(ge=1)] = 720
    repeat_s: _Positive = 300.0
    members_least: Annotated[int, Meta(ge=2)] = 4
    members_most: Annotated[int, Meta(ge=2, le=200)] = 60
    quantities: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    groups: dict[str, tuple[str, ...]] = {}


def groups_config(changes: Mapping[str, Any] | None = None) -> GroupsConfig:
    """Give the shipped settings with an installation's changes. :raises ConfigError: not allowed."""
    return load_config(__package__ or "", GroupsConfig, changes)
