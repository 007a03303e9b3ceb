"""The plan to give out: few sentences, no fork, and good even when counts, capacities and obedience are not as assumed.

The search goes over surcharges by exit (see `trees`), like an auction: the exit that would be through last gets dearer
by just so much that one starting point goes elsewhere, again and again; exits are left out while there are too many
sentences. Where whole trains of starting points would have to leave an exit together, because they pass one another,
single places are then led into a neighbour's way out, as long as that helps the later of the two exits. The best few
candidates are then played through in the same drawn situations, with a share of people who go to the nearest exit
whatever they are told, and the one with the best worst decile is taken. A plan that the authority approved is
preferred while it is within 10 % of that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import Struct

from .arrays import F8, I4
from .chains import Chain, Lot, Moves
from .graph import PlanGraph
from .queues import Draws, clearance_s, draw, route_times
from .sentences import Sentence, Teller
from .trees import Tree, TreeMaker, join_routes

__all__ = ("APPROVED_MARGIN", "Approved", "Sentence", "SpeakablePlan", "nearest_exit_s", "speakable_plan")

MOST_SENTENCES = 6
LEAST_STEP_S = 0.05
NEARLY = 0.85
WIDER = (1.0, 0.9)
MOST_MOVES = 80
"""Starting points moved from the latest exit to another, one by one ..."""
IDLE_MOVES = 12
"""... until so many moves in a row have brought nothing."""
MOST_EXCHANGES = 40
"""Tries to lead places into a neighbour's way out ..."""
IDLE_EXCHANGES = 14
"""... until so many in a row have brought nothing."""
MOST_GATES = 40
"""Of a larger place only so many gates are tried one by one."""
BEST = 4
RUNS = 30
COMPLIANCE = (0.7, 1.0)
"""Share who follow the advice, drawn evenly between these."""
APPROVED_MARGIN = 0.10


class Approved(Struct, frozen=True, kw_only=True):
    """A plan that the authority approved: exits by zone."""

    name: str
    exits: dict[str, tuple[str, ...]]


class SpeakablePlan(Struct, frozen=True, kw_only=True):
    """``exits`` by zone: whoever is in the zone leaves by the nearest of them. ``ways`` are (start node, people, arcs
    of the ordered graph).

    Seconds: ``expected_s`` if all is as assumed, ``p50_s`` and ``p90_s`` (worst decile) over drawn situations,
    ``nearest_s`` and ``nearest_p90_s`` if everybody goes to the nearest exit, ``price_s`` what simplicity costs against
    the optimum. ``approved`` names the authority's plan where it is one. ``forks`` counts places at which people are
    sent two ways (0 but for approved plans).
    """

    exits: dict[str, tuple[str, ...]]
    ways: tuple[tuple[str, int, tuple[int, ...]], ...]
    expected_s: float
    p50_s: float
    p90_s: float
    nearest_s: float
    nearest_p90_s: float
    price_s: float
    approved: str
    forks: int
    sentences: tuple[Sentence, ...]
    stranded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    ways: dict[int, tuple[int, ...]]
    exits: dict[str, tuple[str, ...]]
    expected_s: float
    stranded: tuple[str, ...]
    sentences: tuple[Sentence, ...] = ()
    approved: str = ""


_Verdict = tuple[int, bool, float, float]


def nearest_exit_s(graph: PlanGraph, people: Mapping[str, int]) -> float:
    """Give the clearance if everybody walks to the nearest exit and queues there, whatever the queue."""
    maker = TreeMaker(graph.in_order())
    share = {name: float(count) for name, count in maker.graph.spread(people).items()}
    done, _ = route_times(maker.tree_routes(share, maker.tree({})), maker.transit_s, maker.capacity_ps)
    return float(done.max(initial=0.0))


class _Search:
    def __init__(self, graph: PlanGraph, people: Mapping[str, int], most: int) -> None:
        self.maker = TreeMaker(graph.in_order())
        self.people = {name: float(count) for name, count in self.maker.graph.spread(people).items()}
        self.places = [
            place for place, node in enumerate(self.maker.graph.nodes) if self.people.get(node.name, 0) > 0
        ]
        self.flow_ps: list[float] = self.maker.gate_capacity_ps.tolist()
        self.most = most
        self.zones = sorted(zone for zone, count in people.items() if count > 0)
        self.cut_off = set(self.maker.tree({}).stranded)
        self.found: dict[str, tuple[_Verdict, _Candidate]] = {}
        self.late: dict[str, float] = {}
        self.now: dict[int, str] = {}
        self.teller = Teller(self.maker)
        self._beyond: dict[str, float] = {}
        self._only: dict[str, list[int]] = {}
        # Different surcharges often lead to the same ways.
        self._seen: dict[tuple[tuple[int, tuple[int, ...]], ...], tuple[_Candidate, dict[str, float]]] = {}

    def candidate(self, tree: Tree) -> tuple[_Candidate, dict[str, float]]:
        """The plan of a forest and when each gate would be through."""
        return self._plan_of(tree.next_arc, tree.stranded, cohere=any(tree.surcharge_s.values()))

    def _plan_of(
        self, next_arc: I4, stranded: tuple[str, ...], *, cohere: bool = True
    ) -> tuple[_Candidate, dict[str, float]]:
        maker = self.maker
        onward = next_arc.tolist()
        ways = {place: maker.way(place, onward) for place in self.places}
        if cohere:
            self._cohere(ways)
        key = tuple(ways.items())
        known = self._seen.get(key)
        if known is not None:
            return replace(known[0], stranded=stranded), known[1]
        routes = maker.routes(self.people, ways)
        done, _ = route_times(routes, maker.transit_s, maker.capacity_ps)
        late: dict[str, float] = {}
        exits: dict[str, set[str]] = {}
        for r, place in enumerate(routes.start.tolist()):
            gate = maker.gate_of_way(ways[place])
            late[gate] = max(late.get(gate, 0.0), float(done[r]))
            exits.setdefault(maker.graph.nodes[place].zone, set()).add(gate)
        named = {zone: tuple(sorted(gates)) for zone, gates in sorted(exits.items())}
        found = _Candidate(ways, named, float(done.max(initial=0.0)), stranded, self.teller.sentences(ways))
        self._seen[key] = found, late
        return found, late

    def _cohere(self, ways: dict[int, tuple[int, ...]]) -> None:
        """Give each zone one exit where "the nearest of these" would not lead its people as meant: the one of most."""
        meant: dict[str, dict[int, str]] = {}
        for place, way in ways.items():
            if way:
                zone = self.maker.graph.nodes[place].zone
                meant.setdefault(zone, {})[place] = self.maker.gate_of_way(way)
        for goals in meant.values():
            gates = set(goals.values())
            if len(gates) < 2 or not gates <= set(self.maker.gates) or self.teller.is_nearest(goals, gates):
                continue
            count = dict.fromkeys(sorted(gates), 0.0)
            for place, gate in goals.items():
                count[gate] += self.people[self.maker.graph.nodes[place].name]
            onward = self._onward_by(max(count, key=count.__getitem__))
            for place in goals:
                ways[place] = self.maker.way(place, onward) or ways[place]

    def _onward_by(self, gate: str) -> list[int]:
        """The next arc of each node on the way out by one gate alone."""
        if gate not in self._only:
            others = [each for each in self.maker.gates if each != gate]
            self._only[gate] = self.maker.tree({}, without=others).next_arc.tolist()
        return self._only[gate]

    def run(self) -> list[_Candidate]:
        """Candidates, best first: surcharges levelled, then moved one by one; gates left out for too many words."""
        state = _State(dict.fromkeys(self.maker.gates, 0.0), frozenset())
        best = (self._judge(state), state)
        for wider in WIDER:
            best = self._auction(best, wider)
        while best[0][0] > 0 and len(best[1].without) + 1 < len(self.maker.gates):
            gates = [gate for gate in self.maker.gates if gate not in best[1].without][:MOST_GATES]
            tries = [_State(best[1].surcharge_s, best[1].without | {gate}) for gate in gates]
            best = min(((self._judge(each), each) for each in tries), key=lambda each: each[0])
        self._exchange(best[1])
        ordered = sorted(self.found.values(), key=lambda each: each[0])
        return [candidate for _, candidate in ordered[:BEST]]

    def _judge(self, state: "_State") -> _Verdict:
        """How many sentences too many, whether somebody has no way, seconds for all, mean seconds of the gates."""
        candidate, late = self.candidate(self.maker.tree(state.surcharge_s, without=state.without))
        self.late = late
        self.now = {place: self.maker.gate_of_way(way) for place, way in candidate.ways.items() if way}
        return self._verdict(candidate, late)

    def _verdict(self, candidate: _Candidate, late: Mapping[str, float]) -> _Verdict:
        over = max(0, len(candidate.sentences) - self.most)
        stranded = bool(set(candidate.stranded) & set(self.zones) - self.cut_off)
        judged = (over, stranded, candidate.expected_s, float(np.mean(list(late.values()) or [0.0])))
        key = repr(sorted(candidate.ways.items()))
        if key not in self.found or judged < self.found[key][0]:
            self.found[key] = (judged, candidate)
        return judged

    def _auction(self, best: tuple[_Verdict, "_State"], wider: float) -> tuple[_Verdict, "_State"]:
        """Move starting points from the latest exit to the one that costs them least more, one at a time."""
        state, idle = best[1], 0
        self._judge(state)
        for _ in range(MOST_MOVES):
            dearer = self._dearer(state, NEARLY * wider**idle)
            if dearer is None or idle >= IDLE_MOVES:
                break
            state = dearer
            judged = self._judge(state)
            idle = 0 if judged < best[0] else idle + 1
            best = min(best, (judged, state), key=lambda each: each[0])
        return best

    def _exchange(self, state: "_State") -> None:
        """Lead single places, with all who come by them, out of the latest gate's way out into a neighbour's, and where
        that has no room, some of its own into the next, while that helps.
        """
        tree = self.maker.tree(state.surcharge_s, without=state.without)
        next_arc = tree.next_arc.copy()
        candidate, late = self.candidate(tree)
        least = self._lateness(candidate, late)
        lots = self._lots(next_arc, candidate)
        tried: set[Moves] = set()
        for _ in range(MOST_EXCHANGES):
            until_s = [late.get(name, 0.0) for name in self.maker.gates]
            moves = Chain(lots, until_s, self.flow_ps, tried).best()
            if not moves or len(tried) >= IDLE_EXCHANGES:
                return
            tried.add(moves)
            trial = next_arc.copy()
            for place, arc in moves:
                trial[place] = arc
            led, when = self._plan_of(trial, tree.stranded)
            lateness = self._lateness(led, when)
            if lateness < least:
                least, next_arc, candidate, late = lateness, trial, led, when
                lots = self._lots(next_arc, candidate)
                self._verdict(led, when)
                tried.clear()

    def _lateness(self, candidate: _Candidate, late: Mapping[str, float]) -> tuple[float, ...]:
        """Sentences too many, places where a crowd would part, then when the gates are through, the latest first."""
        over = max(0, len(candidate.sentences) - self.most)
        return over, _forks(self.maker, candidate), *sorted(late.values(), reverse=True)

    def _lots(self, next_arc: I4, candidate: _Candidate) -> dict[int, list[Lot]]:
        """The places beside another gate's way out, by the gate that they are led to."""
        maker = self.maker
        passing = np.zeros(len(maker.graph.nodes))
        for place, way in candidate.ways.items():
            passing[maker.tail[list(way)]] += self.people[maker.graph.nodes[place].name]
        gate, away_s = maker.gates_below(next_arc)
        tail, head = maker.tail, maker.head
        arcs = np.flatnonzero(
            maker.open
            & (passing[tail] > 0)
            & (gate[tail] >= 0)
            & (gate[head] >= 0)
            & (gate[tail] != gate[head])
        )
        lots: dict[int, list[Lot]] = {}
        onward = next_arc.tolist()
        for arc in arcs.tolist():
            place, into = int(tail[arc]), int(head[arc])
            walk_s = float(maker.transit_s[arc] + away_s[into])
            along = frozenset(tail[list(maker.way(into, onward))].tolist())
            lots.setdefault(int(gate[place]), []).append(
                (place, arc, int(gate[into]), float(passing[place]), walk_s, along)
            )
        return lots

    def _dearer(self, state: "_State", nearly: float) -> "_State | None":
        """Raise the surcharge of the latest exits by just enough for one starting point to leave them for another.

        All that are ``nearly`` as late as the latest (a share) rise together: else neighbours would pass the same
        people back and forth. The longer nothing is won, the more of them.
        """
        gates = [gate for gate in self.maker.gates if gate not in state.without]
        worst = max(self.late.values(), default=0.0)
        late = [gate for gate in gates if self.late.get(gate, 0.0) >= nearly * worst]
        for group in (late, [gate for gate in late if self.late[gate] >= worst]):
            here = [place for place, gate in self.now.items() if gate in group]
            others = [gate for gate in gates if gate not in group]
            if not here or not others:
                continue
            own = np.array([self._cost(self.now[place], state)[place] for place in here])
            more = np.min([self._cost(gate, state)[here] for gate in others], axis=0) - own
            if np.isfinite(more.min()):
                extra = max(self._least(here, more), 0.0) + LEAST_STEP_S
                return _State(
                    state.surcharge_s | {gate: state.surcharge_s[gate] + extra for gate in group},
                    state.without,
                )
        return None

    def _least(self, here: list[int], more: F8) -> float:
        """What it takes for the next zone to go elsewhere: zones are led as a whole where they cannot be told apart."""
        by_zone: dict[str, list[float]] = {}
        for place, extra in zip(here, more.tolist(), strict=True):
            by_zone.setdefault(self.maker.graph.nodes[place].zone, []).append(extra)
        return min(float(np.median(extras)) for extras in by_zone.values())

    def _cost(self, gate: str, state: "_State") -> F8:
        """What it costs each node (n,) to leave by a gate."""
        return self.teller.away_s(gate) + (self._past(gate) + state.surcharge_s[gate])

    def _past(self, gate: str) -> float:
        """Seconds from a gate on to safety."""
        if gate not in self._beyond:
            self._beyond[gate] = self.maker.seconds_past(gate)
        return self._beyond[gate]


@dataclass(frozen=True, slots=True)
class _State:
    surcharge_s: dict[str, float]
    without: frozenset[str]


def speakable_plan(
    graph: PlanGraph,
    people: Mapping[str, int],
    *,
    optimum_s: float,
    rng: np.random.Generator,
    approved: Sequence[Approved] = (),
    most_sentences: int = MOST_SENTENCES,
    runs: int = RUNS,
    hold: Mapping[str, tuple[str, ...]] | None = None,
) -> SpeakablePlan:
    """Choose the plan to give out; ``optimum_s`` is the clearance of the best plan, for the price.

    ``hold`` are exits by zone that stay as they are where they can: what people there were told a moment ago.

    :raises ValueError: ``most_sentences`` below 1.
    """
    if most_sentences < 1:
        raise ValueError(f"most_sentences is {most_sentences}; allowed are 1 and above")
    search = _Search(graph, people, most_sentences)
    maker = search.maker
    candidates = search.run()
    nearest, _ = search.candidate(maker.tree({}))
    if len(nearest.sentences) <= most_sentences:
        candidates.append(nearest)
    known = [_approved(search, plan) for plan in approved if _usable(maker, plan, search.zones)]
    draws = draw(len(maker.graph.nodes), len(maker.graph.arcs), runs, rng)
    follow = rng.uniform(*COMPLIANCE, runs)
    judged = [(each, _play(search, each, nearest, draws, follow)) for each in [*candidates, *known]]
    best = min(
        judged[: len(candidates)],
        key=lambda each: float(np.quantile(each[1], 0.9)),
        default=(nearest, np.zeros(1)),
    )
    for each in judged[len(candidates) :]:
        if np.quantile(each[1], 0.9) <= (1 + APPROVED_MARGIN) * np.quantile(best[1], 0.9):
            best = each
            break
    if hold:
        kept = Approved(name=best[0].approved, exits=best[0].exits | dict(hold))
        if _usable(maker, kept, search.zones):
            held = _approved(search, kept)
            best = held, _play(search, held, nearest, draws, follow)
    chosen, times = best
    alone = _play(search, nearest, nearest, draws, np.ones(runs))
    return SpeakablePlan(
        exits=chosen.exits,
        ways=tuple(
            (maker.graph.nodes[place].name, int(search.people[maker.graph.nodes[place].name]), way)
            for place, way in sorted(chosen.ways.items())
            if way
        ),
        expected_s=chosen.expected_s,
        p50_s=float(np.quantile(times, 0.5)),
        p90_s=float(np.quantile(times, 0.9)),
        nearest_s=nearest.expected_s,
        nearest_p90_s=float(np.quantile(alone, 0.9)),
        price_s=chosen.expected_s - optimum_s,
        approved=chosen.approved,
        forks=_forks(maker, chosen),
        sentences=chosen.sentences,
        stranded=chosen.stranded,
    )


def _usable(maker: TreeMaker, plan: Approved, zones: Sequence[str]) -> bool:
    """An approved plan counts only if all its exits are open and it tells every zone with people where to go."""
    exits = {name for names in plan.exits.values() for name in names}
    reached = {maker.graph.nodes[place].zone for place in maker.towards(plan.exits)}
    return exits <= set(maker.gates) and set(zones) <= reached


def _approved(search: _Search, plan: Approved) -> _Candidate:
    maker = search.maker
    ways = {
        place: way
        for place, way in maker.towards(plan.exits).items()
        if search.people.get(maker.graph.nodes[place].name, 0) > 0
    }
    done, _ = route_times(maker.routes(search.people, ways), maker.transit_s, maker.capacity_ps)
    exits = {zone: tuple(sorted(plan.exits[zone])) for zone in search.zones if zone in plan.exits}
    return _Candidate(ways, exits, float(done.max(initial=0.0)), (), search.teller.sentences(ways), plan.name)


def _play(search: _Search, plan: _Candidate, nearest: _Candidate, draws: Draws, follow: F8) -> F8:
    """Clearance in each drawn situation (K,), with the others on the way to the nearest exit."""
    maker = search.maker
    times = np.zeros(len(follow))
    for k, share in enumerate(follow):
        told = maker.routes({name: share * count for name, count in search.people.items()}, plan.ways)
        rest = maker.routes(
            {name: (1 - share) * count for name, count in search.people.items()}, nearest.ways
        )
        both = join_routes([told, rest]) if share < 1 else told
        # One draw a starting node, so that the plans are compared in the same situations.
        there = Draws(
            draws.count[k : k + 1, both.start],
            draws.capacity[k : k + 1],
            draws.ready_s[k : k + 1, both.start],
        )
        times[k] = clearance_s(both, maker.transit_s, maker.capacity_ps, there)[0]
    return times


def _forks(maker: TreeMaker, plan: _Candidate) -> int:
    onward: dict[int, set[int]] = {}
    for way in plan.ways.values():
        for arc in way:
            onward.setdefault(int(maker.tail[arc]), set()).add(arc)
    return sum(len(arcs) > 1 for arcs in onward.values())
