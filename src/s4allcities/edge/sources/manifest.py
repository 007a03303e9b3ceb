"""What a source says of itself in its ``manifest.toml``."""

import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct

from ..errors import ManifestError

__all__ = ("Manifest", "read_manifest")


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"class_name": "class"}):
    """The manifest of a source plug-in.

    ``families`` are the device families it reads (``*`` = every family that no other source takes); ``class_name`` is
    the class in the plug-in's package. The rest says in plain words what a site's owner has to know before switching
    it on.
    """

    name: str
    title: str
    families: tuple[str, ...]
    units: str
    rate: str
    personal_data: bool
    retention: str
    offline: str
    class_name: str
    personal_note: str = ""


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    :raises ManifestError: the file is missing, not TOML, or a field is missing, unknown or of the wrong kind.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Manifest)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ManifestError(f"{path}: {error}") from error
