"""The vulnerability checklist: questions, and what their answers say about a zone without measures."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

__all__ = ("MOST", "Checklist", "Question", "bare_of", "load_checklist")

MOST = 4
"""The best answer; 0 is the worst."""
Area = Literal["surroundings", "access", "seeing", "people", "procedures", "recovery"]


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question; ``weight`` by threat ("*" = others) says how much of the vulnerability it decides."""

    area: Area
    text: str
    weight: dict[str, float]

    def weight_for(self, threat: str) -> float:
        """Its weight for one threat."""
        return self.weight.get(threat, self.weight.get("*", 0.0))


class Checklist(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All questions by id; ``worst`` and ``best`` are the vulnerabilities with the worst and the best answers."""

    worst: float
    best: float
    questions: dict[str, Question]


@cache
def load_checklist() -> Checklist:
    """Read the file that comes with the package."""
    text = (files(__package__) / "survey.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Checklist)


def bare_of(answers: Mapping[str, int], threats: Iterable[str]) -> list[float]:
    """Give the vulnerability without measures for each threat, by the weighted mean of the answers.

    A question without an answer counts as 0: what nobody looked at is not in place. Never increasing in any answer.

    >>> worst, = bare_of({}, ["fire"])
    >>> worst
    0.98
    """
    checklist = load_checklist()
    span = checklist.worst - checklist.best
    out = []
    for threat in threats:
        whole = sum(each.weight_for(threat) for each in checklist.questions.values())
        good = sum(
            each.weight_for(threat) * min(max(answers.get(key, 0), 0), MOST) / MOST
            for key, each in checklist.questions.items()
        )
        out.append(checklist.worst - span * good / whole if whole else checklist.worst)
    return out
