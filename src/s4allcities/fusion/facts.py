"""What fusion learns beside detections: doubts about sensors, context facts, what operators decided."""

from ..domain import ALERT_OVER, Alert, Context, Detection, SensorHealth
from .association import incident_zones
from .belief import leading
from .hypotheses import Hypotheses
from .state import ClosedByOperator, Fact, FusionState, IncidentState, SensorDoubt

__all__ = ("learn_alert", "learn_context", "learn_doubt", "learn_health")

HEALTH_DOUBTS = ("clock wrong", "gone", "stale")
OFF = (None, False, 0, "", "no", "off", "none", "normal", "low")
"""Values of a context fact that mean that it does not hold."""


def learn_doubt(state: FusionState, detection: Detection, data: Hypotheses) -> None:
    """A validity check holds something against a sensor: its evidence counts less for a while."""
    doubt = data.doubts[detection.kind]
    confidence = min(max(detection.confidence, 0.0), 1.0)
    until_us = detection.t_us + round(doubt.hold_s * 1e6)
    held = state.doubts.setdefault(detection.sensor, {})
    old = held.get(detection.kind)
    if old is None or until_us >= old.t_until_us:
        held[detection.kind] = SensorDoubt(1 - confidence * (1 - doubt.weight), until_us)


def learn_health(state: FusionState, health: SensorHealth, data: Hypotheses) -> None:
    """A sensor's delivery changed: what health held against it before is replaced."""
    held = {
        slug: doubt
        for slug, doubt in state.doubts.get(health.sensor, {}).items()
        if slug not in HEALTH_DOUBTS
    }
    if health.state in HEALTH_DOUBTS:
        held[health.state] = SensorDoubt(data.doubts[health.state].weight)
    if held:
        state.doubts[health.sensor] = held
    else:
        state.doubts.pop(health.sensor, None)


def learn_context(state: FusionState, context: Context, data: Hypotheses) -> None:
    """Keep a fact that a rule of the data file uses; the oldest gives way when there are too many."""
    if context.attribute not in data.context:
        return
    key = f"{context.subject}\x1f{context.attribute}"
    old = state.facts.pop(key, None)
    if context.value in OFF:
        return
    from_us = context.t_us
    if old is not None and (old.t_until_us == 0 or old.t_until_us >= context.t_us):
        from_us = min(from_us, old.t_from_us)  # said again: it has held all the while
    state.facts[key] = Fact(
        context.subject, context.attribute, from_us, context.t_until_us, reason=context.reason
    )
    if len(state.facts) > data.limits.facts:
        del state.facts[next(iter(state.facts))]
        state.count("evicted_facts")


def learn_alert(state: FusionState, alert: Alert, data: Hypotheses, now_us: int) -> IncidentState | None:
    """An alert moved on: note whether it is open; closing it closes its incident, reopening reopens it.

    Gives the incident whose status changed.
    """
    incident = state.incidents.get(alert.incident_id)
    if incident is None:
        return None
    incident.alert_open = alert.state not in ALERT_OVER
    if alert.state in ALERT_OVER and incident.status == "confirmed":
        _close(state, incident, alert, data, now_us)
        return incident
    if incident.alert_open and incident.status == "closed" and incident.closed_by_operator:
        incident.status, incident.closed_us, incident.closed_by_operator = "confirmed", 0, False
        state.closures = [each for each in state.closures if each.zones != incident_zones(incident)]
        return incident
    return None


def _close(state: FusionState, incident: IncidentState, alert: Alert, data: Hypotheses, now_us: int) -> None:
    incident.status, incident.closed_us, incident.closed_by_operator = "closed", now_us, True
    hypothesis = data.slugs[leading(incident.belief)]
    reason = alert.reason or "no reason given"
    state.closures.append(ClosedByOperator(hypothesis, incident_zones(incident), now_us, reason))
    del state.closures[: -data.limits.closures]
