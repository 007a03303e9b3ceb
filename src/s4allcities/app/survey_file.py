"""A survey as a file: the empty one to fill in, and the score of a filled-in one."""

from pathlib import Path

import yaml
from msgspec import Struct

from s4allcities.awareness.context import ContextError, load_context, read_context
from s4allcities.awareness.context.entries import Survey
from s4allcities.awareness.risk import load_checklist, load_threats
from s4allcities.awareness.risk.survey import bare_of
from s4allcities.site import Site

__all__ = ("SurveyScore", "score_survey", "survey_template")

HEAD = """# Vulnerability survey of {name}.
# Answers: 0 nothing in place, 1 a little, 2 half, 3 mostly, 4 fully in place. What has no answer counts as 0.
# One entry may speak for several zones; add entries for zones that differ. A zone may be in one entry only.
"""


class SurveyScore(Struct, frozen=True, kw_only=True):
    """The vulnerability of some zones without measures, by threat; empty zones are the whole site."""

    id: str
    zones: tuple[str, ...]
    answered: int
    questions: int
    vulnerability: dict[str, float]


def survey_template(site: Site) -> str:
    """Write the empty survey of a site, with the questions as comments."""
    lines = [HEAD.format(name=site.name), "entries:", "  - type: survey", "    id: survey-1", "    by: ''"]
    lines += [f"    zones: [{', '.join(zone.slug for zone in site.zones)}]", "    answers:"]
    area = ""
    for key, question in load_checklist().questions.items():
        if question.area != area:
            area = question.area
            lines.append(f"      # --- {area}")
        lines += [f"      # {question.text}", f"      {key}: 0"]
    text = "\n".join(lines) + "\n"
    yaml.safe_load(text)  # what we write, we can read
    return text


def score_survey(site: Site, folder: Path, answers: Path | None) -> list[SurveyScore]:
    """Score the surveys of a file, or of the site's context file.

    :raises ContextError: the file cannot be used, or an answer is to no question.
    """
    known = {"zones": [zone.slug for zone in site.zones]}
    if answers is None:
        entries = load_context(folder, known)
    else:
        entries = read_context(answers.read_text(encoding="utf-8"), str(answers), known)
    questions, threats = load_checklist().questions, list(load_threats())
    found = []
    for entry in entries:
        if not isinstance(entry, Survey):
            continue
        unknown = [key for key in entry.answers if key not in questions]
        if unknown:
            raise ContextError(
                f"survey {entry.id}: no question {unknown[0]!r}; allowed: {', '.join(questions)}"
            )
        found.append(
            SurveyScore(
                id=entry.id,
                zones=entry.zones,
                answered=len(entry.answers),
                questions=len(questions),
                vulnerability=dict(zip(threats, bare_of(entry.answers, threats), strict=True)),
            )
        )
    return found
