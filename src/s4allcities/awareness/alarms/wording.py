"""The three lines of an alert: what and where; how sure and why; what to do by when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from ipaddress import ip_address
from string import Formatter

from msgspec import Struct

from s4allcities.domain import US_PER_S, CourseOfAction, Incident

from .names import Names
from .profiles import Profile

__all__ = ("LINE_LENGTH", "Wording", "causes", "fit", "percent", "write")

LINE_LENGTH = 62
CHIPS = 3


class Wording(Struct, frozen=True, kw_only=True):
    """What an alert says."""

    title: str
    lines: tuple[str, str, str]
    why: tuple[str, ...]


def write(
    incident: Incident,
    profile: Profile,
    names: Names,
    *,
    course: CourseOfAction | None,
    deadline_us: int,
    overdue: bool,
    zone: tzinfo | None = None,
) -> Wording:
    """Say an incident in three lines of at most 62 characters, and in a title and chips for the queue."""
    fields = _fields(incident, names, course)
    fields["by"] = "now" if overdue else f"before {_clock(deadline_us, zone)}"
    why = causes(incident)
    return Wording(
        title=fit(profile.title, fields),
        lines=(fit(profile.what, fields), _how_sure(incident, why, profile), fit(profile.act, fields)),
        why=why[:CHIPS],
    )


def causes(incident: Incident) -> tuple[str, ...]:
    """What speaks for the hypothesis, the strongest group first, each said once: ("smoke", "CO", "heat")."""
    groups = sorted((t for t in incident.terms if t.group and t.llr > 0), key=lambda t: (-t.llr, t.group))
    labels = [label for term in groups for label in term.name.partition(": ")[0].split(" and ")]
    return tuple(dict.fromkeys(_lower(label) for label in labels if label))


def percent(p: float) -> str:
    """Whole per cent; never 0 or 100, which nobody can know."""
    return f"{min(max(round(100 * p), 1), 99)} %"


def fit(templates: Sequence[str], fields: Mapping[str, str]) -> str:
    """Fill in the first template whose fields are all known and that fits a line; the last is cut if it must be."""
    text = ""
    for template in templates:
        used = [name for _, name, _, _ in Formatter().parse(template) if name]
        if all(fields.get(name) for name in used):
            text = template.format_map(fields)
            if len(text) <= LINE_LENGTH:
                return text
    return text if len(text) <= LINE_LENGTH else text[: LINE_LENGTH - 1].rstrip() + "…"


def _fields(incident: Incident, names: Names, course: CourseOfAction | None) -> dict[str, str]:
    exits = [names.exits[slug] for slug in incident.entities if slug in names.exits]
    doors = [names.doors[slug] for slug in incident.entities if slug in names.doors]
    hosts = [entity for entity in incident.entities if _is_address(entity)]
    first = incident.zones[0] if incident.zones else ""
    return {
        "zone": names.zone(first) if first else "",
        "place": names.place(first) if first else "",
        "level": names.level(first) if first else "",
        "exit": exits[0] if exits else "",
        "door": doors[0] if doors else "",
        "host": hosts[0] if hosts else "",
        "exits": _exits(course, names) if course else "",
        "routes": str(len({route.exit for route in course.routes})) if course and course.routes else "",
    }


def _exits(course: CourseOfAction, names: Names) -> str:
    """The exits of a course, the busiest first: "A, B and P"."""
    people: dict[str, int] = {}
    for route in course.routes:
        if route.exit:
            people[route.exit] = people.get(route.exit, 0) + route.people
    slugs = sorted(people, key=lambda slug: (-people[slug], slug))
    return _and([names.exits.get(slug, slug).removeprefix("exit ") for slug in slugs])


def _how_sure(incident: Incident, why: Sequence[str], profile: Profile) -> str:
    """How sure, always with its reason; as many causes as the line holds, the others counted."""
    sure = f"{percent(incident.probability)} sure"
    if not why:
        return f"{sure}: what was seen has faded."
    if profile.together and len(why) > 1:
        together = f"{sure}: {_and(why[:CHIPS])} {profile.together}."
        if len(together) <= LINE_LENGTH:
            return together
    for shown in range(len(why), 0, -1):
        left = len(why) - shown
        text = f"{sure}: {_and(why[:shown]) if not left else ', '.join(why[:shown]) + f' and {left} more'}."
        if len(text) <= LINE_LENGTH:
            return text
    return f"{sure}: {why[0]}"[: LINE_LENGTH - 1] + "…"


def _is_address(entity: str) -> bool:
    try:
        ip_address(entity)
    except ValueError:
        return False
    return True


def _clock(t_us: int, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(t_us // US_PER_S, zone or UTC).strftime("%H:%M")


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _lower(label: str) -> str:
    """Start with a small letter inside a sentence, except abbreviations (CO)."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]
