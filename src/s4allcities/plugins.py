"""Plug-ins of third parties: packages installed beside the platform that bring sources or detectors.

A package names what it brings as entry points, group ``s4allcities.sources`` or ``s4allcities.detectors``. Each points
to a class (or a function that makes one) in a package that holds a ``manifest.toml`` with the fields that ours have.
Nothing is loaded unless the installation's settings name it: code that happens to be installed has no say.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata, resources
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from .domain import Source, Stage
from .edge.sources.manifest import Manifest as SourceManifest

__all__ = (
    "DETECTORS",
    "SOURCES",
    "DetectorManifest",
    "PluginError",
    "detector_plugins",
    "source_plugins",
)

SOURCES, DETECTORS = "s4allcities.sources", "s4allcities.detectors"
T = TypeVar("T", bound=Struct)


class PluginError(ValueError):
    """A plug-in cannot be used: the message says which, why, and what is allowed."""


class DetectorManifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a detector says of itself: which subjects it reads, which kinds it gives in which units, how often, and
    whether personal data go through it.
    """

    name: str
    summary: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    units: Mapping[str, str]
    rate: str
    personal_data: bool
    personal_note: str = ""
    state_bytes_per_series: int = 0
    validated: bool = False


def source_plugins(
    names: Sequence[str], found: Iterable[metadata.EntryPoint] | None = None, **options: Any
) -> list[Source]:
    """Make the sources that the settings name; ``options`` go to each (``max_age_s``).

    :raises PluginError: one is not installed, cannot be imported, or is not what its manifest says.
    """
    made: list[Source] = []
    for entry in _named(SOURCES, names, found):
        manifest = _manifest(entry, SourceManifest)
        source = _make(entry, **options)
        if not isinstance(source, Source):
            raise PluginError(f"plug-in {entry.name!r}: gives {type(source).__name__}; allowed is a source")
        if tuple(source.families) != manifest.families:
            raise PluginError(
                f"plug-in {entry.name!r}: reads the families {', '.join(source.families)}; its manifest says "
                f"{', '.join(manifest.families)}"
            )
        made.append(source)
    return made


def detector_plugins(
    names: Sequence[str],
    taken: Iterable[str],
    found: Iterable[metadata.EntryPoint] | None = None,
    **options: Any,
) -> list[Stage[Any]]:
    """Make the detectors that the settings name; ``taken`` are names of stages that are there, ``options`` go to each
    (``sensors``).

    :raises PluginError: one is not installed, cannot be imported, is not what its manifest says, or takes a name twice.
    """
    made: list[Stage[Any]] = []
    used = set(taken)
    for entry in _named(DETECTORS, names, found):
        manifest = _manifest(entry, DetectorManifest)
        stage = _make(entry, **options)
        if not isinstance(stage, Stage):
            raise PluginError(f"plug-in {entry.name!r}: gives {type(stage).__name__}; allowed is a stage")
        if stage.name != manifest.name or tuple(stage.inputs) != manifest.inputs:
            raise PluginError(
                f"plug-in {entry.name!r}: is stage {stage.name!r} of {', '.join(stage.inputs)}; its manifest says "
                f"{manifest.name!r} of {', '.join(manifest.inputs)}"
            )
        if stage.name in used:
            raise PluginError(f"plug-in {entry.name!r}: there is a stage {stage.name!r} already")
        used.add(stage.name)
        made.append(stage)
    return made


def _named(
    group: str, names: Sequence[str], found: Iterable[metadata.EntryPoint] | None
) -> list[metadata.EntryPoint]:
    """Give the entry points of a group that the settings name, in the order of the settings."""
    if not names:
        return []
    entries = [
        each
        for each in (metadata.entry_points(group=group) if found is None else found)
        if each.group == group
    ]
    by_name = {each.name: each for each in entries}
    twice = sorted({each.name for each in entries if by_name[each.name] != each} & set(names))
    if twice:
        raise PluginError(f"plug-in {twice[0]!r}: two installed packages bring one of that name to {group}")
    missing = [name for name in names if name not in by_name]
    if missing:
        raise PluginError(
            f"plug-in {missing[0]!r}: no installed package brings it to {group}; there "
            f"{'are ' + ', '.join(sorted(by_name)) if by_name else 'is none'}"
        )
    return [by_name[name] for name in names]


def _manifest(entry: metadata.EntryPoint, kind: type[T]) -> T:
    package = entry.module
    try:
        text = resources.files(package).joinpath("manifest.toml").read_text(encoding="utf-8")
        manifest: T = msgspec.convert(tomllib.loads(text), kind)
    except (OSError, ImportError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise PluginError(f"plug-in {entry.name!r}: manifest.toml of {package}: {error}") from None
    return manifest


def _make(entry: metadata.EntryPoint, **options: Any) -> object:
    try:
        factory: Callable[..., object] = entry.load()
        return factory(**options)
    except Exception as error:  # whatever a third party's code dies of, the one line says whose it is
        raise PluginError(
            f"plug-in {entry.name!r}: {entry.value}: {type(error).__name__}: {error}"
        ) from error
