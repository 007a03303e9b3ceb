"""Writing a CAP 1.2 file for every order: private and an exercise until a second person lets the public have it."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TypeVar

from ..domain import Alert, CourseOfAction, Incident, Order
from ..domain.events import Event
from ..formats.cap import write_cap
from ..site import Site
from .cap_message import LANGUAGES, Situation, cap_of_order
from .files import write_whole

__all__ = ("CapWriter", "ReleaseError")

_MOST_KEPT = 1000
V = TypeVar("V")


class ReleaseError(ValueError):
    """A message may not be released: the text says why and what is needed."""


class CapWriter:
    """Writes ``<order id>.xml`` into a folder for each order it sees, whole or not at all, and the same bytes again.

    It remembers the latest incidents, alerts and courses of action that pass through `share`. An order whose cause it
    never saw still becomes a message, about the site as a whole.

    Parameters: ``folder`` is made when needed; ``addresses`` are those of scope Private; ``languages`` one info block
    each.
    """

    name = "cap"

    def __init__(
        self,
        folder: Path,
        site: Site,
        *,
        sender: str = "",
        addresses: Sequence[str] = ("operator",),
        languages: Sequence[str] = LANGUAGES,
    ) -> None:
        self.folder = folder
        self.site = site
        self.sender = sender or f"s4allcities@{site.slug}"
        self.addresses = tuple(addresses)
        self.languages = tuple(languages)
        self._courses: OrderedDict[str, CourseOfAction] = OrderedDict()
        self._incidents: OrderedDict[str, Incident] = OrderedDict()
        self._alerts: OrderedDict[str, Alert] = OrderedDict()
        self._orders: OrderedDict[str, Order] = OrderedDict()

    async def share(self, events: Sequence[Event]) -> None:
        """Remember what came, and write a file for each order among it."""
        for event in events:
            self.remember(event)
            if isinstance(event, Order):
                await asyncio.to_thread(self.write, event)

    async def stream(self) -> AsyncIterator[Event]:
        """Give nothing: this exchange only writes."""
        return
        yield

    def remember(self, event: Event) -> None:
        """Keep what a message may need; the oldest go first."""
        match event:
            case CourseOfAction():
                _keep(self._courses, event.id, event)
            case Incident():
                _keep(self._incidents, event.id, event)
            case Alert():
                _keep(self._alerts, event.incident_id, event)
            case Order():
                _keep(self._orders, event.id, event)
            case _:
                pass

    def write(self, order: Order, *, confirmed_by: str = "") -> Path:
        """Write the file of an order and give its path.

        With ``confirmed_by``, a second person, it is the public update ``<order id>-public.xml``. A file that is there
        is left as it is: an order says the same for ever.

        :raises ReleaseError: ``confirmed_by`` is the person who gave the order.
        :raises CapError: the order's own data do not make a CAP message.
        :raises OSError: the folder cannot be written.
        """
        if confirmed_by and confirmed_by == order.actor:
            raise ReleaseError(f"{confirmed_by!r} gave the order; a public message needs a second person")
        message = cap_of_order(
            self._situation(order),
            self.site,
            confirmed=bool(confirmed_by),
            sender=self.sender,
            addresses=self.addresses,
            languages=self.languages,
        )
        path = self.folder / f"{message.identifier}.xml"
        if not path.exists():
            write_whole(path, write_cap(message))
        return path

    def release(self, order_id: str, *, confirmed_by: str) -> Path:
        """Write the public update of an order that was seen, on the word of a second person.

        :raises ReleaseError: unknown order, nobody named, or the person who gave the order.
        """
        order = self._orders.get(order_id)
        if order is None:
            raise ReleaseError(
                f"order {order_id!r} is not known here; allowed are the last {_MOST_KEPT} orders"
            )
        if not confirmed_by:
            raise ReleaseError("nobody confirmed; a public message needs a second person")
        self.write(order)
        return self.write(order, confirmed_by=confirmed_by)

    def _situation(self, order: Order) -> Situation:
        course = self._courses.get(order.course_of_action_id)
        incident_id = order.incident_id or (course.incident_id if course is not None else "")
        return Situation(
            order=order,
            course=course,
            incident=self._incidents.get(incident_id),
            alert=self._alerts.get(incident_id),
        )


def _keep(memory: OrderedDict[str, V], key: str, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > _MOST_KEPT:
        memory.popitem(last=False)
