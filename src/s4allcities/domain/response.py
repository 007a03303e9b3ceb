"""Courses of action, orders and commands: what is recommended, decided and told to actuators."""

from typing import Any, Literal

from msgspec import Struct

from .records import Record

__all__ = (
    "Clearance",
    "Command",
    "CommandState",
    "CourseOfAction",
    "ExitNotUsed",
    "LonLat",
    "Order",
    "Route",
    "SignSetting",
)

LonLat = tuple[float, float]


class Route(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One group's way out. ``path`` is (longitude, latitude) in degrees from the zone to the assembly point;
    ``levels`` gives the storey of each point. ``t_clear_s`` is when the last of the group is through the exit.
    """

    from_zone: str
    exit: str
    path: tuple[LonLat, ...]
    people: int
    levels: tuple[int, ...] = ()
    assembly: str = ""
    t_clear_s: float = 0.0
    people_per_min: float = 0.0
    sentence: str = ""


class ExitNotUsed(Struct, frozen=True, kw_only=True):
    """An exit the plan keeps out of, and why."""

    exit: str
    reason: str


class Clearance(Struct, frozen=True, kw_only=True):
    """Predicted time until all are out, in seconds: median and 95th percentile of ``runs`` simulated runs."""

    p50: float | None
    p95: float | None
    runs: int
    reason: str = ""


class SignSetting(Struct, frozen=True, kw_only=True):
    """What one sign shall show."""

    device: str
    text: str


class CourseOfAction(Record, frozen=True, kw_only=True, tag="course-of-action", omit_defaults=True):
    """A recommended option with its predicted effect. It does nothing by itself: only an `Order` does.

    ``hazard`` is a GeoJSON FeatureCollection of the hazard as known when the option was made.
    """

    name: str
    incident_id: str
    routes: tuple[Route, ...]
    exits_not_used: tuple[ExitNotUsed, ...]
    clearance_s: Clearance
    playbook: str = ""
    version: int = 1
    supersedes: str = ""
    people: int = 0
    bottleneck: str = ""
    peak_density_p_m2: float | None = None
    unreachable_zones: tuple[str, ...] = ()
    signs: tuple[SignSetting, ...] = ()
    hazard: dict[str, Any] = {}
    assumptions: tuple[str, ...] = ()


class Order(Record, frozen=True, kw_only=True, tag="order", omit_defaults=True):
    """An operator's decision to carry out a course of action."""

    course_of_action_id: str
    incident_id: str
    actor: str
    role: str
    note: str = ""


CommandState = Literal["sent", "acknowledged", "no_answer", "refused"]


class Command(Record, frozen=True, kw_only=True, tag="command", omit_defaults=True):
    """What one actuator was told, and whether it answered. A later record with the same ``id`` replaces it."""

    order_id: str
    device: str
    text: str
    state: CommandState
    attempts: int = 1
    t_answered_us: int = 0
    detail: str = ""
