"""What fusion learns beside detections: doubts about sensors, context facts, what operators decided."""

from ..domain import Alert, Context, Detection, SensorHealth
from .belief import leading
from .evidence import zones_of
from .hypotheses import Hypotheses
from .state import ClosedByOperator, Fact, IncidentState, Known, SensorDoubt

__all__ = ("forget_closure", "learn_closure", "learn_context", "learn_doubt", "learn_health")

HEALTH_DOUBTS = ("clock wrong", "gone", "stale")
OFF = (None, False, 0, "", "no", "off", "none", "normal", "low")
"""Values of a context fact that mean that it does not hold."""


def learn_doubt(known: Known, detection: Detection, data: Hypotheses) -> None:
    """A validity check holds something against a sensor: its evidence counts less for a while."""
    doubt = data.doubts[detection.kind]
    confidence = min(max(detection.confidence, 0.0), 1.0)
    until_us = detection.t_us + round(doubt.hold_s * 1e6)
    held = known.doubts.setdefault(detection.sensor, {})
    old = held.get(detection.kind)
    if old is None or until_us >= old.t_until_us:
        held[detection.kind] = SensorDoubt(1 - confidence * (1 - doubt.weight), until_us)
        known.doubts_until_us = min(known.doubts_until_us, until_us)


def learn_health(known: Known, health: SensorHealth, data: Hypotheses) -> None:
    """A sensor's delivery changed: what health held against it before is replaced."""
    held = {
        slug: doubt
        for slug, doubt in known.doubts.get(health.sensor, {}).items()
        if slug not in HEALTH_DOUBTS
    }
    known.silent.pop(health.sensor, None)
    if health.state in ("stale", "gone"):
        known.silent[health.sensor] = health.state
    if health.state in HEALTH_DOUBTS and data.doubts[health.state].weight < 1:
        held[health.state] = SensorDoubt(data.doubts[health.state].weight)
    if held:
        known.doubts[health.sensor] = held
    else:
        known.doubts.pop(health.sensor, None)


def learn_context(known: Known, context: Context, data: Hypotheses) -> int:
    """Keep a fact that a rule of the data file uses; give how many of the oldest had to make room."""
    if context.attribute not in data.context:
        return 0
    key = f"{context.subject}\x1f{context.attribute}"
    old = known.facts.pop(key, None)
    if context.value in OFF:
        return 0
    from_us = context.t_us
    if old is not None and (old.t_until_us == 0 or old.t_until_us >= context.t_us):
        from_us = min(from_us, old.t_from_us)  # said again: it has held all the while
    known.facts[key] = Fact(
        context.subject, context.attribute, from_us, context.t_until_us, reason=context.reason
    )
    if len(known.facts) <= data.limits.facts:
        return 0
    del known.facts[next(iter(known.facts))]
    return 1


def learn_closure(known: Known, incident: IncidentState, alert: Alert, data: Hypotheses, now_us: int) -> None:
    """An operator closed an incident: for a while the same in the same zones needs more evidence."""
    hypothesis = data.slugs[leading(incident.belief)]
    reason = alert.reason or "no reason given"
    known.closures.append(ClosedByOperator(hypothesis, zones_of(incident), now_us, reason, incident.id))
    del known.closures[: -data.limits.closures]


def forget_closure(known: Known, incident_id: str) -> None:
    """The incident was reopened: its closing counts no longer."""
    known.closures = [each for each in known.closures if each.incident_id != incident_id]
