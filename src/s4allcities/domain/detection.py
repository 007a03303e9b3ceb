"""Detections and tracks: what detectors state about the world."""

from .records import Place, Record

__all__ = ("Detection", "Track")


class Detection(Record, frozen=True, kw_only=True, tag="detection", omit_defaults=True):
    """One detector's statement, with its confidence.

    ``kind`` is what is stated (``smoke``, ``network-scan``; the list is `fusion`'s data file); ``sensor`` says who saw
    it and ``group`` which things would be wrong together (same camera, same model, same informant). ``t_us`` is the
    time of the observation that caused it. ``value`` and ``unit`` are that reading. ``retracts`` names detections this
    one takes back; ``parents`` those it was derived from. ``text`` says it in plain words.
    """

    kind: str
    detector: str
    sensor: str
    group: str
    place: Place
    confidence: float = 1.0
    value: float | None = None
    unit: str = ""
    usual: float | None = None
    text: str = ""
    parents: tuple[str, ...] = ()
    retracts: tuple[str, ...] = ()


class Track(Record, frozen=True, kw_only=True, tag="track", omit_defaults=True):
    """An object over time. ``vx_mps`` and ``vy_mps`` are its velocity east and north; never who it is."""

    object_class: str
    sensor: str
    place: Place
    vx_mps: float = 0.0
    vy_mps: float = 0.0
    confidence: float = 1.0
    t_expires_us: int = 0
