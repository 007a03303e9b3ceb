"""The algebra of evidence rows: adding and taking out detections, merging, fading; and where an incident is."""

from math import exp, sqrt

from msgspec import Struct

from .hypotheses import Hypotheses
from .state import IncidentState, Piece, Row

__all__ = ("Sighting", "add", "fade", "merge", "position_of", "retract", "strength", "zones_of")

REBASE_TAUS = 50.0
"""Landmarks move on when exp((t - landmark) / tau) would grow beyond e^50."""


class Sighting(Struct, kw_only=True):
    """A detection made ready for fusion: its group, weight, zones and position resolved."""

    id: str
    kind: str
    sensor: str
    group: str
    t_us: int
    weight: float
    zones: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    x_m: float = 0.0
    y_m: float = 0.0
    sigma_m: float = 0.0
    level: int | None = None

    def row(self) -> Row:
        """Start a row for it."""
        return Row(
            kind=self.kind,
            group=self.group,
            sensor=self.sensor,
            landmark_us=self.t_us,
            t_first_us=self.t_us,
            t_last_us=self.t_us,
            zones=self.zones,
            entities=self.entities,
        )


def zones_of(incident: IncidentState) -> tuple[str, ...]:
    """All zones that an incident's evidence speaks about, the earliest first."""
    rows = sorted(incident.rows.values(), key=lambda row: (row.t_first_us, row.key))
    return tuple(dict.fromkeys(zone for row in rows for zone in row.zones))


def position_of(incident: IncidentState) -> tuple[float, float, float] | None:
    """Where an incident is now, x_m, y_m and sigma_m, or None when nothing said a point."""
    if incident.var_m2 < 0:
        return None
    return incident.x_m, incident.y_m, sqrt(incident.var_m2)


def add(incident: IncidentState, sighting: Sighting, data: Hypotheses) -> bool:
    """Count a detection in; gives whether the weakest row had to make room."""
    fresh = sighting.row()
    row = incident.rows.setdefault(fresh.key, fresh)
    tau_s = data.kinds[row.kind].tau_s
    if row is not fresh and strength(row, data, sighting.t_us) < data.life_cycle.fade_nats:
        row.t_first_us = sighting.t_us  # what was there has faded: the story starts again
    _rebase(row, sighting.t_us, tau_s)
    _put(row, Piece(sighting.id, sighting.t_us, sighting.weight), tau_s)
    row.t_first_us = min(row.t_first_us, sighting.t_us)
    row.t_last_us = max(row.t_last_us, sighting.t_us)
    if len(incident.rows) <= data.limits.rows:
        return False
    weakest = min(incident.rows.values(), key=lambda each: (strength(each, data, sighting.t_us), each.key))
    del incident.rows[weakest.key]
    return True


def retract(incident: IncidentState, detection_id: str, data: Hypotheses) -> bool:
    """Take a detection out again, exactly as if it had never come; False when it is not (or no longer) known here."""
    for row in list(incident.rows.values()):
        for piece in row.pieces:
            if piece.id == detection_id:
                row.pieces.remove(piece)
                _rebuild(incident, row, piece, data.kinds[row.kind].tau_s)
                return True
    return False


def merge(into: IncidentState, other: IncidentState, data: Hypotheses) -> None:
    """Add all evidence of one incident to another: sums add, maxima take the larger."""
    for row in other.rows.values():
        mine = into.rows.get(row.key)
        if mine is None:
            into.rows[row.key] = row
            continue
        tau_s = data.kinds[row.kind].tau_s
        _rebase(mine, row.landmark_us, tau_s)
        scale = exp((row.landmark_us - mine.landmark_us) / 1e6 / tau_s)
        mine.total += row.total * scale
        mine.peak = max(mine.peak, row.peak * scale)
        mine.settled_peak = max(mine.settled_peak, row.settled_peak * scale)
        mine.pieces = sorted([*mine.pieces, *row.pieces], key=_age)
        mine.t_first_us = min(mine.t_first_us, row.t_first_us)
        mine.t_last_us = max(mine.t_last_us, row.t_last_us)


def fade(incident: IncidentState, data: Hypotheses, now_us: int) -> None:
    """Drop the rows whose evidence has decayed to nothing."""
    for key, row in list(incident.rows.items()):
        if strength(row, data, now_us) < data.life_cycle.fade_nats:
            del incident.rows[key]


def strength(row: Row, data: Hypotheses, now_us: int) -> float:
    """The most that a row alone says about any hypothesis now, in nats, its sensor trusted fully."""
    if row.total <= 0 or row.peak <= 0:
        return 0.0
    kind = data.kinds[row.kind]
    faded = exp(min(-(now_us - row.landmark_us) / 1e6 / kind.tau_s, 600.0))
    largest = float(abs(data.llr[data.kind_index[row.kind]] * data.gain).max())
    return faded * largest * float(row.total ** (1 - data.alpha) * row.peak**data.alpha)


def _age(piece: Piece) -> tuple[int, str]:
    return piece.t_us, piece.id


def _put(row: Row, piece: Piece, tau_s: float) -> None:
    landed = _landed(row, piece, tau_s)
    row.total += landed
    row.peak = max(row.peak, landed)
    row.pieces.append(piece)


def _landed(row: Row, piece: Piece, tau_s: float) -> float:
    """The weight of a piece in the row's landmark time."""
    return piece.weight * exp(max((piece.t_us - row.landmark_us) / 1e6 / tau_s, -700.0))


def _rebase(row: Row, t_us: int, tau_s: float) -> None:
    """Move the landmark on before the exponential grows too large for a float to add to."""
    taus = (t_us - row.landmark_us) / 1e6 / tau_s
    if taus > REBASE_TAUS:
        scale = exp(-min(taus, 700.0))
        row.total, row.peak, row.settled_peak = row.total * scale, row.peak * scale, row.settled_peak * scale
        row.landmark_us = t_us


def _rebuild(incident: IncidentState, row: Row, gone: Piece, tau_s: float) -> None:
    """Subtract a piece, find the largest of what is left, drop the row when nothing is."""
    if not row.pieces and row.settled_peak == 0:
        del incident.rows[row.key]
        return
    row.total -= _landed(row, gone, tau_s)
    row.peak = max([row.settled_peak, *(_landed(row, piece, tau_s) for piece in row.pieces)])
    if row.pieces:
        row.t_last_us = max(piece.t_us for piece in row.pieces)
        if row.settled_peak == 0:
            row.t_first_us = min(piece.t_us for piece in row.pieces)
