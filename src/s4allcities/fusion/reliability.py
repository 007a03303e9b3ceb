"""What operators' closings teach about sensors: bounded, agreed by several, and taken back when one reopens."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..domain import Alert
from .hypotheses import Learning
from .state import IncidentState, Known, Lesson

__all__ = ("learn_closing", "learned_weight", "lessons_of", "unlearn_closing")


def lessons_of(
    alert: Alert, incident: IncidentState, sensors: Iterable[str], learning: Learning
) -> list[Lesson]:
    """What one closing says of the sensors that spoke for its incident; nothing when nobody says who or why."""
    reason = alert.reason.strip().lower()
    doubled = alert.state == "duplicate" or "duplicate" in reason
    if not alert.actor or doubled or (alert.state != "false" and not reason):
        return []
    false_alarm = alert.state == "false" or any(word in reason for word in learning.false_words)
    return [
        Lesson(sensor, false_alarm, alert.actor, alert.role, incident.id, alert.t_us)
        for sensor in sorted(set(sensors))
    ]


def learn_closing(known: Known, lessons: Sequence[Lesson], learning: Learning) -> int:
    """Keep lessons; give how many of the oldest had to make room."""
    known.lessons = [*known.lessons, *lessons]
    over = max(0, len(known.lessons) - learning.kept)
    del known.lessons[:over]
    return over


def unlearn_closing(known: Known, incident_id: str) -> None:
    """Take back what the closing of an incident taught, because somebody reopened it."""
    known.lessons = [each for each in known.lessons if each.incident_id != incident_id]


def learned_weight(lessons: Sequence[Lesson], sensor: str, learning: Learning) -> float:
    """How far a sensor is trusted by what operators found: 1 without lessons, never below ``learning.least``.

    Each false alarm takes ``doubt``, each true one gives it back, never above 1. A person counts at most
    ``per_actor`` times each way, and nothing counts before ``actors`` different people agree or one of a trusted role
    says so: one account, or one angry person, cannot silence a sensor.
    """
    against = _agreed([each for each in lessons if each.sensor == sensor and each.false_alarm], learning)
    if not against:
        return 1.0
    in_favour = _agreed(
        [each for each in lessons if each.sensor == sensor and not each.false_alarm], learning
    )
    return min(1.0, max(learning.least, 1.0 - learning.doubt * (against - in_favour)))


def _agreed(lessons: Sequence[Lesson], learning: Learning) -> int:
    by_actor: dict[str, int] = defaultdict(int)
    for each in lessons:
        by_actor[each.actor] = min(by_actor[each.actor] + 1, learning.per_actor)
    reviewed = any(each.role in learning.trusted_roles for each in lessons)
    return sum(by_actor.values()) if reviewed or len(by_actor) >= learning.actors else 0
