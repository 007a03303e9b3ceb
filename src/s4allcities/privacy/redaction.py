"""Redaction at the edge, fail closed: only what a policy names passes; all else is dropped and counted.

Camera families give hashes, counts and scores, never a picture. Bytes never pass. Free text passes with e-mail
addresses, phone numbers and plate-like tokens masked.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from s4allcities.domain import Observation

from .policies import NUMBERS_AND_TEXT, POLICIES, Fields, Policy

__all__ = ("MASK", "Pseudonym", "Redactor", "mask_text", "redact_payload")

Pseudonym = Callable[[str], str]
"""Gives what stands in place of a name."""

MASK = "▮▮▮"
"""What stands where something personal stood."""

_LONGEST_TEXT = 2_000
_MOST_ITEMS = 256
_HASH = re.compile(r"[0-9A-Fa-f]{8,128}")
_NAME = re.compile(r"[^@\x00-\x1f\x7f]{1,128}")
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"]+@[^\s@<>()\[\],;:\"]+", re.UNICODE)
_PHONE = re.compile(r"(?<![\w.])(?:\+|00)?\d(?:[ ./()-]{0,2}\d){6,14}(?!\w)")
_PLATE = re.compile(
    r"(?<![\w-])(?:[A-ZÄÖÅ]{1,3}[ -][A-Z]{1,2}[ -]?\d{2,4}|[A-ZÄÖÅ]{2,3}[ -]?\d{3,4}|[A-ZÄÖÅ]{3}[ -]?\d{1,2}"
    r"|[A-Z]{2}\d{2}[ -]?[A-Z]{3}|[A-Z]{2}-?\d{3}-?[A-Z]{2}|\d{1,4}[ -]?[A-Z]{2,3}[ -]?\d{2,4})(?![\w-])"
)

_GONE = object()


def mask_text(text: str) -> str:
    """Mask e-mail addresses, phone numbers and tokens that look like number plates; cut after 2000 characters.

    In doubt it masks: a train called "IC 174" goes too, an exit called "B 2" does not.

    >>> mask_text("Call +358 40 123 4567 or aino@example.org about ABC-123")
    'Call ▮▮▮ or ▮▮▮ about ▮▮▮'

    Limits: names of people in plain words are not recognised, nor are plates in small letters.
    """
    text = text[:_LONGEST_TEXT]
    if "@" in text:  # the search for addresses is slow where there are none
        text = _EMAIL.sub(MASK, text)
    return _PLATE.sub(MASK, _PHONE.sub(MASK, text))


def _no_pseudonym(name: str) -> str:
    raise LookupError("nothing gives pseudonyms here")


def redact_payload(
    data: Any,
    fields: Fields,
    dropped: Counter[str],
    path: str = "",
    pseudonym: Pseudonym = _no_pseudonym,
) -> Any:
    """Give what of a payload may pass. What is dropped is counted in ``dropped`` by its path.

    ``fields`` is a form (see `policies`) or a mapping of names to such. A list is taken item by item. The result is
    None when nothing may pass.
    """
    kept = _Passing(dropped, pseudonym).of(data, fields, path)
    return None if kept is _GONE else kept


class Redactor:
    """Redacts observations by the policy of their family; an unknown family passes numbers and masked texts.

    `redact` fits the edge's seam for redaction. What passes is no longer marked personal; what is marked so and has no
    policy of its own does not pass.

    >>> camera = Observation(family="camera", sensor="c", quantity="jpeg", t_us=0, schema="jpeg/1", payload=b"...")
    >>> redactor = Redactor()
    >>> redactor.redact(camera) is None, dict(redactor.dropped)
    (True, {'camera/jpeg': 1})
    """

    def __init__(
        self, policies: Mapping[str, Policy] = POLICIES, *, pseudonym: Pseudonym = _no_pseudonym
    ) -> None:
        self._policies = policies
        self._pseudonym = pseudonym
        self.dropped: Counter[str] = Counter()
        """How much was dropped, by family and field (names not in a policy are counted together)."""

    def redact(self, observation: Observation) -> Observation | None:
        """Give what of the observation may leave the edge, None if nothing."""
        policy = self._policies.get(observation.family, NUMBERS_AND_TEXT)
        if not self._known(observation, policy):
            self.dropped[f"{observation.family}/{_shown(observation.quantity, policy)}"] += 1
            return None
        if observation.payload is None and not observation.schema:
            return self._number(observation)
        return self._payload(observation, policy)

    def _known(self, observation: Observation, policy: Policy) -> bool:
        quantity = observation.quantity
        if (
            not _NAME.fullmatch(observation.sensor)
            or not _NAME.fullmatch(quantity)
            or _PHONE.search(quantity)
        ):
            return False
        if observation.family not in self._policies and observation.personal:
            return False
        if policy.quantities is None:
            return observation.schema == "eve/1" or not _sounds_personal(quantity)
        return quantity in policy.quantities

    def _number(self, observation: Observation) -> Observation | None:
        if not isinstance(observation.value, int | float):
            self.dropped[f"{observation.family}/value"] += 1
            return None
        sound = _is_unit(observation.unit)
        if sound and not observation.personal:
            return observation
        return msgspec.structs.replace(observation, unit=observation.unit if sound else "", personal=False)

    def _payload(self, observation: Observation, policy: Policy) -> Observation | None:
        fields = policy.schemas.get(observation.schema)
        lost: Counter[str] = Counter()
        kept = (
            None
            if fields is None
            else redact_payload(observation.payload, fields, lost, pseudonym=self._pseudonym)
        )
        for path, count in lost.items():
            self.dropped[f"{observation.family}{path}"] += count
        if kept is None:
            if not lost:
                self.dropped[f"{observation.family}/payload"] += 1
            return None
        return msgspec.structs.replace(observation, payload=kept, unit="", personal=False)


class _Passing:
    """One walk through a payload: what was dropped, and what names are replaced by."""

    def __init__(self, dropped: Counter[str], pseudonym: Pseudonym) -> None:
        self._dropped = dropped
        self._pseudonym = pseudonym

    def of(self, data: Any, fields: Fields, path: str) -> Any:
        if isinstance(data, list | tuple) and len(data) <= _MOST_ITEMS:
            kept = [item for item in (self.of(item, fields, path) for item in data) if item is not _GONE]
            return kept or _GONE
        if isinstance(fields, Mapping):
            return self._mapping(data, fields, path)
        kept = self._renamed(data) if fields == "pseudonym" else _pass_leaf(data, fields)
        if kept is _GONE:
            self._dropped[path or "/payload"] += 1
        return kept

    def _mapping(self, data: Any, fields: Mapping[str, Fields], path: str) -> Any:
        if not isinstance(data, Mapping):
            self._dropped[path or "/payload"] += 1
            return _GONE
        kept = {}
        for name, value in data.items():
            allowed = fields.get(name) if isinstance(name, str) else None
            if allowed is None:
                self._dropped[f"{path}/other"] += 1
                continue
            passed = self.of(value, allowed, f"{path}/{name}")
            if passed is not _GONE:
                kept[name] = passed
        return kept or _GONE

    def _renamed(self, data: Any) -> Any:
        try:
            return self._pseudonym(data) if isinstance(data, str) else _GONE
        except LookupError:
            return _GONE


def _pass_leaf(data: Any, form: Fields) -> Any:
    """Give the value if it has the form its policy says, masked if it is text."""
    match form:
        case "number" if isinstance(data, bool | int) or (isinstance(data, float) and math.isfinite(data)):
            return data
        case "value" if isinstance(data, str | bool | int | float):
            return _pass_leaf(data, "word" if isinstance(data, str) else "number")
        case "hash" if isinstance(data, str) and _HASH.fullmatch(data):
            return data
        case "word" if isinstance(data, str) and len(data) <= 128 and "@" not in data:
            return data
        case "text" if isinstance(data, str):
            return mask_text(data)
        case _:
            return _GONE


_PERSONAL = re.compile(
    r"name|mail|phone|mobile|msisdn|imei|imsi|mac|plate|licen[cs]e|passport|ssn|badge|card|face|person_id|"
    r"address|birth|user|login|latitude|longitude|token|secret|password",
    re.IGNORECASE,
)


def _sounds_personal(quantity: str) -> bool:
    """Guess from a quantity's name that even its number is about a person."""
    return _PERSONAL.search(quantity) is not None


def _is_unit(unit: str) -> bool:
    """Tell whether a text can be a unit, and not something said in its place."""
    return len(unit) <= 16 and "@" not in unit and sum(map(str.isdigit, unit)) <= 3


def _shown(quantity: str, policy: Policy) -> str:
    """Give the name under which a drop is counted; names from outside are not kept at will."""
    return (
        quantity
        if re.fullmatch(r"[A-Za-z0-9_]{1,32}", quantity) and not _sounds_personal(quantity)
        else "other"
    )
