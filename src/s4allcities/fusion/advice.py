"""What would change our mind: belief without each sensor, and the look that would most change what to do."""

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ..domain import NextLook, WhatIf
from .belief import Belief, assess
from .evidence import position_of, zones_of
from .hypotheses import Hypotheses, Observer
from .state import IncidentState, Known, Row
from .topology import Topology

__all__ = ("next_look", "what_if")

F8 = NDArray[np.float64]

NEAR_M = 60.0
MOST_SENSORS = 24
CERTAIN = 0.98
"""No sensor reports with more certainty than this, either way."""


class _Answer(Struct, frozen=True):
    """Two outcomes of a look: (H,) nats of each, and how probable each outcome is."""

    seen: F8
    not_seen: F8
    p_seen: float


def what_if(
    incident: IncidentState,
    belief: Belief,
    known: Known,
    data: Hypotheses,
    topology: Topology,
    now_us: int,
) -> tuple[WhatIf, ...]:
    """Belief without each sensor: its rows left out, everything else as it is. The most important sensor first."""
    sensors = list(dict.fromkeys(row.sensor for row in incident.rows.values()))[:MOST_SENSORS]
    whole = float(belief.z[belief.first] - belief.z[0])
    out = []
    for sensor in sensors:
        rows = {key: row for key, row in incident.rows.items() if row.sensor != sensor}
        left = assess(_only(incident, rows), known, data, now_us)
        llr = whole - float(left.z[belief.first] - left.z[0])
        p = float(left.p[belief.first])
        out.append(WhatIf(sensor=sensor, name=topology.sensor_name(sensor), llr=llr, probability=p))
    return tuple(sorted(out, key=lambda each: (-abs(each.llr), each.sensor)))


def _only(incident: IncidentState, rows: dict[str, Row]) -> IncidentState:
    return msgspec.structs.replace(incident, rows=rows)


def next_look(
    incident: IncidentState, belief: Belief, known: Known, data: Hypotheses, topology: Topology
) -> NextLook | None:
    """Find who could best settle the matter: the largest chance to change the decision, then the largest change.

    The decision is to act once something is probably going on (as confirming does), and to stand down below the
    threshold of closing. Only sensors near the incident that are healthy and have not spoken for it are asked; a guard
    can always be sent. Each look has two answers whose probabilities follow from what is believed now.
    """
    best: NextLook | None = None
    for sensor, observer in _askable(incident, known, data, topology):
        for kind in observer.kinds:
            look = _look(incident, belief, data, topology, sensor, observer, kind)
            if best is None or (look.flips, look.change) > (best.flips + 1e-9, best.change):
                best = look
    return best


def _askable(
    incident: IncidentState, known: Known, data: Hypotheses, topology: Topology
) -> list[tuple[str, Observer]]:
    zones = set(zones_of(incident))
    spoken = {row.sensor for row in incident.rows.values()}
    out: dict[str, tuple[str, Observer]] = {}
    for slug, place in sorted(topology.sensors.items()):
        observer = data.observers.get(place.family)
        idle = slug not in spoken and slug not in known.silent and slug not in known.doubts
        if observer is None or not idle or place.family in out:
            continue  # all of a family could say the same: one of them is asked
        if zones & ({place.zone, *place.covers} - {""}) or _near(incident, place.x_m, place.y_m):
            out[place.family] = (slug, observer)
    person = data.observers.get("person")
    return [*out.values(), ("", person)] if person else list(out.values())


def _near(incident: IncidentState, x_m: float | None, y_m: float | None) -> bool:
    at = position_of(incident)
    if at is None or x_m is None or y_m is None or zones_of(incident):
        return False
    return (at[0] - x_m) ** 2 + (at[1] - y_m) ** 2 <= NEAR_M**2


def _look(
    incident: IncidentState,
    belief: Belief,
    data: Hypotheses,
    topology: Topology,
    sensor: str,
    observer: Observer,
    kind: str,
) -> NextLook:
    answer = _answer(belief, data, observer, kind)
    now = 1 - float(belief.p[0])
    seen, not_seen = (_danger(belief.z + nats) for nats in (answer.seen, answer.not_seen))
    flips = sum(
        p
        for p, after in ((answer.p_seen, seen), (1 - answer.p_seen, not_seen))
        if _acts(incident, after, data) != _acts(incident, now, data)
    )
    change = answer.p_seen * abs(seen - now) + (1 - answer.p_seen) * abs(not_seen - now)
    name = topology.sensor_name(sensor) if sensor else observer.label
    return NextLook(
        sensor=sensor,
        name=name,
        kind=kind,
        text=_text(data, observer, sensor, name, kind, zones_of(incident), topology, seen, not_seen),
        if_seen=seen,
        if_not=not_seen,
        flips=flips,
        change=change,
    )


def _answer(belief: Belief, data: Hypotheses, observer: Observer, kind: str) -> _Answer:
    """P(seen | h) from the false-alarm rate and the kind's likelihood ratios; silence is the complement."""
    nats = data.gain * observer.confidence * data.kinds[kind].reliability * data.llr[data.kind_index[kind]]
    p = np.clip(observer.false_alarm * np.exp(nats), 1 - CERTAIN, CERTAIN)
    p[0] = observer.false_alarm
    seen, not_seen = np.log(p / p[0]), np.log((1 - p) / (1 - p[0]))
    return _Answer(seen, not_seen, float((belief.p * p).sum()))


def _danger(z: F8) -> float:
    weights = np.exp(z - z.max())
    return float(1 - weights[0] / weights.sum())


def _acts(incident: IncidentState, danger: float, data: Hypotheses) -> bool:
    rules = data.life_cycle
    return danger >= (rules.close if incident.status == "confirmed" else rules.confirm)


def _text(
    data: Hypotheses,
    observer: Observer,
    sensor: str,
    name: str,
    kind: str,
    zones: tuple[str, ...],
    topology: Topology,
    seen: float,
    not_seen: float,
) -> str:
    where = f" in {topology.zone_name(zones[0])}" if zones else ""
    label = data.kinds[kind].label
    label = label if label[:2].isupper() else label[:1].lower() + label[1:]
    who = f"Send a {observer.label}" if not sensor else f"Ask {observer.label} {name}"
    what = (
        f"to look{where}"
        if not sensor
        else f"for \N{LEFT SINGLE QUOTATION MARK}{label}\N{RIGHT SINGLE QUOTATION MARK}{where}"
    )
    return (
        f"{who} {what}: if it is seen, {_share(seen)} that something is going on; if not, {_share(not_seen)}."
    )


def _share(p: float) -> str:
    return f"{min(max(round(100 * p), 1), 99)} %"
