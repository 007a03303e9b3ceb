"""Finds the source for a message, and lists the plug-ins that come with the platform."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

from s4allcities.domain import Source

from ..errors import ManifestError
from .border import MAX_AGE_S
from .manifest import Manifest, read_manifest

__all__ = ("SourceTable", "built_in_manifests", "built_in_sources")

_ROOT = Path(__file__).parent
_NEEDS_A_FILE = frozenset({"mapped"})  # one instance a mapping file, made by its owner


def built_in_manifests() -> dict[str, Manifest]:
    """Give folder name -> manifest of every plug-in in this folder, in order of name.

    :raises ManifestError: a manifest is not right.
    """
    return {path.parent.name: read_manifest(path) for path in sorted(_ROOT.glob("*/manifest.toml"))}


def built_in_sources(*, max_age_s: float | None = MAX_AGE_S) -> list[Source]:
    """Make one instance of every plug-in that needs no configuration.

    :raises ManifestError: a plug-in does not hold the class its manifest names.
    """
    manifests = built_in_manifests()
    return [
        _make(folder, manifests[folder], max_age_s) for folder in manifests if folder not in _NEEDS_A_FILE
    ]


def _make(folder: str, manifest: Manifest, max_age_s: float | None) -> Source:
    module = import_module(f".{folder}", __package__)
    made = getattr(module, manifest.class_name, None)
    if made is None:
        raise ManifestError(
            f"{folder}/manifest.toml: class is {manifest.class_name!r}, which the plug-in lacks"
        )
    factory: Callable[..., Source] = made
    return factory(max_age_s=max_age_s)


class SourceTable:
    """Picks a source by family, and by sensor where a source is for some sensors only.

    The first source given wins among those that name the family; a source for ``*`` comes last. A source may carry
    ``sensors``, a pattern such as ``gate-*``.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = tuple(sources)
        self._picked: dict[tuple[str, str], Source | None] = {}

    @property
    def families(self) -> tuple[str, ...]:
        """Families that some source names."""
        return tuple(sorted({family for source in self.sources for family in source.families} - {"*"}))

    def pick(self, family: str, sensor: str) -> Source | None:
        """Give the source for a message, or None when no source takes it."""
        key = (family, sensor)
        if key not in self._picked:
            if len(self._picked) > 100_000:  # made-up sensor names shall not fill the memory
                self._picked.clear()
            self._picked[key] = self._find(family, sensor)
        return self._picked[key]

    def _find(self, family: str, sensor: str) -> Source | None:
        fitting = [source for source in self.sources if fnmatchcase(sensor, getattr(source, "sensors", "*"))]
        for wanted in (family, "*"):
            for source in fitting:
                if wanted in source.families:
                    return source
        return None
