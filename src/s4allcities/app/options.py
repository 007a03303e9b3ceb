"""What could be done now: the four responses, routes, words to say, by what the live picture shows of the place."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from s4allcities.domain import Clock
from s4allcities.planning.hazards import Hazard
from s4allcities.site import Site

from .evacuation.answer import PlanAnswer, make_plan
from .evacuation.inputs import InputError, read_area, read_closed

__all__ = ("LiveOptions", "Options", "hazards_shown")

HOLDS_US = 10_000_000
"""The same question is worked out anew at most this often, however many people ask."""
SMOKE = "smoke"
"""How the reason of an exit begins that the picture shows as unusable because of smoke."""
LIVE_REASON = "as the picture shows it"


class Options(Struct, frozen=True, kw_only=True):
    """The plan answer for what was known at ``t_us``; ``closed`` are exits left out because of their state or because
    that was asked, ``counted`` the zones where people are counted, ``names`` those of places by slug.
    """

    t_us: int
    closed: tuple[str, ...]
    counted: tuple[str, ...]
    names: dict[str, str]
    plan: PlanAnswer


def hazards_shown(site: Site, shown: Mapping[str, Mapping[str, Any]]) -> tuple[Hazard, ...]:
    """Read the hazards of the picture: outlines now, and those that are expected in some minutes (``5min``).

    An outline that is no polygon is left out: a plan without it is better than none.
    """
    found: list[Hazard] = []
    for key, hazard in shown.items():
        geojson = hazard.get("geojson") or {}
        digits = key.rpartition("/")[2].removesuffix("min")
        from_s = 60.0 * float(digits) if digits.isdigit() else 0.0
        for feature in geojson.get("features", ()):
            try:
                area = read_area(feature.get("geometry") or {}, site)
            except InputError:
                continue
            if area.geom_type == "Point":
                continue
            props = feature.get("properties") or {}
            level = props.get("level", hazard.get("level"))
            found.append(
                Hazard(
                    area=area,
                    from_s=from_s,
                    level=level if isinstance(level, int) else None,
                    kind=str(props.get("hazard", "hazard")),
                )
            )
    return tuple(found)


class LiveOptions:
    """Works the options out in a thread, one question at a time, and remembers the newest answers for some seconds.

    ``collections`` gives the picture's records by kind and id.
    """

    def __init__(
        self, site: Site, collections: Callable[[], Mapping[str, Mapping[str, dict[str, Any]]]], clock: Clock
    ) -> None:
        self._site = site
        self._collections = collections
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: dict[frozenset[str], tuple[int, Options]] = {}

    async def __call__(self, closed: str) -> dict[str, Any]:
        """Give the options; ``closed`` names more exits to do without, by letter or slug.

        :raises ValueError: it names none of this site.
        """
        try:
            asked = read_closed(self._site, closed)
        except InputError as error:
            raise ValueError(str(error).replace("--closed", "closed")) from None
        async with self._lock:
            old_us = self._clock.now_us() - HOLDS_US
            self._known = {key: each for key, each in self._known.items() if each[0] >= old_us}
            if asked not in self._known:
                made = await self._work_out(asked)
                self._known[asked] = (self._clock.now_us(), made)
            return msgspec.to_builtins(self._known[asked][1])  # type: ignore[no-any-return]

    async def _work_out(self, asked: frozenset[str]) -> Options:
        shown, now_us = self._collections(), self._clock.now_us()
        people = {
            slug: zone["people"] for slug, zone in shown["zones"].items() if zone.get("people") is not None
        }
        doubted = {
            slug: exit_ for slug, exit_ in shown["exits"].items()
            if exit_.get("state") in ("unusable", "doubtful")
        }  # fmt: skip
        smoky = frozenset(slug for slug, each in doubted.items() if _why(each).startswith(SMOKE)) - asked
        closed = (asked | doubted.keys()) - smoky
        hazards = hazards_shown(self._site, shown["hazards"])
        plan = await asyncio.to_thread(
            make_plan, self._site, people, hazards=hazards, closed=closed, avoided=smoky
        )
        exits = tuple(
            msgspec.structs.replace(
                each, state=str(doubted[each.exit]["state"]), reason=_why(doubted[each.exit])
            )
            if each.exit in doubted and each.exit not in asked
            else each
            for each in plan.exits
        )
        return Options(
            t_us=now_us,
            closed=tuple(sorted(closed | smoky)),
            counted=tuple(sorted(people)),
            names=_names(self._site, plan),
            plan=msgspec.structs.replace(plan, exits=exits),
        )


def _why(exit_: Mapping[str, Any]) -> str:
    return str(exit_.get("reason") or LIVE_REASON)


def _names(site: Site, plan: PlanAnswer) -> dict[str, str]:
    """The names of all places that the answer speaks of by slug."""
    named = {each.slug: each.name for each in site.zones}
    named |= {each.slug: each.name for each in site.openings}
    named |= {each.slug: each.name for each in site.links}
    named |= {each.slug: each.name for each in site.assembly}
    used = {plan.bottleneck, *(route.assembly for route in plan.routes), *plan.occupancy}
    used |= {response.densest_zone for response in plan.alternatives}
    return {slug: named[slug] for slug in sorted(used) if slug in named}
