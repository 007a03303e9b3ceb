"""Which incidents have changed enough to say so, and their next versions."""

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..domain import Campaign, Incident, Link, derived_ulid
from . import _layout as at
from .belief import Belief, assess
from .explain import affected_zones, first_evidence_us, reported, version_of
from .hypotheses import Hypotheses
from .links import campaigns, update_links
from .state import FusionState, IncidentState, Reported, Told
from .topology import Topology

__all__ = ("Publisher",)

I8 = NDArray[np.int64]


class Publisher:
    """Compares what would be said with what was said last; holds nothing that changes."""

    def __init__(self, data: Hypotheses, topology: Topology, *, advise: bool = True) -> None:
        self.data = data
        self.advise = advise
        self.topology = topology

    def publish(self, state: FusionState, *, everything: bool) -> Iterator[Incident]:
        """Give new versions of the incidents that were touched, or of all, if something material has changed."""
        engine = state.engine
        touched = engine.take_touched()
        which = engine.used() if everything else touched[engine.t.inc_i[touched, at.STATUS] != at.FREE]
        moved = self._moved(state, which)
        if moved:
            yield from self._versions(state, moved)
        if everything:
            yield from self._vanished(state)

    def _moved(self, state: FusionState, which: I8) -> list[int]:
        """The incidents in which something has moved since it was last told, quickly."""
        t, found = state.engine.t, state.engine.survey(which, state.now_us)
        rows = t.inc_i[which]
        out = []
        columns = zip(
            which.tolist(),
            rows[:, at.BIRTH].tolist(),
            rows[:, at.STATUS].tolist(),
            rows[:, at.ROWS].tolist(),
            found.probability.tolist(),
            found.said.tolist(),
            strict=True,
        )
        for i, birth, status, count, p, said in columns:
            if birth not in state.births:
                t_us = int(t.inc_i[i, at.CREATED])
                state.births[birth] = derived_ulid(t_us, "incident", state.engine.id_of(birth) or f"~{birth}")
            told = state.told.get(birth)
            if told is None or self._differs(told, p, status, count, said):
                state.told[birth] = Told(p, status, count, said)
                out.append(i)
        return out

    def _differs(self, told: Told, p: float, status: int, rows: int, said: list[int]) -> bool:
        if status == told.status == at.CLOSED:
            return False
        rules = self.data.life_cycle
        least = rules.change_tentative if status == at.TENTATIVE else rules.change
        same = (status, rows, said) == (told.status, told.rows, told.said)
        return not same or abs(p - told.probability) > least

    def _versions(self, state: FusionState, moved: list[int]) -> Iterator[Incident]:
        views = {i: state.view(i) for i in moved}
        beliefs = {i: assess(view, state.known, self.data, state.now_us) for i, view in views.items()}
        for i, view in views.items():
            self._begin(state, view, beliefs[i])
        linked = self._link(state, views)
        groups = self._campaigns(state, views)
        for i in dict.fromkeys([*views, *linked]):
            if i not in views:
                views[i] = state.view(i)
                beliefs[i] = assess(views[i], state.known, self.data, state.now_us)
            version = self._version(state, views[i], beliefs[i], groups.get(views[i].id))
            if version is not None:
                yield version

    def _begin(self, state: FusionState, view: IncidentState, belief: Belief) -> None:
        """Fix when and where a confirmed incident began, once nothing can come before it any longer."""
        if view.status != "confirmed":
            if view.rows and view.id not in state.begun:
                view.began_in = ()
            return
        known = state.begun.get(view.id)
        opened_us = view.t_opened_us or state.now_us
        if known is not None and known[2]:
            return
        view.t_began_us, view.began_in = 0, ()
        view.t_began_us = first_evidence_us(view, belief, self.data)
        view.began_in = affected_zones(view, belief, self.data)
        fixed = int(state.now_us > opened_us + round(self.data.reorder.horizon_s * 1e6))
        state.begun[view.id] = (view.t_began_us, view.began_in, fixed)

    def _link(self, state: FusionState, views: dict[int, IncidentState]) -> list[int]:
        """Tie what is confirmed together; give the incidents that gained a link."""
        if not any(view.status == "confirmed" for view in views.values()):
            for view in views.values():
                self._link_to_heir(state, view)
            return []
        t = state.engine.t
        confirmed = np.flatnonzero(t.inc_i[: int(t.g[at.HIGH_INC]), at.STATUS] == at.CONFIRMED)
        all_views = {int(i): views.get(int(i)) or state.view(int(i)) for i in confirmed}
        for view in all_views.values():
            view.links = state.links.setdefault(view.id, {})
        changed = update_links(list(all_views.values()), self.data, self.topology)
        for view in views.values():
            self._link_to_heir(state, view)
        return [i for i, view in all_views.items() if view.id in changed]

    def _link_to_heir(self, state: FusionState, view: IncidentState) -> None:
        if view.merged_into:
            reason = "Merged into it: the same story, nearby"
            view.links = state.links[view.id] = {
                view.merged_into: Link(incident=view.merged_into, reason=reason)
            }

    def _campaigns(self, state: FusionState, views: dict[int, IncidentState]) -> dict[str, Campaign]:
        if not any(view.links and view.status == "confirmed" for view in views.values()):
            return {}
        t = state.engine.t
        confirmed = np.flatnonzero(t.inc_i[: int(t.g[at.HIGH_INC]), at.STATUS] == at.CONFIRMED)
        return campaigns(
            [views.get(int(i)) or state.view(int(i)) for i in confirmed], self.data, self.topology
        )

    def _version(
        self, state: FusionState, view: IncidentState, belief: Belief, campaign: Campaign | None
    ) -> Incident | None:
        old = state.reported.get(view.id)
        if old is None and view.status == "closed":
            return None  # over before anybody heard of it
        if old is not None and not view.rows:  # nothing left to tell what it was about
            belief = msgspec.structs.replace(belief, first=self.data.index[old.hypothesis])
            view.began_in = view.began_in or old.zones
        now = reported(view, belief, self.data, 1 if old is None else old.version + 1)
        if old is not None:
            rules = self.data.life_cycle
            least = rules.change_tentative if view.status == "tentative" else rules.change
            moved = abs(now.probability - old.probability) > least
            over = old.status == "closed" and now.status == "closed"
            if over or (not moved and _same(old) == _same(now)):
                state.told[view.birth].probability = old.probability
                return None
        state.reported[view.id] = now
        return version_of(
            view,
            belief,
            state.known,
            self.data,
            self.topology,
            state.now_us,
            now.version,
            campaign,
            advise=self.advise,
        )

    def _vanished(self, state: FusionState) -> Iterator[Incident]:
        """Close what was told of but exists no longer, because late evidence put it elsewhere or there was no room."""
        t = state.engine.t
        live = set(t.inc_i[state.engine.used(), at.BIRTH].tolist())
        saved = t.undo_inc_i[: int(t.g[at.UNDO_INC])]
        kept = live | set(saved[saved[:, at.STATUS] != at.FREE, at.BIRTH].tolist())
        for birth in [birth for birth in state.births if birth not in live]:
            id_ = state.births[birth]
            old = state.reported.get(id_)
            state.told.pop(birth, None)
            if old is not None and old.status != "closed":
                gone = IncidentState(id=id_, created_us=state.now_us, status="closed", began_in=old.zones)
                belief = assess(gone, state.known, self.data, state.now_us)
                belief = msgspec.structs.replace(belief, first=self.data.index[old.hypothesis])
                state.reported[id_] = reported(gone, belief, self.data, old.version + 1)
                yield version_of(
                    gone, belief, state.known, self.data, self.topology, state.now_us, old.version + 1
                )
            if birth not in kept:
                del state.births[birth]
                state.reported.pop(id_, None)
                state.begun.pop(id_, None)
                state.links.pop(id_, None)


def _same(said: Reported) -> tuple[object, ...]:
    return msgspec.structs.astuple(msgspec.structs.replace(said, version=0, probability=0.0))
