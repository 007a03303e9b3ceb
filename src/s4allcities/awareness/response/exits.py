"""Exits watched in peace: one that is shut while people are inside is said before anyone needs it, with its cost.

A door's controller that has said "closed" for half a minute makes an exit unusable, unless a person has said so before:
works and planned closures are known. What hangs on it is worked out by planning with it and without it; only where that
costs something is it an incident of its own, which ends when the door is open again.

Limits of validity: "closed" must mean that nobody gets through, as with shutters and sliding doors; the contact of a
hinged door that anybody can push open is not its exit's controller. A thing that stands in a doorway is seen by no
controller; a person states it. Nobody is warned while the site is as good as empty: doors are locked at night.
"""

from collections.abc import Callable, Iterable, Sequence
from math import log

from msgspec import Struct
from msgspec.structs import replace

from s4allcities.domain import US_PER_S, Context, Detection, Event, Incident, Place, Term, derived_ulid
from s4allcities.site import Site

from .situation import DISTRUST_KINDS, Situation, distrust

__all__ = ("EXIT_LOST", "WAY_OUT_LOST", "ExitCost", "ExitPatrol", "Shut")

EXIT_LOST, WAY_OUT_LOST = "exit-lost", "way-out-lost"
"""Others can take over; people would be cut off, or leave much later."""
HOLD_US = 30 * US_PER_S
AGAIN_US = 10 * US_PER_S
LEAST_PEOPLE = 20.0
LEAST_S, LEAST_SHARE = 15.0, 0.05
"""What an exit's loss must cost to be worth an alert: seconds, or a share of the clearance."""
GRAVE_SHARE = 0.25
SURE = 0.97
SOURCE = "exits"
REASON = "its door is shut, nobody has said why"


class ExitCost(Struct, frozen=True, kw_only=True):
    """Clearance with and without an exit, in seconds, and the people who would have no way without it."""

    with_s: float
    without_s: float
    cut_off: int

    @property
    def matters(self) -> bool:
        """Whether anybody need be told."""
        more_s = self.without_s - self.with_s
        return self.cut_off > 0 or more_s >= LEAST_S or more_s >= LEAST_SHARE * self.with_s > 0

    @property
    def grave(self) -> bool:
        """Whether it changes how the site can be left at all."""
        return self.cut_off > 0 or self.without_s - self.with_s >= GRAVE_SHARE * self.with_s > 0


class Shut(Struct):
    """A door that says closed: since when, since when it is open again (0: it is not), and what was said of it;
    ``distrust`` is why its controller cannot be believed any more, "" while it can.
    """

    since_us: int
    open_us: int = 0
    said: bool = False
    incident: Incident | None = None
    distrust: str = ""


class ExitPatrol:
    """Watches the door contacts of a site's exits. ``cost`` plans with and without an exit for a situation."""

    def __init__(self, site: Site, cost: Callable[[Situation, str], ExitCost]) -> None:
        self._site = site
        self._cost = cost
        self._exits = {
            exit_.controller: exit_.slug
            for exit_ in site.exits
            if exit_.controller and exit_.state != "closed"
        }
        self._indoors = [zone.slug for zone in site.zones if not zone.outdoor]

    def note(self, shut: dict[str, Shut], events: Iterable[Event]) -> None:
        """Take in what controllers say, and what makes them doubtful."""
        for event in events:
            if isinstance(event, Detection) and event.kind in DISTRUST_KINDS:
                for doubted in shut.keys() & set(event.place.entities):
                    shut[doubted].distrust = distrust(event)
            if not isinstance(event, Context) or event.attribute != "door_state":
                continue
            slug = self._exits.get(event.subject)
            if slug is None:
                continue
            known = shut.get(slug)
            if event.value == "closed":
                if known is None:
                    shut[slug] = Shut(event.t_us)
                else:
                    known.open_us = 0
            elif known is not None and not known.open_us:
                known.open_us = event.t_us

    def step(self, shut: dict[str, Shut], situation: Situation, now_us: int) -> list[Event]:
        """Say what has changed; at most one exit is planned for in a step, so that nothing else waits for long."""
        out: list[Event] = []
        for slug, door in sorted(shut.items()):
            if door.open_us and (not door.said or now_us - door.open_us >= AGAIN_US):
                out += self._opened(slug, door, situation, now_us)
                del shut[slug]
        for slug, door in sorted(shut.items()):
            if not door.said and now_us - door.since_us >= HOLD_US and self._occupied(situation):
                door.said = True
                if slug not in situation.exits:
                    return out + self._lost(slug, door, situation, now_us)
        return out

    def _occupied(self, situation: Situation) -> bool:
        return sum(situation.people.get(zone, 0.0) for zone in self._indoors) >= LEAST_PEOPLE

    def _lost(self, slug: str, door: Shut, situation: Situation, now_us: int) -> list[Event]:
        exit_ = self._site.opening(slug)
        fact = Context(
            id="", t_us=now_us, subject=slug, attribute="exit_state", value="unusable",
            reason=REASON, source=SOURCE,
        )  # fmt: skip
        cost = self._cost(situation, slug)
        if not cost.matters:
            return [fact]
        zone = exit_.connects[0]
        kind = WAY_OUT_LOST if cost.grave else EXIT_LOST
        door.incident = Incident(
            id=derived_ulid(now_us, "exit-lost", slug, str(door.since_us)),
            t_us=now_us,
            version=1,
            status="confirmed",
            hypothesis=kind,
            probability=SURE,
            hypotheses={kind: SURE, "benign": 1.0 - SURE},
            zones=(zone,),
            place=Place(x_m=exit_.x_m, y_m=exit_.y_m, level=exit_.level, zone=zone, entities=(slug,)),
            t_first_evidence_us=door.since_us,
            t_opened_us=now_us,
            entities=(slug, exit_.controller),
            terms=(
                Term(
                    name=f"Door shut, {_short(cost)}",
                    llr=log(SURE / (1.0 - SURE)),
                    group=f"door/{exit_.controller}",
                    sensors=(exit_.controller,),
                ),
            ),
            text=f"Exit {exit_.letter} is shut and nobody has said why. {_cost_text(cost)}",
        )  # fmt: skip
        return [fact, door.incident]

    def _opened(self, slug: str, door: Shut, situation: Situation, now_us: int) -> list[Event]:
        """Take back what was said, and only that: an exit that is in doubt for another reason stays so."""
        out: list[Event] = []
        known = situation.exits.get(slug)
        if door.said and known is not None and known.reason == REASON:
            out.append(
                Context(
                    id="", t_us=now_us, subject=slug, attribute="exit_state",
                    value="doubtful" if door.distrust else "usable",
                    reason=door.distrust or "its door is open again", source=SOURCE,
                )
            )  # fmt: skip
        if door.incident is not None:
            closed = replace(
                door.incident, t_us=now_us, version=door.incident.version + 1, status="closed",
                text=f"Exit {self._site.opening(slug).letter} is open again.",
            )  # fmt: skip
            out.append(closed)
        return out


def _cost_text(cost: ExitCost) -> str:
    parts: Sequence[str] = (
        f"{cost.cut_off} people would have no way out without it." if cost.cut_off else "",
        f"To leave would take {_time(cost.without_s)} instead of {_time(cost.with_s)}."
        if cost.without_s > cost.with_s
        else "",
    )
    return " ".join(part for part in parts if part)


def _short(cost: ExitCost) -> str:
    """The cost in a few words."""
    if cost.cut_off:
        return f"{cost.cut_off} people cut off"
    return f"to leave takes {_time(cost.without_s - cost.with_s)} longer"


def _time(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
