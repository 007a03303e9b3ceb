"""Putting a plan into few sentences: zones that can be told the same, because "the nearest of these exits" is true for
all of them.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from .arrays import F8
from .trees import TreeMaker

__all__ = ("Sentence", "Teller")

MOST_EXITS_NAMED = 4
NEARER_S = 1.0
"""An exit this many seconds further away still counts as the nearest: people do not measure."""

_Group = tuple[list[str], dict[int, str]]


class Sentence(Struct, frozen=True, kw_only=True):
    """What is said to ``zones``: leave by the nearest of ``exits``; or, if ``nearest``, by the nearest exit there
    is.
    """

    zones: tuple[str, ...]
    exits: tuple[str, ...]
    nearest: bool = False


class Teller:
    """Finds the sentences for ways over one graph."""

    def __init__(self, maker: TreeMaker) -> None:
        self.maker = maker
        self._distance: dict[str, F8] = {}

    def sentences(self, ways: Mapping[int, tuple[int, ...]]) -> tuple[Sentence, ...]:
        """Put the zones into as few sentences as will do. Zones share one if for each starting point the nearest of all
        exits named is the one it is meant to use.
        """
        meant: dict[str, dict[int, str]] = {}
        for place, way in sorted(ways.items()):
            if way:
                zone = self.maker.graph.nodes[place].zone
                meant.setdefault(zone, {})[place] = self.maker.gate_of_way(way)
        groups: list[_Group] = []
        gates = set(self.maker.gates)
        plain = [
            zone
            for zone, goals in meant.items()
            if set(goals.values()) <= gates and self.is_nearest(goals, self.maker.gates)
        ]
        if plain:
            goals = {place: gate for zone in plain for place, gate in meant.pop(zone).items()}
            groups.append((plain, goals))
        for zone in sorted(meant, key=lambda each: (len(set(meant[each].values())), each)):
            for zones, goals in groups[1 if plain else 0 :]:
                both = goals | meant[zone]
                named = sorted(set(both.values()))
                alike = len({gate in gates for gate in named}) == 1
                if alike and len(named) <= MOST_EXITS_NAMED and self.is_nearest(both, named):
                    zones.append(zone)
                    goals.update(meant[zone])
                    break
            else:
                groups.append(([zone], dict(meant[zone])))
        if plain and any(self._shares(groups[0], other) for other in groups[1:]):
            plain = []
            groups = groups[1:]
        return tuple(
            Sentence(
                zones=tuple(sorted(zones)),
                exits=tuple(sorted(set(goals.values()))),
                nearest=bool(plain) and place == 0,
            )
            for place, (zones, goals) in enumerate(groups)
        )

    def _shares(self, first: _Group, other: _Group) -> bool:
        """Let a group say what another says, if that is true for both; tells whether it was."""
        both = first[1] | other[1]
        named = sorted(set(both.values()))
        if len(named) > MOST_EXITS_NAMED or not set(named) <= set(self.maker.gates):
            return False
        if not self.is_nearest(both, named):
            return False
        other[0].extend(first[0])
        other[1].update(first[1])
        return True

    def is_nearest(self, goals: Mapping[int, str], among: Iterable[str]) -> bool:
        """Whether each starting point's gate is the nearest to it of some."""
        gates = list(among)
        return all(
            self.away_s(gate)[place] <= min(self.away_s(each)[place] for each in gates) + NEARER_S
            for place, gate in goals.items()
        )

    def away_s(self, gate: str) -> F8:
        if gate not in self._distance:
            self._distance[gate] = self.maker.seconds_to(gate)
        return self._distance[gate]
