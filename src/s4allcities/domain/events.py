"""The union of all records that travel in stream EVENTS, and the subject kind of each."""

from .alert import Alert, AlertAction, Notification, Refusal
from .context import Context, Risk
from .detection import Detection, Track
from .health import Heartbeat, Rejected, SensorHealth, Truth
from .incident import Incident
from .response import Command, CourseOfAction, Order

__all__ = ("EVENT_TYPES", "Event", "kind_of")

Event = (
    Detection
    | Track
    | Incident
    | Risk
    | Context
    | Alert
    | AlertAction
    | Refusal
    | Notification
    | CourseOfAction
    | Order
    | Command
    | SensorHealth
    | Heartbeat
    | Rejected
    | Truth
)

_KINDS: dict[type, str] = {
    Detection: "det",
    Track: "trk",
    Incident: "inc",
    Risk: "risk",
    Context: "ctx",
    Alert: "alert",
    AlertAction: "fb",
    Refusal: "fb",
    Notification: "fb",
    CourseOfAction: "coa",
    Order: "order",
    Command: "order",
    SensorHealth: "health",
    Heartbeat: "health",
    Rejected: "rejected",
    Truth: "truth",
}
EVENT_TYPES: tuple[type, ...] = tuple(_KINDS)


def kind_of(event: Event) -> str:
    """Give the third subject token under which an event is published.

    ``raw``, ``obs`` and ``cmd`` are not here: they are what devices say, the batches made of it, and what devices are
    told; the record of a command goes with the orders.
    """
    return _KINDS[type(event)]
