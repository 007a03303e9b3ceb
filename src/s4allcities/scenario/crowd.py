"""People: how many are in each zone and how many pass each exit, before and after they are told to leave."""

import re
from collections.abc import Collection
from math import pi, sin

import numpy as np
from numpy.typing import NDArray

from s4allcities.site import Site

from .files import CrowdParameters

__all__ = ("Crowd",)

F8 = NDArray[np.float64]

SPECIFIC_FLOW_PS_M = 1.3
"""People a second and metre of door that leave under pressure (Weidmann 1993, Fruin 1971)."""
WALK_S = 25.0
"""A zone empties by itself with this time constant, as long as its doors let people through."""
DOOR_M = 5.0
"""Width of the way to the next zone, where no exit is near."""
STRAGGLERS = 0.3
"""Share of an exit's usual flow that goes on after an order: those who do not obey, staff, fire crews."""
NOT_NAMED = 0.35
"""How attractive a usable exit is that no sign names, compared with one that a sign does."""
BLOCKED_S = 0.7
SETTLE_S = 4.0

_USE = re.compile(r"\b(?:BY EXIT|USE(?: EXIT)?) ([A-Z])\b", re.I)
_CLOSED = re.compile(r"\bEXIT ([A-Z]) CLOSED\b", re.I)


class Crowd:
    """Arrays in the order of ``site.zones`` and ``site.exits``.

    ``people`` (zones,) heads; ``out_per_min``, ``in_per_min`` (exits,). Nobody passes the exits ``closed`` from the
    start.
    """

    def __init__(
        self,
        site: Site,
        parameters: CrowdParameters,
        rng: np.random.Generator,
        *,
        closed: Collection[str] = (),
    ) -> None:
        self._zones = {zone.slug: index for index, zone in enumerate(site.zones)}
        self.exits = [each.slug for each in site.exits]
        self._letters = {each.letter.upper(): index for index, each in enumerate(site.exits)}
        self._exit_zone = np.array([self._zones[each.connects[0]] for each in site.exits], np.int64)
        self._width_m = np.array([each.width_m for each in site.exits])
        capacity = np.array([zone.capacity_people for zone in site.zones], float)
        self._usual = parameters.occupancy * capacity * rng.uniform(0.85, 1.15, len(capacity))
        varied = rng.uniform(0.92, 1.08, len(self.exits))
        self._usual_out = parameters.out_per_min_m * self._width_m * varied
        self._usual_in = parameters.in_per_min_m * self._width_m * varied
        self._phase = rng.uniform(0, 2 * pi, len(self.exits))
        self._links = _links(site, self._zones)
        self._indoor = np.array([not zone.outdoor for zone in site.zones])
        self.blocked = np.array([slug in closed for slug in self.exits], bool)
        self.people: F8 = self._usual.copy()
        self.out_per_min: F8 = np.where(self.blocked, 0.0, self._usual_out)
        self.in_per_min: F8 = np.where(self.blocked, 0.0, self._usual_in)
        self.leaving = False
        self._use: set[int] = set()
        self._avoid: set[int] = set()

    def block(self, exit_slug: str) -> None:
        """Let nobody through an exit any more."""
        self.blocked[self.exits.index(exit_slug)] = True

    def told(self, text: str) -> None:
        """Take in what a sign shows: people leave, by the exits it names, and keep out of those it calls closed."""
        self.leaving = True
        self._use |= {
            self._letters[each.upper()] for each in _USE.findall(text) if each.upper() in self._letters
        }
        self._avoid |= {
            self._letters[each.upper()] for each in _CLOSED.findall(text) if each.upper() in self._letters
        }

    def step(self, dt_s: float, t_s: float) -> None:
        """Move on by ``dt_s`` seconds."""
        if self.leaving:
            self._leave(dt_s)
            return
        wave = 1.0 + 0.08 * np.sin(2 * pi * t_s / 75.0 + self._phase)
        self._settle(dt_s, self._usual_out * wave, self._usual_in * wave)
        goal = self._usual * (1.0 + 0.06 * sin(2 * pi * t_s / 90.0))
        self.people += (goal - self.people) * min(1.0, dt_s / 30.0)

    def _settle(self, dt_s: float, out: F8, into: F8) -> None:
        tau_s = np.where(self.blocked, BLOCKED_S, SETTLE_S)
        share = 1.0 - np.exp(-dt_s / tau_s)
        self.out_per_min += share * (np.where(self.blocked, 0.0, out) - self.out_per_min)
        self.in_per_min += share * (np.where(self.blocked, 0.0, into) - self.in_per_min)

    def _attraction(self) -> F8:
        """Give how much each exit draws people (exits,); 0 = not usable, as far as they know."""
        drawn = np.full(len(self.exits), NOT_NAMED if self._use else 1.0)
        drawn[list(self._use)] = 1.0
        drawn[list(self._avoid)] = 0.0
        return np.where(self.blocked, 0.0, drawn)

    def _leave(self, dt_s: float) -> None:
        """Everybody indoors goes to the next zone that is nearer to a usable exit, or out of one."""
        drawn = self._attraction()
        hops = self._hops(drawn > 0)
        moved = np.zeros_like(self.people)
        flow_out = np.zeros(len(self.exits))
        for zone in np.flatnonzero(self._indoor & (hops >= 0)).tolist():
            want = self.people[zone] * min(1.0, dt_s / WALK_S)
            if hops[zone] == 0:
                gone = self._through_exits(zone, want, drawn, dt_s)
                flow_out += gone * 60.0 / dt_s
                moved[zone] -= gone.sum()
            else:
                onward = [each for each in self._links[zone] if hops[each] == hops[zone] - 1]
                passed = min(want, SPECIFIC_FLOW_PS_M * DOOR_M * dt_s * len(onward))
                moved[zone] -= passed
                moved[onward] += passed / len(onward)
        self.people = np.maximum(0.0, self.people + moved)
        self._settle(dt_s, np.maximum(flow_out, STRAGGLERS * self._usual_out), 0.1 * self._usual_in)

    def _through_exits(self, zone: int, want: float, drawn: F8, dt_s: float) -> F8:
        """Share those who leave a zone between its exits, up to what each lets through (exits,)."""
        pull = np.where(self._exit_zone == zone, drawn * self._width_m, 0.0)
        gone: F8 = np.minimum(want * pull / pull.sum(), SPECIFIC_FLOW_PS_M * self._width_m * dt_s)
        return gone

    def _hops(self, usable: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count zones to pass until one with a usable exit (zones,); -1 = no way."""
        hops = np.full(len(self.people), -1, np.int64)
        front = sorted({int(zone) for zone in self._exit_zone[usable]})
        hops[front] = 0
        while front:
            new = sorted({n for zone in front for n in self._links[zone] if hops[n] < 0 and self._indoor[n]})
            hops[new] = hops[front[0]] + 1
            front = new
        return hops


def _links(site: Site, zones: dict[str, int]) -> list[list[int]]:
    """Give each zone's neighbours by index."""
    pairs = [each.connects for each in site.openings] + [(link.lower, link.upper) for link in site.links]
    links: list[set[int]] = [set() for _ in zones]
    for a, b in pairs:
        if a in zones and b in zones:
            links[zones[a]].add(zones[b])
            links[zones[b]].add(zones[a])
    return [sorted(each) for each in links]
