"""Plans that can be said aloud: everybody who passes a place goes on the same way, so no crowd has to count itself.

Such a *convergent* plan is a forest: each node has one next arc, down to a safe place. Every forest of shortest ways
is one, whatever is added to the cost of passing each exit; so a plan is a list of surcharges in seconds by exit, and a
search over them never makes a fork. With no surcharge it is "everybody to the nearest exit".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import B1, F8, I4
from .graph import PlanGraph
from .shortest import shortest

__all__ = ("Routes", "Tree", "TreeMaker", "join_routes")


@dataclass(frozen=True, slots=True)
class Routes:
    """R ways with their people: ``arcs[first[r]:first[r + 1]]`` of the plan's graph; ``start`` (R,) the node."""

    people: F8
    first: I4
    arcs: I4
    start: I4

    def way(self, route: int) -> tuple[int, ...]:
        """Arcs of one way."""
        return tuple(self.arcs[self.first[route] : self.first[route + 1]].tolist())


@dataclass(frozen=True, slots=True)
class Tree:
    """A convergent plan: ``next_arc`` (n,) or -1; ``exits`` by zone, in order of name, "" for a way without one;
    ``stranded`` zones that have no way.
    """

    next_arc: I4
    exits: dict[str, tuple[str, ...]]
    stranded: tuple[str, ...]
    surcharge_s: dict[str, float]

    @property
    def used(self) -> tuple[str, ...]:
        """The exits that somebody is sent to."""
        return tuple(sorted({each for exits in self.exits.values() for each in exits}))


def join_routes(parts: Iterable[Routes]) -> Routes:
    """Put several sets of routes into one, for people who do not all follow the same plan."""
    found = list(parts)
    lengths = np.concatenate([np.diff(part.first) for part in found]) if found else np.zeros(0, np.int32)
    return Routes(
        people=np.concatenate([part.people for part in found]),
        first=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
        arcs=np.concatenate([part.arcs for part in found]).astype(np.int32),
        start=np.concatenate([part.start for part in found]).astype(np.int32),
    )


class TreeMaker:
    """Makes convergent plans over one graph, which must be in order."""

    def __init__(self, graph: PlanGraph) -> None:
        at = graph.index()
        self.graph = graph
        self.tail = np.array([at[arc.tail] for arc in graph.arcs], np.int32)
        self.head = np.array([at[arc.head] for arc in graph.arcs], np.int32)
        self._heads: list[int] = self.head.tolist()
        self.transit_s = np.array([arc.transit_s for arc in graph.arcs], np.float64)
        self.capacity_ps = np.array([arc.capacity_ps for arc in graph.arcs], np.float64)
        # People are sent only where a way is open now and stays open: a sentence cannot be timed.
        self.open: B1 = np.array(
            [arc.opens_s <= 0 and arc.closes_s == np.inf and arc.capacity_ps > 0 for arc in graph.arcs], bool
        )
        self.gates = graph.exits or tuple(node.name for node in graph.nodes if node.safe)
        self._gate_of = self._gates()
        self._zone_nodes = [place for place, node in enumerate(graph.nodes) if node.zone]

    @property
    def gate_capacity_ps(self) -> F8:
        """People a second that each gate lets through."""
        through = self._gate_of >= 0
        return np.maximum(
            np.bincount(self._gate_of[through], self.capacity_ps[through], len(self.gates)), 1e-9
        )

    def gates_below(self, next_arc: I4) -> tuple[I4, F8]:
        """The last gate (n,) on each node's way down a forest, -1 for none, and the seconds of walking (n,)."""
        n = len(self.graph.nodes)
        gate, away_s, at = np.full(n, -1, np.int32), np.zeros(n), np.arange(n)
        led = np.flatnonzero(next_arc >= 0)
        gate[led], away_s[led], at[led] = (
            self._gate_of[next_arc[led]], self.transit_s[next_arc[led]], self.head[next_arc[led]],
        )  # fmt: skip
        while (at[at] != at).any():
            gate, away_s, at = np.where(gate[at] >= 0, gate[at], gate), away_s + away_s[at], at[at]
        return gate, away_s

    def _gates(self) -> I4:
        """The gate (m,) that each arc leads through, or -1: its exit or, where there is none, the safe place."""
        number = {name: place for place, name in enumerate(self.gates)}
        exits = bool(self.graph.exits)
        return np.array(
            [number.get(arc.exit if exits else arc.head, -1) for arc in self.graph.arcs], np.int32
        )

    def tree(self, surcharge_s: Mapping[str, float], *, without: Iterable[str] = ()) -> Tree:
        """Give the forest for surcharges in seconds by gate (0 where not named); ``without`` leaves gates out."""
        extra = np.array([surcharge_s.get(name, 0.0) for name in self.gates])
        gate, shut = self._gate_of, set(without)
        cost = self.transit_s.copy()
        if len(extra):
            cost += np.where(gate >= 0, extra[gate], 0.0)
        usable = self.open
        if shut:
            closed = [place for place, name in enumerate(self.gates) if name in shut]
            usable = usable & ~np.isin(gate, closed)
        start = np.full(len(self.graph.nodes), np.inf)
        start[self.graph.safe] = 0.0
        away, came = shortest(self.head, self.tail, np.maximum(cost, 0.0), start, usable=usable)
        next_arc = came.astype(np.int32)
        onward = next_arc.tolist()
        exits: dict[str, set[str]] = {}
        stranded: set[str] = set()
        for place in self._zone_nodes:
            zone = self.graph.nodes[place].zone
            if np.isfinite(away[place]):
                exits.setdefault(zone, set()).add(self.gate_of_way(self.way(place, onward)))
            else:
                stranded.add(zone)
        return Tree(
            next_arc=next_arc,
            exits={zone: tuple(sorted(names)) for zone, names in sorted(exits.items())},
            stranded=tuple(sorted(stranded - exits.keys())),
            surcharge_s=dict(surcharge_s),
        )

    def gate_of_way(self, way: Sequence[int]) -> str:
        """The last gate on a way; for people who are outdoors already, the safe place at its end ("" for no way)."""
        for arc in reversed(way):
            if self._gate_of[arc] >= 0:
                return self.gates[int(self._gate_of[arc])]
        return str(self.graph.nodes[int(self.head[way[-1]])].name) if len(way) else ""

    def seconds_to(self, gate: str) -> F8:
        """Seconds of walking from each node (n,) to a gate or a safe place."""
        start = np.full(len(self.graph.nodes), np.inf)
        if gate in self.gates:
            through = self._gate_of == self.gates.index(gate)
            start[self.tail[through & self.open]] = 0.0
        else:
            start[[place for place, node in enumerate(self.graph.nodes) if node.name == gate]] = 0.0
        return shortest(self.head, self.tail, self.transit_s, start, usable=self.open)[0]

    def seconds_past(self, gate: str) -> float:
        """Least seconds from where a gate is entered to safety; 0 for a safe place."""
        if gate not in self.gates:
            return 0.0
        start = np.full(len(self.graph.nodes), np.inf)
        start[self.graph.safe] = 0.0
        away, _ = shortest(self.head, self.tail, self.transit_s, start, usable=self.open)
        through = np.flatnonzero((self._gate_of == self.gates.index(gate)) & self.open)
        return float((self.transit_s[through] + away[self.head[through]]).min(initial=np.inf))

    def towards(self, exits: Mapping[str, Iterable[str]]) -> dict[int, tuple[int, ...]]:
        """Give each starting node's way to the nearest of its zone's named exits: an approved plan, as it is."""
        ways: dict[int, tuple[int, ...]] = {}
        for wanted in sorted({tuple(sorted(names)) for names in exits.values()}):
            tree = self.tree({}, without=[gate for gate in self.gates if gate not in wanted])
            onward = tree.next_arc.tolist()
            for place in self._zone_nodes:
                zone = self.graph.nodes[place].zone
                way = self.way(place, onward)
                if zone in exits and tuple(sorted(exits[zone])) == wanted and way:
                    ways[place] = way
        return ways

    def way(self, place: int, next_arc: Sequence[int]) -> tuple[int, ...]:
        """Arcs from a node down the forest (a list: arrays are slow to read one by one)."""
        found = []
        heads = self._heads
        while next_arc[place] >= 0:
            found.append(next_arc[place])
            place = heads[found[-1]]
        return tuple(found)

    def routes(self, people: Mapping[str, float], ways: Mapping[int, tuple[int, ...]]) -> Routes:
        """Put the people (by node name) on their ways (by node)."""
        rows = [
            (place, people[self.graph.nodes[place].name], ways[place])
            for place in self._zone_nodes
            if people.get(self.graph.nodes[place].name, 0) > 0 and ways.get(place)
        ]
        lengths = [len(way) for _, _, way in rows]
        return Routes(
            people=np.array([count for _, count, _ in rows], np.float64),
            first=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
            arcs=np.array([arc for _, _, way in rows for arc in way], np.int32),
            start=np.array([place for place, _, _ in rows], np.int32),
        )

    def tree_routes(self, people: Mapping[str, float], tree: Tree) -> Routes:
        """Put the people (by node name) on the forest."""
        onward = tree.next_arc.tolist()
        return self.routes(people, {place: self.way(place, onward) for place in self._zone_nodes})
