"""Handing people on from exit to exit: lots of people who could as well be led into a neighbour's way out, in a row."""

from collections.abc import Collection, Mapping, Sequence

__all__ = ("Chain", "Lot", "Moves")

DEEPEST = 4
"""Lots are handed on at most so often in a row."""

Moves = tuple[tuple[int, int], ...]
"""Nodes and the arcs that they are to be left by."""
Lot = tuple[int, int, int, float, float, frozenset[int]]
"""Node, arc to lead it along, gate there, people who come by the node, their seconds of walking to that gate, the nodes
that they come by.
"""


class Chain:
    """Looks for lots of people to hand on from gate to gate, at most ``DEEPEST`` times."""

    def __init__(
        self,
        lots: Mapping[int, Sequence[Lot]],
        until_s: Sequence[float],
        flow_ps: Sequence[float],
        tried: Collection[Moves],
    ) -> None:
        self.lots, self.until_s, self.flow_ps, self.tried = lots, until_s, flow_ps, tried
        self.found: tuple[float, Moves] = (max(until_s, default=0.0), ())

    def best(self) -> Moves:
        """The moves after which the latest of the gates concerned would be through soonest; none if not before now."""
        if self.until_s:
            gate = self.until_s.index(self.found[0])
            self._hand_on(gate, 0.0, 0.0, (), {gate}, frozenset())
        return self.found[1]

    def _hand_on(
        self, gate: int, got: float, so_far_s: float, moves: Moves, passed: set[int], along: frozenset[int]
    ) -> None:
        """Let a gate, which got so many people ``along`` these nodes, hand on a lot that does not take them along."""
        for place, arc, there, people, walk_s, onto in self.lots.get(gate, ()):
            if there in passed or place in along:
                continue
            own_s = self.until_s[gate] + (got - people) / self.flow_ps[gate] if got else 0.0
            here_s = max(so_far_s, own_s, walk_s)
            if here_s >= self.found[0]:
                continue
            chain = (*moves, (place, arc))
            then_s = max(here_s, self.until_s[there] + people / self.flow_ps[there])
            if then_s < self.found[0] and chain not in self.tried:
                self.found = (then_s, chain)
            if len(chain) < DEEPEST:
                self._hand_on(there, people, here_s, chain, passed | {there}, onto)
