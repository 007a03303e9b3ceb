"""Putting detections into evidence rows and taking them out again; merging and fading of rows."""

from math import exp

from ..domain import Detection
from .hypotheses import Hypotheses
from .state import IncidentState, Piece, Row

__all__ = ("Sighting", "add", "fade", "merge", "retract", "strength")

REBASE_TAUS = 50.0
"""Landmarks move on when exp((t - landmark) / tau) would grow beyond e^50."""


class Sighting:
    """A detection made ready for fusion: its group, weight, zones and position resolved."""

    __slots__ = (
        "entities",
        "group",
        "id",
        "kind",
        "sensor",
        "sigma_m",
        "t_us",
        "weight",
        "x_m",
        "y_m",
        "zones",
    )

    def __init__(
        self,
        detection: Detection,
        *,
        group: str,
        weight: float,
        zones: tuple[str, ...],
        t_us: int,
        sigma_m: float,
    ) -> None:
        self.id = detection.id
        self.kind = detection.kind
        self.sensor = detection.sensor
        self.group = group
        self.weight = weight
        self.zones = zones
        self.entities = detection.place.entities
        self.t_us = t_us
        self.x_m = detection.place.x_m
        self.y_m = detection.place.y_m
        self.sigma_m = detection.place.sigma_m or sigma_m

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
        )


def add(incident: IncidentState, sighting: Sighting, data: Hypotheses) -> bool:
    """Count a detection in; gives whether the weakest row had to make room."""
    fresh = sighting.row()
    row = incident.rows.setdefault(fresh.key, fresh)
    tau_s = data.kinds[row.kind].tau_s
    if row is not fresh and strength(row, data, sighting.t_us) < data.life_cycle.fade_nats:
        row.t_first_us = sighting.t_us  # what was there has faded: the story starts again
    _rebase(row, sighting.t_us, tau_s)
    _put(row, Piece(sighting.id, sighting.t_us, sighting.weight), tau_s, data.limits.pieces)
    row.t_first_us = min(row.t_first_us, sighting.t_us)
    row.entities = tuple(sorted(set(row.entities) | set(sighting.entities)))
    if sighting.t_us >= row.t_last_us:
        row.t_last_us, row.sigma_m = sighting.t_us, sighting.sigma_m
        row.x_m, row.y_m = sighting.x_m, sighting.y_m
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
        mine.pieces = sorted([*mine.pieces, *row.pieces], key=_age)[-data.limits.pieces :]
        mine.t_first_us = min(mine.t_first_us, row.t_first_us)
        mine.t_last_us = max(mine.t_last_us, row.t_last_us)
        mine.entities = tuple(sorted(set(mine.entities) | set(row.entities)))


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
    largest = float(abs(data.llr[data.kind_index[row.kind]]).max())
    return faded * largest * float(row.total ** (1 - data.alpha) * row.peak**data.alpha)


def _age(piece: Piece) -> tuple[int, str]:
    return piece.t_us, piece.id


def _put(row: Row, piece: Piece, tau_s: float, limit: int) -> None:
    landed = _landed(row, piece, tau_s)
    row.total += landed
    row.peak = max(row.peak, landed)
    row.pieces.append(piece)
    if len(row.pieces) > limit:
        oldest = min(row.pieces, key=_age)
        row.pieces.remove(oldest)
        row.settled_peak = max(row.settled_peak, _landed(row, oldest, tau_s))


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
