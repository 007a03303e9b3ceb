"""Reading context entries written by people: ``context.yaml`` of a site folder, and bodies of the API.

A file holds a list under ``entries``; each has ``type``, ``id`` and what its type asks for. ``from`` and ``until`` are
RFC 3339 times::

    entries:
      - type: event
        id: midsummer-festival
        name: Midsummer festival
        zones: [main-square]
        people: 6000
        odds: {"*": 2}
        from: 2026-06-20T16:00:00+03:00
        until: 2026-06-21T01:00:00+03:00
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from s4allcities.domain import from_rfc3339, to_rfc3339

from .entries import ENTRY_TYPES, Entry
from .errors import ContextError

__all__ = ("CONTEXT_FILE", "check_names", "entry_from", "entry_to", "load_context", "read_context")

CONTEXT_FILE = "context.yaml"
_MOST = 5_000
_TIMES = {"from": "t_from_us", "until": "t_until_us"}


def entry_from(raw: Any, where: str = "entry") -> Entry:
    """Make an entry of what a person wrote.

    >>> entry_from({"type": "threat-level", "id": "national", "level": 3}).level
    3

    :raises ContextError: which field of which entry is wrong, and what is allowed.
    """
    if not isinstance(raw, dict):
        raise ContextError(f"{where}: is {type(raw).__name__}; allowed is a map with type and id")
    kind = raw.get("type")
    if kind not in ENTRY_TYPES:
        raise ContextError(f"{where}: type is {kind!r}; allowed are {', '.join(ENTRY_TYPES)}")
    fields = {_TIMES.get(name, name): _time(name, value, where) for name, value in raw.items()}
    try:
        entry: Entry = msgspec.convert(fields, Entry)
    except msgspec.ValidationError as error:
        raise ContextError(f"{where} ({kind} {raw.get('id', 'without id')}): {error}") from None
    if entry.t_until_us and entry.t_until_us <= entry.t_from_us:
        raise ContextError(f"{where} ({kind} {entry.id}): until is not after from")
    return entry


def entry_to(entry: Entry) -> dict[str, Any]:
    """Write an entry as people do, with ``from`` and ``until`` as RFC 3339 times."""
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    for name, inside in _TIMES.items():
        if t_us := fields.pop(inside, 0):
            fields[name] = to_rfc3339(t_us)
    return fields


def _time(name: Any, value: Any, where: str) -> Any:
    if name not in _TIMES:
        return value
    try:
        return from_rfc3339(value.isoformat() if hasattr(value, "isoformat") else str(value))
    except (ValueError, OverflowError):
        raise ContextError(f"{where}: {name} is {value!r}; allowed is an RFC 3339 time") from None


def read_context(
    text: str, where: str = CONTEXT_FILE, known: Mapping[str, Iterable[str]] | None = None
) -> tuple[Entry, ...]:
    """Read a file's text. ``known`` lists allowed names by field (``zones``), checked where given.

    :raises ContextError: not YAML, not a list of entries, one of them is wrong, or an id comes twice.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ContextError(f"{where}: not YAML: {' '.join(str(error).split())}") from None
    raw = document.get("entries") if isinstance(document, dict) else None
    if not isinstance(raw, list) or len(raw) > _MOST:
        raise ContextError(f"{where}: allowed is a map with a list `entries` of at most {_MOST}")
    entries = tuple(entry_from(each, f"{where}, entry {number}") for number, each in enumerate(raw, 1))
    _check_unique(entries, where)
    for entry in entries:
        check_names(entry, known or {}, where)
    return entries


def _check_unique(entries: Iterable[Entry], where: str) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise ContextError(f"{where}: id {entry.id!r} comes twice; each entry needs its own")
        seen.add(entry.id)


def check_names(entry: Entry, known: Mapping[str, Iterable[str]], where: str = "entry") -> None:
    """Refuse zones that the site does not have. :raises ContextError: names them and what there is."""
    zones = set(known.get("zones", ()))
    unknown = [zone for zone in entry.zones if zone not in zones] if zones else []
    if unknown:
        listed = ", ".join(sorted(zones)[:40])
        raise ContextError(f"{where} ({entry.id}): no zone {unknown[0]!r} on this site; allowed: {listed}")


def load_context(folder: Path, known: Mapping[str, Iterable[str]] | None = None) -> tuple[Entry, ...]:
    """Read the context file of a site folder; a site without one has no entries.

    :raises ContextError: see `read_context`; or the file cannot be read.
    """
    path = Path(folder) / CONTEXT_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ContextError(f"{path}: cannot be read: {error}") from None
    return read_context(text, str(path), known)
